package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"tuff/host/compute"
)

// write writes the report as JSON and Markdown, each in one piece.
func (r *gpuReport) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("gpu-report: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{path + ".json", append(b, '\n')}, {path + ".md", []byte(r.markdown())}} {
		if err := os.WriteFile(f.name+".part", f.data, 0o644); err != nil {
			return fmt.Errorf("gpu-report: %w", err)
		}
		if err := os.Rename(f.name+".part", f.name); err != nil {
			return fmt.Errorf("gpu-report: %w", err)
		}
	}
	return nil
}

// each decodes the rows of a step's result; a step that printed none has none.
func each[T any](s *reportStep, f func(row *T)) {
	var rows []T
	if json.Unmarshal(s.Result, &rows) != nil {
		return
	}
	for i := range rows {
		f(&rows[i])
	}
}

// markdown is the report for people.
func (r *gpuReport) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s, %s, %s, %s of memory, %s\n\ntuff %s, shaders %s, %s: `%s`\n", r.Device, r.Kind, r.Driver, r.API, size(r.Memory), r.When.Format("2006-01-02 15:04 UTC"),
		cmp.Or(r.Build, "of an unknown build"), r.Shaders[:min(len(r.Shaders), 12)], r.Host, r.Command)
	if r.Kind == compute.Software.String() {
		b.WriteString("\nA software driver: it computes on the CPU, and the goals are not meant for it.")
		if r.Small != "" {
			fmt.Fprintf(&b, " In the place of what hardware is asked for: `%s`.", r.Small)
		}
		b.WriteString("\n")
	}
	r.printGoals(&b)
	r.printLimits(&b)
	r.printConformance(&b)
	r.printChoices(&b)
	r.printKernels(&b)
	r.printCuBLAS(&b)
	r.printModels(&b)
	if failures := r.failures(); failures != "" {
		b.WriteString("\n## What did not run\n\n" + failures)
	}
	b.WriteString("\n## Commands\n\nMade and measured anew by the command in the second paragraph; each step by its own:\n\n")
	for _, s := range r.Steps {
		if s.Seconds > 0 {
			fmt.Fprintf(&b, "- `%s` (%.1f s)\n", s.Command, s.Seconds)
		}
	}
	return b.String()
}

func (r *gpuReport) failures() string {
	var b strings.Builder
	for _, s := range r.Steps {
		if s.Error != "" {
			fmt.Fprintf(&b, "- %s: `%s`: %s\n", s.Name, s.Command, strings.ReplaceAll(s.Error, "\n", " "))
		}
	}
	return b.String()
}

func (r *gpuReport) printLimits(b *strings.Builder) {
	for i := range r.Steps {
		if r.Steps[i].Name != "limits" {
			continue
		}
		each(&r.Steps[i], func(d *struct {
			Name     string         `json:"name"`
			Check    string         `json:"self_check"`
			Measured compute.Limits `json:"measured"`
		}) {
			if d.Name != r.Device {
				return
			}
			fmt.Fprintf(b, "\n## Limits\n\nSelf-check: %s\n\n| measured | |\n|---|---:|\n", d.Check)
			l := &d.Measured
			line := func(name string, value, by float64, unit string) {
				if value > 0 {
					fmt.Fprintf(b, "| %s | %.4g %s |\n", name, value/by, unit)
				}
			}
			line("memory read", l.Bandwidth, 1e9, "GB/s")
			line("float32", l.FLOPs, 1e9, "GFLOP/s")
			line("float64", l.Double, 1e9, "GFLOP/s")
			line("half", l.Half, 1e9, "GFLOP/s")
			line("packed int8", l.Dot8, 1e9, "GOP/s")
			for _, m := range l.Matrix {
				line("matrix "+m.String(), m.Rate, 1e9, "GOP/s")
			}
			line("dependent dispatch", float64(l.Dispatch), 1e3, "µs")
			line("independent dispatch", float64(l.Independent), 1e3, "µs")
			line("submit and wait", float64(l.Submit), 1e3, "µs")
			line("host to device", l.Upload, 1e9, "GB/s")
			line("device to host", l.Download, 1e9, "GB/s")
			line("into mapped memory", l.MappedWrite, 1e9, "GB/s")
			line("out of mapped memory", l.MappedRead, 1e9, "GB/s")
		})
	}
}

func (r *gpuReport) printConformance(b *strings.Builder) {
	var table strings.Builder
	passed, failed := 0, 0
	for i := range r.Steps {
		if r.Steps[i].Name != "conformance" {
			continue
		}
		each(&r.Steps[i], func(t *testRow) {
			passed, failed = passed+t.Passed, failed+len(t.Failed)
			variant := cmp.Or(t.Variant, "as planned")
			fmt.Fprintf(&table, "| %s | %s | %d | %d | %s | %.1f |\n", t.Op, variant, t.Passed, len(t.Failed), percent(t.Worst), t.Seconds)
			for _, f := range t.Failed[:min(len(t.Failed), 3)] {
				fmt.Fprintf(&table, "| | %s | | | | |\n", strings.NewReplacer("|", "/", "\n", " ").Replace(f))
			}
		})
	}
	if passed+failed > 0 {
		fmt.Fprintf(b, "\n## Conformance\n\n%d cases passed, %d failed.\n\n| op | variant | passed | failed | worst of its bound | s |\n|---|---|---:|---:|---:|---:|\n%s", passed, failed, table.String())
	}
}

func (r *gpuReport) printKernels(b *strings.Builder) {
	head := false
	for i := range r.Steps {
		if r.Steps[i].Name != "kernels" {
			continue
		}
		each(&r.Steps[i], func(k *kernelRow) {
			if !head {
				b.WriteString("\n## Kernels\n\nEvery kernel that the device can run; *chosen* are those that plans take by themselves. The limit is memory, or the peak of the tier;" +
					" above 100 % of memory, caches held what was read.\n\n" +
					"| op | shape | rows | keys | kernel | tier | chosen | µs | of limit | of bandwidth | of float32 | of matrix |\n|---|---|---:|---:|---|---|---|---:|---:|---:|---:|---:|\n")
				head = true
			}
			if k.Error != "" {
				return
			}
			fmt.Fprintf(b, "| %s | %s | %d | %d | %s | %s | %s | %.1f | %.1f %% | %.1f %% | %.1f %% | %.1f %% |\n", k.Op, k.Shape, k.Rows, k.Keys, k.Kernel, k.Tier, k.Chosen,
				1e6*k.Seconds, 100*k.OfLimit, 100*k.OfBandwidth, 100*k.OfFLOPs, 100*k.OfMatrix)
		})
	}
}

// benchRow is what bench and llama-bench both print.
type benchRow struct {
	Prompt    int     `json:"n_prompt"`
	Gen       int     `json:"n_gen"`
	Depth     int     `json:"n_depth"`
	Rate      float64 `json:"avg_ts"`
	Median    float64 `json:"median_ts"`
	Bandwidth float64 `json:"share_of_bandwidth"`
	FLOPs     float64 `json:"share_of_flops"`
	Matrix    float64 `json:"share_of_matrix"`
	Limit     float64 `json:"share_of_limit"`
	Backends  string  `json:"backends"` // llama-bench's
	GPU       *string `json:"gpu_info"` // llama-bench's; "": none
}

// ranOn is the GPU that llama-bench names, or its backend.
func (b *benchRow) ranOn() string {
	if b.GPU != nil && *b.GPU != "" {
		return *b.GPU + ", " + b.Backends
	}
	return b.Backends
}

func (b *benchRow) test() string {
	name := fmt.Sprintf("tg%d", b.Gen)
	if b.Prompt > 0 {
		name = fmt.Sprintf("pp%d", b.Prompt)
	}
	if b.Depth > 0 {
		name += fmt.Sprintf(" @ d%d", b.Depth)
	}
	return name
}

// peers are llama-bench's figures by model and test.
func (r *gpuReport) peers() map[[2]string]benchRow {
	peer := map[[2]string]benchRow{}
	for i := range r.Steps {
		if model, ok := strings.CutPrefix(r.Steps[i].Name, "llama.cpp "); ok && r.Steps[i].Error == "" {
			each(&r.Steps[i], func(row *benchRow) { peer[[2]string{model, row.test()}] = *row })
		}
	}
	return peer
}

func (r *gpuReport) printModels(b *strings.Builder) {
	peer, head := r.peers(), false
	for i := range r.Steps {
		s := &r.Steps[i]
		if !strings.HasPrefix(s.Command, "tuff bench ") {
			continue
		}
		each(s, func(row *benchRow) {
			if !head {
				b.WriteString("\n## Models\n\nMedians of tuff, averages of llama-bench, in turns on the same file; above 100 % of memory, caches held the model.\n\n| model | test | tokens/s | of limit | of bandwidth | of float32 | of matrix | llama.cpp | on | ratio |\n|---|---|---:|---:|---:|---:|---:|---:|---|---:|\n")
				head = true
			}
			fmt.Fprintf(b, "| %s | %s | %.2f | %.1f %% | %.1f %% | %.1f %% | %.1f %% |", s.Name, row.test(), row.Median, 100*row.Limit, 100*row.Bandwidth, 100*row.FLOPs, 100*row.Matrix)
			if other, ok := peer[[2]string{s.Name, row.test()}]; ok && other.Rate > 0 {
				fmt.Fprintf(b, " %.2f | %s | %.2f |\n", other.Rate, other.ranOn(), row.Median/other.Rate)
			} else {
				b.WriteString(" | | |\n")
			}
		})
	}
}

package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/engine"
)

// benchResult has llama-bench's field names where the meaning is the same.
type benchResult struct {
	Model        string    `json:"model_filename"`
	ModelType    string    `json:"model_type"`
	ModelSize    int64     `json:"model_size"`
	NumParams    int64     `json:"model_n_params"`
	Batch        int       `json:"n_batch"` // prompt tokens of one step
	TypeK        string    `json:"type_k"`
	TypeV        string    `json:"type_v"`
	Backend      string    `json:"backends"`
	Device       string    `json:"gpu_info"`
	CPU          string    `json:"cpu_info"`
	Threads      int       `json:"n_threads"`
	Prompt       int       `json:"n_prompt"`
	Gen          int       `json:"n_gen"`
	Depth        int       `json:"n_depth"`
	TestTime     string    `json:"test_time"`
	AvgNs        int64     `json:"avg_ns"`
	StddevNs     int64     `json:"stddev_ns"`
	AvgTs        float64   `json:"avg_ts"`
	StddevTs     float64   `json:"stddev_ts"`
	SamplesNs    []int64   `json:"samples_ns"`
	SamplesTs    []float64 `json:"samples_ts"`
	MedianTs     float64   `json:"median_ts"`
	Math         string    `json:"math"`
	BytesPerTok  int64     `json:"bytes_per_token"`
	FLOPsPerTok  int64     `json:"flops_per_token"`
	OfBandwidth  float64   `json:"share_of_bandwidth"`
	OfFLOPs      float64   `json:"share_of_flops"`
	OfMatrix     float64   `json:"share_of_matrix"` // 0 where no matrix peak was measured
	Steps        int       `json:"steps_per_run"`   // at most, of decoding, when the device takes the likeliest tokens itself; 0: the host gives every token
	Tier         string    `json:"tier"`            // arithmetic of the multiplications
	OfLimit      float64   `json:"share_of_limit"`  // the larger one of bandwidth and of the tier's peak
	BandwidthGBs float64   `json:"measured_bandwidth_gb_s"`
	PeakGFLOPs   float64   `json:"measured_gflop_s"`
	MatrixGFLOPs float64   `json:"measured_matrix_gflop_s"`
	LoadNs       int64     `json:"load_ns"`     // from opening the file to the weights on the device
	PeakMemory   int64     `json:"peak_memory"` // the most bytes of the host that the process had: program, vocabulary, weights, state and scratch, mapped files where they were read; 0: unknown
	StateSize    int64     `json:"state_size"`  // bytes of KV cache and other state, on the device
}

func newBench() *cobra.Command {
	var c common
	var prompts, gens, depths []int
	var reps int
	var format string
	cmd := &cobra.Command{
		Use:   "bench -m MODEL",
		Short: "Tokens per second of prefill and decode, as shares of the device's limits",
		Long: `Measures prefill of -p tokens and decode of -n tokens, each alone, -r times after one run that does not count;
-d evaluates so many tokens first, untimed. Each of the three takes a list. Flags and JSON fields mean what llama-bench's
mean; share_of_bandwidth and share_of_flops are shares of what the device was measured to do (tuff devices --measure). Other load on the machine
shows in the numbers, so look at the deviation. On a GPU decode is as in tuff run: the device takes the likeliest token itself and goes on
for up to steps_per_run tokens; elsewhere the host gives it every token. An encoder generates nothing and keeps nothing: of its tests those of -p run.`,
		Example: `  tuff bench -m llama.gguf -p 512 -n 128 -r 5
  tuff bench -m llama.gguf -p 128 -n 32 -d 0,1024 -o json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.json {
				format = "json"
			}
			need, err := checkBench(prompts, gens, depths, reps, format, c.ctx)
			if err != nil {
				return usageError{err}
			}
			if c.ctx == 0 {
				c.ctx = need
			}
			start := time.Now()
			l, err := c.load(cmd.Context(), engine.Options{Candidates: -1, Chunk: min(slices.Max(append(append(depths, prompts...), 1)), maxChunk)})
			if err != nil {
				return err
			}
			took := time.Since(start)
			if l.Model.Config.Encoder {
				if gens, err = benchEncoder(l, prompts, depths); err != nil {
					return errors.Join(err, l.Close())
				}
			}
			return errors.Join(bench(cmd, &c, l, took, prompts, gens, depths, reps, format), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	cmd.Flags().IntSliceVarP(&prompts, "n-prompt", "p", []int{512}, "prompt tokens")
	cmd.Flags().IntSliceVarP(&gens, "n-gen", "n", []int{128}, "generated tokens")
	cmd.Flags().IntSliceVarP(&depths, "n-depth", "d", []int{0}, "tokens in the context before")
	cmd.Flags().IntVarP(&reps, "repetitions", "r", 5, "measured runs of each test")
	cmd.Flags().StringVarP(&format, "output", "o", "md", "md, json, jsonl or csv")
	return cmd
}

// maxChunk is the most prompt tokens that are evaluated at once, as llama-bench's default of --ubatch-size.
const maxChunk = 512

// checkBench refuses flags that make no test, and returns the context that the tests need.
func checkBench(prompts, gens, depths []int, reps int, format string, ctx int) (need int, err error) {
	switch {
	case reps < 1:
		return 0, fmt.Errorf("-r: got %d, want at least 1", reps)
	case !slices.Contains([]string{"md", "json", "jsonl", "csv"}, format):
		return 0, fmt.Errorf("-o: got %q, want md, json, jsonl or csv", format)
	}
	longest := 0
	for _, l := range []struct {
		flag string
		list []int
	}{{"-p", prompts}, {"-n", gens}, {"-d", depths}} {
		for _, n := range l.list {
			// No context is longer, and sums stay far from wrapping.
			if n < 0 || n > 1<<30 {
				return 0, fmt.Errorf("%s: got %d, want 0 to %d", l.flag, n, 1<<30)
			}
			if l.flag != "-d" {
				longest = max(longest, n)
			}
		}
	}
	if longest == 0 || len(depths) == 0 {
		return 0, errors.New("got no test, want -p or -n above 0")
	}
	need = longest + slices.Max(depths)
	if ctx > 0 && ctx < need {
		return 0, fmt.Errorf("-c: got %d, want at least the %d of the longest test", ctx, need)
	}
	return need, nil
}

// benchEncoder refuses tests that an encoder cannot run, and returns the generations of those it can: none.
func benchEncoder(l *loaded, prompts, depths []int) (gens []int, err error) {
	if len(prompts) == 0 || slices.Max(prompts) == 0 {
		return nil, fmt.Errorf("bench: %q is an encoder (%s), which generates nothing: got no test, want -p above 0", l.File.Name, l.Model.Config.Arch)
	}
	if d := slices.Max(depths); d > 0 {
		return nil, fmt.Errorf("bench: %q is an encoder (%s), which keeps no context: -d: got %d, want 0", l.File.Name, l.Model.Config.Arch, d)
	}
	return nil, nil
}

func bench(cmd *cobra.Command, c *common, l *loaded, took time.Duration, prompts, gens, depths []int, reps int, format string) error {
	var all []benchResult
	for _, d := range depths {
		for i, n := range append(slices.Clone(prompts), gens...) {
			if n == 0 {
				continue
			}
			r, err := benchOne(cmd, c, l, i < len(prompts), n, d, reps)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
	}
	peak := peakMemory() // before the limits, whose measurement takes memory of its own
	limits, err := limitsOf(cmd.Context(), l.dev)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	for i := range all {
		all[i].LoadNs, all[i].PeakMemory = took.Nanoseconds(), peak
		all[i].finish(limits)
	}
	if len(all) > 0 && peak > 0 {
		c.note("loaded in %v; at most %s of the host's memory, program, %s of KV cache and scratch included: %.2f times the weights", took.Round(time.Millisecond), size(peak),
			size(l.Model.StateBytes), float64(peak)/float64(l.Model.WeightBytes))
	}
	return printBench(c, all, format)
}

// peakMemory is the most memory that the process has had, of the system's own and of mapped files; 0 where the system does not tell.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// benchOne runs one test.
func benchOne(cmd *cobra.Command, c *common, l *loaded, prefill bool, n, depth, reps int) (benchResult, error) {
	info := l.dev.Info()
	k, v := l.KVTypes()
	r := benchResult{Model: l.file.Name, ModelType: l.Model.Config.Name, ModelSize: l.Model.WeightBytes, StateSize: l.Model.StateBytes, Backend: "Vulkan", Batch: l.Chunk(),
		TypeK: strings.ToLower(k.String()), TypeV: strings.ToLower(v.String()), SamplesNs: []int64{}, SamplesTs: []float64{}, Device: info.Name, CPU: runtime.GOARCH, Threads: info.Threads, Depth: depth, Math: l.Math().String(),
		TestTime: time.Now().UTC().Format(time.RFC3339)}
	if info.Kind == compute.Host {
		r.Backend = "CPU"
	}
	for _, t := range l.file.Tensors() {
		r.NumParams += int64(t.Rows) * int64(t.Cols)
	}
	prompts, tokens := l.Executables()
	r.Tier = tierOfAll(tokens)
	name := fmt.Sprintf("tg%d", n)
	if prefill {
		r.Tier = tierOfAll(prompts)
		r.Prompt, name = n, fmt.Sprintf("pp%d", n)
	} else {
		r.Gen = n
	}
	// Any ids do: the work does not depend on them.
	ids := make([]int32, max(n, depth))
	for i := range ids {
		ids[i] = int32((i*7919 + 13) % l.Model.Config.VocabSize)
	}
	bar := c.bar("bench " + name)
	defer bar.done()
	var cost compute.Cost
	for rep := range reps + 1 {
		s := l.NewSession()
		if err := s.Eval(cmd.Context(), ids[:depth], engine.WantNone, nil); err != nil {
			return r, err
		}
		start := time.Now()
		cost = compute.Cost{}
		if prefill {
			// Step by step, so that each one's cost is known.
			for at := 0; at < n; at += l.Chunk() {
				want, end := engine.WantNone, at+l.Chunk()
				if end >= n {
					want, end = engine.WantLast, n
				}
				if err := s.Eval(cmd.Context(), ids[at:end], want, nil); err != nil {
					return r, err
				}
				cost = cost.Add(l.Program().Cost(s.LastStep()))
			}
		} else if l.Steps() > 1 { // as tuff run decodes
			r.Steps = l.Steps()
			if err := s.Decode(cmd.Context(), ids[0], n, func(step *compute.Step) { cost = cost.Add(l.Program().Cost(step)) }); err != nil {
				return r, err
			}
		} else {
			for _, id := range ids[:n] {
				if _, err := s.Next(cmd.Context(), id); err != nil {
					return r, err
				}
				cost = cost.Add(l.Program().Cost(s.LastStep()))
			}
		}
		ns := time.Since(start).Nanoseconds()
		s.Close()
		bar.count("run", rep, reps)
		if rep > 0 { // the first warms caches and compiles what is compiled late
			r.SamplesNs = append(r.SamplesNs, ns)
			r.SamplesTs = append(r.SamplesTs, float64(n)*1e9/float64(ns))
		}
	}
	r.BytesPerTok, r.FLOPsPerTok = cost.Bytes/int64(n), cost.FLOPs/int64(n)
	return r, nil
}

// finish derives the statistics.
func (r *benchResult) finish(l compute.Limits) {
	r.BandwidthGBs, r.PeakGFLOPs, r.MatrixGFLOPs = l.Bandwidth/1e9, l.FLOPs/1e9, l.MatrixFLOPs()/1e9
	ns := make([]float64, len(r.SamplesNs))
	for i, v := range r.SamplesNs {
		ns[i] = float64(v)
	}
	avg, sd := meanStddev(ns)
	r.AvgNs, r.StddevNs = int64(avg), int64(sd)
	r.AvgTs, r.StddevTs = meanStddev(r.SamplesTs)
	sorted := slices.Sorted(slices.Values(r.SamplesTs))
	r.MedianTs = (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	if l.Bandwidth > 0 {
		r.OfBandwidth = r.MedianTs * float64(r.BytesPerTok) / l.Bandwidth
	}
	if l.FLOPs > 0 {
		r.OfFLOPs = r.MedianTs * float64(r.FLOPsPerTok) / l.FLOPs
	}
	if m := l.MatrixFLOPs(); m > 0 {
		r.OfMatrix = r.MedianTs * float64(r.FLOPsPerTok) / m
	}
	r.OfLimit = r.OfBandwidth
	if peak := peakOf(r.Tier, &l); peak > 0 {
		r.OfLimit = max(r.OfLimit, r.MedianTs*float64(r.FLOPsPerTok)/peak)
	}
}

// tierOfAll is the arithmetic of a program's multiplications: the fastest where they differ.
func tierOfAll(x compute.Executable) string {
	tiers := map[string]bool{}
	for _, g := range x.Placement() {
		tiers[tierOf(g.Kernel)] = true
	}
	for _, t := range []string{kernel.TierMatrixHalf, kernel.TierMatrix, tierAMX, "packed int8", "half"} {
		if tiers[t] {
			return t
		}
	}
	return "float32"
}

func meanStddev(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	if len(v) < 2 {
		return mean, 0
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, math.Sqrt(sd)
}

// test is llama-bench's name of a test.
func (r *benchResult) test() string {
	name := fmt.Sprintf("pp%d", r.Prompt)
	if r.Gen > 0 {
		name = fmt.Sprintf("tg%d", r.Gen)
	}
	if r.Depth > 0 {
		name += fmt.Sprintf(" @ d%d", r.Depth)
	}
	return name
}

func printBench(c *common, all []benchResult, format string) error {
	switch format {
	case "json":
		return c.printJSON(all)
	case "jsonl":
		enc := json.NewEncoder(c.out)
		for _, r := range all {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		w := csv.NewWriter(c.out)
		_ = w.Write(csvRow(benchResult{}, func(f reflect.StructField, _ reflect.Value) string { return f.Tag.Get("json") }))
		for _, r := range all {
			_ = w.Write(csvRow(r, func(_ reflect.StructField, v reflect.Value) string {
				if v.Kind() == reflect.Float64 {
					return strconv.FormatFloat(v.Float(), 'g', 6, 64)
				}
				return fmt.Sprint(v)
			}))
		}
		w.Flush()
		return w.Error()
	}
	if i := slices.IndexFunc(all, func(r benchResult) bool { return r.Steps > 0 }); i >= 0 {
		c.note("decode: the device takes the likeliest tokens itself, up to %d in a run", all[i].Steps)
	}
	var b strings.Builder
	matrix := slices.ContainsFunc(all, func(r benchResult) bool { return r.MatrixGFLOPs > 0 })
	head, rule := "", ""
	if matrix {
		head, rule = " of matrix FLOP/s |", "---:|"
	}
	fmt.Fprintf(&b, "| model | size | device | math | test | t/s | median | of limit | of bandwidth | of FLOP/s |%s\n|---|---:|---|---|---:|---:|---:|---:|---:|---:|%s\n", head, rule)
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.2f ± %.2f | %.2f | %.1f %% | %.1f %% | %.1f %% |", r.ModelType, size(r.ModelSize), r.Device, r.Math,
			r.test(), r.AvgTs, r.StddevTs, r.MedianTs, 100*r.OfLimit, 100*r.OfBandwidth, 100*r.OfFLOPs)
		if matrix {
			fmt.Fprintf(&b, " %.1f %% |", 100*r.OfMatrix)
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}

// csvRow is one field of each scalar of r, in their order; the samples are for JSON.
func csvRow(r benchResult, cell func(reflect.StructField, reflect.Value) string) []string {
	var row []string
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.Slice {
			row = append(row, cell(v.Type().Field(i), v.Field(i)))
		}
	}
	return row
}

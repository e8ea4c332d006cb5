package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// reportModel is a model that the report makes and measures: the arguments of synth, and about how many numbers it has.
type reportModel struct {
	name string
	args []string
	size float64
}

// reportModels are the shapes that people run: two of Llama, one mixture of experts.
var reportModels = []reportModel{
	{"tiny", []string{"--preset", "tiny"}, 3e6},
	{"15M", []string{"--preset", "15M", "--context", "1024"}, 24e6},
	{"110M", []string{"--preset", "110M"}, 134e6},
	{"1.1B", []string{"--preset", "1.1B", "--context", "40960"}, 1.1e9},
	{"8B", []string{"--preset", "8B", "--context", "40960"}, 8.0e9},
	{"30B-A3B", []string{"--arch", "qwen3moe", "--layers", "48", "--hidden", "2048", "--ffn", "768", "--heads", "32", "--kv-heads", "4", "--head-dim", "128",
		"--vocab", "151936", "--context", "40960", "--experts", "128", "--used", "8"}, 30.5e9},
}

// reportOptions are the flags of gpu-report.
type reportOptions struct {
	dir, models string // folders: of the report, of the models
	names       []string
	types       []string
	llama       string // llama-bench, or none
	python      string // with PyTorch, for cuBLAS; "": not asked for
	quick       bool
	limit, each time.Duration // of the report and of one step; 0: none
	op          string        // of conformance; "": all
	cases       int           // of each op and variant at most; 0: all
	reps        int
	prompt, gen int
	depths      []int
	shapes      []string // M×K of multiplications
	formats     []string // of their weights
	rows        []int
	contexts    []int
}

// reportStep is one command of the report and what it printed.
type reportStep struct {
	Name    string          `json:"name"`
	Command string          `json:"command"`
	Seconds float64         `json:"seconds"`
	Error   string          `json:"error,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
}

// gpuReport is the whole of it.
type gpuReport struct {
	Device  string       `json:"device"`
	Driver  string       `json:"driver"`
	API     string       `json:"api"`
	Kind    string       `json:"kind"`
	Memory  int64        `json:"memory_bytes"`
	Build   string       `json:"build"`   // of tuff: its commit, where the build knows it
	Shaders string       `json:"shaders"` // hash of all modules
	Host    string       `json:"host"`    // system, architecture, cores
	Command string       `json:"command"`
	Small   string       `json:"small,omitempty"` // flags that were set because the device is a software driver
	When    time.Time    `json:"when"`
	Steps   []reportStep `json:"steps"`
}

func newGPUReport() *cobra.Command {
	var c common
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "gpu-report",
		Short: "Check and measure a GPU with everything there is, into one Markdown and one JSON file",
		Long: `Runs, one after the other: the self-check and the device's limits (devices), the conformance suite (kernels test), times of the
kernels at the shapes of real models (kernels bench), and models of random weights, made by synth and removed again, in prefill and
decode at several depths (bench); llama-bench on the same files, where --llama names it or the PATH has it; and cuBLAS at the same
sizes, where Python has PyTorch with CUDA. A step that fails, or takes longer than --step-time, is written down, and the others go on; the
exit code is then 3. What does not fit the device's memory, or would begin after --time, is left out and named. Both files are written
after every step; docs/results/README.md describes them. The defaults are for hardware: for a software driver those that the command
line does not give are smaller, and the report says which.`,
		Example: `  tuff gpu-report -o docs/results
  tuff gpu-report --models 1.1B,8B --types Q4_K_M --llama ~/llama.cpp/build/bin/llama-bench
  tuff gpu-report --device gpu:1 --models tiny -p 32 -n 8 -d 0 --shapes 256x256 --contexts 256`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usageError{err}
			}
			return c.gpuReport(cmd, &o)
		},
	}
	c.outputFlags(cmd)
	var known []string
	for _, m := range reportModels {
		known = append(known, m.name)
	}
	f := cmd.Flags()
	f.StringVar(&c.device, "device", "gpu", "gpu, gpu:N or part of a device's name")
	f.StringVarP(&o.dir, "output", "o", ".", "folder of the report")
	f.StringVar(&o.models, "folder", "", "folder for the models while they are needed (default: a temporary one)")
	f.StringSliceVar(&o.names, "models", []string{"1.1B", "8B", "30B-A3B"}, "models: "+strings.Join(known, ", "))
	f.StringSliceVar(&o.types, "types", []string{"F16", "Q8_0", "Q4_K_M"}, "weight types of the models")
	f.StringVar(&o.llama, "llama", "", "llama-bench to run on the same files, a program with its Vulkan backend (default: that in the PATH; none: without)")
	f.StringVar(&o.python, "python", "python3", "Python that may have PyTorch, for cuBLAS; empty: without")
	f.BoolVar(&o.quick, "quick", false, "the quick conformance cases only")
	f.DurationVar(&o.limit, "time", 2*time.Hour, "no step begins after so long; 0: no limit")
	f.DurationVar(&o.each, "step-time", 20*time.Minute, "a step that takes longer is stopped; 0: no limit")
	f.StringVar(&o.op, "op", "", "conformance of this op only")
	f.IntVar(&o.cases, "cases", 0, "conformance cases of each op and variant at most; 0: all")
	f.IntVarP(&o.reps, "repetitions", "r", 3, "measured runs of each test")
	f.IntVarP(&o.prompt, "n-prompt", "p", 512, "prompt tokens")
	f.IntVarP(&o.gen, "n-gen", "n", 128, "generated tokens")
	f.IntSliceVarP(&o.depths, "n-depth", "d", []int{0, 4096, 32768}, "tokens in the context before")
	f.StringSliceVar(&o.shapes, "shapes", []string{"4096x4096", "14336x4096", "4096x14336"}, "multiplications: rows by columns of the weights")
	f.StringSliceVar(&o.formats, "formats", []string{"F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K", "MXFP4"}, "weight types of the multiplications")
	f.IntSliceVar(&o.rows, "rows", []int{1, 8, 64, 512, 4096}, "activation rows of the multiplications")
	f.IntSliceVar(&o.contexts, "contexts", []int{512, 4096, 32768}, "keys of attention")
	return cmd
}

func (o *reportOptions) check() error {
	for _, n := range o.names {
		if !slices.ContainsFunc(reportModels, func(m reportModel) bool { return m.name == n }) {
			return fmt.Errorf("--models: got %q, want some of those that --help lists", n)
		}
	}
	for _, s := range o.shapes {
		if _, _, err := parseShape(s); err != nil {
			return err
		}
	}
	if o.cases < 0 {
		return fmt.Errorf("--cases: got %d, want no less than 0", o.cases)
	}
	if o.limit < 0 || o.each < 0 {
		return fmt.Errorf("--time, --step-time: got %v and %v, want no less than 0", o.limit, o.each)
	}
	if o.reps < 1 || o.prompt < 1 || o.gen < 1 || len(o.depths) == 0 {
		return fmt.Errorf("got -r %d, -p %d, -n %d and %d depths, want at least one of each", o.reps, o.prompt, o.gen, len(o.depths))
	}
	return nil
}

// parseShape reads rows and columns of weights.
func parseShape(s string) (m, k int, err error) {
	if n, err := fmt.Sscanf(s, "%dx%d", &m, &k); n != 2 || err != nil || m < 1 || k < 1 {
		return 0, 0, fmt.Errorf("--shapes: got %q, want such as 4096x4096", s)
	}
	return m, k, nil
}

// leftOut notes what was not run, which is no failure.
func (r *gpuReport) leftOut(what, why string) {
	r.Steps = append(r.Steps, reportStep{Name: "left out", Command: what, Error: why})
}

// gpuReport runs all steps and writes both files after each, so that nothing is lost when the machine is.
func (c *common) gpuReport(cmd *cobra.Command, o *reportOptions) error {
	ctx, command := cmd.Context(), commandLine(cmd)
	dev, err := gpu.Open(c.device, gpuOptions)
	if err != nil {
		return err
	}
	info := dev.Info()
	if err := errors.Join(timed(info), dev.Close()); err != nil {
		return err
	}
	smaller, err := shrink(info.Kind, cmd.Flags())
	if err != nil {
		return err
	}
	if smaller != "" {
		c.note("%s is a software driver: %s", info.Name, smaller)
	}
	r := &gpuReport{Small: smaller, Device: info.Name, Driver: info.Driver, API: info.API, Kind: info.Kind.String(), Memory: info.MemoryTotal, Build: buildOf(), Shaders: cachedFor(info).Shaders,
		Host: fmt.Sprintf("%s %s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), Command: command, When: time.Now().UTC()}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("gpu-report: %w", err)
	}
	path := filepath.Join(o.dir, "gpu-"+fileName(info.Name))
	failed, start := 0, time.Now()
	step := func(name string, run func(context.Context) ([]byte, error), command string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.limit > 0 && time.Since(start) > o.limit {
			r.leftOut(command, fmt.Sprintf("the report had taken %v by then", o.limit))
			return r.write(path)
		}
		c.note("%s: %s", name, command)
		begun := time.Now()
		stepCtx, stop := ctx, context.CancelFunc(func() {})
		if o.each > 0 {
			stepCtx, stop = context.WithTimeout(ctx, o.each)
		}
		defer stop()
		out, err := run(stepCtx)
		if err != nil && stepCtx.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("stopped after %v: %w", o.each, err)
		}
		s := reportStep{Name: name, Command: command, Seconds: time.Since(begun).Seconds()}
		if json.Valid(out) && len(out) > 0 {
			s.Result = json.RawMessage(bytes.TrimSpace(out))
		} else if err == nil {
			err = fmt.Errorf("got %d bytes that are no JSON", len(out))
		}
		if err != nil {
			s.Error = err.Error()
			failed++
			c.note("%s: %v", name, err)
		}
		r.Steps = append(r.Steps, s)
		return r.write(path)
	}
	self := func(name string, args ...string) error {
		return step(name, func(ctx context.Context) ([]byte, error) { return selfRun(ctx, args...) }, "tuff "+strings.Join(args, " "))
	}
	// Apart: a check that is stopped, as where kernels compile for seconds, leaves the limits to be measured.
	for _, what := range [][2]string{{"self-check", "--check"}, {"limits", "--measure"}} {
		if err := self(what[0], "devices", what[1], "--json"); err != nil {
			return err
		}
	}
	for _, op := range o.ops() { // one by one: what stops in one takes no other with it
		test := []string{"kernels", "test", op, "--device", c.device, "--json"}
		if !o.quick {
			test = append(test, "--full")
		}
		if o.cases > 0 {
			test = append(test, "--cases", fmt.Sprint(o.cases))
		}
		if err := self("conformance", test...); err != nil {
			return err
		}
	}
	if err := c.reportKernels(o, info, self); err != nil {
		return err
	}
	if err := c.reportCuBLAS(ctx, o, r, step); err != nil {
		return err
	}
	if err := c.reportModels(ctx, o, info, r, step, self); err != nil {
		return err
	}
	c.note("written: %s.md and %s.json", path, path)
	if failed > 0 {
		return gateError{fmt.Sprintf("gpu-report: %d of %d steps failed, see %s.md", failed, len(r.Steps), path)}
	}
	return nil
}

// ops are those of the conformance suite that are asked for.
func (o *reportOptions) ops() (list []string) {
	if o.op != "" {
		return []string{o.op}
	}
	for _, k := range conformance.Cases() {
		if !slices.Contains(list, k.Op) {
			list = append(list, k.Op)
		}
	}
	return list
}

// reportKernels times every kernel that the device can run, alone. On hardware what they read comes from memory, as in a model: caches
// would hold all of a short matrix.
func (c *common) reportKernels(o *reportOptions, info compute.Info, self func(string, ...string) error) error {
	common := []string{"--device", c.device, "--variant", "all", "--json"}
	if info.Kind != compute.Software {
		common = append(common, "--caches", "cold")
	}
	for _, s := range o.shapes {
		m, k, _ := strings.Cut(s, "x")
		for _, t := range o.formats {
			if err := self("kernels", append([]string{"kernels", "bench", "matmul", "--type", t, "-m", m, "-k", k, "--rows", commas(o.rows)}, common...)...); err != nil {
				return err
			}
		}
	}
	few := slices.DeleteFunc(slices.Clone(o.rows), func(n int) bool { return n > maxChunk })
	for _, n := range o.contexts {
		if err := self("kernels", append([]string{"kernels", "bench", "attention", "--context", fmt.Sprint(n), "--rows", commas(few)}, common...)...); err != nil {
			return err
		}
	}
	return nil
}

// reportModels makes each model, measures it, and removes it.
func (c *common) reportModels(ctx context.Context, o *reportOptions, info compute.Info, r *gpuReport,
	step func(string, func(context.Context) ([]byte, error), string) error, self func(string, ...string) error) (err error) {
	llama := o.llama
	if llama == "" {
		if llama, err = exec.LookPath("llama-bench"); err != nil {
			llama = ""
			r.leftOut("llama.cpp", "no llama-bench in the PATH; --llama names one")
		}
	} else if llama == "none" {
		llama = ""
	}
	dir := o.models
	if dir == "" {
		if dir, err = os.MkdirTemp("", "tuff-models"); err != nil {
			return fmt.Errorf("gpu-report: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	for _, m := range reportModels {
		if !slices.Contains(o.names, m.name) {
			continue
		}
		for _, t := range o.types {
			bits := map[string]float64{"F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8.5, "Q6_K": 6.6}[strings.ToUpper(t)]
			if bits == 0 {
				bits = 5 // the others are smaller
			}
			if need := int64(m.size * bits / 8 * 1.05); need > info.MemoryTotal {
				r.leftOut(m.name+" "+t, fmt.Sprintf("%s, and the device has %s", size(need), size(info.MemoryTotal)))
				continue
			} else if free, ok := freeSpace(dir); ok && need > free {
				r.leftOut(m.name+" "+t, fmt.Sprintf("%s, and %s has %s free; --folder names another", size(need), dir, size(free)))
				continue
			}
			file := filepath.Join(dir, m.name+"-"+t+".gguf")
			if err := self("make "+m.name+" "+t, append([]string{"synth", "--force", "--json", "--type", t, "-o", file}, m.args...)...); err != nil {
				return err
			}
			for _, d := range o.depths { // one by one: a depth that does not fit takes no other with it
				common := []string{"-m", file, "-p", fmt.Sprint(o.prompt), "-n", fmt.Sprint(o.gen), "-d", fmt.Sprint(d), "-r", fmt.Sprint(o.reps), "-o", "json"}
				if err := self(m.name+" "+t, append([]string{"bench", "--device", c.device}, common...)...); err != nil {
					return err
				}
				if llama == "" {
					continue
				}
				args := append([]string{"-ngl", "99"}, common...)
				run := func(ctx context.Context) ([]byte, error) {
					out, err := output(ctx, llama, args...)
					if info.Kind != compute.Software { // which it does not count among GPUs
						err = errors.Join(err, onGPU(out))
					}
					return out, err
				}
				if err := step("llama.cpp "+m.name+" "+t, run, "llama-bench "+strings.Join(args, " ")); err != nil {
					return err
				}
			}
			if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("gpu-report: %w", err)
			}
		}
	}
	return r.write(filepath.Join(o.dir, "gpu-"+fileName(info.Name)))
}

// onGPU refuses what llama-bench printed if it says that it had no GPU: its program has a Vulkan backend then, but ran on the CPU.
func onGPU(out []byte) (err error) {
	s := reportStep{Result: out}
	each(&s, func(row *benchRow) {
		if row.GPU != nil && *row.GPU == "" {
			err = errors.New("llama-bench had no GPU (its gpu_info is empty) and ran on the CPU: it is not compared")
		}
	})
	return err
}

// commandLine is a command with the flags that it was given.
func commandLine(cmd *cobra.Command) string {
	line := cmd.CommandPath()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		line += fmt.Sprintf(" --%s=%s", f.Name, value)
	})
	return line
}

// commas is a list as flags take it.
func commas(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ","), "[]") }

// selfRun runs a command of this program in the same process and returns what it printed.
func selfRun(ctx context.Context, args ...string) ([]byte, error) {
	var out, log bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&log)
	err := root.ExecuteContext(ctx)
	return out.Bytes(), err
}

// output runs another program; what it says on stderr counts when it fails.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		said := bytes.TrimSpace(log.Bytes())
		err = fmt.Errorf("%s: %w: %s", program, err, said[max(0, len(said)-500):])
	}
	return out, err
}

// fileName makes a device's name fit for a file.
func fileName(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
}

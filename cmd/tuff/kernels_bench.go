package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/profile"
)

// labShape is what kernels bench times.
type labShape struct {
	m, k                int
	rows, tiles         []int
	typ                 string
	variants            []string
	heads, kvHeads, dim int
	context             []int
	size, runs          int
	lesson              bool // tiles behind the kernels
	candidates          bool
	part                *part  // of a model's program, in place of m, k, typ and the heads
	caches              string // warm, cold or both
	cold                bool   // of the run at hand
	keys                int    // of attention, at hand
	a, b                string // sides
	format              string // of the output
}

func newKernelsBench() *cobra.Command {
	c := common{math: "fast"} // of a model: what commands run it in by default
	var s labShape
	cmd := &cobra.Command{
		Use:   "bench matmul|attention",
		Short: "Time kernels at given shapes or a model's, against the device's limits",
		Long: `matmul: X [rows, K] by W [M, K] of a weight format. attention: rows new tokens over contexts of so many keys. With --model, any op: the
groups of the model's program that have it, as they are fused on this device, each alone and on weights of its own.
With --tile, the lab's square multiplication instead: --size² results without tiles (1: matmul_naive) and with tiles of so many elements in
shared memory (matmul_square), the elements loaded from global memory per result, counted by the kernel, beside 2·size/tile, and its
time. Every product is checked against float64 sums. matmul without any shape shows both.

--b sets two sides against each other: the kernels of this build or --a, and those with a module replaced by a file of SPIR-V, edited in a
copy of the folder shaders and compiled as they are needed, or another variant. Each side first runs the quick cases of the suite; what
is wrong is not timed, and the exit code is 3. Then both take turns, and every shape gets a verdict: B is faster, slower, or there is no evidence.`,
		Example: `  tuff kernels bench matmul --tile 1,8,16,32
  tuff kernels bench matmul --type Q4_K -m 4096 -k 4096 --rows 1,8,512
  tuff kernels bench matmul --type Q4_K --rows 16,64 --variant matmul_skinny,matmul_coop,matmul_coop_split
  tuff kernels bench matmul --rows 1,64 --candidates
  tuff kernels bench matmul --type F16 -m 4096 -k 4096 --rows 512 --variant all
  tuff kernels bench attention --context 512,4096 --rows 1 --caches both
  tuff kernels bench matmul --model llama.gguf --rows 1,512
  tuff kernels bench attention --model llama.gguf --rows 1 --context 1024,4096 --caches cold
  tuff kernels bench matmul --rows 64 -r 30 --b shaders=my-shaders
  tuff kernels bench matmul --rows 1 --a old/matmul_q8_0_vec.spv --b new/matmul_q8_0_vec.spv`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.labFormat(&s.format); err != nil {
				return err
			}
			if !slices.Contains([]string{"warm", "cold", "both"}, s.caches) {
				return usageError{fmt.Errorf("--caches: got %q, want warm, cold or both", s.caches)}
			}
			s.cold = s.caches == "cold"
			if s.runs < 1 {
				return usageError{fmt.Errorf("-r: got %d, want at least 1", s.runs)}
			}
			if args[0] != "matmul" && args[0] != "attention" && c.model == "" || len(s.tiles) > 0 && args[0] != "matmul" {
				return usageError{fmt.Errorf("got op %q, want matmul or attention (or with --model any op), and --tile with matmul only", args[0])}
			}
			if s.candidates && (len(s.tiles) > 0 || len(s.variants) > 0 || c.model != "") {
				return usageError{errors.New("--candidates: got --tile, --variant or --model too, want one of them")}
			}
			dev, err := c.openLab()
			if err != nil {
				return err
			}
			usePeaks(cmd.Context(), dev)
			if s.b != "" {
				if len(s.tiles) > 0 || s.candidates || len(s.variants) > 0 || s.runs < profile.MinRuns {
					return errors.Join(usageError{fmt.Errorf("--b: got --tile, --candidates, --variant or fewer than %d runs, want none of them (a side is %s)", profile.MinRuns, sideWords)}, dev.Close())
				}
				all, err := s.shapes(cmd.Context(), &c, dev, args[0])
				if err = errors.Join(err, dev.Close()); err != nil {
					return err
				}
				return c.benchSides(cmd.Context(), args[0], &s, all)
			}
			if s.lesson = args[0] == "matmul" && !asked(cmd, "tile", "size", "m", "k", "rows", "type", "variant", "candidates", "caches", "model"); s.lesson {
				s.tiles, s.size = []int{1, 8, 16, 32}, 256
			}
			if len(s.tiles) > 0 && !s.lesson {
				err = c.benchSquares(cmd.Context(), dev, &s)
			} else if s.candidates {
				err = c.benchCandidates(cmd.Context(), dev, args[0], &s)
			} else {
				var all []labShape
				if all, err = s.shapes(cmd.Context(), &c, dev, args[0]); err == nil {
					err = c.benchKernel(cmd.Context(), dev, args[0], &s, all)
				}
			}
			return errors.Join(err, dev.Close())
		},
	}
	c.labFlags(cmd)
	f := cmd.Flags()
	f.IntSliceVar(&s.tiles, "tile", nil, "square tiles to compare: 1 (none), 8, 16, 32")
	f.IntVar(&s.size, "size", 512, "side of the square matrices of --tile")
	f.IntVarP(&s.m, "m", "m", 2048, "weight rows")
	f.IntVarP(&s.k, "k", "k", 2048, "elements of a row")
	f.IntSliceVar(&s.rows, "rows", []int{1, 4, 64}, "rows of X, or new tokens")
	f.StringVar(&s.typ, "type", "Q8_0", "weight format")
	f.StringSliceVar(&s.variants, "variant", nil, "force these variants (tuff kernels list), a line each; all: every one that the device can run, beside what plans take")
	f.IntVar(&s.heads, "heads", 32, "query heads")
	f.IntVar(&s.kvHeads, "kv-heads", 8, "KV heads")
	f.IntVar(&s.dim, "head-dim", 64, "elements of a head")
	f.IntSliceVar(&s.context, "context", []int{256, 1024}, "keys")
	f.BoolVar(&s.candidates, "candidates", false, "every shape that tuff tune would try, fastest first, and why the plan takes the one it takes")
	f.StringVar(&s.caches, "caches", "warm", "warm; cold: weights, keys and values come from memory, copies of them taking turns; both")
	f.StringVar(&c.model, "model", "", "the groups of this model's program that have the op, as they are fused here, in place of -m, -k, --type and the heads")
	f.StringVar(&s.a, "a", "built-in", "with --b: the other side")
	f.StringVar(&s.b, "b", "", "a side to compare with --a: "+sideWords)
	f.StringVarP(&s.format, "output", "o", "table", strings.Join(labFormats, ", "))
	f.IntVarP(&s.runs, "repetitions", "r", 9, "measured runs; the median counts")
	return cmd
}

// asked says whether a flag of these was given.
func asked(cmd *cobra.Command, flags ...string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return cmd.Flags().Changed(f) })
}

// kernelRow is one timed shape.
type kernelRow struct {
	Op          string  `json:"op"`
	Shape       string  `json:"shape"`
	Rows        int     `json:"rows"`
	Keys        int     `json:"keys,omitempty"`
	Kernel      string  `json:"kernel"`
	Variant     string  `json:"variant,omitempty"` // forced; none: as planned
	Tier        string  `json:"tier,omitempty"`    // arithmetic it multiplies in
	Math        string  `json:"math"`
	Chosen      string  `json:"chosen,omitempty"` // with --variant all: the arithmetics whose plans take this kernel
	Error       string  `json:"error,omitempty"`  // with --variant all: why there is no time
	Copies      int     `json:"copies"`           // of what is read, that took turns: 1 leaves it in caches that hold it
	Seconds     float64 `json:"seconds"`
	Min         float64 `json:"min_seconds"`
	BytesPerSec float64 `json:"bytes_s"`
	FLOPsPerSec float64 `json:"flop_s"`
	OfBandwidth float64 `json:"share_of_bandwidth"`
	OfFLOPs     float64 `json:"share_of_flops"`
	OfMatrix    float64 `json:"share_of_matrix,omitempty"`
	Why         string  `json:"why,omitempty"`  // the plan took this kernel
	OfLimit     float64 `json:"share_of_limit"` // the larger one of bandwidth and of the tier's own peak
}

// limits fills the shares; peaks that were not measured have none.
func (r *kernelRow) limits(l *compute.Limits) {
	share := func(v, of float64) float64 {
		if of <= 0 {
			return 0
		}
		return v / of
	}
	matrix := l.MatrixFLOPs()
	r.OfBandwidth, r.OfFLOPs, r.OfMatrix = share(r.BytesPerSec, l.Bandwidth), share(r.FLOPsPerSec, l.FLOPs), share(r.FLOPsPerSec, matrix)
	r.OfLimit = max(r.OfBandwidth, share(r.FLOPsPerSec, peakOf(r.Tier, l)))
}

// benchVariants times every variant of an op that the device can run and plans may choose, then what plans of both arithmetics take. What
// was timed under another name is not listed again: a variant that is not made for a shape leaves it to another.
func (c *common) benchVariants(ctx context.Context, dev *gpu.Device, op string, s *labShape, n, keys int) (rows []kernelRow, err error) {
	seen := map[string]int{}
	for _, v := range dev.Variants() {
		if v.Op != op && (s.part == nil || !slices.Contains(s.part.stems, v.Op)) || v.Lacks != "" || v.Refused != "" || v.Used == kernel.TestsOnly {
			continue
		}
		row, err := c.benchShape(ctx, dev, op, s, n, keys, v.Name, v.Math())
		if err != nil {
			var lacks *compute.UnsupportedError
			if !errors.As(err, &lacks) {
				return rows, fmt.Errorf("%s: %w", v.Name, err)
			}
			row = kernelRow{Op: op, Rows: n, Keys: keys, Kernel: v.Name, Variant: v.Name, Math: v.Math().String(), Error: oneLine(err)}
		}
		if _, ok := seen[row.Kernel]; ok {
			continue
		}
		seen[row.Kernel] = len(rows)
		rows = append(rows, row)
	}
	for _, m := range []compute.Math{compute.Exact, compute.Fast} {
		row, err := c.benchShape(ctx, dev, op, s, n, keys, "", m)
		if err != nil {
			return rows, err
		}
		i, ok := seen[row.Kernel]
		if !ok {
			i = len(rows)
			seen[row.Kernel] = i
			rows = append(rows, row)
		}
		rows[i].Chosen = strings.TrimPrefix(rows[i].Chosen+", "+m.String(), ", ")
	}
	return rows, nil
}

// mathOf is the arithmetic that a shape is timed in: what is planned of a model is what commands run it in by default.
func (s *labShape) mathOf(dev *gpu.Device, variant string) compute.Math {
	if s.part != nil && variant == "" {
		return compute.Fast
	}
	return mathOf(dev, variant)
}

// mathOf is the arithmetic that a variant is for; a name that there is not is the plan's to refuse.
func mathOf(dev *gpu.Device, variant string) compute.Math {
	for _, v := range dev.Variants() {
		if v.Name == variant {
			return v.Math()
		}
	}
	return compute.Exact
}

func (c *common) benchKernel(ctx context.Context, dev *gpu.Device, op string, s *labShape, all []labShape) error {
	limits, err := limitsOf(ctx, dev)
	if err != nil {
		return err
	}
	rows, failed := c.timeKernels(ctx, dev, op, all)
	if rows == nil {
		return failed
	}
	return errors.Join(failed, c.printKernels(ctx, dev, s, rows, &limits)) // what was timed before an error is shown
}

// timeKernels times all shapes, up to an error, which says where.
func (c *common) timeKernels(ctx context.Context, dev *gpu.Device, op string, all []labShape) (rows []kernelRow, err error) {
	for i := range all {
		s, keys := &all[i], all[i].keys // this one
		for _, at := range s.each() {
			var list []kernelRow
			if at.variant == "all" {
				list, err = c.benchVariants(ctx, dev, op, s, at.rows, keys)
			} else {
				var row kernelRow
				if row, err = c.benchShape(ctx, dev, op, s, at.rows, keys, at.variant, s.mathOf(dev, at.variant)); err == nil {
					list = []kernelRow{row}
				}
			}
			if rows = append(rows, list...); err != nil {
				return rows, fmt.Errorf("%s, %d rows%s: %w", op, at.rows, with(at.variant), err)
			}
		}
	}
	return rows, nil
}

func (c *common) printKernels(ctx context.Context, dev *gpu.Device, s *labShape, rows []kernelRow, limits *compute.Limits) (err error) {
	for i := range rows {
		rows[i].limits(limits)
	}
	var squares []squareRow
	if s.lesson && s.format != "jsonl" {
		if squares, err = timeSquares(ctx, dev, s, limits); err != nil {
			return err
		}
	}
	switch s.format {
	case "json":
		var both []any
		for i := range rows {
			both = append(both, &rows[i])
		}
		for i := range squares {
			both = append(both, &squares[i])
		}
		return c.printJSON(both)
	case "jsonl":
		for i := range rows {
			if err := c.printLine(rows[i].record(dev.Info(), s.runs)); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(c.out, "measured limits: %s\n", limitsLine(limits))
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	matrix, every := limits.MatrixFLOPs() > 0, slices.Contains(s.variants, "all")
	fmt.Fprint(w, "SHAPE\tROWS\tKEYS\tCACHES\tKERNEL\t", onlyIf(every, "TIER\tCHOSEN"), "TIME\tMIN\tB/s\tOF LIMIT\tFLOP/s\tOF LIMIT\t", onlyIf(matrix, "OF MATRIX"), "\n")
	for _, r := range rows {
		if r.Error != "" {
			c.note("%s, %d rows: %s", r.Kernel, r.Rows, r.Error)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s%s µs\t%s µs\t%s\t%.1f %%\t%s\t%.1f %%\t%s\n", r.Shape, r.Rows, r.Keys, r.cachesWere(), r.Kernel,
			onlyIf(every, r.Tier+"\t"+r.Chosen), micros(time.Duration(r.Seconds*1e9)),
			micros(time.Duration(r.Min*1e9)), rate(r.BytesPerSec, "B/s"), 100*r.OfBandwidth, rate(r.FLOPsPerSec, "FLOP/s"), 100*r.OfFLOPs,
			onlyIf(matrix, fmt.Sprintf("%.1f %%", 100*r.OfMatrix)))
	}
	if err := w.Flush(); err != nil || squares == nil {
		return err
	}
	fmt.Fprintln(c.out)
	return c.printSquares(squares)
}

// cachesWere says whether copies took turns.
func (r *kernelRow) cachesWere() string {
	if r.Copies > 1 {
		return "cold"
	}
	return "warm"
}

// labRun is one line of a table of kernels.
type labRun struct {
	rows    int
	variant string // or what the plan chooses; all: a line for each
}

// each are the runs for every number of rows: one, or one a variant.
func (s *labShape) each() (runs []labRun) {
	variants := s.variants
	if len(variants) == 0 {
		variants = []string{""}
	}
	for _, n := range s.rows {
		for _, v := range variants {
			runs = append(runs, labRun{n, v})
		}
	}
	return runs
}

// onlyIf is a cell of a column that not every table has, such as shares of matrix units, which were not measured everywhere.
func onlyIf(there bool, cell string) string {
	if !there {
		return ""
	}
	return cell + "\t"
}

package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/fallback/quant"
	"tuff/host/compute"
	"tuff/host/quantize"
	"tuff/host/weights"
)

func newQuantize() *cobra.Command {
	var c common
	var o quantize.Options
	var output, kind, beside string
	cmd := &cobra.Command{
		Use:   "quantize IN OUT TYPE",
		Short: "Convert a model to other weight types",
		Long: `Writes IN, a GGUF file of any types or a Hugging Face folder, as a GGUF file of the given type that llama.cpp reads as well.

TYPE is one of ` + strings.Join(quantize.Names(), ", ") + `.
Q4_K and Q5_K mean Q4_K_M and Q5_K_M. As in llama.cpp, vectors, norms and routers stay float32, and some matrices get more
bits in the mixtures; --pure gives all matrices the same type. Scales are searched for the least squared error.
Rows that are not whole blocks of the type get another, which stderr names. F16 makes a converter of it.

The summary's MSE is the mean squared error of what changed type, against IN's weights; NMSE is relative to their mean square.
--beside measures another program's rendering of the same model too, such as llama-quantize's: its MSE stands beside ours, over the
tensors that have the same type in both.
The file appears under its name only when it is complete.`,
		Example: "  tuff quantize llama-F16.gguf llama-Q4_K_M.gguf Q4_K_M\n  tuff quantize Llama-3.2-1B/ llama.gguf F16\n  tuff quantize a.gguf b.gguf Q6_K --pure --json",
		Args:    usage(cobra.MaximumNArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, p := range []*string{&c.model, &output, &kind} {
				if i >= len(args) {
					break
				}
				if *p != "" {
					return usageError{fmt.Errorf("got %q and %q, want one", *p, args[i])}
				}
				*p = args[i]
			}
			if output == "" || kind == "" { // without IN it is the embedded model
				return usageError{errors.New("want IN, OUT and TYPE")}
			}
			r, err := quantize.ParseRecipe(kind)
			if err != nil {
				return usageError{err}
			}
			f, err := c.openFile()
			if err != nil {
				return err
			}
			defer f.Close()
			o.Threads = c.threads
			return runQuantize(cmd, &c, f, output, beside, r, o)
		},
	}
	c.modelFlags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "OUT by flag")
	cmd.Flags().StringVar(&kind, "type", "", "TYPE by flag")
	cmd.Flags().StringVar(&beside, "beside", "", "a GGUF file of the same model to measure too")
	cmd.Flags().BoolVar(&o.Pure, "pure", false, "the same type for all matrices")
	cmd.Flags().BoolVarP(&o.Force, "force", "f", false, "replace OUT if it exists")
	cmd.Flags().IntVarP(&c.threads, "threads", "t", 0, "CPU threads (default: all cores)")
	return cmd
}

func runQuantize(cmd *cobra.Command, c *common, f *weights.File, output, beside string, r quantize.Recipe, o quantize.Options) error {
	codec := quantize.Codec{Decode: quant.Decode, Fit: quant.Fit}
	var other *weights.File
	if beside != "" {
		var err error
		if other, err = weights.Open(beside); err != nil {
			return err
		}
		defer other.Close()
	}
	bar := c.bar("quantizing " + f.Name)
	o.Progress = bar.set
	start := time.Now()
	rep, err := quantize.Run(cmd.Context(), f, output, r, codec, o)
	bar.done()
	if err != nil {
		return err
	}
	took := time.Since(start)
	noteFallbacks(c, rep)
	if i := slices.IndexFunc(rep.Tensors, func(t quantize.Tensor) bool { return t.From.Quantized() && t.From != t.To }); i >= 0 {
		c.note("%s is %v already: errors add to those that it has, and MSE is against what it says", rep.Tensors[i].Name, rep.Tensors[i].From)
	}
	for _, n := range rep.Notes {
		c.note("%s", n)
	}
	var theirs map[string]quantize.Tensor
	if other != nil {
		if theirs, err = quantize.Measure(cmd.Context(), f, other, codec, o.Threads); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(quantizeJSON(f.Name, output, r, rep, theirs, took))
	}
	printQuantized(c, output, r, rep, theirs, took)
	return nil
}

// noteFallbacks says which tensors got another type than they should have, one line for all of a kind.
func noteFallbacks(c *common, rep *quantize.Report) {
	type kind struct {
		to, wanted compute.DType
		cols       int
	}
	names := map[kind][]string{}
	var order []kind
	for _, t := range rep.Tensors {
		if t.To == t.Wanted {
			continue
		}
		k := kind{t.To, t.Wanted, t.Dims[0]}
		if names[k] == nil {
			order = append(order, k)
		}
		names[k] = append(names[k], t.Name)
	}
	for _, k := range order {
		list := names[k]
		if n := len(list) - 3; n > 1 && !c.verb {
			list = append(list[:3:3], fmt.Sprintf("and %d more", n))
		}
		c.note("%v instead of %v, since rows of %d are not whole blocks of it: %s", k.to, k.wanted, k.cols, strings.Join(list, ", "))
	}
}

// typeSum is the summary of one type.
type typeSum struct {
	Type     string  `json:"type"`
	Tensors  int     `json:"tensors"`
	Elements int64   `json:"elements"`
	Bytes    int64   `json:"bytes"`
	MSE      float64 `json:"mse"`  // of tensors that changed type
	NMSE     float64 `json:"nmse"` // relative to the mean square
	// Over the tensors that have this type in the other file as well.
	Shared int     `json:"shared_tensors,omitempty"`
	Ours   float64 `json:"shared_mse,omitempty"`
	Theirs float64 `json:"beside_mse,omitempty"`
	Worse  int     `json:"worse_tensors"` // of those, how many are closer to the weights in the other file
}

// byType sums up tensors in the order of the types.
func byType(rep *quantize.Report, theirs map[string]quantize.Tensor) (list []typeSum) {
	for d := compute.F32; d.Valid(); d++ {
		s := typeSum{Type: d.String()}
		var sum, square, ours, other float64
		var changed, both int64
		for _, t := range rep.Tensors {
			if t.To != d {
				continue
			}
			s.Tensors, s.Elements, s.Bytes = s.Tensors+1, s.Elements+t.Elements, s.Bytes+t.Bytes
			if t.From != t.To {
				sum, square, changed = sum+t.Sum, square+t.Square, changed+t.Elements
				if o, ok := theirs[t.Name]; ok && o.To == t.To {
					s.Shared, both, ours, other = s.Shared+1, both+t.Elements, ours+t.Sum, other+o.Sum
					if t.Sum > o.Sum*(1+1e-9) { // sums are taken in another order
						s.Worse++
					}
				}
			}
		}
		if s.Tensors == 0 {
			continue
		}
		s.MSE, s.NMSE = sum/float64(max(changed, 1)), sum/max(square, math.SmallestNonzeroFloat64)
		s.Ours, s.Theirs = ours/float64(max(both, 1)), other/float64(max(both, 1))
		list = append(list, s)
	}
	return list
}

func quantizeJSON(in, out string, r quantize.Recipe, rep *quantize.Report, theirs map[string]quantize.Tensor, took time.Duration) map[string]any {
	type tensor struct {
		Name string  `json:"name"`
		Dims []int   `json:"shape"`
		From string  `json:"from"`
		To   string  `json:"to"`
		MSE  float64 `json:"mse"`

		Beside    string  `json:"beside_type,omitempty"`
		BesideMSE float64 `json:"beside_mse,omitempty"`
	}
	tensors := []tensor{}
	var n int64
	for _, t := range rep.Tensors {
		x := tensor{Name: t.Name, Dims: t.Dims, From: t.From.String(), To: t.To.String(), MSE: t.Sum / float64(t.Elements)}
		if o, ok := theirs[t.Name]; ok {
			x.Beside, x.BesideMSE = o.To.String(), o.Sum/float64(o.Elements)
		}
		tensors = append(tensors, x)
		n += t.Elements
	}
	return map[string]any{"in": in, "out": out, "type": r.Name, "bytes_before": rep.Before, "bytes_after": rep.After,
		"bits_per_weight": 8 * float64(rep.After) / float64(max(n, 1)), "seconds": took.Seconds(), "types": byType(rep, theirs), "tensors": tensors}
}

func printQuantized(c *common, output string, r quantize.Recipe, rep *quantize.Report, theirs map[string]quantize.Tensor, took time.Duration) {
	var n int64
	for _, t := range rep.Tensors {
		n += t.Elements
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	head := "TYPE\tTENSORS\tELEMENTS\tSIZE\tMSE\tNMSE"
	if theirs != nil {
		head += "\tIN BOTH\tOURS\tBESIDE\tWORSE"
	}
	fmt.Fprintln(w, head)
	for _, s := range byType(rep, theirs) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%.4g\t%.4g", s.Type, s.Tensors, s.Elements, size(s.Bytes), s.MSE, s.NMSE)
		if theirs != nil {
			fmt.Fprintf(w, "\t%d\t%.5g\t%.5g\t%d", s.Shared, s.Ours, s.Theirs, s.Worse)
		}
		fmt.Fprintln(w)
	}
	bits := func(bytes int64) float64 { return 8 * float64(bytes) / float64(max(n, 1)) }
	fmt.Fprintf(w, "\n%s: %s, %s (%.2f bits a weight) from %s (%.2f), in %v\n", output, r.Name, size(rep.After), bits(rep.After), size(rep.Before),
		bits(rep.Before), took.Round(time.Millisecond))
}

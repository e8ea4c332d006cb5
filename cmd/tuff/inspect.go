package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/host/compute"
	"tuff/host/model"
	"tuff/host/weights"
)

func newInspect() *cobra.Command {
	var c common
	var all bool
	cmd := &cobra.Command{
		Use:     "inspect [MODEL]",
		Short:   "What a model file holds; never runs anything",
		Long:    "Prints the header, hyper-parameters, tensors with types and sizes, vocabulary and chat template of a model file.",
		Example: "  tuff inspect llama.gguf\n  tuff inspect llama.gguf --json",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.model = args[0]
			}
			f, err := c.openFile()
			if err != nil {
				return err
			}
			defer f.Close()
			if c.json {
				return c.printJSON(inspection(f))
			}
			printInspection(&c, f, all)
			return nil
		},
	}
	c.modelFlags(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "print long metadata in full")
	return cmd
}

type tensorInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // GGUF's order, innermost first
	Bytes int64  `json:"bytes"`
}

// inspection is the JSON form.
func inspection(f *weights.File) map[string]any {
	meta := map[string]any{}
	for _, k := range f.Keys() {
		meta[k] = f.Value(k)
	}
	var tensors []tensorInfo
	for _, t := range f.Tensors() {
		tensors = append(tensors, tensorInfo{t.Name, t.DType.String(), t.Dims, t.Size})
	}
	out := map[string]any{"file": f.Name, "version": f.Version, "bytes": f.Size(), "metadata": meta, "tensors": tensors}
	if cfg, _, err := model.ReadConfig(f); err != nil {
		out["unsupported"] = err.Error()
	} else {
		out["config"] = cfg
	}
	return out
}

func printInspection(c *common, f *weights.File, all bool) {
	fmt.Fprintf(c.out, "%s: GGUF version %d, %s\n\n", f.Name, f.Version, size(f.Size()))
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	if cfg, _, err := model.ReadConfig(f); err != nil {
		fmt.Fprintf(w, "cannot run\t%v\n", err)
	} else {
		fmt.Fprintf(w, "model\t%s (%s)\n", cfg.Name, cfg.Arch)
		fmt.Fprintf(w, "layers\t%d, hidden %d, FFN %d\n", cfg.NumLayers, cfg.HiddenDim, cfg.FFNDim)
		fmt.Fprintf(w, "heads\t%d over %d KV heads of %d\n", cfg.NumHeads, cfg.NumKVHeads, cfg.HeadDim)
		fmt.Fprintf(w, "vocabulary\t%d\n", cfg.VocabSize)
		fmt.Fprintf(w, "context\t%d, %s of KV cache a token in F16\n", cfg.ContextLen, size(cfg.KVBytes(compute.F16)))
		fmt.Fprintf(w, "RoPE\tbase %g, %d of %d elements, scaling %s\n", cfg.RoPE.Base, cfg.RoPE.Dim, cfg.HeadDim, cfg.RoPE.Scaling)
	}
	var params, bytes int64
	byType := map[compute.DType][2]int64{}
	for _, t := range f.Tensors() {
		n := int64(t.Rows) * int64(t.Cols)
		params, bytes = params+n, bytes+t.Size
		v := byType[t.DType]
		byType[t.DType] = [2]int64{v[0] + 1, v[1] + t.Size}
	}
	fmt.Fprintf(w, "parameters\t%d in %d tensors, %s, %.2f bits a weight\n", params, len(f.Tensors()), size(bytes), 8*float64(bytes)/float64(max(params, 1)))
	for d := compute.F32; d.Valid(); d++ {
		if v, ok := byType[d]; ok {
			fmt.Fprintf(w, "\t%v: %d tensors, %s\n", d, v[0], size(v[1]))
		}
	}
	fmt.Fprint(w, "\nMETADATA\n")
	for _, k := range f.Keys() {
		fmt.Fprintf(w, "%s\t%s\n", k, short(f.Value(k), all))
	}
	fmt.Fprint(w, "\nTENSOR\tTYPE\tSHAPE\tBYTES\n")
	for _, t := range f.Tensors() {
		fmt.Fprintf(w, "%s\t%v\t%v\t%s\n", t.Name, t.DType, t.Dims, size(t.Size))
	}
}

// short prints a metadata value on one line, long ones cut unless all is asked for.
func short(v any, all bool) string {
	s := fmt.Sprintf("%q", fmt.Sprint(v))
	if _, isString := v.(string); !isString {
		s = strings.ReplaceAll(fmt.Sprint(v), "\n", " ")
	}
	const limit = 100
	if r := []rune(s); !all && len(r) > limit {
		return fmt.Sprintf("%s… (%d characters; --all prints them)", string(r[:limit]), len(r))
	}
	return s
}

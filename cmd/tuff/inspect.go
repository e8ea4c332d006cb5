package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/host/model"
	"tuff/host/weights"
)

func newInspect() *cobra.Command {
	var c common
	var all bool
	cmd := &cobra.Command{
		Use:   "inspect [MODEL]",
		Short: "What a model file holds; never runs anything",
		Long: `Prints the header, hyper-parameters, tensors with types and sizes, vocabulary and chat template of a model file, or of all
files of a split one. What tuff cannot run is described too, with the reason. Long metadata are cut; --all and
--json give them in full.`,
		Example: "  tuff inspect llama.gguf\n  tuff inspect llama-00001-of-00003.gguf --all\n  tuff inspect llama.gguf --json | jq .config",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && c.model != "":
				return usageError{fmt.Errorf("got the models %q and %q, want one", c.model, args[0])}
			case len(args) == 1 && args[0] == "":
				return usageError{errors.New("got an empty name, want a model")}
			case len(args) == 1:
				c.model = args[0]
			}
			m, err := c.inspected()
			if err != nil {
				return err
			}
			defer m.f.Close()
			if c.json {
				return c.printJSON(m.inspection())
			}
			m.print(&c, all)
			return nil
		},
	}
	c.modelFlags(cmd)
	c.idleFlags(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "print long metadata in full")
	return cmd
}

type tensorInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // GGUF's order, innermost first
	Bytes int64  `json:"bytes"`
}

// inspected is a model to describe, whether it can be run or not.
type inspectedModel struct {
	f       *weights.File
	tensors []tensorInfo
	files   int
	cfg     *model.Config // nil where it cannot be run
	why     error         // it cannot
	rotates bool
}

// inspected opens the model, or of a folder whose model is not supported what can be read all the same.
func (c *common) inspected() (*inspectedModel, error) {
	f, err := c.openFile()
	var unsupported *weights.UnsupportedError
	if errors.As(err, &unsupported) {
		if info, statErr := os.Stat(c.model); statErr == nil && info.IsDir() {
			return describedFolder(c.model, err)
		}
	}
	if err != nil {
		return nil, err
	}
	m := &inspectedModel{f: f, tensors: []tensorInfo{}, files: files(f)}
	for _, t := range f.Tensors() {
		m.tensors = append(m.tensors, tensorInfo{t.Name, t.DType.String(), t.Dims, t.Size})
	}
	if m.cfg, _, m.why = model.ReadConfig(f); m.why == nil {
		// What cannot be built is described without the line on rotation; running it says why.
		m.rotates, _ = model.Rotates(f)
	}
	return m, nil
}

func describedFolder(path string, why error) (*inspectedModel, error) {
	d, err := weights.Describe(path, why)
	if err != nil {
		return nil, err
	}
	m := &inspectedModel{f: d.File, tensors: []tensorInfo{}, files: d.Files, why: d.Why}
	for _, t := range d.Tensors {
		m.tensors = append(m.tensors, tensorInfo{t.Name, t.Type, t.Dims, t.Bytes})
	}
	return m, nil
}

// inspection is the JSON form.
func (m *inspectedModel) inspection() map[string]any {
	f, meta := m.f, map[string]any{}
	for _, k := range f.Keys() {
		meta[k] = jsonValue(f.Value(k))
	}
	out := map[string]any{"file": f.Name, "version": f.Version, "bytes": f.Size(), "files": m.files, "metadata": meta, "tensors": m.tensors}
	if m.why != nil {
		out["unsupported"] = m.why.Error()
	} else {
		out["config"] = m.cfg
	}
	return out
}

// jsonValue is a metadata value in a form that JSON has: no NaN, no infinity, and bytes as numbers.
func jsonValue(v any) any {
	switch v := v.(type) {
	case float32:
		return jsonFloat(float64(v), v)
	case float64:
		return jsonFloat(v, v)
	case []float32:
		return jsonList(v)
	case []float64:
		return jsonList(v)
	case []uint8:
		return jsonList(v)
	case []any:
		return jsonList(v)
	}
	return v
}

func jsonList[T any](v []T) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = jsonValue(x)
	}
	return out
}

func jsonFloat(f float64, v any) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Sprint(f)
	}
	return v
}

// files is how many files the model is in.
func files(f *weights.File) int {
	n := 1
	for _, t := range f.Tensors() {
		n = max(n, t.Shard+1)
	}
	if count, ok := f.Uint("split.count"); ok {
		n = max(n, int(min(count, 1<<16)))
	}
	return n
}

func (m *inspectedModel) print(c *common, all bool) {
	f, in := m.f, ""
	if m.files > 1 {
		in = fmt.Sprintf(" in %d files", m.files)
	}
	format := fmt.Sprintf("GGUF version %d", f.Version)
	if f.Version == 0 {
		format = "folder of safetensors"
	}
	fmt.Fprintf(c.out, "%s: %s, %s%s\n\n", f.Name, format, size(f.Size()), in)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	if cfg := m.cfg; m.why != nil {
		fmt.Fprintf(w, "cannot run\t%v\n", m.why)
	} else {
		fmt.Fprintf(w, "model\t%s (%s)\n", cfg.Name, cfg.Arch)
		if !cfg.Encoder && cfg.KVBytes(compute.F16, compute.F16) == 0 {
			fmt.Fprintf(w, "layers\t%d, hidden %d; none attends\n", cfg.NumLayers, cfg.HiddenDim)
		} else {
			fmt.Fprintf(w, "layers\t%d, hidden %d, FFN %d\n", cfg.NumLayers, cfg.HiddenDim, cfg.FFNDim)
			fmt.Fprintf(w, "heads\t%d over %d KV heads of %d\n", cfg.NumHeads, cfg.NumKVHeads, cfg.HeadDim)
		}
		fmt.Fprintf(w, "vocabulary\t%d\n", cfg.VocabSize)
		if cfg.Encoder {
			fmt.Fprintf(w, "context\t%d\n", cfg.ContextLen)
			fmt.Fprintf(w, "encoder\ta vector of %d for each token; no KV cache, no text\n", cfg.HiddenDim)
		} else {
			fmt.Fprintf(w, "context\t%d, %s of KV cache a token in F16\n", cfg.ContextLen, size(cfg.KVBytes(compute.F16, compute.F16)))
		}
		if m.rotates {
			fmt.Fprintf(w, "RoPE\tbase %g, %d of %d elements, scaling %s\n", cfg.RoPE.Base, cfg.RoPE.Dim, cfg.HeadDim, cfg.RoPE.Scaling)
		}
	}
	printVocabulary(w, f)
	m.printSizes(w)
	fmt.Fprint(w, "\nMETADATA\n")
	for _, k := range f.Keys() {
		fmt.Fprintf(w, "%s\t%s\n", k, short(f.Value(k), all))
	}
	fmt.Fprint(w, "\nTENSOR\tTYPE\tSHAPE\tBYTES\n")
	for _, t := range m.tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", t.Name, t.Type, t.Shape, size(t.Bytes))
	}
}

// printSizes adds up the tensors, in all and by type: those that tuff knows in their order, then others by name.
func (m *inspectedModel) printSizes(w io.Writer) {
	var params, bytes int64
	byType := map[string][2]int64{}
	for _, t := range m.tensors {
		n := int64(1)
		for _, d := range t.Shape {
			n *= int64(d)
		}
		params, bytes = params+n, bytes+t.Bytes
		v := byType[t.Type]
		byType[t.Type] = [2]int64{v[0] + 1, v[1] + t.Bytes}
	}
	fmt.Fprintf(w, "parameters\t%d in %d tensors, %s, %.2f bits a weight\n", params, len(m.tensors), size(bytes), 8*float64(bytes)/float64(max(params, 1)))
	var order []string
	for d := compute.F32; d.Valid(); d++ {
		order = append(order, d.String())
	}
	rank := func(kind string) int {
		if i := slices.Index(order, kind); i >= 0 {
			return i
		}
		return len(order)
	}
	for _, kind := range slices.SortedFunc(maps.Keys(byType), func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) }) {
		fmt.Fprintf(w, "\t%s: %d tensors, %s\n", kind, byType[kind][0], size(byType[kind][1]))
	}
}

// printVocabulary is what the file says of text.
func printVocabulary(w io.Writer, f *weights.File) {
	if kind, ok := f.String("tokenizer.ggml.model"); ok {
		printGGUFVocabulary(w, f, kind)
	} else if raw, ok := f.String("tuff.tokenizer.json"); ok {
		fmt.Fprintf(w, "tokenizer\ttokenizer.json, %s", size(int64(len(raw))))
		if tok, err := engine.TokenizerOf(f); err != nil {
			fmt.Fprintf(w, ", cannot be used: %s\n", oneLine(err))
		} else {
			fmt.Fprintf(w, ", %d tokens", tok.VocabSize())
			for _, end := range []struct {
				name string
				id   int32
			}{{"begin", tok.BOS()}, {"end", tok.EOS()}} {
				if end.id >= 0 {
					fmt.Fprintf(w, ", %s %d %q", end.name, end.id, tok.Piece(end.id))
				}
			}
			fmt.Fprintln(w)
		}
	} else {
		fmt.Fprint(w, "tokenizer\tnone in the file\n")
	}
	if t, ok := f.String("tokenizer.chat_template"); ok {
		fmt.Fprintf(w, "chat template\t%d characters\n", utf8.RuneCountInString(t))
	} else {
		fmt.Fprint(w, "chat template\tnone\n")
	}
}

func printGGUFVocabulary(w io.Writer, f *weights.File, kind string) {
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	fmt.Fprintf(w, "tokenizer\t%q", kind)
	if pre, ok := f.String("tokenizer.ggml.pre"); ok {
		fmt.Fprintf(w, " splitting as %q", pre)
	}
	fmt.Fprintf(w, ", %d tokens", len(tokens))
	for _, t := range []struct{ key, name string }{{"bos", "begin"}, {"eos", "end"}} {
		if id, ok := f.Uint("tokenizer.ggml." + t.key + "_token_id"); ok && id < uint64(len(tokens)) {
			fmt.Fprintf(w, ", %s %d %q", t.name, id, tokens[id])
		}
	}
	fmt.Fprintln(w)
}

// Of a long value as many elements or characters are printed.
const (
	shortList   = 8
	shortString = 100
)

// short prints a metadata value on one line, long ones cut unless all is asked for.
func short(v any, all bool) string {
	if s, ok := v.(string); ok {
		if r := []rune(s); !all && len(r) > shortString {
			return fmt.Sprintf("%q… (%d characters)", string(r[:shortString]), len(r))
		}
		return fmt.Sprintf("%q", s)
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return fmt.Sprint(v)
	}
	n, rest := list.Len(), ""
	if !all && n > shortList {
		n, rest = shortList, fmt.Sprintf(" … (%d elements)", n)
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = short(list.Index(i).Interface(), all)
	}
	return "[" + strings.Join(parts, " ") + rest + "]"
}

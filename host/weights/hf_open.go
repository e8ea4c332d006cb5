package weights

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tuff/host/compute"
)

// Caps on the files beside the weights; the largest tokenizer.json in use are about 35 MB.
const (
	maxHFJSON      = 32 << 20
	maxHFTokenizer = 256 << 20
)

// openFolder reads a checkpoint as Hugging Face's transformers write it: config.json, safetensors and the tokenizer's files. Its
// metadata get GGUF's keys, its tensors GGUF's names, shapes and order of rows, so that readers of a File know one vocabulary.
// What GGUF has no key for stands under tuff.*:
//
//	tuff.rope.halves            bool     rotated pairs are the halves of a head whatever is usual in files of the architecture
//	tuff.rope.layers            bool[]   layers that rotate queries and keys, where not all do
//	tuff.tokenizer.json         string   the whole file
//	tuff.tokenizer.bos, .eos    string   tokens by name
//	tuff.tokenizer.eog          int32[]  ids that end a generation
func openFolder(path string, o OpenOptions) (_ *File, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("weights: open model: %w", err)
	}
	f := &File{Name: filepath.Base(abs), values: map[string]any{}, byName: map[string]int{}, computed: map[string]*computed{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	config, err := readObject(path, "config.json", maxHFJSON)
	switch {
	case err != nil:
		return nil, err
	case config == nil:
		return nil, &UnsupportedError{path, "a folder without config.json; want a .gguf file, or a folder with config.json and safetensors"}
	}
	c, err := newHFConfig(filepath.Join(path, "config.json"), config, f)
	if err != nil {
		return nil, err
	}
	if err := c.translate(); err != nil {
		return nil, err
	}
	if err := f.readTokenizer(path, c); err != nil {
		return nil, err
	}
	raws, err := f.openShards(path, o)
	if err != nil {
		return nil, err
	}
	return f, f.nameTensors(c, raws)
}

// newHFConfig finds the family; of a model of several parts the text's is read.
func newHFConfig(file string, m map[string]any, f *File) (*hfConfig, error) {
	kind, _ := m["model_type"].(string)
	if kind == "" {
		return nil, &FormatError{file, 0, "model_type", show(m["model_type"]), "a name"}
	}
	quant := m["quantization_config"]
	if text, ok := m["text_config"].(map[string]any); ok {
		for _, k := range []string{"tie_word_embeddings", "bos_token_id", "eos_token_id"} {
			if _, own := text[k]; !own && m[k] != nil {
				text[k] = m[k]
			}
		}
		if sub, ok := text["model_type"].(string); ok && hfFamilyOf(sub) != nil {
			kind = sub
		}
		m = text
	}
	fam := hfFamilyOf(kind)
	if fam == nil {
		return nil, &UnsupportedError{file, fmt.Sprintf("model_type %s, want one of %s", quote(kind), strings.Join(hfTypes(), ", "))}
	}
	c := &hfConfig{file: file, m: m, fam: fam, out: f, factors: map[string][]float32{}, block: [2]int{128, 128}}
	f.put("general.architecture", fam.arch)
	f.put("general.name", f.Name)
	return c, c.quantization(quant)
}

// quantization refuses formats by name before their tensors are met.
func (c *hfConfig) quantization(v any) error {
	q, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	method, _ := q["quant_method"].(string)
	known := []string{"fp8", "fbgemm_fp8", "mxfp4", "compressed-tensors", "modelopt"}
	if !slices.Contains(known, method) {
		return &UnsupportedError{c.file, fmt.Sprintf("quant_method %s, want one of %s", show(q["quant_method"]), strings.Join(known, ", "))}
	}
	if size, ok := wholes(q["weight_block_size"]); ok && len(size) == 2 && size[0] > 0 && size[1] > 0 && max(size[0], size[1]) < maxHFDim {
		c.block = [2]int{int(size[0]), int(size[1])}
	} else if q["weight_block_size"] != nil {
		return &FormatError{c.file, 0, "weight_block_size", show(q["weight_block_size"]), "two whole numbers"}
	}
	return nil
}

// readSmall reads a file of the folder of at most limit bytes; nil where there is none.
func readSmall(folder, name string, limit int64) ([]byte, error) {
	path := filepath.Join(folder, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("weights: open model: %w", err)
	case !info.Mode().IsRegular():
		return nil, &UnsupportedError{path, fmt.Sprintf("not a regular file (%s)", info.Mode().Type())}
	}
	h, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: open model: %w", err)
	}
	defer h.Close()
	data, err := io.ReadAll(io.LimitReader(h, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("weights: read %q: %w", path, err)
	case int64(len(data)) > limit:
		return nil, &FormatError{path, limit, "size", fmt.Sprintf("more than %d bytes", limit), "fewer"}
	case !utf8.Valid(data):
		return nil, &FormatError{path, 0, "text", "broken UTF-8", "UTF-8"}
	}
	return data, nil
}

// readObject reads a JSON object; nil where there is no such file.
func readObject(folder, name string, limit int64) (map[string]any, error) {
	data, err := readSmall(folder, name, limit)
	if err != nil || data == nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	v, err := parseJSON(path, data, 0, true)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &FormatError{path, 0, "JSON", show(v), "an object"}
	}
	return m, nil
}

// openShards opens the files that hold the tensors: those of the index, or model.safetensors.
func (f *File) openShards(folder string, o OpenOptions) (map[string]*rawTensor, error) {
	const index = "model.safetensors.index.json"
	list, err := readObject(folder, index, maxHFJSON)
	if err != nil {
		return nil, err
	}
	names, where := []string{"model.safetensors"}, map[string]string(nil)
	if list != nil {
		if names, where, err = shardsOf(filepath.Join(folder, index), list); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(filepath.Join(folder, names[0])); errors.Is(err, os.ErrNotExist) {
		return nil, &UnsupportedError{folder, "a folder without model.safetensors; other formats of weights are not read"}
	}
	all := map[string]*rawTensor{}
	for i, name := range names {
		path := filepath.Join(folder, name)
		content, err := openFile(path, o)
		if err != nil {
			return nil, err
		}
		f.shards = append(f.shards, content)
		tensors, err := decodeSafetensors(path, content.data)
		if err != nil {
			return nil, err
		}
		for j := range tensors {
			t := &tensors[j]
			t.shard = i
			if where != nil && where[t.name] != name {
				continue // the index says which of two counts, or leaves it out
			}
			all[t.name] = t
		}
	}
	for _, name := range sortedKeys(where) {
		if all[name] == nil {
			return nil, &FormatError{filepath.Join(folder, where[name]), 8, "tensor " + quote(name), "none", "one, as " + index + " says"}
		}
	}
	return all, nil
}

// shardsOf reads the index: the files in order and the file of each tensor. Files lie in the folder itself.
func shardsOf(path string, index map[string]any) (names []string, where map[string]string, err error) {
	m, ok := index["weight_map"].(map[string]any)
	if !ok || len(m) == 0 || len(m) > maxTensors {
		return nil, nil, &FormatError{path, 0, "weight_map", show(index["weight_map"]), "an object of tensors and files"}
	}
	where = map[string]string{}
	for _, tensor := range sortedKeys(m) {
		name, ok := m[tensor].(string)
		if !ok || !strings.HasSuffix(name, ".safetensors") || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\:\x00") {
			return nil, nil, &FormatError{path, 0, "weight_map: " + quote(tensor), show(m[tensor]), "the name of a .safetensors file in the folder"}
		}
		where[tensor] = name
		if !slices.Contains(names, name) {
			if len(names) == maxShards {
				return nil, nil, &FormatError{path, 0, "weight_map", fmt.Sprintf("more than %d files", maxShards), "fewer"}
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, where, nil
}

// hfPrefixes come before names in checkpoints of whole models and are missing in those of the part below the output.
var hfPrefixes = []string{"model.language_model.", "language_model.model.", "language_model.", "model.", "transformer.", "gpt_neox."}

// hfForeign are parts of models that see or hear; the text's part runs without them.
var hfForeign = []string{"vision_tower.", "vision_model.", "visual.", "multi_modal_projector.", "audio_tower."}

// nameTensors gives every tensor of the checkpoint its GGUF name and shape.
func (f *File) nameTensors(c *hfConfig, raws map[string]*rawTensor) error {
	sources, err := f.dequantize(c, raws)
	if err != nil {
		return err
	}
	stacks := map[string][]*matrix{} // of experts, by GGUF name
	tied := c.flag(false, "tie_word_embeddings")
	refuse := func(name string, err error) error {
		return &FormatError{c.file, 0, "tensor " + quote(name), err.Error(), "one of " + c.fam.types[0]}
	}
	for _, full := range sortedKeys(sources) {
		m := sources[full]
		name := full
		for _, p := range hfPrefixes {
			if rest, ok := strings.CutPrefix(name, p); ok {
				name = rest
				break
			}
		}
		if slices.ContainsFunc(hfForeign, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		prefix, base, skip := c.layerOf(name)
		if skip || hfSkipped[base] {
			continue
		}
		base, kind := cutKind(base)
		base, expert := cutExpert(base)
		if base == "lm_head" && tied {
			continue
		}
		var list []hfTensor
		if split := c.fam.splits[base]; split != nil && expert < 0 {
			if list, err = split(c, m, kind); err != nil {
				return refuse(full, err)
			}
		} else {
			to, ok := c.fam.names[base]
			if !ok {
				to, ok = hfNames[base]
			}
			if !ok {
				return &UnsupportedError{c.file, fmt.Sprintf("tensor %s of %s", quote(full), c.fam.types[0])}
			}
			if c.fam.plusOne && strings.HasSuffix(to, "norm") {
				m = m.plusOne()
			}
			list = []hfTensor{{to + kind, m, nil}}
			if expert >= 0 {
				key := prefix + to + kind
				if expert >= c.experts {
					return refuse(full, fmt.Errorf("expert %d of %d", expert, c.experts))
				}
				if stacks[key] == nil {
					stacks[key] = make([]*matrix, c.experts)
				}
				stacks[key][expert] = &m
				continue
			}
		}
		for _, t := range list {
			t.name = prefix + t.name
			if err := f.place(t); err != nil {
				return refuse(full, err)
			}
		}
	}
	for _, key := range sortedKeys(stacks) {
		list := make([]matrix, c.experts)
		for e, m := range stacks[key] {
			if m == nil || m.dtype != stacks[key][0].dtype || m.rows != stacks[key][0].rows || m.cols != stacks[key][0].cols {
				return refuse(key, fmt.Errorf("expert %d is missing or unlike expert 0", e))
			}
			list[e] = *m
		}
		m := stack(list)
		dims := []int{m.cols, list[0].rows, c.experts}
		if list[0].rows == 1 {
			dims = []int{m.cols, c.experts}
		}
		if err := f.place(hfTensor{key, m, dims}); err != nil {
			return refuse(key, err)
		}
	}
	for _, name := range sortedKeys(c.factors) {
		if err := f.place(hfTensor{name, listed(c.factors[name]), nil}); err != nil {
			return refuse(name, err)
		}
	}
	return c.err
}

// layerOf cuts the layer off a name. Layers behind the last, with which some checkpoints predict further tokens, are skipped.
func (c *hfConfig) layerOf(name string) (prefix, base string, skip bool) {
	rest, ok := strings.CutPrefix(name, "layers.")
	if !ok {
		rest, ok = strings.CutPrefix(name, "h.")
	}
	digits, base, found := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if !ok || !found || err != nil || n < 0 || strconv.Itoa(n) != digits {
		return "", name, false
	}
	return fmt.Sprintf("blk.%d.", n), base, n >= c.layers
}

func cutKind(name string) (base, kind string) {
	for _, kind := range []string{".weight", ".bias"} {
		if base, ok := strings.CutSuffix(name, kind); ok {
			return base, kind
		}
	}
	return name, ""
}

// cutExpert cuts the number out of mlp.experts.3.up_proj; −1 where there is none.
func cutExpert(name string) (base string, expert int) {
	for _, list := range []string{"experts.", "norms."} {
		before, after, ok := strings.Cut(name, list)
		digits, rest, dot := strings.Cut(after, ".")
		if n, err := strconv.Atoi(digits); ok && err == nil && n >= 0 && strconv.Itoa(n) == digits {
			if !dot {
				return before + strings.TrimSuffix(list, "."), n
			}
			return before + list + rest, n
		}
	}
	return name, -1
}

// dequantize pairs matrices with their scales. The names of what it returns are those of the matrices.
func (f *File) dequantize(c *hfConfig, raws map[string]*rawTensor) (map[string]matrix, error) {
	out := map[string]matrix{}
	used := map[string]bool{}
	fail := func(name string, err error) error {
		return &FormatError{c.file, 0, "tensor " + quote(name), err.Error(), "numbers that can be read"}
	}
	find := func(names ...string) *rawTensor {
		for _, n := range names {
			if t := raws[n]; t != nil {
				used[n] = true
				return t
			}
		}
		return nil
	}
	for _, name := range sortedKeys(raws) {
		t := raws[name]
		base, isBlocks := strings.CutSuffix(name, "_blocks")
		switch {
		case isBlocks:
			scales := find(base + "_scales")
			if scales == nil {
				return nil, fail(name, errors.New("no "+base+"_scales"))
			}
			used[name] = true
			m, err := mxfp4(t, scales)
			if err != nil {
				return nil, fail(name, err)
			}
			out[base] = m
		case t.dtype == "F8_E4M3":
			used[name] = true
			scales := find(name+"_scale_inv", name+"_scale")
			if scales == nil {
				return nil, fail(name, errors.New("F8_E4M3 without "+name+"_scale or _scale_inv"))
			}
			m, err := fp8(f, t, scales, c.block[0], c.block[1])
			if err != nil {
				return nil, fail(name, err)
			}
			out[name] = m
		}
	}
	for _, name := range sortedKeys(raws) {
		tail := name[strings.LastIndexByte(name, '.')+1:]
		if used[name] || tail == "input_scale" || tail == "activation_scale" || tail == "k_scale" || tail == "v_scale" || tail == "inv_freq" ||
			strings.HasSuffix(name, ".attn.bias") || strings.HasSuffix(name, ".masked_bias") || strings.HasSuffix(name, ".attention.bias") {
			continue
		}
		m, err := stored(raws[name])
		if err != nil {
			return nil, &UnsupportedError{c.file, fmt.Sprintf("tensor %s: %v", quote(name), err)}
		}
		out[name] = m
	}
	return out, nil
}

// place adds a tensor under its GGUF name: as it lies in its file where that is what it is and a device can read it there.
func (f *File) place(t hfTensor) error {
	if _, twice := f.byName[t.name]; twice {
		return fmt.Errorf("%s a second time", t.name)
	}
	if len(f.tensors) == maxTensors {
		return fmt.Errorf("tensor %d", maxTensors+1)
	}
	m := t.m
	if m.rows < 1 || m.cols < 1 {
		return fmt.Errorf("[%d, %d]", m.rows, m.cols)
	}
	if t.dims == nil {
		t.dims = []int{m.cols}
		if m.raw != nil && len(m.raw.shape) > 1 {
			t.dims = slices.Clone(m.raw.shape)
			slices.Reverse(t.dims)
		} else if m.rows > 1 {
			t.dims = append(t.dims, m.rows)
		}
	}
	if len(t.dims) > maxDims {
		return fmt.Errorf("%d dimensions", len(t.dims))
	}
	out := Tensor{Name: t.name, DType: m.dtype, Dims: t.dims, Cols: t.dims[0], Rows: m.rows * m.cols / t.dims[0], Shard: -1}
	size, err := m.dtype.Bytes(m.rows, m.cols)
	if err != nil || size > math.MaxInt {
		return fmt.Errorf("[%d, %d] of %v", m.rows, m.cols, m.dtype)
	}
	out.Size = size
	if m.raw != nil && m.raw.off%int64(compute.DType.BlockBytes(m.dtype)) == 0 {
		out.Shard, out.Offset = m.raw.shard, m.raw.off
	} else {
		f.computed[t.name] = &computed{m: m}
	}
	f.byName[t.name] = len(f.tensors)
	f.tensors = append(f.tensors, out)
	return nil
}

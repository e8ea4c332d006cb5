package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tuff/host/compute"
)

// hfPrefixes come before names in checkpoints of whole models and are missing in those of the part below the output.
var hfPrefixes = []string{"model.language_model.", "language_model.model.", "language_model.", "model.", "transformer.", "gpt_neox.",
	"bert.", "roberta.", "distilbert.", "encoder.", "decoder.", "backbone."}

// hfForeign are parts of models that see or hear; the text's part runs without them.
var hfForeign = []string{"vision_tower.", "vision_model.", "visual.", "multi_modal_projector.", "audio_tower.", "embed_vision.", "embed_audio."}

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
		name := cutPrefixes(full)
		skipped := func(p string) bool { return strings.HasPrefix(name, p) || strings.HasPrefix(full, p) }
		if slices.ContainsFunc(c.fam.skip, skipped) {
			continue
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
		count := c.experts
		if stem, n := cutNumber(base); n >= 0 && c.fam.stacks[stem] != "" {
			base, expert, count = stem, n, c.streams-1
		}
		if base == "lm_head" && tied {
			continue
		}
		var list []hfTensor
		if split := c.fam.splits[base]; split != nil && expert < 0 {
			if list, err = split(c, m, kind); err != nil {
				return refuse(full, err)
			}
		} else {
			to, ok := c.fam.names["*."+base] // a name that means something else outside of layers
			if !ok || prefix == "" {
				to, ok = c.fam.names[base]
			}
			if !ok {
				to, ok = hfNames[base]
			}
			if !ok {
				to, ok = c.fam.stacks[base]
			}
			if !ok {
				return &UnsupportedError{c.file, fmt.Sprintf("tensor %s of %s", quote(full), c.fam.types[0])}
			}
			if c.fam.plusOne && kind == ".weight" && strings.HasSuffix(to, "norm") {
				m = m.plusOne()
			}
			if to == "output_norm" {
				to = c.fam.root + to
			}
			list = []hfTensor{{to + kind, m, nil}}
			if expert >= 0 {
				key := prefix + to + kind
				if expert >= count {
					return refuse(full, fmt.Errorf("number %d of %d", expert, count))
				}
				if stacks[key] == nil {
					stacks[key] = make([]*matrix, count)
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
		list := make([]matrix, len(stacks[key]))
		for e, m := range stacks[key] {
			if m == nil || m.dtype != stacks[key][0].dtype || m.rows != stacks[key][0].rows || m.cols != stacks[key][0].cols {
				return refuse(key, fmt.Errorf("number %d is missing or unlike the first", e))
			}
			list[e] = *m
		}
		m := stack(list)
		dims := []int{m.cols, list[0].rows, len(list)}
		if list[0].rows == 1 {
			dims = []int{m.cols, len(list)}
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

// cutPrefixes cuts off what stands for whole models, as long as there is any.
func cutPrefixes(name string) string {
	for i := 0; i < len(hfPrefixes); i++ {
		if rest, ok := strings.CutPrefix(name, hfPrefixes[i]); ok {
			name, i = rest, -1
		}
	}
	return name
}

// layerOf cuts the layer off a name. Layers behind the last, with which some checkpoints predict further tokens, are skipped.
func (c *hfConfig) layerOf(name string) (prefix, base string, skip bool) {
	var rest string
	var ok bool
	for _, list := range []string{"layers.", "h.", "layer.", "block.", "blocks."} {
		if rest, ok = strings.CutPrefix(name, list); ok {
			break
		}
	}
	digits, base, found := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if !ok || !found || err != nil || n < 0 || strconv.Itoa(n) != digits {
		return "", name, false
	}
	return fmt.Sprintf("%sblk.%d.", c.fam.root, n), base, n >= c.layers
}

// cutNumber cuts ".N" off a name; -1 where there is none.
func cutNumber(name string) (stem string, n int) {
	stem, digits, ok := strings.Cut(name, ".")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || strconv.Itoa(n) != digits {
		return name, -1
	}
	return stem, n
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

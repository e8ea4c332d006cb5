package model

import (
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Hard limits of hyper-parameters: far above every published model, low enough that no product of two overflows.
const (
	maxLayers = 1024
	maxDim    = 1 << 20
	maxHeads  = 1 << 14
	maxVocab  = 1 << 24
	maxCtx    = 1 << 28
)

// UnsupportedError says what a valid model needs that tuff does not have.
type UnsupportedError struct{ File, What string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("model: read %q: not supported: %s", e.File, e.What)
}

// ReadConfig reads the hyper-parameters of a GGUF file and finds the family that builds it. Field and key:
//
//	NumLayers  block_count                 HiddenDim  embedding_length           FFNDim      feed_forward_length
//	NumHeads   attention.head_count        NumKVHeads attention.head_count_kv    ContextLen  context_length
//	HeadDim    attention.key_length        HeadDimV   attention.value_length     NormEps     attention.layer_norm_rms_epsilon
//	Window     attention.sliding_window    VocabSize  vocab_size, or the number of tokens
//	LocalLayers attention.sliding_window_pattern
//
// each behind the architecture's name, such as llama.block_count.
func ReadConfig(f *weights.File) (*Config, *Family, error) {
	r := reader{f: f}
	arch, ok := f.String("general.architecture")
	if !ok {
		return nil, nil, fmt.Errorf("model: read %q: got no general.architecture, want the architecture's name", f.Name)
	}
	fam := familyOf(arch)
	if fam == nil {
		return nil, nil, &UnsupportedError{f.Name, fmt.Sprintf("architecture %q, want one of %s", arch, supportedList())}
	}
	r.arch = arch
	c := &Config{Arch: arch}
	c.Name, _ = f.String("general.name")
	c.NumLayers = r.count("block_count", 1, maxLayers, 0)
	c.HiddenDim = r.count("embedding_length", 1, maxDim, 0)
	r.moe(c)
	if c.FFNDim = r.largest("feed_forward_length", fam.Uneven, maxDim); c.FFNDim == 0 {
		if c.FFNDim = 1; !fam.NoAttention {
			c.FFNDim = r.count("feed_forward_length", 1, maxDim, c.MoE.FFNDim)
		}
	}
	if c.MoE.NumExperts > 0 && c.MoE.FFNDim == 0 {
		c.MoE.FFNDim = c.FFNDim
	}
	switch {
	case fam.NoAttention:
		c.NumHeads, c.NumKVHeads = 1, 1
	default:
		c.NumHeads = r.count("attention.head_count", 1, maxHeads, 0)
		if c.NumKVHeads = r.largest("attention.head_count_kv", fam.Hybrid || fam.Uneven, maxHeads); c.NumKVHeads == 0 {
			c.NumKVHeads = r.count("attention.head_count_kv", 1, maxHeads, c.NumHeads)
		}
	}
	c.ContextLen = r.count("context_length", 1, maxCtx, 0)
	c.Window = r.count("attention.sliding_window", 0, maxCtx, 0)
	c.LocalLayers, _ = f.Bools(arch + ".attention.sliding_window_pattern")
	c.LayerNorm, c.Encoder = fam.LayerNorm, fam.Encoder
	c.NormEps = r.float("attention.layer_norm_rms_epsilon", 1e-5)
	if c.LayerNorm {
		c.NormEps = r.float("attention.layer_norm_epsilon", 1e-5)
	}
	if r.err == nil {
		def := max(c.HiddenDim/c.NumHeads, 1)
		c.HeadDim = r.count("attention.key_length", 1, maxDim, def)
		c.HeadDimV = r.count("attention.value_length", 1, maxDim, def)
	}
	c.VocabSize = r.vocab()
	c.MaxALiBi = r.float("attention.max_alibi_bias", 0)
	r.rope(c)
	if r.err != nil {
		return nil, nil, r.err
	}
	if c.NumHeads%c.NumKVHeads != 0 {
		return nil, nil, fmt.Errorf("model: read %q: got %d heads over %d KV heads, want a multiple", f.Name, c.NumHeads, c.NumKVHeads)
	}
	if multiplier(f, c, "attention.clamp_kqv") != 0 { // OLMo, OLMoE and MPT may have it
		return nil, nil, &UnsupportedError{f.Name, "queries, keys and values that are clamped (attention.clamp_kqv)"}
	}
	if fam.Config != nil {
		if err := fam.Config(c, f); err != nil {
			return nil, nil, err
		}
	}
	if c.kCols == 0 { // the family does not know better
		heads := attnLayers(f, fam, c.NumLayers) * c.NumKVHeads
		c.kCols, c.vCols = heads*c.HeadDim, heads*c.HeadDimV
	}
	if v, ok := f.Bool(arch + ".expert_weights_norm"); ok { // the file knows better than the family
		c.MoE.Normalize = v
	}
	return c, fam, nil
}

// attnLayers is the number of layers that attend and so have a KV cache. Those of hybrids are told by their tensors.
func attnLayers(f *weights.File, fam *Family, layers int) int {
	switch {
	case fam.NoAttention:
		return 0
	case !fam.Hybrid:
		return layers
	}
	n := 0
	for i := range layers {
		if _, ok := f.Tensor(fmt.Sprintf("blk.%d.attn_output.weight", i)); ok {
			n++
		}
	}
	return n
}

// moe reads the keys of a mixture of experts. Families say which gate they have; some files do.
func (r *reader) moe(c *Config) {
	m := &c.MoE
	m.NumExperts = r.count("expert_count", 0, 1024, 0)
	if m.NumExperts == 0 {
		return
	}
	m.NumUsed = r.count("expert_used_count", 1, m.NumExperts, 0)
	m.FFNDim = r.count("expert_feed_forward_length", 0, maxDim, 0)
	if m.SharedFFNDim = r.count("expert_shared_feed_forward_length", 0, maxDim, 0); m.SharedFFNDim == 0 {
		m.SharedFFNDim = r.count("expert_shared_count", 0, 1024, 0) * m.FFNDim // as wide as that many experts
	}
	m.DenseLayers = r.count("leading_dense_block_count", 0, maxLayers, 0)
	m.Factor = r.float("expert_weights_scale", 0)
	m.Groups, m.UsedGroups = r.count("expert_group_count", 0, m.NumExperts, 0), r.count("expert_group_used_count", 0, m.NumExperts, 0)
	if v, ok := r.f.Bool(r.arch + ".expert_weights_norm"); ok {
		m.Normalize = v
	}
	if r.count("expert_gating_func", 0, 3, 0) == 2 {
		m.Gate = compute.SigmoidGate
	}
}

// reader reads keys of one architecture and keeps the first error.
type reader struct {
	f    *weights.File
	arch string
	err  error
}

func (r *reader) fail(key, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("model: read %q: %s.%s: %s", r.f.Name, r.arch, key, fmt.Sprintf(format, args...))
	}
}

// count reads a whole number from lo to hi. A missing key gives def, or is an error when def is below lo. An array that
// says the same for every layer is that number; other arrays are refused.
func (r *reader) count(key string, lo, hi, def int) int {
	full := r.arch + "." + key
	v, ok := r.f.Uint(full)
	if !ok {
		per, isArray := r.f.Ints(full)
		switch {
		case isArray && len(per) > 0:
			for i, n := range per {
				if n != per[0] {
					r.fail(key, "got %d for layer 0 and %d for layer %d, want one number for all layers", per[0], n, i)
				}
			}
			if per[0] < 0 {
				r.fail(key, "got %d", per[0])
				return lo
			}
			v = uint64(per[0])
		case r.f.Value(full) != nil:
			r.fail(key, "got another type, want a whole number")
			return lo
		case def >= lo:
			return def
		default:
			r.fail(key, "got nothing, want a number from %d to %d", lo, hi)
			return lo
		}
	}
	if v < uint64(lo) || v > uint64(hi) {
		r.fail(key, "got %d, want %d to %d", v, lo, hi)
		return lo
	}
	return int(v)
}

// largest is the largest number of a list with one for each layer, 0 where there is none.
func (r *reader) largest(key string, may bool, hi int) int {
	list, ok := r.f.Ints(r.arch + "." + key)
	if !may || !ok {
		return 0
	}
	most := int64(0)
	for _, n := range list {
		most = max(most, n)
	}
	if most > int64(hi) {
		r.fail(key, "got %d, want at most %d", most, hi)
		return 1
	}
	return int(most)
}

// each is a number of every layer, from lo to hi: a list of them, or one for all, or def.
func (r *reader) each(key string, layers, lo, hi, def int) []int {
	out := make([]int, layers)
	list, ok := r.f.Ints(r.arch + "." + key)
	if !ok {
		one := r.count(key, lo, hi, def)
		for i := range out {
			out[i] = one
		}
		return out
	}
	if len(list) != layers {
		r.fail(key, "got %d numbers, want one for each of %d layers", len(list), layers)
		return out
	}
	for i, n := range list {
		if n < int64(lo) || n > int64(hi) {
			r.fail(key, "got %d for layer %d, want %d to %d", n, i, lo, hi)
			n = int64(lo)
		}
		out[i] = int(n)
	}
	return out
}

// float reads a finite number of at least zero; a missing key gives def.
func (r *reader) float(key string, def float32) float32 {
	v, ok := r.f.Float(r.arch + "." + key)
	switch {
	case !ok && r.f.Value(r.arch+"."+key) != nil:
		r.fail(key, "got another type, want a number")
		return def
	case !ok:
		return def
	case !(v >= 0) || v > math.MaxFloat32:
		r.fail(key, "got %g, want a finite number of at least 0", v)
		return def
	}
	return float32(v)
}

// vocab is the size of the vocabulary: what the file says, or the rows of the token embedding.
func (r *reader) vocab() int {
	if t, ok := r.f.Tensor("token_embd.weight"); ok {
		if t.Rows > maxVocab {
			r.fail("vocab_size", "token_embd.weight has %d rows, want at most %d", t.Rows, maxVocab)
		}
		return t.Rows
	}
	return r.count("vocab_size", 1, maxVocab, 0)
}

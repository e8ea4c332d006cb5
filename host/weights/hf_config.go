package weights

import (
	"fmt"
	"math"
	"slices"
)

// hfConfig is a config.json on its way to GGUF's keys. Both flavours are read: that of transformers 4 with rope_theta, rope_scaling
// and torch_dtype, and that of 5 with rope_parameters and dtype. The first error sticks.
type hfConfig struct {
	file string
	m    map[string]any
	fam  *hfFamily
	out  *File
	err  error

	layers, experts, heads, kvHeads, headDim int
	block                                    [2]int               // rows and columns that share a scale in FP8 matrices
	nope, lora, valueDim                     int                  // of latent attention
	streams                                  int                  // of Gemma 3n
	factors                                  map[string][]float32 // tensors that the configuration spells out
}

func (c *hfConfig) fail(key, got, want string) {
	if c.err == nil {
		c.err = &FormatError{c.file, 0, key, got, want}
	}
}

// refuse says what of a known family is not implemented.
func (c *hfConfig) refuse(format string, args ...any) {
	if c.err == nil {
		c.err = &UnsupportedError{c.file, fmt.Sprintf(format, args...)}
	}
}

// get1 is the first of keys that is there and not null.
func get1(m map[string]any, keys ...string) (string, any) {
	for _, k := range keys {
		if v := m[k]; v != nil {
			return k, v
		}
	}
	return keys[0], nil
}

// count is a whole number up to most; def where none of keys is there, and an error where def is negative.
func (c *hfConfig) count(def, most int, keys ...string) int {
	k, v := get1(c.m, keys...)
	return c.countOf(k, v, def, most)
}

func (c *hfConfig) countOf(k string, v any, def, most int) int {
	if v == nil {
		if def < 0 {
			c.fail(k, "nothing", "a number")
			return 1 // may be divided by
		}
		return def
	}
	n, ok := v.(number)
	w, whole := n.whole()
	if !ok || !whole || w > int64(most) {
		c.fail(k, show(v), fmt.Sprintf("a whole number from 0 to %d", most))
		return max(def, 1)
	}
	return int(w)
}

func (c *hfConfig) float(def float64, keys ...string) float64 {
	k, v := get1(c.m, keys...)
	return c.floatOf(k, v, def)
}

func (c *hfConfig) floatOf(k string, v any, def float64) float64 {
	if v == nil {
		return def
	}
	if m, ok := v.(map[string]any); ok && len(m) == 1 { // version 5 writes what JSON has no number for as an object
		if s, ok := m["__float__"].(string); ok {
			v = number(s)
		}
	}
	n, ok := v.(number)
	f, isFloat := n.float()
	if !ok || !isFloat {
		c.fail(k, show(v), "a number")
		return def
	}
	return f
}

func (c *hfConfig) flag(def bool, keys ...string) bool {
	k, v := get1(c.m, keys...)
	if v == nil {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		c.fail(k, show(v), "true or false")
	}
	return b
}

func (c *hfConfig) text(keys ...string) string {
	_, v := get1(c.m, keys...)
	s, _ := v.(string)
	return s
}

// set writes a key of the architecture: whole numbers as uint32, floats as float32, as GGUF files have them.
func (c *hfConfig) set(key string, v any) {
	switch x := v.(type) {
	case int:
		v = uint32(min(max(x, 0), math.MaxInt32))
	case float64:
		v = float32(x)
	}
	c.out.put(c.fam.arch+"."+key, v)
}

// put adds a metadata key or replaces its value.
func (f *File) put(key string, v any) {
	if _, ok := f.values[key]; !ok {
		f.keys = append(f.keys, key)
	}
	f.values[key] = v
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case number:
		return quote(string(v))
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	return fmt.Sprint(v)
}

// Caps of config.json, as generous as those that readers of GGUF's keys have.
const (
	maxHFLayers = 1024
	maxHFDim    = 1 << 20
	maxHFCtx    = 1 << 28
)

// translate writes the keys that every family has, then its own.
func (c *hfConfig) translate() error {
	f := c.fam
	for k, v := range f.defaults {
		if c.m[k] == nil {
			c.m[k] = v
		}
	}
	if act := c.text("hidden_activation", "hidden_act", "activation_function", "activation"); act != "" && !slices.Contains(f.acts, act) {
		c.refuse("activation %s in %s, want one of %v", quote(act), f.types[0], f.acts)
	}
	hidden := c.count(-1, maxHFDim, "hidden_size", "n_embd", "d_model", "dim")
	c.layers = c.count(-1, maxHFLayers, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
	c.heads = c.count(-1, 1<<16, "num_attention_heads", "n_head", "num_heads", "n_heads")
	c.kvHeads = c.count(c.heads, 1<<16, "num_key_value_heads")
	c.headDim = c.count(hidden/max(c.heads, 1), maxHFDim, "head_dim", "d_kv")
	ctx := c.count(-1, maxHFCtx, "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
	c.set("vocab_size", c.count(-1, 1<<24, "vocab_size"))
	c.set("context_length", ctx)
	c.set("embedding_length", hidden)
	c.set("block_count", c.layers)
	c.feedForward(hidden)
	c.set("attention.head_count", c.heads)
	c.set("attention.head_count_kv", c.kvHeads)
	c.set("attention.key_length", c.headDim)
	c.set("attention.value_length", c.headDim)
	if f.layerNorm {
		c.set("attention.layer_norm_epsilon", c.float(1e-5, "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"))
	} else {
		c.set("attention.layer_norm_rms_epsilon", c.float(1e-6, "rms_norm_eps", "norm_eps", "layer_norm_epsilon"))
	}
	if f.halves {
		c.out.put("tuff.rope.halves", true)
	}
	if !f.noRope {
		c.rope(ctx)
	}
	c.window()
	if f.moe {
		c.mixture()
	}
	if f.config != nil && c.err == nil {
		f.config(c)
	}
	return c.err
}

// feedForward writes the width of the feed-forward part, or a list of those of the layers.
func (c *hfConfig) feedForward(hidden int) {
	list, ok := wholes(c.m["intermediate_size"])
	if !ok {
		c.set("feed_forward_length", c.count(4*hidden, maxHFDim, "intermediate_size", "n_inner", "ffn_hidden_size", "d_ff", "hidden_dim"))
		return
	}
	if len(list) != c.layers {
		c.fail("intermediate_size", fmt.Sprintf("%d entries", len(list)), fmt.Sprintf("%d, one for each layer", c.layers))
	}
	widths := make([]int32, len(list))
	for i, n := range list {
		widths[i] = int32(min(max(n, 0), maxHFDim))
	}
	c.out.put(c.fam.arch+".feed_forward_length", widths)
}

// mixture writes the keys of a mixture of experts.
func (c *hfConfig) mixture() {
	c.experts = c.count(-1, 1024, "num_local_experts", "num_experts", "n_routed_experts")
	c.set("expert_count", c.experts)
	c.set("expert_used_count", c.count(-1, 1024, "num_experts_per_tok", "experts_per_token"))
	if c.m["moe_intermediate_size"] != nil {
		c.set("expert_feed_forward_length", c.count(-1, maxHFDim, "moe_intermediate_size"))
	}
	if c.m["norm_topk_prob"] != nil {
		c.out.put(c.fam.arch+".expert_weights_norm", c.flag(false, "norm_topk_prob"))
	}
	if step := c.count(1, maxHFLayers, "decoder_sparse_step"); step != 1 {
		c.refuse("experts in every layer of %d only", step)
	}
	dense, ok := wholes(c.m["mlp_only_layers"])
	if c.m["mlp_only_layers"] != nil && !ok {
		c.fail("mlp_only_layers", show(c.m["mlp_only_layers"]), "a list of layers")
	}
	for i, n := range dense {
		if n != int64(i) {
			c.refuse("layers without experts behind layers with them")
		}
	}
	if len(dense) > 0 {
		c.set("leading_dense_block_count", len(dense))
	}
}

// window writes the sliding window and the layers that have it, where the family has windows.
func (c *hfConfig) window() {
	size := c.count(0, maxHFCtx, "sliding_window")
	if c.fam.local == nil || c.m["sliding_window"] == nil || size == 0 || !c.flag(true, "use_sliding_window") {
		return
	}
	pattern := make([]bool, c.layers)
	every := true
	for i := range pattern {
		pattern[i] = c.fam.local(c, i)
		every = every && pattern[i]
	}
	if list, ok := c.m["layer_types"].([]any); ok {
		every = false
		if len(list) != c.layers {
			c.fail("layer_types", fmt.Sprintf("%d entries", len(list)), fmt.Sprintf("%d, one for each layer", c.layers))
			return
		}
		for i, v := range list {
			if pattern[i] = v == "sliding_attention"; !pattern[i] && v != "full_attention" {
				c.refuse("layer_types: %s", show(v))
			}
		}
	}
	if !slices.Contains(pattern, true) {
		return
	}
	c.set("attention.sliding_window", size)
	if !every {
		c.set("attention.sliding_window_pattern", pattern)
	}
}

// Windows of families whose configuration does not list its layers.
func allLocal(*hfConfig, int) bool      { return true }
func evenLocal(_ *hfConfig, i int) bool { return i%2 == 0 }
func laterLocal(c *hfConfig, i int) bool {
	return i >= c.count(maxHFLayers, maxHFLayers, "max_window_layers")
}
func patternLocal(def int) func(*hfConfig, int) bool {
	return func(c *hfConfig, i int) bool {
		return (i+1)%max(c.count(def, maxHFLayers, "sliding_window_pattern", "_sliding_window_pattern"), 1) != 0
	}
}

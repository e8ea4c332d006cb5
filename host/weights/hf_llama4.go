package weights

import "fmt"

// hfLlama4 is the text part of Llama 4. Its matrices of experts lie turned, gate beside up.
var hfLlama4 = &hfFamily{types: []string{"llama4_text", "llama4"}, arch: "llama4", acts: silu, config: llama4Keys,
	defaults: map[string]any{"rms_norm_eps": number("1e-5"), "rope_theta": number("500000"), "intermediate_size": number("8192"), "intermediate_size_mlp": number("16384"),
		"num_experts_per_tok": number("1"), "num_local_experts": number("16")},
	names: map[string]string{"feed_forward.gate_proj": "ffn_gate", "feed_forward.up_proj": "ffn_up", "feed_forward.down_proj": "ffn_down",
		"feed_forward.router": "ffn_gate_inp", "feed_forward.shared_expert.gate_proj": "ffn_gate_shexp", "feed_forward.shared_expert.up_proj": "ffn_up_shexp",
		"feed_forward.shared_expert.down_proj": "ffn_down_shexp", "feed_forward.experts.gate_proj": "ffn_gate_exps",
		"feed_forward.experts.up_proj": "ffn_up_exps", "feed_forward.experts.down_proj": "ffn_down_exps"},
	splits: map[string]hfSplit{"feed_forward.experts.gate_up_proj": splitGateBesideUp, "feed_forward.experts.down_proj": downTransposed}}

// llama4Keys writes what GGUF files leave to the published models: the chunk and the layers that have it, the layers that rotate, the
// temperature of the others' queries, and whether heads are normalised.
func llama4Keys(c *hfConfig) {
	interval := max(c.count(4, maxHFLayers, "no_rope_layer_interval"), 1)
	rotated := c.layerFlags("no_rope_layers", func(i int) bool { return (i+1)%interval != 0 })
	c.out.put("tuff.rope.layers", rotated)

	c.set("attention.sliding_window", c.chunkLayers(rotated))
	scale := c.float(0.1, "attn_scale")
	switch v := c.m["attn_temperature_tuning"].(type) {
	case bool:
		if !v {
			scale = 0
		}
	case number: // older configurations have a number here, of which only zero means something
		if c.count(0, maxHFCtx, "attn_temperature_tuning") == 0 {
			scale = 0
		}
	}
	c.set("attention.temperature_scale", scale)
	c.set("attention.temperature_length", max(c.count(8192, maxHFCtx, "floor_scale"), 1))
	c.out.put("tuff.llama4.qk_norm", c.flag(true, "use_qk_norm"))

	c.set("feed_forward_length", c.count(-1, maxHFDim, "intermediate_size_mlp"))
	c.llama4Experts()
}

// layerFlags reads a list of 0 and 1, one for each layer; missing or empty it is what def says.
func (c *hfConfig) layerFlags(key string, def func(layer int) bool) []bool {
	list, ok := wholes(c.m[key])
	if c.m[key] != nil && (!ok || len(list) != 0 && len(list) != c.layers) {
		c.fail(key, show(c.m[key]), fmt.Sprintf("a list of %d times 0 or 1", c.layers))
		list = nil
	}
	out := make([]bool, c.layers)
	for i := range out {
		if out[i] = def(i); len(list) > 0 {
			out[i] = list[i] != 0
		}
	}
	return out
}

// chunkLayers is the size of a chunk, 0 for none, once the layers that have it are written: those that layer_types lists, or those
// that rotate.
func (c *hfConfig) chunkLayers(rotated []bool) int {
	local := rotated
	if list, ok := c.m["layer_types"].([]any); ok {
		if len(list) != c.layers {
			c.fail("layer_types", fmt.Sprintf("%d entries", len(list)), fmt.Sprintf("%d, one for each layer", c.layers))
			return 0
		}
		local = make([]bool, c.layers)
		for i, v := range list {
			if local[i] = v == "chunked_attention"; !local[i] && v != "full_attention" {
				c.refuse("layer_types: %s", show(v))
			}
		}
	}
	c.set("attention.sliding_window_pattern", local)
	if v, there := c.m["attention_chunk_size"]; there && v == nil {
		return 0
	}
	return c.count(8192, maxHFCtx, "attention_chunk_size")
}

// llama4Experts writes the keys of the experts, where there are any, and the layers that have them.
func (c *hfConfig) llama4Experts() {
	step := c.count(1, maxHFLayers, "interleave_moe_layer_step")
	layers := make([]bool, c.layers)
	some := false
	list, ok := wholes(c.m["moe_layers"])
	switch {
	case ok:
		for _, n := range list {
			if n < 0 || n >= int64(c.layers) {
				c.fail("moe_layers", fmt.Sprint(n), fmt.Sprintf("0 to %d", c.layers-1))
				return
			}
			layers[n], some = true, true
		}
	case c.m["moe_layers"] != nil:
		c.fail("moe_layers", show(c.m["moe_layers"]), "a list of layers")
		return
	default:
		for i := range layers {
			layers[i] = step > 0 && (i+1)%step == 0
			some = some || layers[i]
		}
	}
	if !some {
		c.set("interleave_moe_layer_step", 0)
		return
	}
	c.mixture()
	c.set("expert_feed_forward_length", c.count(-1, maxHFDim, "intermediate_size"))
	c.set("interleave_moe_layer_step", step)
	c.out.put("tuff.moe.layers", layers)
}

// splitGateBesideUp splits [E, H, 2·I] and turns the halves: the gate's columns lie before those of up.
func splitGateBesideUp(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	n, err := expertRows(c, m)
	if err != nil || m.cols%2 != 0 {
		return nil, wantShape(m, "columns of gate and up of each expert")
	}
	half, dims := m.cols/2, []int{n, m.cols / 2, c.experts}
	part := func(first int) matrix { return m.transposed(n, half, func(j int) int { return first + j }) }
	return []hfTensor{{"ffn_gate_exps.weight", part(0), dims}, {"ffn_up_exps.weight", part(half), dims}}, nil
}

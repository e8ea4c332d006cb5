package weights

import "maps"

// hfGemma4 is the text part of Gemma 4. The heads of its configuration are those of local layers; global ones have sizes of their own.
var hfGemma4 = &hfFamily{types: []string{"gemma4_text", "gemma4"}, arch: "gemma4", acts: geluTanh, local: patternLocal(6), config: gemma4Keys,
	defaults: map[string]any{"head_dim": number("256"), "global_head_dim": number("512"), "sliding_window": number("512"), "rope_parameters": map[string]any{
		"full_attention":    map[string]any{"rope_type": "proportional", "partial_rotary_factor": number("0.25"), "rope_theta": number("1000000")},
		"sliding_attention": map[string]any{"rope_type": "default", "rope_theta": number("10000")}}},
	names: gemmaLayerNames(map[string]string{"post_feedforward_layernorm_1": "post_ffw_norm_1", "post_feedforward_layernorm_2": "post_ffw_norm_2",
		"pre_feedforward_layernorm_2": "pre_ffw_norm_2", "router.proj": "ffn_gate_inp"}),
	splits: map[string]hfSplit{"layer_scalar": renamed("layer_output_scale.weight"), "router.scale": renamed("ffn_gate_inp.scale"),
		"router.per_expert_scale": renamed("ffn_down_exps.scale"), "experts.gate_up_proj": splitGateUp, "experts.down_proj": expertsAs("ffn_down_exps.weight")}}

// expertsAs names the matrices of experts, [E, N, K].
func expertsAs(to string) hfSplit {
	return func(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
		n, err := expertRows(c, m)
		if err != nil {
			return nil, err
		}
		return []hfTensor{{to, m, []int{m.cols, n, c.experts}}}, nil
	}
}

// gemmaLayerNames are the tensors' names that Gemma 3n and 4 share.
func gemmaLayerNames(more map[string]string) map[string]string {
	all := map[string]string{"embed_tokens_per_layer": "per_layer_token_embd", "per_layer_model_projection": "per_layer_model_proj",
		"per_layer_projection_norm": "per_layer_proj_norm", "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj", "post_per_layer_input_norm": "post_norm"}
	maps.Copy(all, gemmaNorms)
	maps.Copy(all, more)
	return all
}

// gemma4Keys writes what differs between layers: heads of local and global ones, and the feed-forward parts of those that share keys and
// values, which may be twice as wide.
func gemma4Keys(c *hfConfig) {
	if v := c.m["use_bidirectional_attention"]; v != nil && v != false && v != "vision" { // of images only
		c.refuse("attention in both directions")
	}
	if c.flag(false, "attention_bias") {
		c.refuse("attention_bias in gemma4")
	}
	c.scale("final_logit_softcapping", "final_logit_softcapping")
	local := make([]bool, c.layers)
	for i := range local {
		local[i] = c.fam.local(c, i)
	}
	if list, ok := c.out.Bools("gemma4.attention.sliding_window_pattern"); ok {
		local = list
	} else if c.m["layer_types"] != nil { // and none of them slides
		clear(local)
	}
	global := c.count(c.headDim, maxHFDim, "global_head_dim")
	c.set("attention.key_length", global)
	c.set("attention.value_length", global)
	c.set("attention.key_length_swa", c.headDim)
	c.set("attention.value_length_swa", c.headDim)
	c.set("rope.dimension_count_swa", c.headDim)
	shared := c.count(0, c.layers, "num_kv_shared_layers")
	c.set("attention.shared_kv_layers", shared)
	c.set("embedding_length_per_layer_input", c.count(0, maxHFDim, "hidden_size_per_layer_input"))

	same := c.flag(false, "attention_k_eq_v")
	globalKV := c.kvHeads
	if same {
		globalKV = c.count(c.kvHeads, 1<<16, "num_global_key_value_heads")
	}
	width := c.count(-1, maxHFDim, "intermediate_size")
	wide := c.flag(false, "use_double_wide_mlp")
	kv, widths := make([]int32, c.layers), make([]int32, c.layers)
	for i := range kv {
		if kv[i] = int32(c.kvHeads); !local[i] {
			kv[i] = int32(globalKV)
		}
		if widths[i] = int32(width); wide && shared < c.layers && i >= c.layers-shared {
			widths[i] *= 2
		}
	}
	c.out.put("gemma4.attention.head_count_kv", kv)
	c.out.put("gemma4.feed_forward_length", widths)
	if c.flag(false, "enable_moe_block") {
		c.experts = c.count(-1, 1024, "num_experts")
		c.set("expert_count", c.experts)
		c.set("expert_used_count", c.count(-1, 1024, "top_k_experts"))
		c.set("expert_feed_forward_length", c.count(-1, maxHFDim, "moe_intermediate_size", "expert_intermediate_size"))
	}
}

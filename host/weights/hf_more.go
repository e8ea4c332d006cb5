package weights

import (
	"fmt"
	"math"
)

// relu2 is the squared ReLU; relu the plain one.
var (
	relu2 = []string{"relu2"}
	relu  = []string{"relu"}
)

// hfMore are the decoders that are less often met.
var hfMore = []*hfFamily{
	hfLlama4,
	{types: []string{"arcee"}, arch: "arcee", halves: true, acts: relu2},
	{types: []string{"nemotron"}, arch: "nemotron", layerNorm: true, plusOne: true, acts: relu2, defaults: map[string]any{"partial_rotary_factor": number("0.5")}},
	{types: []string{"seed_oss"}, arch: "seed_oss", acts: silu, names: map[string]string{"post_attention_layernorm": "post_attention_norm"}},
	{types: []string{"ernie4_5"}, arch: "ernie4_5", acts: silu},
	{types: []string{"ernie4_5_moe"}, arch: "ernie4_5-moe", acts: silu, config: ernieMoEKeys,
		names: map[string]string{"mlp.moe_statics.e_score_correction_bias": "exp_probs_b.bias"}, splits: fusedExperts},
	{types: []string{"exaone4"}, arch: "exaone4", acts: silu, local: exaoneLocal, config: exaoneKeys,
		names: map[string]string{"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}},
	{types: []string{"glm"}, arch: "chatglm", acts: silu, defaults: map[string]any{"partial_rotary_factor": number("0.5")}},
	{types: []string{"glm4_moe"}, arch: "glm4moe", acts: silu, moe: true, splits: fusedExperts, defaults: map[string]any{"partial_rotary_factor": number("0.5")},
		names: map[string]string{"post_attention_layernorm": "post_attention_norm"}, config: glmMoEKeys},
	{types: []string{"hunyuan_v1_dense"}, arch: "hunyuan-dense", acts: silu, config: hunyuanKeys,
		names: map[string]string{"self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm"}},
	{types: []string{"olmo"}, arch: "olmo", layerNorm: true, halves: true, acts: silu, config: func(c *hfConfig) {
		if c.m["clip_qkv"] != nil {
			c.refuse("clip_qkv")
		}
	}},
	{types: []string{"olmo3"}, arch: "olmo2", acts: silu, local: patternLocal(4),
		names: map[string]string{"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}},
	{types: []string{"phimoe"}, arch: "phimoe", layerNorm: true, acts: silu, local: allLocal, moe: true, config: phiMoEKeys},
	{types: []string{"bloom"}, arch: "bloom", layerNorm: true, noRope: true, acts: nil, config: bloomKeys, defaults: map[string]any{"n_positions": number("2048")},
		names: map[string]string{"word_embeddings": "token_embd", "word_embeddings_layernorm": "token_embd_norm", "ln_f": "output_norm",
			"self_attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
		splits: map[string]hfSplit{"self_attention.query_key_value": splitGrouped}},
	{types: []string{"mpt"}, arch: "mpt", layerNorm: true, noRope: true, acts: nil, config: mptKeys, defaults: map[string]any{"max_seq_len": number("2048")},
		names: map[string]string{"wte": "token_embd", "norm_f": "output_norm", "norm_1": "attn_norm", "norm_2": "ffn_norm", "attn.Wqkv": "attn_qkv",
			"attn.out_proj": "attn_output", "ffn.up_proj": "ffn_up", "ffn.down_proj": "ffn_down"}},
	{types: []string{"gptj"}, arch: "gptj", layerNorm: true, acts: geluTanh, config: gptJKeys,
		names: map[string]string{"wte": "token_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "attn.q_proj": "attn_q", "attn.k_proj": "attn_k",
			"attn.v_proj": "attn_v", "attn.out_proj": "attn_output", "mlp.fc_in": "ffn_up", "mlp.fc_out": "ffn_down"}},
	{types: []string{"gpt_neo"}, arch: "gptneo", layerNorm: true, noRope: true, acts: geluTanh, local: neoLocal, config: gptNeoKeys,
		names: map[string]string{"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
			"attn.attention.q_proj": "attn_q", "attn.attention.k_proj": "attn_k", "attn.attention.v_proj": "attn_v",
			"attn.attention.out_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}},
	{types: []string{"gpt_bigcode"}, arch: "starcoder", layerNorm: true, noRope: true, acts: geluTanh, config: bigCodeKeys,
		names: map[string]string{"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
			"attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"},
		splits: map[string]hfSplit{"attn.c_attn": splitBigCode}},
	{types: []string{"opt"}, arch: "opt", layerNorm: true, noRope: true, acts: relu, config: optKeys,
		names: map[string]string{"self_attn_layer_norm": "attn_norm", "self_attn.out_proj": "attn_output", "fc1": "ffn_up", "fc2": "ffn_down",
			"*.final_layer_norm": "ffn_norm", "final_layer_norm": "output_norm"},
		splits: map[string]hfSplit{"embed_positions": dropRows(2)}},
}

// ernieMoEKeys: leading layers are dense, all others have experts.
func ernieMoEKeys(c *hfConfig) {
	first, last := c.count(0, maxHFLayers, "moe_layer_start_index"), c.layers-1
	if v, ok := c.m["moe_layer_end_index"].(number); ok && v != "-1" {
		last = c.count(0, maxHFLayers, "moe_layer_end_index")
	}
	if c.count(1, maxHFLayers, "moe_layer_interval") != 1 || last < c.layers-1 {
		c.refuse("layers without experts behind layers with them")
	}
	c.experts = c.count(-1, 1024, "moe_num_experts")
	size := c.count(-1, maxHFDim, "moe_intermediate_size")
	c.set("expert_count", c.experts)
	c.set("expert_used_count", c.count(-1, 1024, "moe_k"))
	c.set("expert_feed_forward_length", size)
	c.set("expert_shared_count", c.count(0, 1024, "moe_num_shared_experts"))
	c.set("expert_shared_feed_forward_length", size*c.count(0, 1024, "moe_num_shared_experts"))
	c.set("interleave_moe_layer_step", 1)
	c.set("leading_dense_block_count", first)
	c.out.put(c.fam.arch+".expert_weights_norm", true)
}

// exaoneLocal reads patterns such as LLLG.
func exaoneLocal(c *hfConfig, i int) bool {
	pattern := c.text("sliding_window_pattern")
	if pattern == "" {
		return patternLocal(4)(c, i)
	}
	return pattern[i%len(pattern)] == 'L'
}

// exaoneKeys says which layers rotate: those with the window, where there is one.
func exaoneKeys(c *hfConfig) {
	if local, ok := c.out.Bools(c.fam.arch + ".attention.sliding_window_pattern"); ok {
		c.out.put("tuff.rope.layers", local)
	}
}

func glmMoEKeys(c *hfConfig) {
	c.set("leading_dense_block_count", c.count(1, maxHFLayers, "first_k_dense_replace"))
	c.set("expert_shared_count", c.count(1, 1024, "n_shared_experts"))
	c.set("expert_shared_feed_forward_length", c.count(1, 1024, "n_shared_experts")*c.count(0, maxHFDim, "moe_intermediate_size"))
	c.set("expert_weights_scale", c.float(1, "routed_scaling_factor"))
	c.set("expert_gating_func", 2)
	if n := c.count(1, 1024, "n_group"); n > 1 {
		c.set("expert_group_count", n)
		c.set("expert_group_used_count", c.count(1, 1024, "topk_group"))
	}
}

// hunyuanKeys: what it calls dynamic is a larger base for sequences of any length.
func hunyuanKeys(c *hfConfig) {
	p, _ := c.m["rope_parameters"].(map[string]any)
	if p == nil {
		p, _ = c.m["rope_scaling"].(map[string]any)
	}
	if alpha := c.floatOf("alpha", p["alpha"], 0); alpha > 0 {
		_, theta := get1(p, "rope_theta")
		base := c.floatOf("rope_theta", theta, c.float(10000, "rope_theta"))
		dim := float64(c.headDim)
		c.set("rope.freq_base", base*math.Pow(alpha, dim/max(dim-2, 1)))
		c.set("rope.scaling.type", "none")
	}
}

// maxALiBi is the exponent that slopes go down to in all published models.
const maxALiBi = 8.0

func bloomKeys(c *hfConfig) {
	if c.flag(false, "apply_residual_connection_post_layernorm") {
		c.refuse("apply_residual_connection_post_layernorm")
	}
	c.set("attention.max_alibi_bias", maxALiBi)
}

func mptKeys(c *hfConfig) {
	a, _ := c.m["attn_config"].(map[string]any)
	if v, _ := a["alibi"].(bool); !v {
		c.refuse("mpt without ALiBi")
	}
	if v, _ := a["qk_ln"].(bool); v || a["clip_qkv"] != nil || c.m["logit_scale"] != nil {
		c.refuse("mpt with qk_ln, clip_qkv or logit_scale")
	}
	c.set("attention.max_alibi_bias", c.floatOf("alibi_bias_max", a["alibi_bias_max"], maxALiBi))
	if a["softmax_scale"] != nil {
		c.set("attention.scale", c.floatOf("softmax_scale", a["softmax_scale"], 1))
	}
}

// phiMoEKeys: the norms' epsilon has RMSNorm's name, and LongRoPE a temperature of its own.
func phiMoEKeys(c *hfConfig) {
	c.set("attention.layer_norm_rms_epsilon", c.float(1e-5, "rms_norm_eps"))
	c.set("attention.layer_norm_epsilon", c.float(1e-5, "rms_norm_eps"))
	c.set("expert_jitter", c.float(0.01, "router_jitter_noise"))
	p, _ := c.m["rope_parameters"].(map[string]any)
	if p == nil {
		p, _ = c.m["rope_scaling"].(map[string]any)
	}
	short, long := c.floatOf("short_mscale", p["short_mscale"], 0), c.floatOf("long_mscale", p["long_mscale"], 0)
	switch {
	case short != long:
		c.refuse("short_mscale %g other than long_mscale %g", short, long)
	case short != 0:
		c.set("rope.scaling.attn_factor", short)
	}
}

func gptJKeys(c *hfConfig) { c.set("rope.dimension_count", c.count(c.headDim, maxHFDim, "rotary_dim")) }

// neoLocal reads the list of layers' kinds, or GPT-Neo's usual alternation.
func neoLocal(c *hfConfig, i int) bool {
	list, ok := c.m["attention_layers"].([]any)
	if !ok || len(list) != c.layers {
		return i%2 == 1
	}
	return list[i] == "local"
}

func gptNeoKeys(c *hfConfig) {
	c.m["sliding_window"] = number(fmt.Sprint(c.count(256, maxHFCtx, "window_size")))
	c.window()
}

func bigCodeKeys(c *hfConfig) {
	if !c.flag(true, "scale_attn_weights") {
		c.refuse("gpt_bigcode without scaled scores")
	}
	if c.flag(true, "multi_query") {
		c.kvHeads = 1
		c.set("attention.head_count_kv", 1)
	}
}

// splitBigCode: with one KV head the rows lie as queries, key, value; otherwise head by head.
func splitBigCode(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	if c.kvHeads == 1 {
		return []hfTensor{{"attn_qkv" + kind, m, nil}}, nil
	}
	return splitGrouped(c, m, kind)
}

func optKeys(c *hfConfig) {
	hidden := c.count(-1, maxHFDim, "hidden_size")
	if !c.flag(true, "do_layer_norm_before") || c.flag(false, "_remove_final_layer_norm") || c.count(hidden, maxHFDim, "word_embed_proj_dim") != hidden {
		c.refuse("opt with norms behind its parts, without a last norm, or with projected embeddings")
	}
	c.set("feed_forward_length", c.count(4*hidden, maxHFDim, "ffn_dim"))
}

// dropRows drops the first rows of position embeddings, which no token has.
func dropRows(n int) hfSplit {
	return func(_ *hfConfig, m matrix, kind string) ([]hfTensor, error) {
		if m.rows <= n {
			return nil, wantShape(m, fmt.Sprintf("more than %d rows", n))
		}
		return []hfTensor{{"position_embd" + kind, m.pick(m.rows-n, func(i int) int { return i + n }), nil}}, nil
	}
}

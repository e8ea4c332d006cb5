package weights

import (
	"fmt"
	"slices"
)

// hfFamily is how one model_type of config.json becomes an architecture of GGUF: what its keys and tensors are called there.
type hfFamily struct {
	types     []string // values of model_type
	arch      string   // GGUF's general.architecture
	layerNorm bool     // LayerNorm instead of RMSNorm, which decides the key of its epsilon
	// halves says that the checkpoint rotates the halves of a head where GGUF files of arch have adjacent pairs, their query and key
	// rows permuted. The rows stay as they are, and the key tuff.rope.halves says so.
	halves  bool
	noRope  bool
	moe     bool
	plusOne bool     // norms multiply by 1 + weight
	acts    []string // activations that the architecture has
	// local says which layers have the sliding window where the configuration does not list them; nil: the family has none.
	local    func(c *hfConfig, layer int) bool
	defaults map[string]any
	names    map[string]string  // of tensors, besides hfNames
	splits   map[string]hfSplit // tensors that become others
	stacks   map[string]string  // tensors "name.N", one less than there are streams, that become one
	skip     []string           // beginnings of names of tensors that nothing is lost without
	root     string             // before the names of layers and of the last norm
	config   func(c *hfConfig)
}

// hfNames are the tensors' names that most families share, without prefix and suffix. A name in a layer is GGUF's behind "blk.N.".
var hfNames = map[string]string{
	"embed_tokens":                     "token_embd",
	"norm":                             "output_norm",
	"lm_head":                          "output",
	"input_layernorm":                  "attn_norm",
	"self_attn.q_proj":                 "attn_q",
	"self_attn.k_proj":                 "attn_k",
	"self_attn.v_proj":                 "attn_v",
	"self_attn.qkv_proj":               "attn_qkv",
	"self_attn.o_proj":                 "attn_output",
	"self_attn.q_norm":                 "attn_q_norm",
	"self_attn.k_norm":                 "attn_k_norm",
	"post_attention_layernorm":         "ffn_norm",
	"mlp.gate_proj":                    "ffn_gate",
	"mlp.up_proj":                      "ffn_up",
	"mlp.gate_up_proj":                 "ffn_up",
	"mlp.down_proj":                    "ffn_down",
	"mlp.gate":                         "ffn_gate_inp",
	"mlp.experts.gate_proj":            "ffn_gate_exps",
	"mlp.experts.up_proj":              "ffn_up_exps",
	"mlp.experts.down_proj":            "ffn_down_exps",
	"mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
	"mlp.shared_expert.gate_proj":      "ffn_gate_shexp",
	"mlp.shared_expert.up_proj":        "ffn_up_shexp",
	"mlp.shared_expert.down_proj":      "ffn_down_shexp",
	"mlp.shared_expert_gate":           "ffn_gate_inp_shexp",
	"mlp.shared_experts.gate_proj":     "ffn_gate_shexp",
	"mlp.shared_experts.up_proj":       "ffn_up_shexp",
	"mlp.shared_experts.down_proj":     "ffn_down_shexp",
	"block_sparse_moe.gate":            "ffn_gate_inp",
	"block_sparse_moe.experts.w1":      "ffn_gate_exps",
	"block_sparse_moe.experts.w2":      "ffn_down_exps",
	"block_sparse_moe.experts.w3":      "ffn_up_exps",
}

// hfSkipped are tensors that nothing is lost without: tables and masks that programs recompute, and scales of activations.
var hfSkipped = map[string]bool{
	"self_attn.rotary_emb.inv_freq": true, "attention.rotary_emb.inv_freq": true, "rotary_emb.inv_freq": true,
	"attn.bias": true, "attn.masked_bias": true, "attention.bias": true, "attention.masked_bias": true, "self_attention.rotary_emb.inv_freq": true,
}

var (
	silu     = []string{"silu", "swish"}
	geluTanh = []string{"gelu_pytorch_tanh", "gelu_new", "gelu_fast"}
	gelu     = []string{"gelu", "gelu_python"}
)

// gemmaNorms are Gemma 2's names of the four norms of a layer.
var gemmaNorms = map[string]string{"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
	"post_feedforward_layernorm": "post_ffw_norm"}

// fusedExperts are the stacked experts that version 5 of transformers may write: gate rows above up rows.
var fusedExperts = map[string]hfSplit{"mlp.experts.gate_up_proj": splitGateUp}

// plainWeights says that experts' weights are not normalised unless the configuration says so.
var plainWeights = map[string]any{"norm_topk_prob": false}

// hfFamilies are all families, in the order of the documentation.
var hfFamilies = []*hfFamily{
	{types: []string{"llama"}, arch: "llama", halves: true, acts: silu},
	{types: []string{"mistral"}, arch: "llama", halves: true, acts: silu, local: allLocal},
	{types: []string{"ministral3"}, arch: "mistral3", halves: true, acts: silu, local: allLocal, config: ministral3Keys},
	{types: []string{"mixtral"}, arch: "llama", halves: true, acts: silu, local: allLocal, moe: true, splits: fusedExperts},
	{types: []string{"qwen2"}, arch: "qwen2", acts: silu, local: laterLocal},
	{types: []string{"qwen2_moe"}, arch: "qwen2moe", acts: silu, local: laterLocal, moe: true, splits: fusedExperts, defaults: plainWeights,
		config: func(c *hfConfig) {
			c.set("expert_shared_feed_forward_length", c.count(-1, maxHFDim, "shared_expert_intermediate_size"))
		}},
	{types: []string{"qwen3"}, arch: "qwen3", acts: silu, local: laterLocal, defaults: map[string]any{"head_dim": number("128")}},
	{types: []string{"qwen3_moe"}, arch: "qwen3moe", acts: silu, local: laterLocal, moe: true, splits: fusedExperts, defaults: plainWeights},
	{types: []string{"gemma"}, arch: "gemma", acts: append(gelu, geluTanh...), plusOne: true, defaults: map[string]any{"head_dim": number("256")}, config: gemmaKeys},
	{types: []string{"gemma2"}, arch: "gemma2", acts: geluTanh, plusOne: true, local: evenLocal, names: gemmaNorms,
		defaults: map[string]any{"head_dim": number("256"), "query_pre_attn_scalar": number("256"), "sliding_window": number("4096"),
			"attn_logit_softcapping": number("50"), "final_logit_softcapping": number("30")}, config: gemmaKeys},
	{types: []string{"gemma3_text", "gemma3"}, arch: "gemma3", acts: geluTanh, plusOne: true, local: patternLocal(6), names: gemmaNorms,
		defaults: map[string]any{"head_dim": number("256"), "query_pre_attn_scalar": number("256"), "sliding_window": number("4096"),
			"num_attention_heads": number("8"), "num_key_value_heads": number("4"), "max_position_embeddings": number("131072"),
			"vocab_size": number("262208"), "rope_theta": number("1000000")}, config: gemma3Keys},
	{types: []string{"phi"}, arch: "phi2", layerNorm: true, acts: geluTanh, defaults: map[string]any{"partial_rotary_factor": number("0.5")},
		names: map[string]string{"self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down", "final_layernorm": "output_norm"}},
	{types: []string{"phi3"}, arch: "phi3", acts: silu, local: allLocal},
	{types: []string{"gpt_oss"}, arch: "gpt-oss", acts: silu, local: evenLocal, moe: true, config: gptOSSKeys,
		names: map[string]string{"post_attention_layernorm": "post_attention_norm", "self_attn.sinks": "attn_sinks.weight", "mlp.router": "ffn_gate_inp"},
		splits: map[string]hfSplit{"mlp.experts.gate_up_proj": splitInterleaved, "mlp.experts.gate_up_proj_bias": splitInterleavedBias,
			"mlp.experts.down_proj": downTransposed, "mlp.experts.down_proj_bias": renamed("ffn_down_exps.bias")}},
	{types: []string{"gpt2"}, arch: "gpt2", layerNorm: true, noRope: true, acts: geluTanh, config: gpt2Keys,
		names: map[string]string{"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm"},
		splits: map[string]hfSplit{"attn.c_attn": transposedAs("attn_qkv"), "attn.c_proj": transposedAs("attn_output"),
			"mlp.c_fc": transposedAs("ffn_up"), "mlp.c_proj": transposedAs("ffn_down")}},
	{types: []string{"olmo2"}, arch: "olmo2", acts: silu,
		names: map[string]string{"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}},
	{types: []string{"olmoe"}, arch: "olmoe", acts: silu, moe: true, splits: fusedExperts, defaults: plainWeights, config: func(c *hfConfig) {
		if c.m["clip_qkv"] != nil {
			c.refuse("clip_qkv")
		}
	}},
	{types: []string{"starcoder2"}, arch: "starcoder2", layerNorm: true, acts: geluTanh, local: allLocal,
		names: map[string]string{"mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}},
	{types: []string{"cohere"}, arch: "command-r", layerNorm: true, acts: silu, config: cohereKeys},
	{types: []string{"cohere2"}, arch: "cohere2", layerNorm: true, acts: silu, local: patternLocal(4), config: cohere2Keys},
	{types: []string{"stablelm"}, arch: "stablelm", layerNorm: true, acts: silu, defaults: map[string]any{"partial_rotary_factor": number("0.25")},
		names: map[string]string{"self_attn.q_layernorm.norms": "attn_q_norm", "self_attn.k_layernorm.norms": "attn_k_norm"},
		config: func(c *hfConfig) {
			c.experts = c.heads // its norms of heads are listed like experts
			c.set("use_parallel_residual", c.flag(false, "use_parallel_residual"))
		}},
	{types: []string{"granite"}, arch: "granite", halves: true, acts: silu, config: graniteKeys},
	{types: []string{"granitemoe"}, arch: "granitemoe", halves: true, acts: silu, moe: true, config: graniteKeys,
		names:  map[string]string{"block_sparse_moe.router.layer": "ffn_gate_inp", "block_sparse_moe.output_linear": "ffn_down_exps"},
		splits: map[string]hfSplit{"block_sparse_moe.input_linear": splitGateUp}},
	{types: []string{"smollm3"}, arch: "smollm3", halves: true, acts: silu, local: allLocal, config: smolLM3Keys},
	{types: []string{"deepseek_v2", "deepseek_v3"}, arch: "deepseek2", acts: silu, moe: true, config: deepseekKeys,
		names: map[string]string{"self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
			"self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm"},
		splits: map[string]hfSplit{"self_attn.kv_b_proj": splitLatent, "mlp.experts.gate_up_proj": splitGateUp}},
	{types: []string{"glm4"}, arch: "glm4", acts: silu, defaults: map[string]any{"partial_rotary_factor": number("0.5")},
		names: map[string]string{"post_self_attn_layernorm": "post_attention_norm", "post_mlp_layernorm": "post_ffw_norm"}},
	{types: []string{"falcon"}, arch: "falcon", layerNorm: true, acts: gelu, config: falconKeys, defaults: map[string]any{"max_position_embeddings": number("2048")},
		names: map[string]string{"word_embeddings": "token_embd", "ln_f": "output_norm", "ln_mlp": "attn_norm", "ln_attn": "attn_norm_2",
			"self_attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
		splits: map[string]hfSplit{"self_attention.query_key_value": splitGrouped}},
	{types: []string{"gpt_neox"}, arch: "gptneox", layerNorm: true, acts: gelu, defaults: map[string]any{"rotary_pct": number("0.25")},
		names: map[string]string{"embed_in": "token_embd", "embed_out": "output", "final_layer_norm": "output_norm", "attention.dense": "attn_output",
			"mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
		splits: map[string]hfSplit{"attention.query_key_value": splitGrouped},
		config: func(c *hfConfig) { c.set("use_parallel_residual", c.flag(true, "use_parallel_residual")) }},
}

// hfFamilyOf finds the family of a model_type, or nil.
func hfFamilyOf(kind string) *hfFamily {
	for _, list := range [][]*hfFamily{hfFamilies, hfMore, hfStates, hfDelta, {hfGemma3n, hfGemma4}, hfEncoders} {
		for _, f := range list {
			if slices.Contains(f.types, kind) {
				return f
			}
		}
	}
	return nil
}

// hfTypes lists the model types that can be read.
func hfTypes() (all []string) {
	for _, list := range [][]*hfFamily{hfFamilies, hfMore, hfStates, hfDelta, {hfGemma3n, hfGemma4}, hfEncoders} {
		for _, f := range list {
			all = append(all, f.types...)
		}
	}
	return all
}

// scale writes a number where the configuration has it.
func (c *hfConfig) scale(to, from string) {
	if c.m[from] != nil {
		c.set(to, c.float(0, from))
	}
}

func ministral3Keys(c *hfConfig) {
	p, _ := c.m["rope_parameters"].(map[string]any)
	if v := p["llama_4_scaling_beta"]; v != nil {
		c.set("attention.temperature_scale", c.floatOf("llama_4_scaling_beta", v, 0))
	}
}

func gemmaKeys(c *hfConfig) {
	if c.flag(false, "use_bidirectional_attention") {
		c.refuse("attention in both directions")
	}
	if c.m["query_pre_attn_scalar"] != nil {
		c.set("attention.scale", 1/rootOf(c.float(1, "query_pre_attn_scalar")))
	}
	c.scale("attn_logit_softcapping", "attn_logit_softcapping")
	c.scale("final_logit_softcapping", "final_logit_softcapping")
}

func gemma3Keys(c *hfConfig) {
	if c.m["attn_logit_softcapping"] != nil {
		c.refuse("attn_logit_softcapping in gemma3")
	}
	gemmaKeys(c)
}

func gptOSSKeys(c *hfConfig) {
	c.set("expert_feed_forward_length", c.count(-1, maxHFDim, "intermediate_size"))
	if v := c.float(7, "swiglu_limit"); v != 7 {
		c.refuse("swiglu_limit %g, want 7", v)
	}
}

func gpt2Keys(c *hfConfig) {
	if c.flag(false, "scale_attn_by_inverse_layer_idx") || !c.flag(true, "scale_attn_weights") {
		c.refuse("attention of gpt2 scaled by layer, or not at all")
	}
}

func cohereKeys(c *hfConfig) { c.set("logit_scale", c.float(0.0625, "logit_scale")) }

// cohere2Keys says which layers rotate: those with the window.
func cohere2Keys(c *hfConfig) {
	cohereKeys(c)
	if local, ok := c.out.Bools(c.fam.arch + ".attention.sliding_window_pattern"); ok {
		c.out.put("tuff.rope.layers", local)
	} else {
		c.refuse("cohere2 without layers of both kinds")
	}
}

func graniteKeys(c *hfConfig) {
	c.scale("embedding_scale", "embedding_multiplier")
	c.scale("residual_scale", "residual_multiplier")
	c.scale("attention.scale", "attention_multiplier")
	c.scale("logit_scale", "logits_scaling")
}

// smolLM3Keys says which layers rotate: those that are not listed with a 0, or all but every fourth.
func smolLM3Keys(c *hfConfig) {
	interval := max(c.count(4, maxHFLayers, "no_rope_layer_interval"), 1)
	list, ok := wholes(c.m["no_rope_layers"])
	if c.m["no_rope_layers"] != nil && (!ok || len(list) != c.layers) {
		c.fail("no_rope_layers", show(c.m["no_rope_layers"]), fmt.Sprintf("a list of %d times 0 or 1", c.layers))
		return
	}
	rotated := make([]bool, c.layers)
	for i := range rotated {
		rotated[i] = (i+1)%interval != 0
		if ok {
			rotated[i] = list[i] != 0
		}
	}
	c.out.put("tuff.rope.layers", rotated)
}

// deepseekKeys describes latent attention as one KV head: the latent and the rotated part are the key, the latent is the value.
func deepseekKeys(c *hfConfig) {
	lora, rot := c.count(-1, maxHFDim, "kv_lora_rank"), c.count(-1, maxHFDim, "qk_rope_head_dim")
	c.nope, c.valueDim, c.lora = c.count(-1, maxHFDim, "qk_nope_head_dim"), c.count(-1, maxHFDim, "v_head_dim"), lora
	if c.m["q_lora_rank"] != nil {
		c.set("attention.q_lora_rank", c.count(-1, maxHFDim, "q_lora_rank"))
	}
	c.set("attention.kv_lora_rank", lora)
	c.set("attention.head_count_kv", 1)
	c.set("attention.key_length", lora+rot)
	c.set("attention.value_length", lora)
	c.set("attention.key_length_mla", c.nope+rot)
	c.set("attention.value_length_mla", c.valueDim)
	c.set("rope.dimension_count", rot)
	shared := c.count(0, 1024, "n_shared_experts")
	c.set("leading_dense_block_count", c.count(0, maxHFLayers, "first_k_dense_replace"))
	c.set("expert_shared_count", shared)
	c.set("expert_shared_feed_forward_length", shared*c.count(0, maxHFDim, "moe_intermediate_size"))
	c.set("expert_weights_scale", c.float(1, "routed_scaling_factor"))
	gating := 1 // softmax
	if c.text("scoring_func") == "sigmoid" || c.text("model_type") == "deepseek_v3" {
		gating = 2
	}
	c.set("expert_gating_func", gating)
	if n := c.count(1, 1024, "n_group"); n > 1 && c.text("topk_method") != "greedy" {
		c.set("expert_group_count", n)
		c.set("expert_group_used_count", c.count(1, 1024, "topk_group"))
	}
	if c.text("model_type") == "deepseek_v2" {
		// The reference multiplies the scores of version 2 by no temperature and never normalises the experts' weights.
		c.out.put("tuff.deepseek.version", uint32(2))
		c.out.put(c.fam.arch+".expert_weights_norm", false)
	}
	if !c.flag(true, "rope_interleave") {
		c.out.put("tuff.rope.halves", true)
	}
}

func falconKeys(c *hfConfig) {
	fresh := c.flag(false, "new_decoder_architecture")
	c.set("use_parallel_residual", fresh || c.flag(true, "parallel_attn"))
	if c.flag(false, "alibi") {
		c.set("attention.max_alibi_bias", maxALiBi)
		c.set("attention.alibi_scale", falconALiBi(c.text("transformers_version")))
	}
	switch {
	case fresh:
		c.kvHeads = c.count(c.heads, 1<<16, "num_kv_heads", "n_head_kv")
	case c.flag(true, "multi_query"):
		c.kvHeads = 1
	}
	c.set("attention.head_count_kv", c.kvHeads)
}

// falconALiBi is how often the bias is added to scores. Falcon's own models were trained with it once; since version 4.36 the
// reference's plain attention adds it twice, and what was made with such a version computes what it was made with.
func falconALiBi(version string) float64 {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n == 2 && (major > 4 || major == 4 && minor >= 36) {
		return 2
	}
	return 1
}

// wantShape is an error of a tensor's shape.
func wantShape(m matrix, want string) error {
	return fmt.Errorf("[%d, %d], want %s", m.rows, m.cols, want)
}

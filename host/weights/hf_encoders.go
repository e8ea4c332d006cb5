package weights

import "slices"

// bertNames are the tensors of BERT and its kin.
var bertNames = map[string]string{
	"embeddings.word_embeddings":       "token_embd",
	"embeddings.position_embeddings":   "position_embd",
	"embeddings.token_type_embeddings": "token_types",
	"embeddings.LayerNorm":             "token_embd_norm",
	"attention.self.query":             "attn_q",
	"attention.self.key":               "attn_k",
	"attention.self.value":             "attn_v",
	"attention.output.dense":           "attn_output",
	"attention.output.LayerNorm":       "attn_output_norm",
	"intermediate.dense":               "ffn_up",
	"output.dense":                     "ffn_down",
	"output.LayerNorm":                 "layer_output_norm",
}

// bertHeads are what models trained for a task have on top: encoders give the hidden states below it.
var bertHeads = []string{"pooler.", "cls.", "lm_head.", "classifier.", "score.", "qa_outputs.", "vocab_", "head.", "decoder.", "embeddings.position_ids"}

// hfEncoders are the families that read a text at once, in both directions, and give a vector for each token.
var hfEncoders = []*hfFamily{
	{types: []string{"bert"}, arch: "bert", layerNorm: true, noRope: true, acts: gelu, names: bertNames, skip: bertHeads, defaults: bertDefaults, config: encoderKeys},
	{types: []string{"roberta", "xlm-roberta"}, arch: "bert", layerNorm: true, noRope: true, acts: gelu, names: bertNames, skip: bertHeads,
		defaults: bertDefaults, splits: map[string]hfSplit{"embeddings.position_embeddings": splitPadding}, config: robertaKeys},
	{types: []string{"distilbert"}, arch: "bert", layerNorm: true, noRope: true, acts: gelu, skip: bertHeads, defaults: bertDefaults, config: encoderKeys,
		names: map[string]string{"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
			"embeddings.LayerNorm": "token_embd_norm", "attention.q_lin": "attn_q", "attention.k_lin": "attn_k", "attention.v_lin": "attn_v",
			"attention.out_lin": "attn_output", "sa_layer_norm": "attn_output_norm", "ffn.lin1": "ffn_up", "ffn.lin2": "ffn_down",
			"output_layer_norm": "layer_output_norm"}},
	{types: []string{"nomic_bert"}, arch: "nomic-bert", layerNorm: true, acts: append([]string{"swiglu"}, silu...), skip: bertHeads, defaults: bertDefaults,
		config: nomicKeys,
		names: map[string]string{"embeddings.word_embeddings": "token_embd", "embeddings.token_type_embeddings": "token_types", "emb_ln": "token_embd_norm",
			"attn.Wqkv": "attn_qkv", "attn.out_proj": "attn_output", "norm1": "attn_output_norm", "mlp.fc11": "ffn_up", "mlp.fc12": "ffn_gate",
			"mlp.fc2": "ffn_down", "norm2": "layer_output_norm"}},
	{types: []string{"modernbert"}, arch: "modern-bert", layerNorm: true, acts: gelu, skip: bertHeads, local: modernLocal, config: modernKeys,
		defaults: map[string]any{"local_attention": number("128"), "norm_eps": number("1e-5"), "global_rope_theta": number("160000")},
		names: map[string]string{"embeddings.tok_embeddings": "token_embd", "embeddings.norm": "token_embd_norm", "final_norm": "output_norm",
			"attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "attn_norm": "attn_norm", "mlp.Wi": "ffn_up", "mlp.Wo": "ffn_down", "mlp_norm": "ffn_norm"}},
	{types: []string{"t5"}, arch: "t5encoder", root: "enc.", noRope: true, acts: nil, skip: []string{"decoder.", "lm_head.", "embed_tokens."}, config: t5Keys,
		defaults: map[string]any{"n_positions": number("512"), "layer_norm_epsilon": number("1e-6"), "d_kv": number("64"), "num_heads": number("8")},
		names: map[string]string{"shared": "token_embd", "final_layer_norm": "output_norm", "layer.0.SelfAttention.q": "attn_q", "layer.0.SelfAttention.k": "attn_k",
			"layer.0.SelfAttention.v": "attn_v", "layer.0.SelfAttention.o": "attn_o", "layer.0.SelfAttention.relative_attention_bias": "attn_rel_b",
			"layer.0.layer_norm": "attn_norm", "layer.1.layer_norm": "ffn_norm", "layer.1.DenseReluDense.wi": "ffn_up", "layer.1.DenseReluDense.wi_0": "ffn_gate",
			"layer.1.DenseReluDense.wi_1": "ffn_up", "layer.1.DenseReluDense.wo": "ffn_down"}},
}

var bertDefaults = map[string]any{"layer_norm_eps": number("1e-12"), "max_position_embeddings": number("512")}

// encoderKeys refuses what makes a decoder of an encoder.
func encoderKeys(c *hfConfig) {
	c.set("attention.causal", false)
	if c.any("is_decoder", "add_cross_attention") {
		c.refuse("%s as a decoder", c.fam.types[0])
	}
	if kind := c.text("position_embedding_type"); kind != "" && kind != "absolute" {
		c.refuse("position_embedding_type %s, want absolute", quote(kind))
	}
}

// any reports whether one of keys is true.
func (c *hfConfig) any(keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return c.flag(false, k) })
}

// padding is the number of position rows that belong to padding: RoBERTa's first token has position pad_token_id + 1.
func (c *hfConfig) padding() int { return c.count(1, maxHFCtx, "pad_token_id") + 1 }

func robertaKeys(c *hfConfig) {
	encoderKeys(c)
	c.set("context_length", c.count(-1, maxHFCtx, "max_position_embeddings")-c.padding())
}

// splitPadding drops the rows of padding, so that the first token has row 0.
func splitPadding(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	return dropRows(c.padding())(c, m, kind)
}

func nomicKeys(c *hfConfig) {
	encoderKeys(c)
	if c.any("qkv_proj_bias", "mlp_fc1_bias", "prenorm") || c.float(1, "rotary_emb_fraction") != 1 || c.count(0, 1024, "num_experts") > 0 {
		c.refuse("nomic_bert with biases, norms in front, part of each head rotated, or experts")
	}
}

// modernLocal: every third layer sees everything.
func modernLocal(c *hfConfig, i int) bool {
	return i%max(c.count(3, maxHFLayers, "global_attn_every_n_layers"), 1) != 0
}

func modernKeys(c *hfConfig) {
	encoderKeys(c)
	if c.any("attention_bias", "mlp_bias", "norm_bias") {
		c.refuse("modernbert with biases")
	}
	c.m["sliding_window"] = c.m["local_attention"]
	c.window()
}

func t5Keys(c *hfConfig) {
	encoderKeys(c)
	proj := c.text("feed_forward_proj")
	if act := c.text("dense_act_fn"); proj != "" && proj != "relu" && proj != "gated-gelu" || act != "" && act != "relu" && act != "gelu_new" {
		c.refuse("feed_forward_proj %s with %s, want relu or gated-gelu", quote(proj), quote(act))
	}
	c.set("attention.relative_buckets_count", c.count(32, 1<<16, "relative_attention_num_buckets"))
	c.out.put("tuff.t5.max_distance", uint32(c.count(128, maxHFCtx, "relative_attention_max_distance")))
}

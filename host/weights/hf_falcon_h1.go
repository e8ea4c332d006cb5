package weights

import (
	"encoding/binary"
	"math"

	"tuff/host/compute"
)

// falconH1 has multipliers in many places of a layer. GGUF files have them in the weights, and so has what a folder becomes: a
// multiplier of 1 leaves a matrix as it is stored, any other makes it float32. Source: TII, Falcon-H1, 2025, section 2.3.
var falconH1 = &hfFamily{types: []string{"falcon_h1"}, arch: "falcon-h1", acts: silu, config: falconH1Keys,
	names: mambaNames("mamba", map[string]string{"final_layernorm": "output_norm", "feed_forward.up_proj": "ffn_up"}),
	splits: mambaSplits("mamba", map[string]hfSplit{
		"pre_ff_layernorm": renamed("ffn_norm"), // without .weight, as llama.cpp reads it
		"embed_tokens":     splitEmbeddings,
		"lm_head":          multiplied("output", "lm_head_multiplier"),
		"self_attn.q_proj": multiplied("attn_q", "attention_in_multiplier"),
		"self_attn.k_proj": multiplied("attn_k", "attention_in_multiplier", "key_multiplier"),
		"self_attn.v_proj": multiplied("attn_v", "attention_in_multiplier"),
		"self_attn.o_proj": multiplied("attn_output", "attention_out_multiplier"),
		"mamba.in_proj":    multipliedParts,
		"mamba.out_proj":   multiplied("ssm_out", "ssm_out_multiplier"),
		"feed_forward.gate_proj": func(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
			return scaledAs("ffn_gate", c, m, kind, "mlp_multipliers", 0)
		},
		"feed_forward.down_proj": func(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
			return scaledAs("ffn_down", c, m, kind, "mlp_multipliers", 1)
		},
	})}

func falconH1Keys(c *hfConfig) {
	for _, key := range []string{"attention_bias", "mlp_bias", "projectors_bias", "mamba_proj_bias"} {
		if c.flag(false, key) {
			c.refuse("falcon_h1 with %s", key)
		}
	}
	inner, groups := c.falconH1Inner(), c.count(1, 1<<14, "mamba_n_groups")
	if c.flag(false, "mamba_rms_norm") && (groups > 1 || c.flag(true, "mamba_norm_before_gate")) {
		c.refuse("falcon_h1 with mamba_rms_norm in groups or before the gate")
	}
	c.listed("ssm_multipliers", 5)
	c.listed("mlp_multipliers", 2)
	c.ssmKeys(c.count(4, 64, "mamba_d_conv"), inner, c.count(256, 1024, "mamba_d_state"), c.count(128, maxHFDim, "mamba_n_heads"), groups)
}

// falconH1Inner is the mixer's number of channels.
func (c *hfConfig) falconH1Inner() int {
	if c.m["mamba_d_ssm"] != nil {
		return c.count(-1, maxHFDim, "mamba_d_ssm")
	}
	return c.count(2, 64, "mamba_expand") * c.count(-1, maxHFDim, "hidden_size")
}

// listed are the n multipliers under a key, all 1 where there are none.
func (c *hfConfig) listed(key string, n int) []float32 {
	out := make([]float32, n)
	list, ok := c.m[key].([]any)
	if c.m[key] != nil && (!ok || len(list) != n) {
		c.refuse("falcon_h1 with %s other than a list of %d", key, n)
	}
	for i := range out {
		if out[i] = 1; len(list) == n {
			out[i] = float32(c.floatOf(key, list[i], 1))
		}
	}
	return out
}

// multiplied is a matrix under another name, times all the multipliers under keys.
func multiplied(to string, keys ...string) hfSplit {
	return func(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
		factor := 1.0
		for _, k := range keys {
			factor *= c.float(1, k)
		}
		return []hfTensor{{to + kind, m.times(func(int) float32 { return float32(factor) }), nil}}, nil
	}
}

func scaledAs(to string, c *hfConfig, m matrix, kind, key string, i int) ([]hfTensor, error) {
	factor := c.listed(key, 2)[i]
	return []hfTensor{{to + kind, m.times(func(int) float32 { return factor }), nil}}, nil
}

// splitEmbeddings makes the output of tied embeddings a tensor of its own, since the two have multipliers of their own.
func splitEmbeddings(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	list, err := multiplied("token_embd", "embedding_multiplier")(c, m, kind)
	if err == nil && c.flag(false, "tie_word_embeddings") {
		out, _ := multiplied("output", "lm_head_multiplier")(c, m, kind)
		list = append(list, out...)
	}
	return list, err
}

// multipliedParts multiplies the rows of gates, values, what goes into states, what comes out of them, and steps.
func multipliedParts(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	inner, in := c.falconH1Inner(), float32(c.float(1, "ssm_in_multiplier"))
	width := c.count(1, 1<<14, "mamba_n_groups") * c.count(256, 1024, "mamba_d_state")
	if m.rows != 2*inner+2*width+c.count(128, maxHFDim, "mamba_n_heads") {
		return nil, wantShape(m, "rows of gates, values, groups and steps")
	}
	factors, ends := c.listed("ssm_multipliers", 5), []int{inner, 2 * inner, 2*inner + width, 2*inner + 2*width}
	return []hfTensor{{"ssm_in" + kind, m.times(func(row int) float32 {
		part := 0
		for part < len(ends) && row >= ends[part] {
			part++
		}
		return in * factors[part]
	}), nil}}, nil
}

// times multiplies every row by its factor: m itself where all are 1.
func (m matrix) times(factor func(row int) float32) matrix {
	same := true
	for i := range m.rows {
		same = same && factor(i) == 1
	}
	if same {
		return m
	}
	return matrix{dtype: compute.F32, rows: m.rows, cols: m.cols, unit: 1, fill: func(f *File, first int, dst []byte) {
		src := make([]byte, m.rowBytes())
		m.fill(f, first, src)
		by := factor(first)
		for i := range m.cols {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(by*plainAt(m.dtype, src, i)))
		}
	}}
}

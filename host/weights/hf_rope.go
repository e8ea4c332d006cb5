package weights

import (
	"fmt"
	"math"
)

// rope writes the keys of rotary positions.
func (c *hfConfig) rope(ctx int) {
	p, _ := c.m["rope_parameters"].(map[string]any)
	var local map[string]any
	if full, ok := p["full_attention"].(map[string]any); ok {
		local, _ = p["sliding_attention"].(map[string]any)
		p = full
	}
	if p == nil {
		p, _ = c.m["rope_scaling"].(map[string]any)
	}
	either := func(keys ...string) (string, any) {
		if k, v := get1(p, keys...); v != nil {
			return k, v
		}
		return get1(c.m, keys...)
	}
	float := func(def float64, keys ...string) float64 {
		k, v := either(keys...)
		return c.floatOf(k, v, def)
	}
	partial := float(1, "partial_rotary_factor", "rotary_pct")
	if !(partial > 0 && partial <= 1) {
		c.fail("partial_rotary_factor", fmt.Sprint(partial), "above 0, at most 1")
		partial = 1
	}
	_, kind := get1(p, "rope_type", "type")
	dim := int(float64(c.headDim) * partial)
	if kind == "proportional" { // all elements have angles, which are zero from partial on
		dim = c.count(c.headDim, maxHFDim, "global_head_dim")
	}
	base := float(10000, "rope_theta", "rotary_emb_base", "global_rope_theta")
	c.set("rope.freq_base", base)
	c.set("rope.dimension_count", dim)
	if _, v := get1(c.m, "rope_local_base_freq", "local_rope_theta"); v != nil || local != nil {
		if kind, _ := get1(local, "rope_type"); local[kind] != nil && local[kind] != "default" {
			c.refuse("RoPE scaling %s in local layers", show(local[kind]))
		}
		if v == nil {
			v = local["rope_theta"]
		}
		c.set("rope.freq_base_swa", c.floatOf("rope_local_base_freq", v, 10000))
	}
	original := func() int {
		k, v := either("original_max_position_embeddings")
		return c.countOf(k, v, ctx, maxHFCtx)
	}
	factor := float(1, "factor")
	switch kind {
	case nil, "default":
	case "linear":
		c.set("rope.scaling.type", "linear")
		c.set("rope.scaling.factor", factor)
	case "dynamic":
		c.set("rope.scaling.type", "dynamic")
		c.set("rope.scaling.factor", factor)
		c.set("rope.scaling.original_context_length", original())
	case "yarn":
		c.set("rope.scaling.type", "yarn")
		c.set("rope.scaling.factor", factor)
		c.set("rope.scaling.original_context_length", original())
		c.set("rope.scaling.yarn_beta_fast", float(32, "beta_fast"))
		c.set("rope.scaling.yarn_beta_slow", float(1, "beta_slow"))
		c.yarnFactor(p, factor)
		if v, ok := p["truncate"].(bool); ok && !v {
			c.set("rope.scaling.yarn_truncate", false)
		}
	case "llama3":
		c.factors["rope_freqs.weight"] = llama3Factors(dim, base, factor, float(1, "low_freq_factor"), float(4, "high_freq_factor"), float64(original()))
	case "proportional":
		c.factors["rope_freqs.weight"] = proportionalFactors(dim, partial, factor)
	case "longrope", "su":
		c.longRoPE(p, ctx, original(), factor)
	default:
		c.refuse("RoPE scaling %s, want linear, dynamic, yarn, llama3 or longrope", show(kind))
	}
}

// yarnFactor writes what the temperature of YaRN, 0.1·ln(factor)+1, must be multiplied by to give the configuration's.
func (c *hfConfig) yarnFactor(p map[string]any, factor float64) {
	usual := 1.0
	if factor > 1 {
		usual = 0.1*math.Log(factor) + 1
	}
	mscale := func(m float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(factor) + 1
	}
	m, all := c.floatOf("mscale", p["mscale"], 0), c.floatOf("mscale_all_dim", p["mscale_all_dim"], 0)
	want := usual
	if m != 0 && all != 0 {
		want = mscale(m) / mscale(all)
	}
	if v := c.floatOf("attention_factor", p["attention_factor"], 0); v != 0 {
		want = v
	}
	if want != usual {
		c.set("rope.scaling.attn_factor", want/usual)
	}
	if all != 0 {
		c.set("rope.scaling.yarn_log_multiplier", 0.1*all)
	}
}

// llama3Factors are the divisors of each frequency, which GGUF files have as a tensor. Source: Llama 3.1's reference code.
func llama3Factors(dim int, base, factor, low, high, original float64) []float32 {
	out := make([]float32, dim/2)
	for i := range out {
		wave := 2 * math.Pi * math.Pow(base, 2*float64(i)/float64(dim))
		switch {
		case wave < original/high:
			out[i] = 1
		case wave > original/low:
			out[i] = float32(factor)
		default:
			s := (original/wave - low) / (high - low)
			out[i] = float32(1 / ((1-s)/factor + s))
		}
	}
	return out
}

// proportionalFactors leave the first part of the pairs with their angles and the others without any, as far as a divisor can.
func proportionalFactors(dim int, partial, factor float64) []float32 {
	out := make([]float32, dim/2)
	for i := range out {
		if out[i] = float32(factor); i >= int(partial*float64(dim)/2) {
			out[i] = 1e30
		}
	}
	return out
}

// longRoPE writes the two lists of factors and the temperature. Source: Ding et al., LongRoPE, 2024.
func (c *hfConfig) longRoPE(p map[string]any, ctx, original int, factor float64) {
	for _, name := range []string{"short", "long"} {
		list, ok := p[name+"_factor"].([]any)
		if !ok {
			c.fail("rope_scaling."+name+"_factor", show(p[name+"_factor"]), "a list of numbers")
			return
		}
		v := make([]float32, len(list))
		for i, x := range list {
			v[i] = float32(c.floatOf("rope_scaling."+name+"_factor", x, 1))
		}
		c.factors["rope_factors_"+name+".weight"] = v
	}
	if c.m["original_max_position_embeddings"] != nil || p["original_max_position_embeddings"] != nil {
		factor = float64(ctx) / float64(max(original, 1))
	}
	temperature := 1.0
	if factor > 1 && original > 1 {
		temperature = math.Sqrt(1 + math.Log(factor)/math.Log(float64(original)))
	}
	c.set("rope.scaling.original_context_length", original)
	c.set("rope.scaling.attn_factor", c.floatOf("attention_factor", p["attention_factor"], temperature))
}

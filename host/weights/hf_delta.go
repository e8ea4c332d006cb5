package weights

// hfDelta are the families with linear attention by the gated delta rule. Their norms are stored around zero, but for the one behind
// the rule.
var hfDelta = []*hfFamily{
	{types: []string{"qwen3_next"}, arch: "qwen3next", acts: silu, plusOne: true, moe: true, defaults: deltaDefaults, names: deltaNames, skip: deltaSkip,
		splits: deltaSplits(map[string]hfSplit{"linear_attn.in_proj_qkvz": splitKeyHeads}), config: deltaKeys},
	{types: []string{"qwen3_5_text", "qwen3_5"}, arch: "qwen35", acts: silu, plusOne: true, defaults: deltaDefaults, names: deltaNames, skip: deltaSkip,
		splits: deltaSplits(nil), config: qwen35Keys},
	{types: []string{"qwen3_5_moe_text", "qwen3_5_moe"}, arch: "qwen35moe", acts: silu, plusOne: true, moe: true, defaults: deltaDefaults, names: deltaNames,
		skip: deltaSkip, splits: deltaSplits(nil), config: qwen35Keys},
}

var deltaDefaults = map[string]any{"head_dim": number("256"), "partial_rotary_factor": number("0.25")}

// deltaSkip are the layers that predict further tokens.
var deltaSkip = []string{"mtp."}

var deltaNames = map[string]string{"post_attention_layernorm": "post_attention_norm", "linear_attn.in_proj_qkv": "attn_qkv", "linear_attn.in_proj_z": "attn_gate",
	"linear_attn.in_proj_b": "ssm_beta", "linear_attn.in_proj_a": "ssm_alpha", "linear_attn.in_proj_ba": "ssm_ba", "linear_attn.dt_bias": "ssm_dt.bias",
	"linear_attn.out_proj": "ssm_out"}

func deltaSplits(more map[string]hfSplit) map[string]hfSplit {
	all := map[string]hfSplit{"linear_attn.A_log": decayRates, "linear_attn.conv1d": convolution("ssm_conv1d"), "linear_attn.norm": renamed("ssm_norm.weight"),
		"mlp.experts.gate_up_proj": splitGateUp}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// decayRates are −exp(A_log), one for each head of values.
func decayRates(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	list, err := negatedExp(c, m, kind)
	if err == nil {
		list[0].dims = []int{m.rows * m.cols}
	}
	return list, err
}

// deltaSizes are the sizes of linear attention: heads and their length, of keys and of values.
func (c *hfConfig) deltaSizes() (keyHeads, key, heads, value int) {
	return c.count(16, 1<<14, "linear_num_key_heads"), c.count(128, 1024, "linear_key_head_dim"),
		c.count(32, 1<<14, "linear_num_value_heads"), c.count(128, 1024, "linear_value_head_dim")
}

func deltaKeys(c *hfConfig) {
	keyHeads, key, heads, value := c.deltaSizes()
	c.ssmKeys(c.count(4, 64, "linear_conv_kernel_dim"), heads*value, key, heads, keyHeads)
	c.set("full_attention_interval", c.count(4, maxHFLayers, "full_attention_interval"))
	if c.fam.moe {
		c.set("expert_shared_feed_forward_length", c.count(512, maxHFDim, "shared_expert_intermediate_size"))
	}
}

// qwen35Keys says that the value heads of a key head lie side by side, unlike in GGUF files of the architecture. Those want to know
// how many angles turn by time, height and width, in turn, which are the same number in text.
func qwen35Keys(c *hfConfig) {
	deltaKeys(c)
	p, _ := c.m["rope_parameters"].(map[string]any)
	if p == nil {
		p, _ = c.m["rope_scaling"].(map[string]any)
	}
	rotated, _ := c.out.Uint(c.fam.arch + ".rope.dimension_count")
	pairs := int32(min(rotated, maxHFDim) / 2)
	sections := []int32{(pairs + 2) / 3, (pairs + 1) / 3, pairs / 3, 0}
	if list, ok := wholes(p["mrope_section"]); ok && len(list) == 3 {
		for i, n := range list {
			sections[i] = int32(min(max(n, 0), maxHFDim))
		}
	} else if p["mrope_section"] != nil {
		c.fail("mrope_section", show(p["mrope_section"]), "three whole numbers")
	}
	c.out.put(c.fam.arch+".rope.dimension_sections", sections)
	c.out.put("tuff.ssm.grouped", true)
}

// splitKeyHeads orders rows that lie, for each head of keys, as its query, its key, its values and their gates, by queries, keys and
// values; the gates become a matrix of their own.
func splitKeyHeads(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	keyHeads, key, heads, value := c.deltaSizes()
	if keyHeads < 1 || heads%keyHeads != 0 || kind != ".weight" || m.rows != 2*keyHeads*key+2*heads*value {
		return nil, wantShape(m, "rows of queries, keys, values and gates of every head of keys")
	}
	keys, values := keyHeads*key, heads/keyHeads*value
	per := 2*key + 2*values
	from := func(i, size, at int) int { return i/max(size, 1)*per + at + i%max(size, 1) }
	return []hfTensor{
		{"attn_qkv.weight", m.pick(2*keys+heads*value, func(i int) int {
			switch {
			case i < keys:
				return from(i, key, 0)
			case i < 2*keys:
				return from(i-keys, key, key)
			}
			return from(i-2*keys, values, 2*key)
		}), nil},
		{"attn_gate.weight", m.pick(heads*value, func(i int) int { return from(i, values, 2*key+values) }), nil},
	}, nil
}

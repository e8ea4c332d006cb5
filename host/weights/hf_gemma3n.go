package weights

import (
	"fmt"
	"math"
)

// hfGemma3n is the text part of Gemma 3n.
var hfGemma3n = &hfFamily{types: []string{"gemma3n_text", "gemma3n"}, arch: "gemma3n", acts: geluTanh, local: patternLocal(5), config: gemma3nKeys,
	defaults: map[string]any{"head_dim": number("256"), "sliding_window": number("512"), "rope_theta": number("1000000"), "rope_local_base_freq": number("10000"),
		"num_kv_shared_layers": number("15"), "hidden_size_per_layer_input": number("256"), "final_logit_softcapping": number("30")},
	names: gemmaLayerNames(map[string]string{"altup.correction_coefs": "altup_correct_coef", "altup.modality_router": "altup_router",
		"altup.prediction_coefs": "altup_predict_coef", "altup.router_norm": "altup_router_norm", "laurel.linear_left": "laurel_l", "laurel.linear_right": "laurel_r",
		"laurel.post_laurel_norm": "laurel_post_norm"}),
	stacks: map[string]string{"altup_projections": "altup_proj", "altup_unembed_projections": "altup_unembd_proj"},
	splits: map[string]hfSplit{"altup.correct_output_scale": renamed("altup_correct_scale.weight"), "embed_tokens_per_layer": tokensOfLayers}}

// gemma3nKeys writes the streams, and how many deviations above the mean a gate must lie so that only the share of them counts that the
// configuration says.
func gemma3nKeys(c *hfConfig) {
	if c.flag(false, "attention_bias") {
		c.refuse("attention_bias in gemma3n")
	}
	c.scale("final_logit_softcapping", "final_logit_softcapping")
	c.streams = c.count(4, 16, "altup_num_inputs")
	c.set("altup.num_inputs", c.streams)
	c.set("altup.active_idx", c.count(0, 15, "altup_active_idx"))
	c.set("attention.shared_kv_layers", c.count(0, c.layers, "num_kv_shared_layers"))
	c.set("embedding_length_per_layer_input", c.count(0, maxHFDim, "hidden_size_per_layer_input"))
	cutoffs := make([]float32, c.layers)
	list, listed := c.m["activation_sparsity_pattern"].([]any)
	if listed && len(list) != c.layers {
		c.fail("activation_sparsity_pattern", fmt.Sprintf("%d entries", len(list)), fmt.Sprintf("%d, one for each layer", c.layers))
		return
	}
	for i := range cutoffs {
		share := 0.0
		switch all := c.m["activation_sparsity_pattern"]; {
		case listed:
			share = c.floatOf("activation_sparsity_pattern", list[i], 0)
		case all != nil:
			share = c.floatOf("activation_sparsity_pattern", all, 0)
		case i < 10: // as published
			share = 0.95
		}
		if !(share >= 0 && share < 1) {
			c.fail("activation_sparsity_pattern", fmt.Sprint(share), "at least 0, below 1")
			return
		}
		if share > 0 {
			cutoffs[i] = float32(math.Sqrt2 * math.Erfinv(2*share-1))
		}
	}
	c.out.put("gemma3n.activation_sparsity_scale", cutoffs)
}

// tokensOfLayers gives tokens beyond those that have an embedding in each layer that of the first token.
func tokensOfLayers(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	rows := c.count(m.rows, 1<<24, "vocab_size")
	if kind != ".weight" || rows < m.rows {
		return nil, wantShape(m, "a row for each token")
	}
	if rows > m.rows {
		n := m.rows
		m = m.pick(rows, func(i int) int {
			if i < n {
				return i
			}
			return 0
		})
	}
	return []hfTensor{{"per_layer_token_embd.weight", m, nil}}, nil
}

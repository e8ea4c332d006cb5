package weights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGemma4Keys: a small model whose last layers share keys and values and are wider, and a large one with experts, whose global
// layers have fewer heads.
func TestGemma4Keys(t *testing.T) {
	types := []any{"sliding_attention", "full_attention", "sliding_attention", "full_attention"}
	c, err := nestedRead(t, "gemma4", map[string]any{"layer_types": types, "num_key_value_heads": number("2"), "num_kv_shared_layers": number("2"),
		"intermediate_size": number("96"), "use_double_wide_mlp": true, "hidden_size_per_layer_input": number("8"), "final_logit_softcapping": number("30")})
	require.NoError(t, err)
	for key, want := range map[string]any{"attention.key_length": uint32(512), "attention.key_length_swa": uint32(256), "rope.dimension_count": uint32(512),
		"rope.dimension_count_swa": uint32(256), "rope.freq_base": float32(1e6), "rope.freq_base_swa": float32(1e4), "attention.sliding_window": uint32(512),
		"attention.sliding_window_pattern": []bool{true, false, true, false}, "attention.shared_kv_layers": uint32(2), "attention.head_count_kv": []int32{2, 2, 2, 2},
		"feed_forward_length": []int32{96, 96, 192, 192}, "embedding_length_per_layer_input": uint32(8), "final_logit_softcapping": float32(30)} {
		assert.Equal(t, want, c.out.values["gemma4."+key], key)
	}
	factors := c.factors["rope_freqs.weight"]
	require.Len(t, factors, 256)
	assert.Equal(t, []float32{1, 1, 1e30, 1e30}, []float32{factors[0], factors[63], factors[64], factors[255]})
	assert.NotContains(t, c.out.values, "gemma4.expert_count")

	c, err = nestedRead(t, "gemma4", map[string]any{"layer_types": types, "num_key_value_heads": number("2"), "num_global_key_value_heads": number("1"),
		"attention_k_eq_v": true, "intermediate_size": number("96"), "enable_moe_block": true, "num_experts": number("8"), "top_k_experts": number("3"),
		"moe_intermediate_size": number("32"), "use_bidirectional_attention": "vision"})
	require.NoError(t, err)
	for key, want := range map[string]any{"attention.head_count_kv": []int32{2, 1, 2, 1}, "feed_forward_length": []int32{96, 96, 96, 96}, "expert_count": uint32(8),
		"expert_used_count": uint32(3), "expert_feed_forward_length": uint32(32), "attention.shared_kv_layers": uint32(0)} {
		assert.Equal(t, want, c.out.values["gemma4."+key], key)
	}

	_, err = nestedRead(t, "gemma4", map[string]any{"use_bidirectional_attention": "all"})
	var unsupported *UnsupportedError
	assert.ErrorAs(t, err, &unsupported)
}

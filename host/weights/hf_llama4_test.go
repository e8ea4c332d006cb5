package weights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// llama4Read translates a configuration of Llama 4 with four layers.
func llama4Read(t *testing.T, text map[string]any) (*hfConfig, error) {
	t.Helper()
	return nestedRead(t, "llama4", text)
}

// nestedRead translates a configuration as published models with more than text nest it, with four layers.
func nestedRead(t *testing.T, kind string, text map[string]any) (*hfConfig, error) {
	t.Helper()
	for k, v := range map[string]any{"model_type": kind + "_text", "hidden_size": number("64"), "num_hidden_layers": number("4"), "num_attention_heads": number("4"),
		"max_position_embeddings": number("512"), "vocab_size": number("300")} {
		text[k] = v
	}
	f := &File{values: map[string]any{}}
	c, err := newHFConfig("config.json", map[string]any{"model_type": kind, "text_config": text}, f)
	require.NoError(t, err)
	return c, c.translate()
}

// TestLlama4Keys: a configuration that is silent is the published models', with experts in every layer; lists say otherwise.
func TestLlama4Keys(t *testing.T) {
	c, err := llama4Read(t, map[string]any{})
	require.NoError(t, err)
	for key, want := range map[string]any{"llama4.attention.sliding_window": uint32(8192), "llama4.attention.temperature_scale": float32(0.1),
		"llama4.attention.temperature_length": uint32(8192), "llama4.expert_used_count": uint32(1), "llama4.expert_feed_forward_length": uint32(8192),
		"llama4.feed_forward_length": uint32(16384), "tuff.rope.layers": []bool{true, true, true, false}, "tuff.moe.layers": []bool{true, true, true, true},
		"llama4.attention.sliding_window_pattern": []bool{true, true, true, false}, "tuff.llama4.qk_norm": true} {
		assert.Equal(t, want, c.out.values[key], key)
	}
	c, err = llama4Read(t, map[string]any{"no_rope_layers": []any{number("0"), number("1"), number("0"), number("1")}, "attn_temperature_tuning": number("0"),
		"moe_layers": []any{number("2")}, "interleave_moe_layer_step": number("2"), "attention_chunk_size": nil, "use_qk_norm": false})
	require.NoError(t, err)
	for key, want := range map[string]any{"llama4.attention.sliding_window": uint32(0), "llama4.attention.temperature_scale": float32(0),
		"tuff.rope.layers": []bool{false, true, false, true}, "tuff.moe.layers": []bool{false, false, true, false}, "tuff.llama4.qk_norm": false} {
		assert.Equal(t, want, c.out.values[key], key)
	}
	c, err = llama4Read(t, map[string]any{"moe_layers": []any{}})
	require.NoError(t, err)
	assert.NotContains(t, c.out.values, "llama4.expert_count")

	for _, bad := range []map[string]any{
		{"no_rope_layers": []any{number("1")}}, {"moe_layers": []any{number("4")}}, {"moe_layers": "all"}, {"layer_types": []any{"full_attention"}},
	} {
		_, err := llama4Read(t, bad)
		var format *FormatError
		assert.ErrorAs(t, err, &format, "%v", bad)
	}
	_, err = llama4Read(t, map[string]any{"layer_types": []any{"full_attention", "full_attention", "full_attention", "sliding_attention"}})
	var unsupported *UnsupportedError
	assert.ErrorAs(t, err, &unsupported)
}

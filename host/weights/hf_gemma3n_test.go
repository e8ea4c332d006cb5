package weights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// TestGemma3nKeys: widths and sparsity of each layer; cutoffs are quantiles of the normal distribution.
func TestGemma3nKeys(t *testing.T) {
	four := func(v string) []any { return []any{number(v), number(v), number("0.0"), number("0.0")} }
	c, err := nestedRead(t, "gemma3n", map[string]any{"intermediate_size": []any{number("32"), number("32"), number("64"), number("64")},
		"activation_sparsity_pattern": four("0.95"), "num_kv_shared_layers": number("2"), "altup_num_inputs": number("3")})
	require.NoError(t, err)
	assert.Equal(t, 3, c.streams)
	for key, want := range map[string]any{"feed_forward_length": []int32{32, 32, 64, 64}, "activation_sparsity_scale": []float32{1.6448536, 1.6448536, 0, 0},
		"attention.shared_kv_layers": uint32(2), "altup.num_inputs": uint32(3), "rope.freq_base": float32(1e6), "rope.freq_base_swa": float32(1e4),
		"final_logit_softcapping": float32(30)} {
		assert.Equal(t, want, c.out.values["gemma3n."+key], key)
	}
	for _, bad := range []map[string]any{
		{"intermediate_size": []any{number("32")}}, {"activation_sparsity_pattern": []any{number("0.5")}}, {"activation_sparsity_pattern": four("1")},
		{"activation_sparsity_pattern": four("-0.5")}, {"activation_sparsity_pattern": "most"}, {"altup_num_inputs": number("17")},
	} {
		_, err := nestedRead(t, "gemma3n", bad)
		var format *FormatError
		assert.ErrorAs(t, err, &format, "%v", bad)
	}
}

// TestTokensOfLayers: tokens without an embedding of their own in the layers have that of the first.
func TestTokensOfLayers(t *testing.T) {
	c := &hfConfig{fam: hfGemma3n, m: map[string]any{"vocab_size": number("5")}}
	m := matrix{dtype: compute.F32, rows: 3, cols: 1, unit: 1, fill: func(_ *File, first int, dst []byte) { dst[0] = byte(first) }}
	list, err := tokensOfLayers(c, m, ".weight")
	require.NoError(t, err)
	require.Equal(t, 5, list[0].m.rows)
	for i, want := range []byte{0, 1, 2, 0, 0} {
		row := make([]byte, 4)
		list[0].m.fill(nil, i, row)
		assert.Equal(t, want, row[0], i)
	}
	m.rows = 6
	_, err = tokensOfLayers(c, m, ".weight")
	assert.Error(t, err)
}

package weights

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// TestSplitKeyHeads: two heads of keys of 2, four of values of 1, in the order of the checkpoint.
func TestSplitKeyHeads(t *testing.T) {
	c := &hfConfig{fam: hfFamilyOf("qwen3_next"), m: map[string]any{"linear_num_key_heads": number("2"), "linear_key_head_dim": number("2"),
		"linear_num_value_heads": number("4"), "linear_value_head_dim": number("1")}}
	m := matrix{dtype: compute.F32, rows: 16, cols: 1, unit: 1, fill: func(_ *File, first int, dst []byte) {
		binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(first)))
	}}
	list, err := splitKeyHeads(c, m, ".weight")
	require.NoError(t, err)
	require.NoError(t, c.err)
	require.Len(t, list, 2)
	for i, want := range []struct {
		name string
		rows []float32
	}{
		{"attn_qkv.weight", []float32{0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13}}, // queries, keys, values
		{"attn_gate.weight", []float32{6, 7, 14, 15}},
	} {
		assert.Equal(t, want.name, list[i].name)
		require.Equal(t, len(want.rows), list[i].m.rows)
		for j, v := range want.rows {
			row := make([]byte, 4)
			list[i].m.fill(nil, j, row)
			assert.Equal(t, v, math.Float32frombits(binary.LittleEndian.Uint32(row)), "%s, row %d", want.name, j)
		}
	}
	m.rows = 15
	_, err = splitKeyHeads(c, m, ".weight")
	assert.Error(t, err)
	c.m["linear_num_key_heads"] = number("0")
	_, err = splitKeyHeads(c, m, ".weight")
	assert.Error(t, err)
}

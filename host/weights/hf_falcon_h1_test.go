package weights

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// TestFalconH1Parts: every part of the mixer's input has a multiplier of its own.
func TestFalconH1Parts(t *testing.T) {
	c := &hfConfig{fam: falconH1, m: map[string]any{"mamba_d_ssm": number("2"), "mamba_n_groups": number("1"), "mamba_d_state": number("1"),
		"mamba_n_heads": number("2"), "ssm_in_multiplier": number("2"),
		"ssm_multipliers": []any{number("3"), number("5"), number("7"), number("11"), number("13")}}}
	ones := matrix{dtype: compute.F32, rows: 8, cols: 1, unit: 1, fill: func(_ *File, first int, dst []byte) {
		binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(first+1)))
	}}
	list, err := multipliedParts(c, ones, ".weight")
	require.NoError(t, err)
	require.NoError(t, c.err)
	require.Len(t, list, 1)
	assert.Equal(t, "ssm_in.weight", list[0].name)
	for i, by := range []float32{6, 6, 10, 10, 14, 22, 26, 26} {
		row := make([]byte, 4)
		list[0].m.fill(nil, i, row)
		assert.Equal(t, by*float32(i+1), math.Float32frombits(binary.LittleEndian.Uint32(row)), "row %d", i)
	}
	ones.rows = 9
	_, err = multipliedParts(c, ones, ".weight")
	assert.Error(t, err)

	c.m["mlp_multipliers"] = []any{number("1")}
	c.listed("mlp_multipliers", 2)
	var unsupported *UnsupportedError
	assert.ErrorAs(t, c.err, &unsupported)
}

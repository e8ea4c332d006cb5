package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTableRotatesByPosition(t *testing.T) {
	p := RoPE{Dim: 4, Base: 100, Scaling: ScalingNone}
	require.NoError(t, p.check())
	table := p.Table(3, 3)
	require.Len(t, table, 12)
	assert.Equal(t, []float32{1, 0, 1, 0}, table[:4])
	for i, theta := range []float64{2, 0.2} { // position 2, frequencies 1 and 1/10
		assert.InDelta(t, math.Cos(theta), table[8+2*i], 1e-7)
		assert.InDelta(t, math.Sin(theta), table[9+2*i], 1e-7)
	}
}

func TestScalings(t *testing.T) {
	plain, _ := (&RoPE{Dim: 64, Base: 10000, Scaling: ScalingNone}).Frequencies(10)
	linear, s := (&RoPE{Dim: 64, Base: 10000, Scaling: ScalingLinear, Factor: 4}).Frequencies(10)
	assert.Equal(t, 1.0, s)
	assert.InDelta(t, plain[7]/4, linear[7], 1e-15)

	yarn := RoPE{Dim: 64, Base: 10000, Scaling: ScalingYaRN, Factor: 4, OriginalLen: 2048, BetaFast: 32, BetaSlow: 1}
	f, s := yarn.Frequencies(10)
	assert.InDelta(t, 0.1*math.Log(4)+1, s, 1e-12)
	assert.Equal(t, plain[0], f[0], "the fastest pair is left alone")
	assert.InDelta(t, plain[31]/4, f[31], 1e-18, "the slowest is interpolated")
	assert.True(t, f[12] < plain[12] && f[12] > plain[12]/4, "between them a blend")

	dyn := RoPE{Dim: 64, Base: 10000, Scaling: ScalingDynamic, Factor: 2, OriginalLen: 100}
	f, _ = dyn.Frequencies(100)
	assert.Equal(t, plain, f, "within the original context nothing changes")
	f, _ = dyn.Frequencies(200)
	assert.InDelta(t, math.Pow(10000*math.Pow(3, 64.0/62), -2.0/64), f[1], 1e-12)

	l3 := RoPE{Dim: 64, Base: 500000, Scaling: ScalingLlama3, Factor: 8, OriginalLen: 8192, LowFreq: 1, HighFreq: 4}
	require.NoError(t, l3.check())
	base, _ := (&RoPE{Dim: 64, Base: 500000}).Frequencies(1)
	f, _ = l3.Frequencies(1)
	assert.Equal(t, base[0], f[0])
	assert.InDelta(t, base[31]/8, f[31], 1e-18)

	long := make([]float32, 32)
	short := make([]float32, 32)
	for i := range long {
		long[i], short[i] = 3, 1.5
	}
	lr := RoPE{Dim: 64, Base: 10000, Scaling: ScalingLongest, Factor: 32, OriginalLen: 4096, FactorsLong: long, FactorsShort: short}
	require.NoError(t, lr.check())
	f, s = lr.Frequencies(4096)
	assert.InDelta(t, plain[5]/1.5, f[5], 1e-12)
	assert.InDelta(t, math.Sqrt(1+math.Log(32)/math.Log(4096)), s, 1e-12)
	f, _ = lr.Frequencies(4097)
	assert.InDelta(t, plain[5]/3, f[5], 1e-12)
}

func TestBadRoPEIsRefused(t *testing.T) {
	for name, p := range map[string]RoPE{
		"odd":            {Dim: 3, Base: 1, Factor: 1, Scaling: ScalingNone},
		"no base":        {Dim: 4, Factor: 1, Scaling: ScalingNone},
		"unknown":        {Dim: 4, Base: 1, Factor: 1, Scaling: "magic"},
		"no original":    {Dim: 4, Base: 1, Factor: 2, Scaling: ScalingYaRN},
		"factors":        {Dim: 4, Base: 1, Factor: 2, Scaling: ScalingNone, Factors: []float32{1}},
		"zero factor":    {Dim: 4, Base: 1, Factor: 2, Scaling: ScalingNone, Factors: []float32{1, 0}},
		"band":           {Dim: 4, Base: 1, Factor: 2, OriginalLen: 5, Scaling: ScalingLlama3, LowFreq: 4, HighFreq: 1},
		"longrope short": {Dim: 4, Base: 1, Factor: 2, OriginalLen: 5, Scaling: ScalingLongest, FactorsLong: []float32{1, 1}},
	} {
		assert.Error(t, p.check(), name)
	}
}

// TestTemperatureAlone: a table that turns nothing multiplies by Llama 4's temperature, which steps up where the next position is a
// multiple of the length.
func TestTemperatureAlone(t *testing.T) {
	p := RoPE{Dim: 2, Still: true, Temperature: 0.1, Ahead: 1, OriginalLen: 16}
	table := p.Table(48, 48)
	for pos, want := range map[int]float64{0: 1, 14: 1, 15: 1 + 0.1*math.Log(2), 30: 1 + 0.1*math.Log(2), 31: 1 + 0.1*math.Log(3), 47: 1 + 0.1*math.Log(4)} {
		assert.Equal(t, []float32{float32(want), 0}, table[2*pos:2*pos+2], "position %d", pos)
	}
}

package fallback

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
)

// The softplus of fast arithmetic is that of float64 to within a few units in the last place, from where it is nothing to where it is x.
func TestSoftplusOfFastArithmetic(t *testing.T) {
	level := simd.Best()
	if level == simd.Plain {
		t.Skip("this processor has no vector instructions that are used")
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{inf, -inf, nan, 0, 1e-42, -1e-42}
	for v := float32(-90); v < 90; v += 0.0137 {
		x = append(x, v)
	}
	got, memory := append([]float32{}, x...), make([]float32, len(x))
	softplus32(level, got, memory)
	for i, v := range x {
		want := softplus(float64(v))
		if math.IsNaN(want) || math.IsInf(want, 0) {
			require.Equal(t, math.IsNaN(want), math.IsNaN(float64(got[i])), "%v", v)
			require.Equal(t, math.IsInf(want, 0), math.IsInf(float64(got[i]), 0), "%v", v)
			continue
		}
		require.InDelta(t, want, got[i], 4*0x1p-24*want+1e-44, "%v", v)
	}
}

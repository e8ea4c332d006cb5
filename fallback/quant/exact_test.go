package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
)

// Products of stored rows are those of decoded ones, bit for bit, at any alignment and number of blocks; where they say that they are not,
// a sum of the decoded rows is not finite.
func TestExactDots(t *testing.T) {
	if simd.Best() < simd.AVX512 {
		t.Skip("this processor has none")
	}
	r := rand.New(rand.NewPCG(11, 12))
	for format := range exactDots {
		multiply := ExactDot(simd.Best(), format)
		ordinary := 0
		for blocks := 1; blocks <= 300; blocks++ {
			cols := blocks * format.BlockLen()
			row := blocks * format.BlockBytes()
			w := make([]byte, simd.StoredRows*row+blocks%7)[blocks%7:]
			for i := range w {
				w[i] = byte(r.Uint32())
			}
			if blocks%4 != 0 { // no infinite scales and none that are no numbers, but denormals
				for i := 0; i < len(w); i += format.BlockBytes() {
					w[i+1] &^= byte(4 << r.IntN(5))
				}
			}
			x, decoded, want := make([]float64, cols), make([]float32, cols), [simd.StoredRows]float64{}
			for k := range x {
				x[k] = float64(float32(r.NormFloat64()))
				if r.IntN(30) == 0 {
					x[k] = []float64{0, math.Copysign(0, -1), 0x1p-149, -0x1p-149, math.MaxFloat32}[r.IntN(5)]
				}
			}
			if blocks%8 == 7 {
				x[r.IntN(cols)] = []float64{math.Inf(1), math.NaN()}[blocks/8%2]
			}
			finite := true
			for i := range want {
				require.NoError(t, Decode(format, decoded, w[i*row:(i+1)*row]))
				for k, v := range decoded {
					want[i] += x[k] * float64(v)
				}
				finite = finite && want[i]-want[i] == 0
			}
			var got [simd.StoredRows]float64
			require.Equal(t, finite, multiply(w, x, &got), "%v: %d blocks", format, blocks)
			if !finite {
				continue
			}
			ordinary++
			for i := range want {
				require.Equal(t, math.Float64bits(want[i]), math.Float64bits(got[i]), "%v: %d blocks, row %d: got %v, want %v", format, blocks, i, got[i], want[i])
			}
		}
		require.Greater(t, ordinary, 150, "%v", format)
	}
}

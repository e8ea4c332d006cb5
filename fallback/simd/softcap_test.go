package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Capped values are those of math.Tanh to within a few units in the last place, of any size, for every length; not-numbers stay, infinities reach the limit.
func TestSoftCap(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for _, l := range levels()[1:] {
		for n := range 301 {
			x := values(r, n, n%5, n%3 == 0)
			for i := range x {
				x[i] *= float32(math.Exp2(float64(r.IntN(40) - 30)))
			}
			const factor, limit = 0.5, 30
			dst := make([]float32, n+1)
			dst[n] = 77
			l.SoftCap(dst[:n], x, factor, limit)
			require.EqualValues(t, 77, dst[n], "written past the end")
			for i, v := range x {
				want := limit * math.Tanh(factor*float64(v)/limit)
				if math.IsNaN(want) {
					require.True(t, math.IsNaN(float64(dst[i])), "%v of %v", dst[i], v)
					continue
				}
				require.InDelta(t, want, dst[i], 5*0x1p-23*math.Abs(want)+1e-43, "%v, %d elements, of %v", l, n, v)
			}
		}
	}
}

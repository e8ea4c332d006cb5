package conformance

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever scale and value lie within their errors, what is stored lies between the extremes, and comes near both.
func TestExtremesOfABlock(t *testing.T) {
	level := func(q float64) float64 { return min(max(math.Floor(q+8.5), 0), 15) - 8 }
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		d, x := math.Exp(4*rng.Float64()-2), 9*(2*rng.Float64()-1)
		x *= d
		dErr, xErr := 0.3*d*math.Pow(rng.Float64(), 3), d*math.Pow(rng.Float64(), 3)
		low, high := extremes(level, x-xErr, x+xErr, d-dErr, d+dErr)
		least, most := math.Inf(1), math.Inf(-1)
		const steps = 200
		for a := range steps + 1 {
			for b := range steps + 1 {
				dd, xx := d+dErr*(2*float64(a)/steps-1), x+xErr*(2*float64(b)/steps-1)
				y := roundF16(dd) * level(xx/dd)
				least, most = min(least, y), max(most, y)
			}
		}
		require.LessOrEqual(t, low, least, "case %d", i)
		require.GreaterOrEqual(t, high, most, "case %d", i)
		near := 0.2 * (1e-2*d + dErr) // a step of the scale, eight levels high
		assert.InDelta(t, least, low, near, "case %d: low, d %g ± %g, x %g ± %g", i, d, dErr, x, xErr)
		assert.InDelta(t, most, high, near, "case %d: high, d %g ± %g, x %g ± %g", i, d, dErr, x, xErr)
	}
}

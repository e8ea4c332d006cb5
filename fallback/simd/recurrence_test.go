package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both are within what roundings of float32 allow, and what is not a number stays where it belongs.
func TestRecurrences(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	near := func(n int, got float32, terms ...float64) {
		var want, size float64
		for _, v := range terms {
			want += v
			size += math.Abs(v)
		}
		if want-want != 0 || size > math.MaxFloat32/2 {
			if want != want {
				require.True(t, got != got, "%d: got %v, want %v", n, got, want)
			}
			return
		}
		require.InDelta(t, want, float64(got), size*float64(len(terms)+2)*0x1p-24+0x1p-140, "%d", n)
	}
	for _, l := range levels() {
		for n := range 301 {
			odd := n%3 == 0
			s, x, y, z := values(r, n+1, n%5, odd), values(r, n, n%7, odd), values(r, n, n%3, odd), values(r, n, n%11, odd)
			scanned, faded := append([]float32(nil), s...), append([]float32(nil), s...)
			sum := l.Scan(scanned[:n], x, y, z, 1.25)
			l.Fade(faded[:n], x, 0.75, -1.5)
			var products []float64
			for k := range n {
				near(n, scanned[k], float64(x[k])*float64(s[k]), 1.25*float64(y[k]))
				near(n, faded[k], 0.75*float64(s[k]), -1.5*float64(x[k]))
				products = append(products, float64(z[k])*float64(scanned[k]))
			}
			near(n, sum, products...)
			sameBits(t, []float32{s[n], s[n]}, []float32{scanned[n], faded[n]})
		}
	}
}

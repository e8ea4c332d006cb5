package simd

import (
	"math/rand/v2"
	"testing"
)

// Rotations and sums are those of plain Go, bit for bit, in place too.
func TestRotations(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	for _, l := range levels()[1:] {
		for n := range 301 {
			x, y := values(r, n, n%5, n%3 == 0), values(r, n, n%7, n%3 == 0)
			for _, f := range []func(l Level, out, x, y []float32){Level.Add,
				func(l Level, out, x, y []float32) { l.RotateHalves(out, x[:n&^1], y) },
				func(l Level, out, x, y []float32) { l.RotatePairs(out, x[:n&^1], y) }} {
				want, got := make([]float32, n+1), make([]float32, n+1)
				f(Plain, want[:n], x, y)
				f(l, got[:n], x, y)
				sameBits(t, want, got)
				copy(got, x)
				f(l, got[:n], got[:n], y)
				sameBits(t, want[:n&^1], got[:n&^1])
			}
		}
	}
}

package fallback

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func vectors(n, count int) [][]float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	v := make([][]float32, count)
	for i := range v {
		v[i] = make([]float32, n)
		for k := range v[i] {
			v[i][k] = float32(rng.NormFloat64())
		}
	}
	return v
}

func TestDotAddsInOrder(t *testing.T) {
	assert.Zero(t, dot(nil, nil))
	assert.Equal(t, 32.0, dot([]float32{1, 2, 3}, []float32{4, 5, 6}))
	ones := []float32{1, 1, 1, 1}
	// 2⁶⁰ swallows a 1 that is added to it, so the sum tells the order.
	assert.Equal(t, 1.0, dot([]float32{1 << 60, 1, -1 << 60, 1}, ones))
	assert.Equal(t, 2.0, dot([]float32{1 << 60, -1 << 60, 1, 1}, ones))
}

func TestDot4IsDotFourTimes(t *testing.T) {
	for n := range 40 {
		v := vectors(n, 5)
		for i, s := range dot4(v[0], v[1], v[2], v[3], v[4]) {
			assert.Equal(t, dot(v[0], v[i+1]), s, "%d elements", n)
		}
	}
}

// The sums and their order are part of what fast arithmetic means: the bits are compared.
func TestDotFastHasEightSumsAddedInPairs(t *testing.T) {
	for n := range 40 {
		v := vectors(n, 2)
		whole := n / 8 * 8
		var s [8]float32
		var tail float32
		for k, x := range v[0] {
			p := float32(x * v[1][k])
			if k < whole {
				s[k%8] += p
			} else {
				tail += p
			}
		}
		want := s[0] + s[4]
		want += s[1] + s[5]
		want += (s[2] + s[6]) + (s[3] + s[7])
		want += tail
		got := dotFast(v[0], v[1])
		assert.Equal(t, want, got, "%d elements", n)
		assert.InDelta(t, dot(v[0], v[1]), got, 1e-5, "%d elements", n)
	}
}

func BenchmarkDot(b *testing.B) {
	v := vectors(2048, 5)
	b.Run("serial", func(b *testing.B) {
		for b.Loop() {
			dot(v[0], v[1])
		}
	})
	b.Run("four", func(b *testing.B) {
		for b.Loop() {
			dot4(v[0], v[1], v[2], v[3], v[4])
		}
	})
	b.Run("fast", func(b *testing.B) {
		for b.Loop() {
			dotFast(v[0], v[1])
		}
	})
}

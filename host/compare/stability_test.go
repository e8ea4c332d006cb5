package compare

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStabilityComparesBits(t *testing.T) {
	s := Stability{Equal: true}
	s.add([]float32{1, 2}, []float32{1, 2})
	assert.True(t, s.Equal)
	s.add([]float32{0, 2}, []float32{float32(math.Copysign(0, -1)), 2})
	assert.False(t, s.Equal, "a zero of the other sign is another result")
	s.add([]float32{1, 2}, []float32{1, 2.5})
	assert.Equal(t, 0.5, s.MaxAbs)
	assert.Positive(t, s.KL)
}

func TestTheSameWorkMustGiveTheSameBits(t *testing.T) {
	for must, pass := range map[bool]bool{true: false, false: true} {
		r := &Report{Stability: []Stability{{Name: "again", Must: must, MaxAbs: 0.1}}}
		r.judge(Options{KL: 1})
		assert.Equal(t, pass, r.Pass)
	}
}

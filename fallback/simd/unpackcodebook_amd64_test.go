package simd

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both ways to look a codebook up give the same, of any codebook and any blocks.
func TestPermutedPointsAreTheChosen(t *testing.T) {
	if !permutes {
		t.Skip("this processor does not permute bytes of 512 bits")
	}
	type chosen func(n int, src *byte, q *uint8, d, m *float32, points *uint8)
	type permuted func(n int, src *byte, q *uint8, d, m *float32, codes *uint16, levels *uint8)
	r := rand.New(rand.NewPCG(41, 42))
	for _, f := range []struct {
		name           string
		size, scales   int
		points, levels int
		chosen         chosen
		permuted       permuted
	}{
		{"IQ2_XXS", 66, 8, 256, 4, unpackIQ2_XXS, unpackIQ2_XXSVBMI}, {"IQ2_XS", 74, 16, 512, 4, unpackIQ2_XS, unpackIQ2_XSVBMI},
		{"IQ3_XXS", 98, 8, 256, 8, unpackIQ3_XXS, unpackIQ3_XXSVBMI},
		{"IQ3_S", 110, 8, 512, 8, unpackIQ3_S, unpackIQ3_SVBMI},
	} {
		codes, levels := make([]uint16, f.points), make([]uint8, f.levels)
		for i := range codes {
			codes[i] = uint16(r.Uint32())
		}
		for i := range levels {
			levels[i] = uint8(128 + r.IntN(128))
		}
		points := PointsOf(codes, levels...)
		for n := 1; n < 12; n++ {
			src := make([]byte, n%5+n*f.size)[n%5:] // at any alignment
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			for b := range n { // a scale that is a number, equal to itself
				src[b*f.size+1] = 0x3c
			}
			a, b := newUnpackedBlocks(n*256, n*f.scales), newUnpackedBlocks(n*256, n*f.scales)
			f.chosen(n, &src[0], &a.q[0], &a.d[0], &a.m[0], &points.Bytes[0])
			f.permuted(n, &src[0], &b.q[0], &b.d[0], &b.m[0], &points.Codes[0], &points.Levels[0])
			require.Equal(t, a, b, "%s, %d blocks", f.name, n)
		}
	}
}

type unpackedBlocks struct {
	q    []uint8
	d, m []float32
}

// newUnpackedBlocks has room behind, where nobody may write.
func newUnpackedBlocks(n, scales int) unpackedBlocks {
	return unpackedBlocks{make([]uint8, n+64), make([]float32, scales+16), make([]float32, scales+16)}
}

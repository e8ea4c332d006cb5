package quant

import (
	"math"
	"math/bits"
)

// The IQ2 formats choose groups of eight magnitudes from a codebook of points with coordinates 8, 25 and 43, and give each
// its sign. Where only seven sign bits are stored, the eighth makes the number of minus signs even.

// evenSigns completes seven sign bits.
func evenSigns(b uint32) byte { return byte(b&127) | byte(bits.OnesCount32(b&127)&1)<<7 }

// signed writes scale·point with the signs of the set bits turned.
func signed(dst []float32, scale float32, point []float32, signs byte) {
	dst = dst[:len(point)]
	for i, p := range point {
		dst[i] = math.Float32frombits(math.Float32bits(scale*p) ^ uint32(signs)>>i<<31)
	}
}

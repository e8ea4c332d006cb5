package conformance

import (
	"encoding/binary"

	"tuff/host/compute"
)

// elementOf gives element i of a block in float64, with the sum of the magnitudes of the terms it is made of (d·q−m has
// two), from which the error of a float32 decoder follows. It is written for one element at a time, as the formats'
// tables describe them, unlike any decoder that walks a block. exact formats convert without any rounding.
type elementOf func(block []byte, i int) (value, magnitude float64)

var elements = map[compute.DType]elementOf{
	compute.F32: func(b []byte, _ int) (float64, float64) { return f32(b), 0 },
	compute.F16: func(b []byte, _ int) (float64, float64) { return f16(b), 0 },
	compute.BF16: func(b []byte, _ int) (float64, float64) {
		return float64(compute.BF16ToF32(binary.LittleEndian.Uint16(b))), 0
	},
	compute.Q8_0: func(b []byte, i int) (float64, float64) { return product(f16(b), int(int8(b[2+i])), 0) },
	compute.Q4_0: func(b []byte, i int) (float64, float64) { return product(f16(b), nibble(b[2:], i), -8) },
	compute.Q4_1: func(b []byte, i int) (float64, float64) { return affine(f16(b), nibble(b[4:], i), f16(b[2:])) },
	compute.Q5_0: func(b []byte, i int) (float64, float64) {
		return product(f16(b), nibble(b[6:], i)+16*bit(b[2:], i), -16)
	},
	compute.Q5_1: func(b []byte, i int) (float64, float64) {
		return affine(f16(b), nibble(b[8:], i)+16*bit(b[4:], i), f16(b[2:]))
	},
	// 256 elements in eight groups of 32, each with a 6-bit scale and minimum; two neighbouring groups share 32 bytes.
	compute.Q4_K: func(b []byte, i int) (float64, float64) {
		g := i / 32
		pair := b[16+32*(g/2):]
		q := int(pair[i%32]) >> (4 * (g % 2)) & 15
		scale, minimum := sixBits(b[4:16], g)
		return affine(f16(b)*float64(scale), q, -f16(b[2:])*float64(minimum))
	},
	// 256 elements in two halves; in each the low four bits lie in 64 bytes and the high two in 32, with a signed scale
	// for every 16 elements.
	compute.Q6_K: func(b []byte, i int) (float64, float64) {
		half, in := i/128, i%128
		low := int(b[64*half+in%64]) >> (4 * (in / 64)) & 15
		high := int(b[128+32*half+in%32]) >> (2 * (in / 32)) & 3
		scale := float64(int8(b[192+i/16]))
		return product(f16(b[208:])*scale, low+16*high, -32)
	},
}

func f32(b []byte) float64 { return float64(bitsOf(binary.LittleEndian.Uint32(b))) }

func f16(b []byte) float64 { return float64(compute.F16ToF32(binary.LittleEndian.Uint16(b))) }

// product is d·(q+offset); a decoder may as well compute d·q + d·offset.
func product(d float64, q, offset int) (value, magnitude float64) {
	return d * float64(q+offset), abs(d) * (abs(float64(q)) + abs(float64(offset)))
}

// affine is d·q + m.
func affine(d float64, q int, m float64) (value, magnitude float64) {
	return d*float64(q) + m, abs(d*float64(q)) + abs(m)
}

// nibble is element i of 32 in 16 bytes: the low nibbles are the first half, the high ones the second.
func nibble(b []byte, i int) int { return int(b[i%16]) >> (4 * (i / 16)) & 15 }

// bit is bit i of 32.
func bit(b []byte, i int) int { return int(b[i/8]) >> (i % 8) & 1 }

// sixBits is the scale and minimum of group g of eight packed in 12 bytes: groups 0 to 3 in the low six bits of bytes 0
// to 3 and 4 to 7; of groups 4 to 7 the low four bits in bytes 8 to 11 and the high two in the top of the former.
func sixBits(b []byte, g int) (scale, minimum int) {
	if g < 4 {
		return int(b[g] & 63), int(b[4+g] & 63)
	}
	return int(b[4+g]&15) + int(b[g-4]>>6)<<4, int(b[4+g]>>4) + int(b[g]>>6)<<4
}

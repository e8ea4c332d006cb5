package simd

import "math"

// wordsBlock is how many elements share a factor.
const wordsBlock = 32

// Words are a row of X as whole numbers of 16 bits: x ≈ d·q with d = max|x| / 32767 of each 32 elements, of which there are whole
// blocks. What is lost is at most 2⁻¹⁶ of the block's largest element, as much as float32 sums of some hundred products lose.
type Words struct {
	Q []int16
	D []float32 // of each 32 elements
	S []float32 // d times the sum of their q
}

// Set makes b of x: the nearest whole numbers, halves to even. A block with an element that is infinite or not a number has a factor
// that is one too, and so has what is multiplied by it.
func (b *Words) Set(x []float32) {
	n := len(x) / wordsBlock
	b.Q, b.D, b.S = sized(b.Q, n*wordsBlock), sized(b.D, n), sized(b.S, n)
	for i := range n {
		block, q := x[i*wordsBlock:(i+1)*wordsBlock], b.Q[i*wordsBlock:(i+1)*wordsBlock]
		var top float32
		for _, v := range block {
			top = max(top, float32(math.Abs(float64(v))))
		}
		b.D[i], b.S[i] = top/32767, 0
		switch {
		case !(top <= math.MaxFloat32):
			clear(q)
			q[0], b.S[i] = 1, top // 0·∞ would hide it
		case top < 1e-30: // no factor that could be divided by; what these add to a sum of float32 is nothing
			clear(q)
		default:
			inv, sum := 32767/top, int32(0)
			for k, v := range block {
				// Adding 1.5·2²³ rounds to a whole number, which is then the lowest bits.
				l := int32(math.Float32bits(v*inv+12582912)) - 0x4b400000
				q[k] = int16(l)
				sum += l
			}
			b.S[i] = b.D[i] * float32(sum)
		}
	}
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

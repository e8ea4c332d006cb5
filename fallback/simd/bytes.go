package simd

import "math"

// wordsBlock is how many elements share a factor.
const wordsBlock = 32

// Bytes are a row of X as pairs of signed bytes: x ≈ d·(256·upper + lower) with d = max|x| / 32639 of each 32 elements, of which there
// are whole blocks. What is lost is at most 2⁻¹⁶ of a block's largest element.
type Bytes struct {
	Upper, Lower []int8    // in an Order
	D            []float32 // of each 32 elements
	S            []float32 // d times the sum of their whole numbers
	H            []float32 // the same of each 16 elements
	W            []int16   // the whole numbers themselves, the second and the third of each four exchanged unless they are Apart; of levels that multiply words
}

// Order is how elements lie in Bytes, so that a load meets the weights of one that a kernel has made.
type Order uint8

const (
	InOrder Order = iota
	Halves        // of each 128 in whole 256: the first 16 of each 32, then the second 16 of each
	Crossed       // of each 128 in whole 256: the first 32, the third, the second, the fourth
	Apart         // InOrder, but W: of each 32 those of even numbers, then those of odd ones
	NumOrders
)

// Set makes b of x, in an order. A block with an element that is infinite or not a number has a factor that is one too, and nothing of
// what is multiplied by it is a number.
func (b *Bytes) Set(l Level, x []float32, o Order) {
	n := len(x) / wordsBlock
	b.Upper, b.Lower = sized(b.Upper, n*wordsBlock), sized(b.Lower, n*wordsBlock)
	b.D, b.S, b.H = sized(b.D, n), sized(b.S, n), sized(b.H, 2*n)
	if l.multipliesWords() {
		b.W = sized(b.W, n*wordsBlock)
	}
	if n == 0 {
		return
	}
	if l > Plain {
		l.quantize(b, x)
	} else {
		b.quantizePlain(x)
	}
	arrange(b.Upper, o)
	arrange(b.Lower, o)
	if o == Apart {
		apart(b.W)
	}
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// multipliesWords reports whether a level has no product of four bytes.
func (l Level) multipliesWords() bool { return l == AVX2 || l == AVX512 }

// arrange brings bytes from InOrder to an order.
func arrange(q []int8, o Order) {
	if o == InOrder || o == Apart {
		return
	}
	for q = q[:len(q)&^255]; len(q) > 0; q = q[128:] {
		from := [128]int8(q)
		for i := range 4 {
			if o == Halves {
				copy(q[16*i:16*i+16], from[32*i:])
				copy(q[64+16*i:80+16*i], from[32*i+16:])
			} else {
				copy(q[32*i:32*i+32], from[32*(i%2*2+i/2):])
			}
		}
	}
}

// smallest is what the largest element of a block must reach to have a factor.
const smallest = 1e-33

// quantizePlain rounds to the nearest whole numbers, halves to even.
func (b *Bytes) quantizePlain(x []float32) {
	for i := range b.D {
		block, upper, lower := x[i*wordsBlock:(i+1)*wordsBlock], b.Upper[i*wordsBlock:(i+1)*wordsBlock], b.Lower[i*wordsBlock:(i+1)*wordsBlock]
		var top float32
		for _, v := range block {
			top = max(top, float32(math.Abs(float64(v))))
		}
		if !(top <= math.MaxFloat32) || top < smallest {
			if top < smallest {
				top = 0 // no factor that could be divided by; what these add to a sum of float32 is nothing
			}
			clear(upper)
			clear(lower)
			b.D[i], b.S[i], b.H[2*i], b.H[2*i+1] = top, top, top, top
			continue
		}
		d, inv := top/32639, 32639/top
		var sums [2]float32
		for k, v := range block {
			q := int(math.RoundToEven(float64(v * inv)))
			upper[k], lower[k] = int8((q+128)>>8), int8(q)
			sums[k/16] += float32(q)
		}
		b.D[i], b.S[i], b.H[2*i], b.H[2*i+1] = d, d*(sums[0]+sums[1]), d*sums[0], d*sums[1]
	}
}

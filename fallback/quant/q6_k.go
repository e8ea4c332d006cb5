package quant

import (
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.Q6_K] = format{decode: decodeQ6_K, fit: fitQ6_K} }

// Q6_K stores 256 elements in 210 bytes: 128 bytes of low nibbles, 64 bytes of two high bits, 16 int8 scales, a binary16 d.
// In each half of 128 elements, element 32k+i takes its nibble from byte i (k even) or 32+i (k odd), the low nibble for
// k < 2 and the high one otherwise, and bits 2k and 2k+1 of high byte i.
//
//	x = d·scale·(q − 32)      one scale for each 16 elements
//
// Source: the GGUF format's block_q6_K.
func decodeQ6_K(dst []float32, src []byte) {
	low, high, scales, d := src[:128], src[128:192], src[192:208], half(src[208:])
	for g := range 16 {
		h, k, at := g/8, g/2%4, 16*(g%2)
		dl := d * float32(int8(scales[g]))
		shift, top := 4*(k/2), 2*k
		out, hi := dst[16*g:16*g+16], high[32*h+at:][:16]
		for i, q := range low[64*h+32*(k%2)+at:][:16] {
			out[i] = dl * float32(int(q>>shift&15|hi[i]>>top&3<<4)-32)
		}
	}
}

// starts6 are levels of the largest of 16 elements, at either end.
var starts6 = []float32{-32.2, -31.2, -30.2, -29.2, 31.2, 30.2, 29.2, 28.2}

// fitQ6_K gives each 16 elements a scale of their own, rounds those to eight bits, with their neighbours tried, and takes d by
// least squares over all levels.
func fitQ6_K(dst []byte, src []float32) {
	var want, scale, bestScale [16]float32
	for g := range want {
		want[g] = fitScale(src[16*g:16*g+16], -32, 31, starts6, asIs)
	}
	d := extreme(want[:]) / -128
	var bestD, bestE float32 // zero, until something is closer
	for _, v := range src {
		bestE += float32(v * v)
	}
	var q [256]float32
	for range 3 {
		d = toHalf(d)
		var e, aa, ra float32
		for g, s := range want {
			part := src[16*g : 16*g+16]
			s0 := nearest(clamp(s*inverse(d), -128, 127))
			least := float32(math.MaxFloat32)
			for s := max(s0-1, -128); s <= min(s0+1, 127); s++ {
				if c := distanceSigned(part, float32(d*s), -32, 31); c < least {
					least, scale[g] = c, s
				}
			}
			e += least
			l := q[16*g : 16*g+16]
			levels(l, part, float32(d*scale[g]), 0, -32, 31)
			for i, v := range part {
				a := float32(scale[g] * l[i])
				aa += float32(a * a)
				ra += float32((v - float32(d*a)) * a)
			}
		}
		if e < bestE {
			bestE, bestD, bestScale = e, d, scale
		}
		if aa == 0 || toHalf(d+ra/aa) == d {
			break
		}
		d += ra / aa
	}
	low, high := dst[:128], dst[128:192]
	clear(dst[:192])
	for g, s := range bestScale {
		h, k, at := g/8, g/2%4, 16*(g%2)
		l := q[16*g : 16*g+16]
		levels(l, src[16*g:16*g+16], float32(bestD*s), 0, -32, 31)
		dst[192+g] = byte(int8(s))
		for i, v := range l {
			u := byte(v + 32)
			low[64*h+32*(k%2)+at+i] |= u & 15 << (4 * (k / 2))
			high[32*h+at+i] |= u >> 4 << (2 * k)
		}
	}
	putHalf(dst[208:], bestD)
}

// distanceSigned is the sum of squared errors of x on the line through zero of scale d with levels lo … hi.
func distanceSigned(x []float32, d, lo, hi float32) float32 {
	inv := inverse(d)
	var e float32
	for _, v := range x {
		r := v - float32(d*nearest(clamp(float32(v*inv), lo, hi)))
		e += float32(r * r)
	}
	return e
}

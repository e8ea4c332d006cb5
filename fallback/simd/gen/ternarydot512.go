package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Interleaved rows of ternary formats by AVX-512, four elements of 16 rows in a register: products with a row of X by VNNI, and panels of bytes. A block
// has 256 elements and, behind its words, one scale.

// ternaries512 generates them all.
func ternaries512() {
	ternaryDot512("TQ2_0", 66, 16, 4, func(k *interleavedDot) func(sums []chains, add func(sums []chains, g, up int)) {
		var masks []reg.VecVirtual // numbers stay where they lie, up to 64 times what they stand for
		for i := range 4 {
			masks = append(masks, everyByte(0x03<<(2*i)))
		}
		return func(sums []chains, add func(sums []chains, g, up int)) {
			for h := range 2 {
				clearChains(sums)
				for m := range 8 {
					v := k.words(64 * (8*h + m))
					for i, mask := range masks {
						q := ZMM()
						VPANDD(mask, v, q)
						k.add(sums[i], q, 128*h+32*i+4*m)
					}
				}
				for i := range masks {
					add(sums[i:], 4*h+i, 2*i)
				}
			}
		}
	})
	ternaryDot512("TQ1_0", 54, 13, 5, func(k *interleavedDot) func(sums []chains, add func(sums []chains, g, up int)) {
		digits := digits512()
		return func(sums []chains, add func(sums []chains, g, up int)) {
			for _, runs := range groupsOfDigits {
				first, last := runs[0].first/32, runs[len(runs)-1].last()/32
				clearChains(sums[:last-first+1])
				for _, r := range runs {
					for w := range r.words {
						digits(k.words(64*(r.word+w)), r.digits, func(n int, q reg.VecVirtual) {
							at := r.element(n, w)
							k.add(sums[at/32-first], q, at)
						})
					}
				}
				for g := first; g <= last; g++ {
					add(sums[g-first:], g, 0)
				}
			}
		}
	})
	interleavedUnpacker("TQ2_0", 66, 256, 8, 1, func(k *interleavedUnpacking) func() {
		three := everyByte(0x03)
		return func() {
			for j := range 16 {
				v := k.words(64 * j)
				for i := range 4 {
					q := ZMM()
					if i > 0 {
						VPSRLW(Imm(2), v, v)
					}
					VPANDD(three, v, q)
					k.put(q, j/8*32+8*i+j%8)
				}
			}
			k.oneScale(16)
		}
	})
	interleavedUnpacker("TQ1_0", 54, 256, 8, 1, func(k *interleavedUnpacking) func() {
		digits := digits512()
		return func() {
			for _, r := range digitRuns {
				for w := range r.words {
					digits(k.words(64*(r.word+w)), r.digits, func(n int, q reg.VecVirtual) { k.put(q, r.element(n, w)/4) })
				}
			}
			k.oneScale(13)
		}
	})
}

// ternaryDot512 generates a product with so many sums of 32 elements under way: prepare gives what clears them, sums up, and hands over the first of some as
// that of group g, 2^up times too high.
func ternaryDot512(name string, size, words, groups int, prepare func(k *interleavedDot) func(sums []chains, add func(sums []chains, g, up int))) {
	dottingInterleaved("dot"+name, size, 256, 8, 1, false, func(k *interleavedDot, below []reg.VecVirtual) func(int) {
		sums, inner, ones := newChains(groups), []reg.VecVirtual{ZMM(), ZMM()}, ZMM()
		block := prepare(k)
		return func(int) {
			k.ask(32) // scales, half a line
			zero(inner[0], inner[1], ones)
			block(sums, func(sums []chains, g, up int) {
				s := sums[0]
				VPSLLD(Imm(8), s.upper, s.upper)
				VPADDD(s.lower, s.upper, s.upper)
				if up > 0 {
					VPSRAD(Imm(uint64(up)), s.upper, s.upper) // exactly
				}
				VCVTDQ2PS(s.upper, s.upper)
				VFMADD231PS_BCST(Mem{Base: k.d, Disp: 4 * g}, s.upper, inner[g%2])
				VADDPS_BCST(Mem{Base: k.s, Disp: 4 * g}, ones, ones)
			})
			VADDPS(inner[1], inner[0], inner[0])
			d := k.halves(64 * words)
			VFMADD231PS(d, inner[0], k.acc[0])
			VFMADD231PS(d, ones, below[0])
		}
	})
}

// digits512 gives the digits of the bytes of v, one behind the other. Bytes of odd numbers are multiplied by 3 whole: the digit is the upper byte of the
// product, and what follows the lower.
func digits512() func(v reg.VecVirtual, digits int, each func(n int, q reg.VecVirtual)) {
	upper, three, threeAbove := ZMM(), ZMM(), ZMM()
	fill(upper, 0xff00ff00)
	fill(three, 0x00030003)
	fill(threeAbove, 0x03000300)
	return func(v reg.VecVirtual, digits int, each func(n int, q reg.VecVirtual)) {
		even, odd := ZMM(), ZMM()
		VPSLLW(Imm(8), v, even)
		VPANDD(upper, v, odd)
		for n := range digits {
			q, product := ZMM(), ZMM()
			VPMULHUW(three, even, q)
			VPMULHUW(threeAbove, odd, product)
			mergeMasked(upper, product, q)
			if n < digits-1 {
				VPMULLW(three, even, even)
				VPSLLW(Imm(8), product, odd)
			}
			each(n, q)
		}
	}
}

// oneScale stores the binary16 behind so many words as the scale of all groups of 32.
func (k *interleavedUnpacking) oneScale(words int) {
	d := k.halves(64 * words)
	for g := range 8 {
		VMOVUPS(d, Mem{Base: k.d, Disp: 64 * g})
	}
}

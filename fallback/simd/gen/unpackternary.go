package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Formats of few bits with one scale a block, and NVFP4.

// oneScale stores the binary16 at off as all 8 scales of a block of 256.
func (k *unpacking) oneScale(off int) {
	all := YMM()
	VBROADCASTSS(halfAt(k.at(off)), all)
	VMOVUPS(all, Mem{Base: k.d})
}

func ternaryUnpackers() {
	unpacker("TQ2_0", "", 66, 256, 8, func(k *unpacking) func() {
		three := everywhere(0x03030303)
		return func() {
			k.twoBits(0, three, nil)
			k.oneScale(64)
		}
	})
	unpacker("TQ1_0", "", 54, 256, 8, func(k *unpacking) func() {
		// A byte x begins with the digit ⌊3x/256⌋: 2 less one for each of the bounds 86 and 171 that it is below. It is kept 128 higher, for
		// comparisons of signed bytes; three times that is three times x and 128 again.
		two, sign := everywhere(0x02020202), everywhere(0x80808080)
		bounds := [2]reg.VecVirtual{everywhere(0xd6d6d6d6), everywhere(0x2b2b2b2b)}
		digit := func(x reg.VecVirtual) reg.VecVirtual {
			v, t := YMM(), YMM()
			VPCMPGTB(x, bounds[0], v)
			VPADDB(two, v, v)
			VPCMPGTB(x, bounds[1], t)
			VPADDB(t, v, v)
			return v
		}
		next := func(x reg.VecVirtual) {
			t := YMM()
			VPADDB(x, x, t)
			VPADDB(t, x, x)
		}
		return func() {
			x, y, last := YMM(), YMM(), YMM()
			VPXOR(k.at(0), sign, x)
			VPBROADCASTD(k.at(48), y)
			VPBLENDD(Imm(0x0f), k.at(32), y, y) // 16 bytes of five digits; four of four digits in each of the upper lanes
			VPXOR(sign, y, y)
			for n := range 5 {
				k.put(digit(x), 32*n)
				v := digit(y)
				VMOVDQU(v.AsX(), Mem{Base: k.q, Disp: 160 + 16*n})
				if n == 0 {
					VMOVDQA(v, last)
				} else if n < 4 {
					VPBLENDD(Imm(0x10<<n), v, last, last)
				}
				if n < 4 {
					next(x)
					next(y)
				}
			}
			VEXTRACTI128(Imm(1), last, Mem{Base: k.q, Disp: 240})
			k.oneScale(52)
		}
	})
	unpacker("NVFP4", ", levels *int8, scales *float32", 36, 64, 4, func(k *unpacking) func() {
		levels, mask, scales := unsignedLevels(), everywhere(0x0f0f0f0f), Load(Param("scales"), GP64())
		return func() {
			low, high, v := YMM(), YMM(), YMM()
			VPERMQ(Imm(0xd8), k.at(4), low) // two groups of 16 elements in each half, of which the lower halves are taken first
			VPSRLW(Imm(4), low, high)
			VPAND(mask, low, low)
			VPAND(mask, high, high)
			VPSHUFB(low, levels, low)
			VPSHUFB(high, levels, high)
			VPUNPCKLQDQ(high, low, v)
			VPUNPCKHQDQ(high, low, high)
			k.put(v, 0)
			k.put(high, 32)
			for g := range 4 {
				e, d := GP64(), GP32()
				MOVBQZX(k.at(g), e)
				MOVL(Mem{Base: scales, Index: e, Scale: 4}, d)
				MOVL(d, Mem{Base: k.d, Disp: 4 * g})
			}
		}
	})
	unpacker("Q2_0", "", 18, 64, 2, func(k *unpacking) func() {
		three := everywhere(0x03030303)
		return func() {
			for i := range 2 {
				v, t := YMM(), YMM()
				VPMOVZXBD(k.at(2+8*i), v) // four elements in a byte, to be a byte each
				VPSLLD(Imm(12), v, t)
				VPOR(t, v, v)
				VPSLLD(Imm(6), v, t)
				VPOR(t, v, v)
				VPAND(three, v, v)
				k.put(v, 32*i)
			}
			d := halfAt(k.at(0))
			VMOVSS(d, Mem{Base: k.d})
			VMOVSS(d, Mem{Base: k.d, Disp: 4})
		}
	})
	unpacker("Q1_0", "", 18, 128, 4, func(k *unpacking) func() {
		s, two := signs(), everywhere(0x02020202)
		return func() {
			for i := range 4 {
				v := s.of32(k.at(2 + 4*i))
				VPCMPEQB(s.bits, v, v)
				VPAND(two, v, v)
				k.put(v, 32*i)
			}
			all := XMM()
			VBROADCASTSS(halfAt(k.at(0)), all)
			VMOVUPS(all, Mem{Base: k.d})
		}
	})
}

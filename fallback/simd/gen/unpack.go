package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Rows of weights become a byte for each element, in order, with a scale and, in some formats, a minimum for each 32 or 16 of them. All of
// it needs AVX2 and F16C.

// unpacking is a kernel in the making, and where it stands.
type unpacking struct{ src, q, d, m reg.Register }

// unpacker begins a kernel over n blocks of size bytes and length elements, each with so many scales.
func unpacker(name, params string, size, length, scales int, prepare func(k *unpacking) (block func())) {
	unpackerWith("AVX2 and F16C", name, params, size, length, scales, prepare)
}

// unpackerWith is unpacker for processors with other features.
func unpackerWith(features, name, params string, size, length, scales int, prepare func(k *unpacking) (block func())) {
	kernel := "unpack" + name
	TEXT(kernel, NOSPLIT, "func(n int, src *byte, q *uint8, d, m *float32"+params+")")
	Doc(kernel + " unpacks n blocks. With " + features + ".")
	Pragma("noescape")
	k := &unpacking{Load(Param("src"), GP64()), Load(Param("q"), GP64()), Load(Param("d"), GP64()), Load(Param("m"), GP64())}
	n, block := Load(Param("n"), GP64()), prepare(k)
	Label("block")
	block()
	ADDQ(U32(uint32(size)), k.src)
	ADDQ(U32(uint32(length)), k.q)
	ADDQ(U32(uint32(4*scales)), k.d)
	ADDQ(U32(uint32(4*scales)), k.m)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func (k *unpacking) at(off int) Mem { return Mem{Base: k.src, Disp: off} }

func (k *unpacking) put(v reg.VecVirtual, off int) { VMOVDQU(v, Mem{Base: k.q, Disp: off}) }

// minimumUnit is what minima are counted in: the sums of X that they meet are −128 times what they are.
const minimumUnit = 1.0 / 128

// times8 stores 8 float32 times the lowest lane of x times unit.
func times8(v, x reg.VecVirtual, unit float32, to Mem) {
	all := YMM()
	VBROADCASTSS(x, all)
	VMULPS(all, v, v)
	if unit != 1 {
		VMULPS(everywhere(math.Float32bits(unit)), v, v)
	}
	VMOVUPS(v, to)
}

func unpackers() {
	unpacker("Q8_0", "", 34, 32, 1, func(k *unpacking) func() {
		sign := everywhere(0x80808080)
		return func() {
			v := YMM()
			VPXOR(k.at(2), sign, v)
			k.put(v, 0)
			VMOVSS(halfAt(k.at(0)), Mem{Base: k.d})
		}
	})
	for _, f := range []nibbleFormat{
		{name: "Q4_0", size: 18, offset: 2},
		{name: "Q4_1", size: 20, offset: 4, minimum: true},
		{name: "Q5_0", size: 22, offset: 6, high: 2},
		{name: "Q5_1", size: 24, offset: 8, minimum: true, high: 4},
		{name: "IQ4_NL", size: 18, offset: 2, levels: true},
		{name: "MXFP4", size: 17, offset: 1, levels: true, powers: true},
	} {
		f.unpacker()
	}
	unpacker("IQ4_XS", ", levels *int8", 136, 256, 8, func(k *unpacking) func() {
		mask, levels := everywhere(0x0f0f0f0f), unsignedLevels()
		shifts, fifteen, three, base := numbers("by_four", 4), everywhere(15), everywhere(3), everywhere(32)
		pairs := numbers("by_two", 2)
		return func() {
			for g := range 8 {
				q := nibbles(k.at(8+16*g), mask)
				VPSHUFB(q, levels, q)
				k.put(q, 32*g)
			}
			low, high, x, g := YMM(), YMM(), XMM(), GP32()
			VPBROADCASTD(k.at(4), low)
			VPSRLVD(shifts, low, low)
			VPAND(fifteen, low, low)
			MOVWLZX(k.at(2), g)
			VMOVD(g, x)
			VPBROADCASTD(x, high)
			VPSRLVD(pairs, high, high)
			VPAND(three, high, high)
			VPSLLD(Imm(4), high, high)
			VPOR(high, low, low)
			VPSUBD(base, low, low)
			VCVTDQ2PS(low, low)
			times8(low, halfAt(k.at(0)), 1, Mem{Base: k.d})
		}
	})
	pairsOf := func(k *unpacking) {
		scales, mins := unpackPairs(k.src)
		times8(scales, halfAt(k.at(0)), 1, Mem{Base: k.d})
		times8(mins, halfAt(k.at(2)), minimumUnit, Mem{Base: k.m})
	}
	unpacker("Q4_K", "", 144, 256, 8, func(k *unpacking) func() {
		mask := everywhere(0x0f0f0f0f)
		return func() {
			for j := range 4 {
				low, high := k.halves(16+32*j, mask)
				k.put(low, 64*j)
				k.put(high, 64*j+32)
			}
			pairsOf(k)
		}
	})
	unpacker("Q5_K", "", 176, 256, 8, func(k *unpacking) func() {
		mask, bit := everywhere(0x0f0f0f0f), everywhere(0x10101010)
		return func() {
			fifth := YMM()
			VMOVDQU(k.at(16), fifth)
			for j := range 4 {
				low, high := k.halves(48+32*j, mask)
				merge(fifth, 2*j, 4, bit, low)
				merge(fifth, 2*j+1, 4, bit, high)
				k.put(low, 64*j)
				k.put(high, 64*j+32)
			}
			pairsOf(k)
		}
	})
	unpacker("Q6_K", "", 210, 256, 16, func(k *unpacking) func() {
		mask, two := everywhere(0x0f0f0f0f), everywhere(0x30303030)
		return func() {
			for h := range 2 {
				top := YMM()
				VMOVDQU(k.at(128+32*h), top)
				for i := range 2 {
					low, high := k.halves(64*h+32*i, mask)
					merge(top, 2*i, 4, two, low)
					merge(top, 4+2*i, 4, two, high)
					k.put(low, 128*h+32*i)
					k.put(high, 128*h+64+32*i)
				}
			}
			for i := range 2 {
				v := YMM()
				VPMOVSXBD(k.at(192+8*i), v)
				VCVTDQ2PS(v, v)
				times8(v, halfAt(k.at(208)), 1, Mem{Base: k.d, Disp: 32 * i})
			}
		}
	})
	unpacker("Q2_K", "", 84, 256, 16, func(k *unpacking) func() {
		three, fifteen := everywhere(0x03030303), everywhere(15)
		return func() {
			k.twoBits(16, three, nil)
			for i := range 2 {
				scales, mins := YMM(), YMM()
				VPMOVZXBD(k.at(8*i), scales)
				VPSRLD(Imm(4), scales, mins)
				VPAND(fifteen, scales, scales)
				VCVTDQ2PS(scales, scales)
				VCVTDQ2PS(mins, mins)
				times8(scales, halfAt(k.at(80)), 1, Mem{Base: k.d, Disp: 32 * i})
				times8(mins, halfAt(k.at(82)), minimumUnit, Mem{Base: k.m, Disp: 32 * i})
			}
		}
	})
	unpacker("Q3_K", "", 110, 256, 16, func(k *unpacking) func() {
		three, four, base := everywhere(0x03030303), everywhere(0x04040404), everywhere(32)
		low, top := everywhere(0x0f0f0f0f), everywhere(0x30303030)
		shifts := numbers("top_bits", 2)
		return func() {
			high := YMM()
			VMOVDQU(k.at(0), high)
			k.twoBits(32, three, func(h, j int, v reg.VecVirtual) { merge(high, 4*h+j, 2, four, v) })
			q, t := XMM(), XMM() // scales: their lower four bits, and two above
			VMOVQ(k.at(96), q)
			VPSRLW(Imm(4), q, t)
			VPUNPCKLQDQ(t, q, q)
			VPAND(low.AsX(), q, q)
			VPBROADCASTD(k.at(104), t)
			VPSRLVD(shifts.AsX(), t, t)
			VPSLLW(Imm(4), t, t)
			VPAND(top.AsX(), t, t)
			VPOR(t, q, q)
			for i := range 2 {
				v := YMM()
				VPMOVZXBD(q, v)
				VPSUBD(base, v, v)
				VCVTDQ2PS(v, v)
				times8(v, halfAt(k.at(108)), 1, Mem{Base: k.d, Disp: 32 * i})
				VPSRLDQ(Imm(8), q, q)
			}
		}
	})
}

// unpacker is that of a format of blocks of 32 with nibbles.
func (f nibbleFormat) unpacker() {
	params := ""
	if f.levels {
		params = ", levels *int8"
	}
	if f.powers {
		params += ", scales *float32"
	}
	unpacker(f.name, params, f.size, 32, 1, func(k *unpacking) func() {
		mask := everywhere(0x0f0f0f0f)
		var levels, sixteen, spread, bits reg.VecVirtual
		var scales reg.Register
		if f.levels {
			levels = unsignedLevels()
		}
		if f.powers {
			scales = Load(Param("scales"), GP64())
		}
		if f.high > 0 {
			sixteen = everywhere(0x10101010)
			spread = constantLower("every_eighth", func(i int) uint32 { return uint32(i/2) * 0x01010101 })
			bits = constantLower("bits_of_8", func(i int) uint32 { return []uint32{0x08040201, 0x80402010}[i%2] })
		}
		return func() {
			q := nibbles(k.at(f.offset), mask)
			if f.levels {
				VPSHUFB(q, levels, q)
			}
			if f.high > 0 {
				b := YMM()
				VPBROADCASTD(k.at(f.high), b)
				VPSHUFB(spread, b, b)
				VPAND(bits, b, b)
				VPCMPEQB(bits, b, b)
				VPAND(sixteen, b, b)
				VPOR(b, q, q)
			}
			k.put(q, 0)
			if f.powers {
				e, x := GP64(), XMM()
				MOVBQZX(k.at(0), e)
				VMOVSS(Mem{Base: scales, Index: e, Scale: 4}, x)
				VMOVSS(x, Mem{Base: k.d})
			} else {
				VMOVSS(halfAt(k.at(0)), Mem{Base: k.d})
			}
			if f.minimum { // which is added
				x := halfAt(k.at(2))
				VMULSS(everywhere(math.Float32bits(-minimumUnit)).AsX(), x, x)
				VMOVSS(x, Mem{Base: k.m})
			}
		}
	})
}

// unsignedLevels are the levels of nibbles, 128 higher.
func unsignedLevels() reg.VecVirtual {
	levels := YMM()
	VBROADCASTI128(Mem{Base: Load(Param("levels"), GP64())}, levels)
	VPXOR(everywhere(0x80808080), levels, levels)
	return levels
}

// constantLower is the lower half of a constant.
func constantLower(name string, word func(i int) uint32) reg.VecVirtual {
	v := YMM()
	VMOVDQU(constant(name, word), v)
	return v
}

// numbers are 0, by, 2·by, …; those of top_bits begin again in each quarter.
func numbers(name string, by int) reg.VecVirtual {
	return constantLower(name, func(i int) uint32 {
		if name == "top_bits" {
			i %= 4
		}
		return uint32(by * i)
	})
}

// halves are the low and the high nibbles of 32 bytes.
func (k *unpacking) halves(off int, mask reg.VecVirtual) (low, high reg.VecVirtual) {
	low, high = YMM(), YMM()
	VMOVDQU(k.at(off), low)
	VPSRLW(Imm(4), low, high)
	VPAND(mask, low, low)
	VPAND(mask, high, high)
	return low, high
}

// merge brings bit from of each byte of bits to bit to, and those of mask into v.
func merge(bits reg.VecVirtual, from, to int, mask, v reg.VecVirtual) {
	t := YMM()
	switch {
	case from < to:
		VPSLLW(Imm(uint64(to-from)), bits, t)
		VPAND(mask, t, t)
	case from > to:
		VPSRLW(Imm(uint64(from-to)), bits, t)
		VPAND(mask, t, t)
	default:
		VPAND(mask, bits, t)
	}
	VPOR(t, v, v)
}

// twoBits are elements of two bits in the order of Q2_K, which begin at off; more adds to 32 of them.
func (k *unpacking) twoBits(off int, three reg.VecVirtual, more func(h, j int, v reg.VecVirtual)) {
	for h := range 2 {
		q := YMM()
		VMOVDQU(k.at(off+32*h), q)
		for j := range 4 {
			v := YMM()
			if j == 0 {
				VPAND(three, q, v)
			} else {
				VPSRLW(Imm(uint64(2*j)), q, v)
				VPAND(three, v, v)
			}
			if more != nil {
				more(h, j, v)
			}
			k.put(v, 128*h+32*j)
		}
	}
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The formats of which rows are interleaved, as AVX2 reads them. Words have 4 bytes of each of 16 rows, 64 in all; those of one row follow each other
// in the order of the file's block.

var layouts = []layout{
	{name: "Q4_0", size: 18, length: 32, shared: 32, base: 8, most: 15,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			mask := everywhere(0x0f0f0f0f)
			return func(e eight, _, m int) reg.VecVirtual { return e.nibbles(32+64*(m%4), m/4, mask) }
		}},
	{name: "Q8_0", size: 34, length: 32, shared: 32, base: 128,
		signed: func() func(e eight, g, m int) reg.VecVirtual {
			return func(e eight, _, m int) reg.VecVirtual { return e.load(32 + 64*m) }
		}},
	{name: "IQ4_NL", size: 18, length: 32, shared: 32, base: 128, busy: true,
		signed: func() func(e eight, g, m int) reg.VecVirtual {
			return levelsOfIQ4(32)
		}},
	{name: "MXFP4", size: 17, length: 32, shared: 32, base: 128, powers: true, busy: true,
		signed: func() func(e eight, g, m int) reg.VecVirtual { // twice what nibbles stand for
			return levels("levels_e2m1", []int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}, 16)
		}},
	{name: "Q4_K", size: 144, length: 256, shared: 32, most: 15, below: 32,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			mask := everywhere(0x0f0f0f0f)
			return func(e eight, g, m int) reg.VecVirtual { return e.nibbles(256+64*(g/2*8+m), g%2, mask) }
		}, scales: unpackEight},
	{name: "Q6_K", size: 210, length: 256, shared: 16, base: 32, most: 63, factor: 64 * 52,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			mask, two := everywhere(0x0f0f0f0f), everywhere(0x30303030)
			return func(e eight, g, m int) reg.VecVirtual {
				h, i, at := g/8, g%8/2, g%2*4+m
				q, top := e.nibbles(64*(16*h+8*(i%2)+at), i/2, mask), e.load(64*(32+8*h+at))
				return merged(q, top, 2*i-4, two)
			}
		}, scales: func(e eight, _ Mem) smallScales {
			return smallScales{signed: true, scale: func(g int) Mem { return e.words(64 * (48 + g/4)) }}
		}},
	{name: "IQ4_XS", size: 136, length: 256, shared: 32, base: 128, busy: true,
		signed: func() func(e eight, g, m int) reg.VecVirtual { return levelsOfIQ4(128) }, scales: unpackPairsOfNibbles},
	{name: "Q5_0", size: 22, length: 32, shared: 32, base: 128, busy: true,
		signed: func() func(e eight, g, m int) reg.VecVirtual {
			mask, upper := everywhere(0x0f0f0f0f), everywhere(0xf0f0f0f0)
			return func(e eight, _, m int) reg.VecVirtual { // without its fifth bit a number is 16 less
				q, bits := e.nibbles(96+64*(m%4), m/4, mask), e.load(32)
				VPSHUFB(lanesOfByte(m/2, "four_times", [4]int{0, 0, 0, 0}), bits, bits)
				which := repeated(0x08040201 << (m % 2 * 4))
				VPAND(which, bits, bits)
				VPCMPEQB(which, bits, bits)
				VPANDN(upper, bits, bits)
				VPOR(bits, q, q)
				return q
			}
		}},
	{name: "Q5_K", size: 176, length: 256, shared: 32, most: 31, below: 32,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			mask, bit := everywhere(0x0f0f0f0f), everywhere(0x10101010)
			return func(e eight, g, m int) reg.VecVirtual {
				q, fifth := e.nibbles(64*(12+g/2*8+m), g%2, mask), e.load(64*(4+m))
				return merged(q, fifth, g-4, bit)
			}
		}, scales: unpackEight},
	{name: "Q3_K", size: 110, length: 256, shared: 16, base: 4, most: 7, factor: 64 * 27,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			two, bit := everywhere(0x03030303), everywhere(0x04040404)
			return func(e eight, g, m int) reg.VecVirtual {
				third := e.load(64 * (g%2*4 + m))
				return merged(e.crumbs(8, g, m, two), third, g/2-2, bit)
			}
		}, scales: unpackSixteen},
	{name: "Q2_K", size: 84, length: 256, shared: 16, most: 3, factor: 64 * 20, below: 64*20 + 32,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			two := everywhere(0x03030303)
			return func(e eight, g, m int) reg.VecVirtual { return e.crumbs(4, g, m, two) }
		}, scales: splitSixteen},
	{name: "TQ2_0", size: 66, length: 256, shared: 32, base: 1, most: 3, factor: 64 * 16, own: layout.dotTQ2,
		quads: func() func(e eight, g, m int) reg.VecVirtual {
			two := everywhere(0x03030303)
			return func(e eight, g, m int) reg.VecVirtual { return e.crumbs(0, 2*g+m/4, m%4, two) }
		}},
	{name: "TQ1_0", size: 54, length: 256, shared: 32, base: 1, most: 2, factor: 64 * 13, own: layout.dotTQ1,
		quads: func() func(e eight, g, m int) reg.VecVirtual { return digitsOfTQ1 }},
}

// levelsOfIQ4 are those of IQ4_NL and IQ4_XS.
func levelsOfIQ4(off int) func(e eight, g, m int) reg.VecVirtual {
	return levels("levels_iq4", []int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}, off)
}

// crumbs are numbers of 2 bits, those of Q3_K and Q2_K, in the words from number first on.
func (e eight) crumbs(first, g, m int, mask reg.VecVirtual) reg.VecVirtual {
	v := e.load(64 * (first + g/8*8 + g%2*4 + m))
	if shift := g % 8 / 2 * 2; shift > 0 {
		VPSRLD(Imm(uint64(shift)), v, v)
	}
	VPAND(mask, v, v)
	return v
}

// merged is q with the bits of high that, moved down by so many places or up, are in mask.
func merged(q, high reg.VecVirtual, down int, mask reg.VecVirtual) reg.VecVirtual {
	switch {
	case down > 0:
		VPSRLD(Imm(uint64(down)), high, high)
	case down < 0:
		VPSLLD(Imm(uint64(-down)), high, high)
	}
	VPAND(mask, high, high)
	VPOR(high, q, q)
	return q
}

// inFours is where scales are that lie four in a lane, one lane of each row behind the other.
func inFours(m Mem) func(g int) Mem { return func(g int) Mem { return m.Offset(32 * (g / 4)) } }

// unpackEight makes bytes of the numbers of 6 bits that Q4_K has: the first four scales, the others, and so the minima.
func unpackEight(e eight, local Mem) smallScales {
	six, two, low := repeated(0x3f3f3f3f), repeated(0x30303030), repeated(0x0f0f0f0f)
	for i := range 2 { // the numbers that unpackPairs has of one row
		p, c, first := e.load(64+64*i), e.load(192), YMM()
		VPAND(six, p, first)
		VMOVDQU(first, local.Offset(64*i))
		VPSRLD(Imm(2), p, p)
		VPAND(two, p, p)
		if i > 0 {
			VPSRLD(Imm(4), c, c)
		}
		VPAND(low, c, c)
		VPOR(p, c, c)
		VMOVDQU(c, local.Offset(64*i+32))
	}
	return smallScales{scale: inFours(local), least: inFours(local.Offset(64))}
}

// unpackSixteen makes signed bytes of the numbers of 6 bits that Q3_K has: of each four the lower four bits are the low or the high nibbles of a word, the
// others two bits of each byte of the last.
func unpackSixteen(e eight, local Mem) smallScales {
	low, two, base := repeated(0x0f0f0f0f), repeated(0x30303030), repeated(0x20202020)
	for i := range 4 {
		v, top := e.load(64*(24+i%2)), e.load(64*26)
		if i >= 2 {
			VPSRLD(Imm(4), v, v)
		}
		VPAND(low, v, v)
		switch {
		case i < 2:
			VPSLLD(Imm(uint64(4-2*i)), top, top)
		case i == 3:
			VPSRLD(Imm(2), top, top)
		}
		VPAND(two, top, top)
		VPOR(top, v, v)
		VPSUBB(base, v, v)
		VMOVDQU(v, local.Offset(32*i))
	}
	return smallScales{signed: true, scale: inFours(local)}
}

// splitSixteen parts the nibbles that Q2_K has: scales and minima.
func splitSixteen(e eight, local Mem) smallScales {
	low := repeated(0x0f0f0f0f)
	for i := range 4 {
		v, least := e.load(64*i), YMM()
		VPSRLD(Imm(4), v, least)
		VPAND(low, v, v)
		VPAND(low, least, least)
		VMOVDQU(v, local.Offset(32*i))
		VMOVDQU(least, local.Offset(128+32*i))
	}
	return smallScales{scale: inFours(local), least: inFours(local.Offset(128))}
}

// unpackPairsOfNibbles makes signed bytes of the numbers of 6 bits that IQ4_XS has: those of even numbers from the low nibbles of a word, those of odd ones
// from the high nibbles; two bits more of each in a word of 16.
func unpackPairsOfNibbles(e eight, local Mem) smallScales {
	v, top := e.load(64), YMM()
	VPMOVZXWD(Mem{Base: e.w, Disp: 32 + 16*e.half}, top)
	for _, s := range []struct{ by, mask uint32 }{{8, 0x00ff00ff}, {4, 0x0f0f0f0f}} { // a nibble to each byte
		t := YMM()
		VPSLLD(Imm(uint64(s.by)), top, t)
		VPOR(t, top, top)
		VPAND(repeated(s.mask), top, top)
	}
	for i := range 2 {
		low, high := YMM(), YMM()
		if i == 0 {
			VPAND(repeated(0x03030303), top, high)
			VPSLLD(Imm(4), high, high)
			VPAND(repeated(0x0f0f0f0f), v, low)
		} else {
			VPAND(repeated(0x0c0c0c0c), top, high)
			VPSLLD(Imm(2), high, high)
			VPSRLD(Imm(4), v, low)
			VPAND(repeated(0x0f0f0f0f), low, low)
		}
		VPOR(high, low, low)
		VPSUBB(repeated(0x20202020), low, low)
		VMOVDQU(low, local.Offset(32*i))
	}
	return smallScales{signed: true, scale: func(g int) Mem { return local.Offset(32 * (g % 2)) }, byte: func(g int) int { return g / 2 }}
}

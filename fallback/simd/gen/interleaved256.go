package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Blocks of 16 interleaved rows by AVX2, eight rows at a time: a lane is a row. Three kernels read each format: the product with a row of X, the
// panel of float32, and that of words.

// eight are rows 8·half and those behind it, of the 16 at w.
type eight struct {
	w    reg.Register
	half int
}

// words is where they have 4 bytes, of the 64·16 at off.
func (e eight) words(off int) Mem { return Mem{Base: e.w, Disp: off + 32*e.half} }

// halves are their binary16 among those at off.
func (e eight) halves(off int) reg.VecVirtual {
	v := YMM()
	VCVTPH2PS(Mem{Base: e.w, Disp: off + 16*e.half}, v)
	return v
}

func (e eight) load(off int) reg.VecVirtual {
	v := YMM()
	VMOVDQU(e.words(off), v)
	return v
}

// layout is how a format's blocks are read. Element k of a row is factor·scale·(q − base) − below·least, with a scale and a least of each so many
// elements; a format without small scales has but its factor.
type layout struct {
	name         string
	size, length int  // of a row's block, in bytes and elements
	shared       int  // elements that share a scale
	base, most   int  // of q, which is unsigned
	factor       int  // where the numbers are that all elements share: binary16
	powers       bool // or E8M0, halved
	below        int  // where those of minima are; 0: there are none
	// quads begins a kernel: four elements of each row, shared·g + 4·m and those behind it.
	quads func() func(e eight, g, m int) reg.VecVirtual
	busy  bool // a core has so much to do with a byte that it foresees no lines: they are asked for, in one place
	// signed is quads of elements that have a sign of their own, 128 below q; nil where quads is all there is.
	signed func() func(e eight, g, m int) reg.VecVirtual
	// scales makes those of a block ready, in local memory or where they are; nil where a format has none.
	scales func(e eight, local Mem) smallScales
	own    func(f layout) // generates the product, where it is of no common kind
}

// localScales is the bytes of 16 scales and 16 minima of eight rows.
const localScales = 2 * 16 * 8

// smallScales are where the bytes of scale g are, one of four in a lane, and those of minima.
type smallScales struct {
	signed       bool
	scale, least func(g int) Mem
	byte         func(g int) int // which of the four; nil: g mod 4
}

// which is the byte of scale g in its lane.
func (s smallScales) which(g int) int {
	if s.byte != nil {
		return s.byte(g)
	}
	return g % 4
}

// nibbles are the low (0) or the high ones (1) of the words at off.
func (e eight) nibbles(off, which int, mask reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	if which == 0 {
		VPAND(e.words(off), mask, v)
		return v
	}
	VMOVDQU(e.words(off), v)
	VPSRLD(Imm(4), v, v)
	VPAND(mask, v, v)
	return v
}

// levels are what the nibbles of the words from off on stand for.
func levels(name string, of []int8, off int) func(e eight, g, m int) reg.VecVirtual {
	mask, table := everywhere(0x0f0f0f0f), YMM()
	VMOVDQU(constant(name, func(i int) (bits uint32) {
		for b := range 4 {
			bits |= uint32(uint8(of[4*(i%4)+b])) << (8 * b)
		}
		return bits
	}), table)
	return func(e eight, g, m int) reg.VecVirtual {
		v := e.nibbles(off+256*g+64*(m%4), m/4, mask)
		VPSHUFB(v, table, v)
		return v
	}
}

// each is quads, or what signed has with the sign turned.
func (f layout) each() func(e eight, g, m int) reg.VecVirtual {
	if f.signed == nil {
		return f.quads()
	}
	signed, sign := f.signed(), everywhere(0x80808080)
	return func(e eight, g, m int) reg.VecVirtual {
		v := signed(e, g, m)
		VPXOR(sign, v, v)
		return v
	}
}

// whole is the factor that all elements of a block share.
func (f layout) whole(e eight) reg.VecVirtual {
	if !f.powers {
		return e.halves(f.factor)
	}
	// 2^(b−128): b−1 is the exponent, but 0 and 1 are subnormal.
	one, v, least := repeated(1), YMM(), YMM()
	VPMOVZXBD(Mem{Base: e.w, Disp: f.factor + 8*e.half}, v)
	VPMINSD(one, v, least)
	VPADDD(one, least, least)
	VPSLLD(Imm(21), least, least)
	VPSUBD(one, v, v)
	VPSLLD(Imm(23), v, v)
	VPMAXSD(least, v, v)
	return v
}

// lanesOfByte is the shuffle that brings byte i of each lane to where order says, −1 being zeros.
func lanesOfByte(i int, name string, order [4]int) Mem {
	return constant(fmt.Sprintf("%s_%d", name, i), func(lane int) (bits uint32) {
		for b, o := range order {
			from := uint32(0x80)
			if o == 0 {
				from = uint32(4*(lane%4) + i)
			}
			bits |= from << (8 * b)
		}
		return bits
	})
}

// pair is byte i of each lane at m as two words.
func (s smallScales) pair(m Mem, i int) reg.VecVirtual {
	v := YMM()
	VMOVDQU(m, v)
	if s.signed {
		VPSHUFB(lanesOfByte(i, "upper_bytes", [4]int{-1, 0, -1, 0}), v, v)
		VPSRAW(Imm(8), v, v)
	} else {
		VPSHUFB(lanesOfByte(i, "lower_bytes", [4]int{0, -1, 0, -1}), v, v)
	}
	return v
}

// float is byte i of each lane at m as float32.
func (s smallScales) float(m Mem, i int) reg.VecVirtual {
	v := YMM()
	VMOVDQU(m, v)
	if s.signed {
		VPSHUFB(lanesOfByte(i, "top_byte", [4]int{-1, -1, -1, 0}), v, v)
		VPSRAD(Imm(24), v, v)
	} else {
		VPSHUFB(lanesOfByte(i, "lowest_byte", [4]int{0, -1, -1, -1}), v, v)
	}
	VCVTDQ2PS(v, v)
	return v
}

// repeated is memory with the same in each lane.
func repeated(bits uint32) Mem {
	return constant(fmt.Sprintf("repeated_%x", bits), func(int) uint32 { return bits })
}

func inEachLane(m Mem) reg.VecVirtual {
	v := YMM()
	VBROADCASTSS(m, v)
	return v
}

func interleaved256() {
	for _, f := range layouts {
		switch {
		case f.own != nil:
			f.own(f)
		case f.signed != nil: // no two products by a byte would fit a word
			f.wideDot()
		default:
			f.dot()
		}
		f.panel()
		f.words()
	}
}

// eachEight begins a kernel over blocks, with what is behind them by so many bytes a block.
func (f layout) eachEight(name, params, doc string, dst []string, sizes []int, prepare func(dst []reg.Register) func(e eight)) {
	kernel := name + f.name + "x16AVX2"
	TEXT(kernel, NOSPLIT, "func("+params+")")
	Doc(kernel + " " + doc + " n blocks of 16 interleaved rows to a panel. With AVX2 and F16C.")
	Pragma("noescape")
	n, w := Load(Param("n"), GP64()), Load(Param("src"), GP64())
	var to []reg.Register
	for _, d := range dst {
		to = append(to, Load(Param(d), GP64()))
	}
	block := prepare(to)
	Label("block")
	for half := range 2 {
		block(eight{w, half})
	}
	ADDQ(U32(uint32(16*f.size)), w)
	for i, p := range to {
		ADDQ(U32(uint32(sizes[i])), p)
	}
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// factors gives factor·scale of each group, and below·least, which is nil where a format has no minima.
func (f layout) factors(e eight, local Mem) func(g int) (scale, least reg.VecVirtual) {
	d, below := f.whole(e), reg.VecVirtual(nil)
	if f.scales == nil {
		return func(int) (scale, least reg.VecVirtual) { return d, nil }
	}
	s := f.scales(e, local)
	if f.below > 0 {
		below = e.halves(f.below)
	}
	return func(g int) (scale, least reg.VecVirtual) {
		scale = s.float(s.scale(g), s.which(g))
		VMULPS(d, scale, scale)
		if f.below > 0 {
			least = s.float(s.least(g), s.which(g))
			VMULPS(below, least, least)
		}
		return scale, least
	}
}

// panel decodes to float32, to the values that the other decoders have.
func (f layout) panel() {
	f.eachEight("panel", "n int, dst *float32, src *byte", "decodes", []string{"dst"}, []int{64 * f.length}, func(to []reg.Register) func(e eight) {
		quad, local := f.each(), AllocLocal(localScales)
		byteMask, base := everywhere(0xff), everywhere(uint32(f.base))
		return func(e eight) {
			factors := f.factors(e, local)
			for g := range f.length / f.shared {
				scale, least := factors(g)
				for m := range f.shared / 4 {
					q := quad(e, g, m)
					for i := range 4 {
						v := YMM()
						if i < 3 {
							VPAND(byteMask, q, v)
							VPSRLD(Imm(8), q, q)
						} else {
							v = q
						}
						if f.base > 0 {
							VPSUBD(base, v, v)
						}
						VCVTDQ2PS(v, v)
						VMULPS(scale, v, v)
						if least != nil {
							VSUBPS(least, v, v)
						}
						VMOVUPS(v, Mem{Base: to[0], Disp: 64*(f.shared*g+4*m+i) + 32*e.half})
					}
				}
			}
		}
	})
}

// words unpacks to words, as BytePanels says.
func (f layout) words() {
	groups := f.length / f.shared
	f.eachEight("words", "n int, src *byte, q *uint8, d, m *float32", "unpacks", []string{"q", "d", "m"}, []int{32 * f.length, 64 * groups, 64 * groups},
		func(to []reg.Register) func(e eight) {
			quad, local := f.each(), AllocLocal(localScales)
			byteMask, base, unit := everywhere(0x00ff00ff), everywhere(uint32(f.base)*0x10001), everywhere(math.Float32bits(minimumUnit))
			return func(e eight) {
				factors := f.factors(e, local)
				for g := range groups {
					scale, least := factors(g)
					VMOVUPS(scale, Mem{Base: to[1], Disp: 64*g + 32*e.half})
					if least != nil {
						VMULPS(unit, least, least)
						VMOVUPS(least, Mem{Base: to[2], Disp: 64*g + 32*e.half})
					}
					for m := range f.shared / 4 {
						odd := quad(e, g, m)
						even := YMM()
						VPAND(byteMask, odd, even)
						VPSRLW(Imm(8), odd, odd)
						for i, v := range []reg.VecVirtual{even, odd} {
							if f.base > 0 {
								VPSUBW(base, v, v)
							}
							VMOVDQU(v, Mem{Base: to[0], Disp: 64*(2*(f.shared/4*g+m)+i) + 32*e.half})
						}
					}
				}
			}
		})
}

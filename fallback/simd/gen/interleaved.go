package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Blocks of 16 rows, interleaved as quant.Interleave says: each number of a block is followed by that of the other rows, in pieces of 2
// bytes or 4. A lane is a row, so that nothing is summed across lanes, scales are loaded as they lie, and four elements of X serve all rows.

// interleavedDot is a kernel in the making, the product of interleaved rows with a row of X in pairs of signed bytes, as in bytesDot.
type interleavedDot struct {
	bytesDot
	size    int // bytes of a block of 16 rows
	fetched int // bytes of weights that this step has asked for
}

// chains are a chain of sums for the upper bytes of X and one for the lower: a single one would wait for itself.
type chains struct{ upper, lower reg.VecVirtual }

// newChains makes n of them. Their registers are the same in every step: to be cleared makes them alive before, for the generator.
func newChains(n int) []chains {
	c := make([]chains, n)
	for i := range c {
		c[i] = chains{ZMM(), ZMM()}
	}
	return c
}

func clearChains(all []chains) {
	for _, c := range all {
		zero(c.upper, c.lower)
	}
}

func zero(v ...reg.VecVirtual) {
	for _, v := range v {
		VPXORD(v, v, v)
	}
}

// add adds the products of four weights of each row and elements at to at+3 of X.
func (k *interleavedDot) add(s chains, q reg.VecVirtual, at int) {
	VPDPBUSD_BCST(Mem{Base: k.x, Disp: at}, q, s.upper)
	VPDPBUSD_BCST(Mem{Base: k.y, Disp: at}, q, s.lower)
}

// whole is the sum as float32.
func (s chains) whole() reg.VecVirtual {
	VPSLLD(Imm(8), s.upper, s.upper)
	VPADDD(s.lower, s.upper, s.upper)
	VCVTDQ2PS(s.upper, s.upper)
	return s.upper
}

// words loads what 16 rows have of 4 bytes at off, and asks for the weights of a later step.
func (k *interleavedDot) words(off int) reg.VecVirtual {
	k.ask(64)
	v := ZMM()
	VMOVDQU32(k.weight(off), v)
	return v
}

func (k *interleavedDot) ask(n int) {
	for range (n + 63) / 64 {
		PREFETCHT1(Mem{Base: k.w, Disp: distance + k.fetched})
		k.fetched += 64
	}
}

// halves loads what 16 rows have of 2 bytes at off, binary16.
func (k *interleavedDot) halves(off int) reg.VecVirtual {
	v := ZMM()
	VCVTPH2PS(k.weight(off), v)
	return v
}

// dottingInterleaved generates a kernel over blocks of size bytes and length elements, with so many sums of X: prepare gives what does one
// of them, or two under way at a time. acc and below are summed over all blocks; base times what is below is taken away.
func dottingInterleaved(name string, size, length, sums int, base float32, pairs bool, prepare func(k *interleavedDot, below []reg.VecVirtual) func(blocks int)) {
	kernel := name + "x16VNNI"
	TEXT(kernel, NOSPLIT, "func(groups, n int, w *byte, x, y *int8, d, s, out *float32)")
	Doc(kernel + " sets out to the products of groups of 16 interleaved rows of n blocks. With AVX-512 and VNNI.")
	Pragma("noescape")
	k := &interleavedDot{size: 16 * size}
	k.bytesDot = bytesDot{w: Load(Param("w"), GP64()), x: GP64(), y: GP64(), d: GP64(), s: GP64(), acc: [2]reg.VecVirtual{ZMM(), ZMM()}}
	groups, out, left := Load(Param("groups"), GP64()), Load(Param("out"), GP64()), GP64()
	below, less := []reg.VecVirtual{ZMM(), ZMM()}, ZMM()
	fill(less, math.Float32bits(base))
	step := prepare(k, below)

	Label("group")
	Load(Param("x"), k.x)
	Load(Param("y"), k.y)
	Load(Param("d"), k.d)
	Load(Param("s"), k.s)
	Load(Param("n"), left)
	zero(k.acc[0], k.acc[1], below[0], below[1])
	next := func(blocks int) {
		k.fetched = 0
		step(blocks)
		ADDQ(U32(uint32(blocks*k.size)), k.w)
		ADDQ(U32(uint32(blocks*length)), k.x)
		ADDQ(U32(uint32(blocks*length)), k.y)
		ADDQ(U32(uint32(blocks*length/8)), k.d)
		ADDQ(U32(uint32(blocks*sums*4)), k.s)
		SUBQ(U32(uint32(blocks)), left)
	}
	if pairs {
		JMP(LabelRef("check"))
		Label("pair")
		next(2)
		Label("check")
		CMPQ(left, Imm(2))
		JGE(LabelRef("pair"))
		TESTQ(left, left)
		JZ(LabelRef("done"))
	}
	Label("one")
	next(1)
	JNZ(LabelRef("one"))
	Label("done")
	VADDPS(k.acc[1], k.acc[0], k.acc[0])
	VADDPS(below[1], below[0], below[0])
	VFNMADD231PS(less, below[0], k.acc[0])
	VMOVUPS(k.acc[0], Mem{Base: out})
	ADDQ(Imm(64), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

func interleavedDots() {
	dottingInterleaved("dotQ4_0", 18, 32, 1, 8, true, func(k *interleavedDot, below []reg.VecVirtual) func(int) {
		mask, sums := everyByte(0x0f), newChains(2)
		return func(blocks int) {
			k.ask(16 * 2 * blocks) // scales, which are no whole lines
			clearChains(sums[:blocks])
			for j := range 4 {
				for b := range blocks {
					low, high := split(k.words(b*k.size+32+64*j), mask)
					k.add(sums[b], low, 32*b+4*j)
					k.add(sums[b], high, 32*b+16+4*j)
				}
			}
			for b := range blocks {
				scales, whole := k.halves(b*k.size), sums[b].whole()
				VFMADD231PS_BCST(Mem{Base: k.s, Disp: 4 * b}, scales, below[b])
				VMULPS_BCST(Mem{Base: k.d, Disp: 4 * b}, scales, scales)
				VFMADD231PS(scales, whole, k.acc[b])
			}
		}
	})
	dottingInterleaved("dotQ4_K", 144, 256, 8, 1, false, func(k *interleavedDot, below []reg.VecVirtual) func(int) {
		mask, upper, byteMask, sixteenth := everyByte(0x0f), everyByte(0xf0), ZMM(), ZMM()
		fill(byteMask, 0xff)
		fill(sixteenth, math.Float32bits(1./16))
		sums, inner, least := newChains(2), []reg.VecVirtual{ZMM(), ZMM()}, ZMM()
		return func(int) {
			scales, mins := k.pairs()
			zero(inner[0], inner[1], least)
			for j := range 4 {
				clearChains(sums)
				for m := range 8 {
					v, low := k.words(256+64*(8*j+m)), ZMM()
					VPANDD(mask, v, low)
					VPANDD(upper, v, v) // 16 times what it stands for
					k.add(sums[0], low, 64*j+4*m)
					k.add(sums[1], v, 64*j+32+4*m)
				}
				for i, s := range sums {
					g := 2*j + i
					scale, low := byteOf(scales[g/4], g%4, byteMask), byteOf(mins[g/4], g%4, byteMask)
					VFMADD231PS_BCST(Mem{Base: k.s, Disp: 4 * g}, low, least)
					VMULPS_BCST(Mem{Base: k.d, Disp: 4 * g}, scale, scale)
					VFMADD231PS(scale, s.whole(), inner[i])
				}
			}
			VFMADD231PS(sixteenth, inner[1], inner[0])
			VFMADD231PS(k.halves(0), inner[0], k.acc[0])
			VFMADD231PS(k.halves(32), least, below[0])
		}
	})
	dottingInterleaved("dotQ6_K", 210, 256, 16, 32, false, func(k *interleavedDot, below []reg.VecVirtual) func(int) {
		mask, two := everyByte(0x0f), everyByte(0x30)
		sums, inner, least := newChains(4), []reg.VecVirtual{ZMM(), ZMM()}, ZMM()
		return func(int) {
			zero(inner[0], inner[1], least)
			k.ask(k.size - 64*48) // scales
			for h := range 2 {
				for half := range 2 {
					clearChains(sums)
					for m := 4 * half; m < 4*half+4; m++ {
						a, b, top := k.words(64*(16*h+m)), k.words(64*(16*h+8+m)), k.words(64*(32+8*h+m))
						for i, q := range sixBits(a, b, top, mask, two) {
							k.add(sums[i], q, 128*h+32*i+4*m)
						}
					}
					for i, s := range sums {
						g := 8*h + 2*i + half
						scale := signedByteOf(k.weight(64*(48+g/4)), g%4)
						VFMADD231PS_BCST(Mem{Base: k.s, Disp: 4 * g}, scale, least)
						VMULPS_BCST(Mem{Base: k.d, Disp: 4 * (g / 2)}, scale, scale)
						VFMADD231PS(scale, s.whole(), inner[i%2])
					}
				}
			}
			VADDPS(inner[1], inner[0], inner[0])
			d := k.halves(64 * 52)
			VFMADD231PS(d, inner[0], k.acc[0])
			VFMADD231PS(d, least, below[0])
		}
	})
}

// pairs are the scales and the minima of a block of Q4_K, those of four times 32 elements in the bytes of each lane.
func (k *interleavedDot) pairs() (scales, mins [2]reg.VecVirtual) {
	six, two, low := everyByte(0x3f), everyByte(0x30), everyByte(0x0f)
	k.ask(64)
	a, b, c := k.words(64), k.words(128), k.words(192)
	return unpackLanes(a, c, 0, six, two, low), unpackLanes(b, c, 4, six, two, low)
}

// unpackLanes is unpackPairs of 16 rows: the first four numbers are in the lower six bits of the bytes of p, the others in bits shift on of
// those of c and the upper two of p.
func unpackLanes(p, c reg.VecVirtual, shift uint64, six, two, low reg.VecVirtual) [2]reg.VecVirtual {
	first, second, top := ZMM(), ZMM(), ZMM()
	VPANDD(six, p, first)
	VPSRLD(Imm(2), p, top)
	VPANDD(two, top, top)
	if shift > 0 {
		VPSRLD(Imm(shift), c, second)
		VPANDD(low, second, second)
	} else {
		VPANDD(low, c, second)
	}
	VPORD(top, second, second)
	return [2]reg.VecVirtual{first, second}
}

// byteOf is byte i of each lane as float32.
func byteOf(v reg.VecVirtual, i int, mask reg.VecVirtual) reg.VecVirtual {
	b := ZMM()
	switch i {
	case 0:
		VPANDD(mask, v, b)
	case 3:
		VPSRLD(Imm(24), v, b)
	default:
		VPSRLD(Imm(uint64(8*i)), v, b)
		VPANDD(mask, b, b)
	}
	VCVTDQ2PS(b, b)
	return b
}

// signedByteOf is byte i of each lane at m as float32.
func signedByteOf(m Mem, i int) reg.VecVirtual {
	b := ZMM()
	if i == 3 {
		VPSRAD(Imm(24), m, b)
	} else {
		VPSLLD(Imm(uint64(24-8*i)), m, b)
		VPSRAD(Imm(24), b, b)
	}
	VCVTDQ2PS(b, b)
	return b
}

// sixBits are the four times four weights of Q6_K, 32 elements apart, that a, b and top have: a the lower nibbles of the first and third,
// b those of the second and fourth, top two bits of each.
func sixBits(a, b, top, mask, two reg.VecVirtual) (q [4]reg.VecVirtual) {
	for i, low := range []reg.VecVirtual{a, b, a, b} {
		q[i] = ZMM()
		if i < 2 {
			VPANDD(mask, low, q[i])
		} else {
			VPSRLD(Imm(4), low, q[i])
			VPANDD(mask, q[i], q[i])
		}
		t := ZMM()
		switch i {
		case 0:
			VPSLLD(Imm(4), top, t)
		case 1:
			VPSLLD(Imm(2), top, t)
		case 2:
			t = top
		case 3:
			VPSRLD(Imm(2), top, t)
		}
		mergeMasked(two, t, q[i])
	}
	return q
}

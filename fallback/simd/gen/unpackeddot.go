package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unpackedDot multiplies one row of weights, unpacked to bytes, by a row of X, with a scale for each shared columns. A lane holds four columns that
// follow each other, so that those of a scale of 16 columns are four lanes. Scales of eight blocks are multiplied at once, and then those of each block
// that is left. There are two sums: one would wait for itself.
func unpackedDot(shared int, vnni bool) {
	name, features, params := "AVX2", "With AVX2 and FMA.", "x *int16"
	if vnni {
		name, features, params = "VNNI", "With AVX-512 and VNNI.", "x, y *int8"
	}
	kernel := fmt.Sprintf("unpackedDot%d%s", shared, name)
	TEXT(kernel, NOSPLIT, "func(n int, q *uint8, "+params+", d, factors, less, sums *float32, unit float32) float32")
	Doc(fmt.Sprintf("%s is Σ d·factor·Σ q·x − unit·Σ less·sums of n blocks of 32, where d, less and sums are of each %d columns and factors of each block. %s", kernel, shared, features))
	Pragma("noescape")
	u := &unpackedRow{shared: shared, vnni: vnni, n: Load(Param("n"), GP64()), q: Load(Param("q"), GP64()), x: Load(Param("x"), GP64()),
		d: Load(Param("d"), GP64()), factors: Load(Param("factors"), GP64()), less: Load(Param("less"), GP64()), sums: Load(Param("sums"), GP64())}
	u.last = clearYMM()
	if vnni {
		u.y, u.scaled = Load(Param("y"), GP64()), vectors(2, 64)
		for i := range uint32(4) {
			if a, b := 2*i, 2*i+1; shared == 32 {
				u.picks = append(u.picks, lanes(a, a, b, b))
			} else {
				u.picks = append(u.picks, lanes(2*a, 2*a+1, 2*b, 2*b+1))
			}
		}
	} else {
		u.even, u.products, u.scaled = everywhere(0x00ff00ff), AllocLocal(4*32/shared*8), vectors(2, 32)
	}
	if shared == 16 {
		u.halves = constantLower("half_lanes", func(i int) uint32 { return uint32(i / 4) })
		u.pairs = []reg.VecVirtual{constantLower("lower_pairs", func(i int) uint32 { return uint32(i / 2) }),
			constantLower("upper_pairs", func(i int) uint32 { return uint32(4 + i/2) })}
	}
	for _, v := range u.scaled {
		VXORPS(v.AsX(), v.AsX(), v.AsX())
	}
	u.below = clearYMM()
	SUBQ(Imm(8), u.n)
	JL(LabelRef("rest"))
	Label("eight")
	u.eight()
	u.advance(8)
	SUBQ(Imm(8), u.n)
	JGE(LabelRef("eight"))
	Label("rest")
	ADDQ(Imm(8), u.n)
	JZ(LabelRef("end"))
	Label("one")
	u.one()
	u.advance(1)
	DECQ(u.n)
	JNZ(LabelRef("one"))
	Label("end")
	VADDPS(u.scaled[1], u.scaled[0], u.scaled[0])
	if vnni { // the upper half of the last blocks' is zero
		VADDPS(u.last.AsZ(), u.scaled[0], u.scaled[0])
	} else {
		VADDPS(u.last, u.scaled[0], u.scaled[0])
	}
	sum, below := together(u.scaled[0]), together(u.below)
	unit, err := Param("unit").Resolve()
	if err != nil {
		panic(err)
	}
	times := XMM()
	VMOVSS(unit.Addr, times) // Load would mix in an instruction of SSE, for which processors stop and save the upper halves
	VFNMADD231SS(times, below, sum)
	VZEROUPPER()
	Store(sum, ReturnIndex(0))
	RET()
}

// unpackedRow is such a kernel in the making.
type unpackedRow struct {
	shared                             int
	vnni                               bool
	n, q, x, y, d, factors, less, sums reg.Register
	even, halves, below, last          reg.VecVirtual
	pairs, picks, scaled               []reg.VecVirtual
	products                           Mem // of scales and factors
}

// scales are how many of them a block has.
func (u *unpackedRow) scales() int { return 32 / u.shared }

// eight takes eight blocks.
func (u *unpackedRow) eight() {
	factors, products := YMM(), vectors(u.scales(), 32)
	VMOVUPS(Mem{Base: u.factors}, factors)
	for i, v := range products {
		if u.shared == 16 {
			VPERMPS(factors, u.pairs[i], v)
			VMULPS(Mem{Base: u.d, Disp: 32 * i}, v, v)
		} else {
			VMULPS(Mem{Base: u.d}, factors, v)
		}
		less := YMM()
		VMOVUPS(Mem{Base: u.less, Disp: 32 * i}, less)
		VFMADD231PS(Mem{Base: u.sums, Disp: 32 * i}, less, u.below)
	}
	if u.vnni {
		u.pairsOfBlocks(products)
		return
	}
	for i, v := range products {
		VMOVUPS(v, u.products.Offset(32*i))
	}
	for i := range 8 {
		v, scale := u.whole(i), YMM()
		VCVTDQ2PS(v, v)
		u.spread(u.products.Offset(4*u.scales()*i), scale)
		VFMADD231PS(scale, v, u.scaled[i%2])
	}
}

// pairsOfBlocks takes eight blocks, two in a register.
func (u *unpackedRow) pairsOfBlocks(products []reg.VecVirtual) {
	all := ZMM()
	if u.shared == 32 {
		all = products[0].AsZ().(reg.VecVirtual)
	} else {
		VINSERTF64X4(Imm(1), products[1], products[0].AsZ(), all)
	}
	for i := range 4 {
		w, upper, lower, scale := ZMM(), ZMM(), ZMM(), ZMM()
		VMOVDQU32(Mem{Base: u.q, Disp: 64 * i}, w)
		VPXORD(upper, upper, upper)
		VPXORD(lower, lower, lower)
		VPDPBUSD(Mem{Base: u.x, Disp: 64 * i}, w, upper)
		VPDPBUSD(Mem{Base: u.y, Disp: 64 * i}, w, lower)
		VPSLLD(Imm(8), upper, upper)
		VPADDD(upper, lower, lower)
		VCVTDQ2PS(lower, lower)
		VPERMPS(all, u.picks[i], scale)
		VFMADD231PS(scale, lower, u.scaled[i%2])
	}
}

// one takes a block.
func (u *unpackedRow) one() {
	v, d, factor, less := u.whole(0), YMM(), YMM(), XMM()
	VCVTDQ2PS(v, v)
	u.spread(Mem{Base: u.d}, d)
	VBROADCASTSS(Mem{Base: u.factors}, factor)
	VMULPS(factor, d, d)
	VFMADD231PS(d, v, u.last)
	for i := range u.scales() {
		VMOVSS(Mem{Base: u.less, Disp: 4 * i}, less)
		v := XMM()
		VMOVSS(Mem{Base: u.sums, Disp: 4 * i}, v)
		VFMADD231PS(v.AsY(), less.AsY(), u.below) // all other lanes are zero
	}
}

// spread brings the scales of a block to the lanes whose they are.
func (u *unpackedRow) spread(m Mem, v reg.VecVirtual) {
	if u.shared == 32 {
		VBROADCASTSS(m, v)
		return
	}
	VBROADCASTSD(m, v)
	VPERMILPS(u.halves, v, v)
}

// whole are the products of block i in lanes of four columns.
func (u *unpackedRow) whole(i int) reg.VecVirtual {
	q := Mem{Base: u.q, Disp: 32 * i}
	if u.vnni {
		w, upper, lower := YMM(), YMM(), YMM()
		VMOVDQU(q, w)
		VPXOR(upper, upper, upper)
		VPXOR(lower, lower, lower)
		VPDPBUSD(Mem{Base: u.x, Disp: 32 * i}, w, upper)
		VPDPBUSD(Mem{Base: u.y, Disp: 32 * i}, w, lower)
		VPSLLD(Imm(8), upper, upper)
		VPADDD(upper, lower, lower)
		return lower
	}
	even, odd := YMM(), YMM()
	VMOVDQU(q, odd)
	VPAND(u.even, odd, even)
	VPSRLW(Imm(8), odd, odd)
	VPMADDWD(Mem{Base: u.x, Disp: 64 * i}, even, even)
	VPMADDWD(Mem{Base: u.x, Disp: 64*i + 32}, odd, odd)
	VPADDD(odd, even, even)
	return even
}

func (u *unpackedRow) advance(blocks int) {
	ADDQ(U32(uint32(32*blocks)), u.q)
	if u.vnni {
		ADDQ(U32(uint32(32*blocks)), u.x)
		ADDQ(U32(uint32(32*blocks)), u.y)
	} else {
		ADDQ(U32(uint32(64*blocks)), u.x)
	}
	ADDQ(U32(uint32(4*blocks)), u.factors)
	for _, p := range []reg.Register{u.d, u.less, u.sums} {
		ADDQ(U32(uint32(4*u.scales()*blocks)), p)
	}
}

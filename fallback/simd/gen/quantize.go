package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quantize makes pairs of signed bytes of X, in blocks of 32: the same bits as its plain twin.
func quantize() {
	TEXT("quantizeAVX512", NOSPLIT, "func(n int, x *float32, upper, lower *int8, d, s, h *float32)")
	Doc("quantizeAVX512 makes n blocks of 32 elements. With AVX-512.")
	Pragma("noescape")
	n, x, hi, lo := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("upper"), GP64()), Load(Param("lower"), GP64())
	d, s, h := Load(Param("d"), GP64()), Load(Param("s"), GP64()), Load(Param("h"), GP64())
	sign, half, steps := ZMM(), ZMM(), XMM()
	fill(sign, 0x7fffffff)
	fill(half, 128)
	g := GP32()
	MOVL(U32(math.Float32bits(32639)), g)
	VMOVD(g, steps)

	Label("block")
	v, size := []reg.VecVirtual{ZMM(), ZMM()}, []reg.VecVirtual{ZMM(), ZMM()}
	for i := range v {
		VMOVUPS(Mem{Base: x, Disp: 64 * i}, v[i])
		VPANDD(sign, v[i], size[i])
	}
	// As whole numbers sizes are in the same order, and what is no number is above infinity.
	VPMAXUD(size[1], size[0], size[0])
	top := folded(size[0], func(a, b reg.VecVirtual) { VPMAXUD(a, b, b) })
	VMOVD(top, g)
	factor, inverse, sums := XMM(), XMM(), []reg.VecVirtual{XMM(), XMM()}
	CMPL(g, U32(0x7f800000))
	JAE(LabelRef("odd"))
	CMPL(g, U32(math.Float32bits(smallest)))
	JB(LabelRef("nothing"))
	VDIVSS(steps, top, factor)
	VDIVSS(top, steps, inverse)
	all := ZMM()
	VBROADCASTSS(inverse, all)
	for i := range v {
		VMULPS(all, v[i], v[i])
		VCVTPS2DQ(v[i], v[i])
		VPMOVDB(v[i], Mem{Base: lo, Disp: 16 * i})
		up := ZMM()
		VPADDD(half, v[i], up)
		VPSRAD(Imm(8), up, up)
		VPMOVDB(up, Mem{Base: hi, Disp: 16 * i})
		VCVTDQ2PS(folded(v[i], func(a, b reg.VecVirtual) { VPADDD(a, b, b) }), sums[i])
	}
	both := XMM()
	VADDSS(sums[1], sums[0], both)
	for i, to := range []Mem{{Base: h}, {Base: h, Disp: 4}} {
		VMULSS(factor, sums[i], sums[i])
		VMOVSS(sums[i], to)
	}
	VMULSS(factor, both, both)
	VMOVSS(both, Mem{Base: s})
	VMOVSS(factor, Mem{Base: d})
	JMP(LabelRef("next"))

	Label("nothing")
	VPXOR(top, top, top)
	Label("odd")
	zero := YMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(zero, Mem{Base: hi})
	VMOVDQU(zero, Mem{Base: lo})
	for _, to := range []Mem{{Base: d}, {Base: s}, {Base: h}, {Base: h, Disp: 4}} {
		VMOVSS(top, to)
	}
	Label("next")
	ADDQ(U32(128), x)
	ADDQ(Imm(32), hi)
	ADDQ(Imm(32), lo)
	ADDQ(Imm(4), d)
	ADDQ(Imm(4), s)
	ADDQ(Imm(8), h)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// smallest is what the largest element of a block must reach to have a factor.
const smallest = 1e-33

// folded brings the lanes of v together by op(a, b), which leaves its result in b: it is in the lowest lane.
func folded(v reg.VecVirtual, op func(a, b reg.VecVirtual)) reg.VecVirtual {
	y, x := YMM(), XMM()
	VEXTRACTI64X4(Imm(1), v, y)
	op(lower(v), y)
	VEXTRACTI128(Imm(1), y, x)
	op(y.AsX().(reg.VecVirtual), x)
	for _, order := range []uint64{0x4e, 0xb1} {
		t := XMM()
		VPSHUFD(Imm(order), x, t)
		op(t, x)
	}
	return x
}

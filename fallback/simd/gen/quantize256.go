package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quantize256 is quantize by AVX2.
func quantize256() {
	TEXT("quantizeAVX2", NOSPLIT, "func(n int, x *float32, upper, lower *int8, w *int16, d, s, h *float32)")
	Doc("quantizeAVX2 makes n blocks of 32 elements, as bytes and as words. With AVX2.")
	Pragma("noescape")
	n, x, hi, lo := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("upper"), GP64()), Load(Param("lower"), GP64())
	w, d, s, h := Load(Param("w"), GP64()), Load(Param("d"), GP64()), Load(Param("s"), GP64()), Load(Param("h"), GP64())
	sign, steps, g := everywhere(0x7fffffff), XMM(), GP32()
	MOVL(U32(math.Float32bits(32639)), g)
	VMOVD(g, steps)

	Label("block")
	v, top := rounded256(x, g, sign, steps)
	sums, both := []reg.VecVirtual{XMM(), XMM()}, XMM()
	for i := range sums {
		t := YMM()
		VPADDD(v[2*i], v[2*i+1], t)
		VCVTDQ2PS(folded256(t, func(a, b reg.VecVirtual) { VPADDD(a, b, b) }), sums[i])
	}
	VADDSS(sums[1], sums[0], both)
	for i, to := range []Mem{{Base: h}, {Base: h, Disp: 4}} {
		VMULSS(top, sums[i], sums[i])
		VMOVSS(sums[i], to)
	}
	VMULSS(top, both, both)
	VMOVSS(both, Mem{Base: s})
	VMOVSS(top, Mem{Base: d})
	VPACKSSDW(v[1], v[0], v[0])
	VPACKSSDW(v[3], v[2], v[2])
	for i, b := range bytes256(v[0], v[2]) {
		VMOVDQU(b, Mem{Base: []reg.Register{hi, lo}[i]})
	}
	exchanged256(v, w)
	JMP(LabelRef("next"))

	Label("nothing")
	VPXOR(top, top, top)
	Label("odd")
	zero := YMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(zero, Mem{Base: hi})
	VMOVDQU(zero, Mem{Base: lo})
	VMOVDQU(zero, Mem{Base: w})
	VMOVDQU(zero, Mem{Base: w, Disp: 32})
	for _, to := range []Mem{{Base: d}, {Base: s}, {Base: h}, {Base: h, Disp: 4}} {
		VMOVSS(top, to)
	}
	Label("next")
	ADDQ(U32(128), x)
	ADDQ(Imm(32), hi)
	ADDQ(Imm(32), lo)
	ADDQ(Imm(64), w)
	ADDQ(Imm(4), d)
	ADDQ(Imm(4), s)
	ADDQ(Imm(8), h)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// rounded256 gives the whole numbers of 32 elements at x and, in the lowest lane, their factor. It goes on at the label odd where an element is
// infinite or not a number, which then is what the factor is, and at nothing where there can be no factor.
func rounded256(x reg.Register, g reg.GPVirtual, sign, steps reg.VecVirtual) (v []reg.VecVirtual, factor reg.VecVirtual) {
	v, size := vectors(4, 32), vectors(4, 32)
	for i := range v {
		VMOVUPS(Mem{Base: x, Disp: 32 * i}, v[i])
		VPAND(sign, v[i], size[i])
	}
	// As whole numbers sizes are in the same order, and what is no number is above infinity.
	VPMAXUD(size[1], size[0], size[0])
	VPMAXUD(size[3], size[2], size[2])
	VPMAXUD(size[2], size[0], size[0])
	factor = folded256(size[0], func(a, b reg.VecVirtual) { VPMAXUD(a, b, b) })
	VMOVD(factor, g)
	CMPL(g, U32(0x7f800000))
	JAE(LabelRef("odd"))
	CMPL(g, U32(math.Float32bits(smallest)))
	JB(LabelRef("nothing"))
	inverse, all := XMM(), YMM()
	VDIVSS(factor, steps, inverse)
	VDIVSS(steps, factor, factor)
	VBROADCASTSS(inverse, all)
	for i := range v {
		VMULPS(all, v[i], v[i])
		VCVTPS2DQ(v[i], v[i])
	}
	return v, factor
}

// exchanged256 stores 32 words that VPACKSSDW has packed to the first and the third of four registers: of each four the first, the third, the
// second and the fourth.
func exchanged256(v []reg.VecVirtual, dst reg.Register) {
	for i := range 2 {
		VPERMQ(Imm(0xd8), v[2*i], v[2*i])
		VPSHUFLW(Imm(0xd8), v[2*i], v[2*i])
		VPSHUFHW(Imm(0xd8), v[2*i], v[2*i])
		VMOVDQU(v[2*i], Mem{Base: dst, Disp: 32 * i})
	}
}

// bytes256 are the upper and the lower bytes of 32 words that VPACKSSDW has packed, in the order of the elements. The lower ones are signed.
func bytes256(a, b reg.VecVirtual) (pair [2]reg.VecVirtual) {
	half, order := constant("words_of_128", func(int) uint32 { return 0x00800080 }), YMM()
	VMOVDQU(constant("packed_order", func(i int) uint32 { return uint32(i%2*4 + i/2%4) }), order)
	var all [2][2]reg.VecVirtual
	for i, v := range []reg.VecVirtual{a, b} {
		upper, lower := YMM(), YMM()
		VPADDW(half, v, upper)
		VPSRAW(Imm(8), upper, upper)
		VPSLLW(Imm(8), upper, lower)
		VPSUBW(lower, v, lower)
		all[0][i], all[1][i] = upper, lower
	}
	for i, b := range all {
		VPACKSSWB(b[1], b[0], b[0])
		VPERMD(b[0], order, b[0])
		pair[i] = b[0]
	}
	return pair
}

// folded256 is folded of a register of 32 bytes.
func folded256(v reg.VecVirtual, op func(a, b reg.VecVirtual)) reg.VecVirtual {
	low := XMM()
	VEXTRACTI128(Imm(1), v, low)
	op(v.AsX().(reg.VecVirtual), low)
	for _, order := range []uint64{0x4e, 0xb1} {
		t := XMM()
		VPSHUFD(Imm(order), low, t)
		op(t, low)
	}
	return low
}

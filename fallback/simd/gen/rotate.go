package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Rotations in float64, each product and sum rounded as Go does. angles are a cosine and a sine of each pair.

// eightOf is a constant of 8 whole numbers or float64 in bits.
func eightOf(name string, at func(i int) uint64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(at(i)))
	}
	return m
}

func rotations() {
	cosines, sines := eightOf("cosines", func(i int) uint64 { return uint64(2 * i) }), eightOf("sines", func(i int) uint64 { return uint64(2*i + 1) })
	signs := eightOf("evenSigns", func(i int) uint64 { return uint64(1-i%2) * math.Float64bits(math.Copysign(0, -1)) })

	TEXT("rotateHalves512", NOSPLIT, "func(n int, out, x *float32, half int, angles *float32)")
	Doc("rotateHalves512 rotates pairs (x[i], x[half+i]) for i < n, a multiple of 8. With AVX-512.")
	Pragma("noescape")
	n, out, x, angles, half := Load(Param("n"), GP64()), Load(Param("out"), GP64()), Load(Param("x"), GP64()), Load(Param("angles"), GP64()), inBytes("half")
	pieces(n, 8, func() {
		v := vectors(8, 64)
		lo, hi, cos, sin, a, b, p, q := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
		VCVTPS2PD(Mem{Base: angles}, lo)
		VCVTPS2PD(Mem{Base: angles, Disp: 32}, hi)
		VMOVDQU64(cosines, cos)
		VMOVDQU64(sines, sin)
		VPERMI2PD(hi, lo, cos)
		VPERMI2PD(hi, lo, sin)
		VCVTPS2PD(Mem{Base: x}, a)
		VCVTPS2PD(Mem{Base: x, Index: half, Scale: 1}, b)
		VMULPD(cos, a, p)
		VMULPD(sin, b, q)
		VSUBPD(q, p, p)
		VMULPD(sin, a, a)
		VMULPD(cos, b, b)
		VADDPD(b, a, a)
		store := func(v reg.VecVirtual, m Mem) {
			y := YMM()
			VCVTPD2PS(v, y)
			VMOVUPS(y, m)
		}
		store(p, Mem{Base: out})
		store(a, Mem{Base: out, Index: half, Scale: 1})
		ADDQ(Imm(32), x)
		ADDQ(Imm(32), out)
		ADDQ(Imm(64), angles)
	})
	VZEROUPPER()
	RET()

	TEXT("rotatePairs512", NOSPLIT, "func(n int, out, x, angles *float32)")
	Doc("rotatePairs512 rotates pairs (x[2i], x[2i+1]) for i < n, a multiple of 4. With AVX-512.")
	Pragma("noescape")
	n, out, x, angles = Load(Param("n"), GP64()), Load(Param("out"), GP64()), Load(Param("x"), GP64()), Load(Param("angles"), GP64())
	sign := ZMM()
	VMOVDQU64(signs, sign)
	pieces(n, 4, func() {
		v, turned, cos, sin, y := ZMM(), ZMM(), ZMM(), ZMM(), YMM()
		VCVTPS2PD(Mem{Base: angles}, sin)
		VMOVDDUP(sin, cos)
		VPERMILPD(Imm(0xff), sin, sin)
		VCVTPS2PD(Mem{Base: x}, v)
		VPERMILPD(Imm(0x55), v, turned)
		VMULPD(cos, v, v)
		VMULPD(sin, turned, turned)
		VXORPD(sign, turned, turned)
		VADDPD(turned, v, v)
		VCVTPD2PS(v, y)
		VMOVUPS(y, Mem{Base: out})
		for _, p := range []reg.Register{x, out, angles} {
			ADDQ(Imm(32), p)
		}
	})
	VZEROUPPER()
	RET()
}

// add adds two vectors.
func add() {
	TEXT("add256", NOSPLIT, "func(n int, dst, x, y *float32)")
	Doc("add256 sets dst[k] = x[k] + y[k] for k < n, a multiple of 8. With AVX2.")
	Pragma("noescape")
	dst, x, y, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())
	pieces(n, 8, func() {
		v := YMM()
		VMOVUPS(Mem{Base: x}, v)
		VADDPS(Mem{Base: y}, v, v)
		VMOVUPS(v, Mem{Base: dst})
		for _, p := range []reg.Register{dst, x, y} {
			ADDQ(Imm(32), p)
		}
	})
	VZEROUPPER()
	RET()
}

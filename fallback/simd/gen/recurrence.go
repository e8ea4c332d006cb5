package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// recurrences are steps of states that fade.
func recurrences() {
	TEXT("scan256", NOSPLIT, "func(n int, s, x, y, z *float32, a float32) float32")
	Doc("scan256 sets s[k] = x[k]·s[k] + a·y[k] for k < n, a multiple of 8, and returns Σ z[k]·s[k]. With AVX2 and FMA.")
	Pragma("noescape")
	var p []reg.Register
	for _, name := range []string{"s", "x", "y", "z"} {
		p = append(p, Load(Param(name), GP64()))
	}
	n, a, sum := Load(Param("n"), GP64()), broadcast("a", 32), YMM()
	VXORPS(sum, sum, sum)
	pieces(n, 8, func() {
		v, s := YMM(), YMM()
		VMULPS(Mem{Base: p[2]}, a, v)
		VMOVUPS(Mem{Base: p[0]}, s)
		VFMADD132PS(Mem{Base: p[1]}, v, s)
		VMOVUPS(s, Mem{Base: p[0]})
		VFMADD231PS(Mem{Base: p[3]}, s, sum)
		for _, r := range p {
			ADDQ(Imm(32), r)
		}
	})
	total(sum)
	VZEROUPPER()
	RET()

	TEXT("fade256", NOSPLIT, "func(n int, s, x *float32, a, b float32)")
	Doc("fade256 sets s[k] = a·s[k] + b·x[k] for k < n, a multiple of 8. With AVX2 and FMA.")
	Pragma("noescape")
	s, x := Load(Param("s"), GP64()), Load(Param("x"), GP64())
	n, a, b := Load(Param("n"), GP64()), broadcast("a", 32), broadcast("b", 32)
	pieces(n, 8, func() {
		v, w := YMM(), YMM()
		VMULPS(Mem{Base: x}, b, v)
		VMOVUPS(Mem{Base: s}, w)
		VFMADD132PS(a, v, w)
		VMOVUPS(w, Mem{Base: s})
		ADDQ(Imm(32), s)
		ADDQ(Imm(32), x)
	})
	VZEROUPPER()
	RET()
}

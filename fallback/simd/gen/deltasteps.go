package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// deltaSteps are steps of the delta rule, by some columns of a state, which stay in the first-level cache from token to token.
func deltaSteps() {
	deltaStepsOf("deltaSteps512", "AVX-512", 64, func(i int) reg.Register { return zmm[i] })
	deltaStepsOf("deltaSteps256", "AVX2 and FMA", 32, func(i int) reg.Register { return ymm[i] })
}

func deltaStepsOf(name, level string, bytes int, vec func(int) reg.Register) {
	TEXT(name, NOSPLIT, "func(n int, s *float32, lds int, rows int, kq, gates, v *float32, ldv int, out *float32, ldo int)")
	Doc(fmt.Sprintf("%s goes n tokens over rows, an even number of them, by %d columns of a state: with u = Σ k[i]·s[i] and o = Σ q[i]·s[i], u becomes g[1]·(v − g[0]·u), out = g[2]·o + g[3]·u and s[i] = g[0]·s[i] + k[i]·u. k and q lie in turns, gates four a token; rows of s lie lds elements apart, ldv and ldo from token to token v and out. With %s.",
		name, bytes/2, level))
	Pragma("noescape")
	n, s, lds, rows := Load(Param("n"), GP64()), Load(Param("s"), GP64()), inBytes("lds"), Load(Param("rows"), GP64())
	kq, gates := Load(Param("kq"), GP64()), Load(Param("gates"), GP64())
	v, ldv, out, ldo := Load(Param("v"), GP64()), inBytes("ldv"), Load(Param("out"), GP64()), inBytes("ldo")
	at, pair, left := GP64(), GP64(), GP64()
	begin := func() {
		MOVQ(s, at)
		MOVQ(kq, pair)
		MOVQ(rows, left)
	}
	// Sums of u and o in 0 to 3, those of every other row in 4 to 7.
	const key, query, column, fade, beta, ofQuery, ofU = 8, 9, 10, 12, 13, 13, 14
	loadGate := func(i, to int) { VBROADCASTSS(Mem{Base: gates, Disp: 4 * i}, vec(to)) }

	Label("token")
	for i := range 8 {
		VXORPS(ymm[i], ymm[i], ymm[i])
	}
	begin()
	Label("products")
	for row := range 2 {
		VBROADCASTSS(Mem{Base: pair, Disp: 8 * row}, vec(key))
		VBROADCASTSS(Mem{Base: pair, Disp: 8*row + 4}, vec(query))
		for j := range 2 {
			VMOVUPS(Mem{Base: at, Disp: j * bytes}, vec(column+j))
			VFMADD231PS(vec(column+j), vec(key), vec(4*row+j))
			VFMADD231PS(vec(column+j), vec(query), vec(4*row+2+j))
		}
		ADDQ(lds, at)
	}
	ADDQ(Imm(16), pair)
	SUBQ(Imm(2), left)
	JNZ(LabelRef("products"))

	for i := range 4 {
		VADDPS(vec(4+i), vec(i), vec(i))
	}
	loadGate(0, fade)
	loadGate(1, beta)
	for j := range 2 {
		VMOVUPS(Mem{Base: v, Disp: j * bytes}, vec(column))
		VFNMADD231PS(vec(j), vec(fade), vec(column))
		VMULPS(vec(beta), vec(column), vec(j))
	}
	loadGate(2, ofQuery)
	loadGate(3, ofU)
	for j := range 2 {
		VMULPS(vec(ofQuery), vec(2+j), vec(2+j))
		VFMADD231PS(vec(j), vec(ofU), vec(2+j))
		VMOVUPS(vec(2+j), Mem{Base: out, Disp: j * bytes})
	}

	begin()
	Label("update")
	VBROADCASTSS(Mem{Base: pair}, vec(key))
	for j := range 2 {
		VMULPS(Mem{Base: at, Disp: j * bytes}, vec(fade), vec(column+j))
		VFMADD231PS(vec(j), vec(key), vec(column+j))
		VMOVUPS(vec(column+j), Mem{Base: at, Disp: j * bytes})
	}
	ADDQ(lds, at)
	ADDQ(Imm(8), pair)
	DECQ(left)
	JNZ(LabelRef("update"))

	MOVQ(pair, kq) // behind this token's
	ADDQ(Imm(16), gates)
	ADDQ(ldv, v)
	ADDQ(ldo, out)
	DECQ(n)
	JNZ(LabelRef("token"))
	VZEROUPPER()
	RET()
}

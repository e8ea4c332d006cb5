package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scanSteps are steps of a state that fades, of four rows by some vectors of columns, which stay in registers from token to token.
func scanSteps() {
	scanStepsOf("scanSteps512", "AVX-512", 64, 4, func(i int) reg.Register { return zmm[i] })
	scanStepsOf("scanSteps256", "AVX2 and FMA", 32, 2, func(i int) reg.Register { return ymm[i] })
}

var (
	zmm = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ymm = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
)

// Registers: the sums of four rows first, where VHADDPS can reach them; the factors of a token; its B; the state: 26 of 32, or all 16.
const (
	scanRows  = 4
	scanX     = 4
	scanDecay = 5

	scanB = 6
)

// scanStepsOf has so many vectors of so many bytes a row.
func scanStepsOf(name, level string, bytes, vectors int, vec func(int) reg.Register) {
	TEXT(name, NOSPLIT, "func(n int, s *float32, lds int, decay, x *float32, ldx int, b *float32, ldb int, c *float32, ldc int, out *float32, ldo int)")
	Doc(fmt.Sprintf("%s goes n tokens over 4 rows by %d columns of a state: s[i][k] = decay·s[i][k] + x[i]·b[k], out[i] += Σ c[k]·s[i][k]. Rows of s lie lds elements apart, and ldx, ldb, ldc and ldo from token to token the others. With %s.",
		name, vectors*bytes/4, level))
	Pragma("noescape")
	state := func(i, j int) reg.Register { return vec(scanB + vectors + i*vectors + j) }
	each := func(move func(at Mem, v reg.Register)) { // of the state
		s, lds := Load(Param("s"), GP64()), inBytes("lds")
		for i := range scanRows {
			for j := range vectors {
				move(Mem{Base: s, Disp: j * bytes}, state(i, j))
			}
			ADDQ(lds, s)
		}
	}
	each(func(at Mem, v reg.Register) { VMOVUPS(at, v) })
	n, decay := Load(Param("n"), GP64()), Load(Param("decay"), GP64())
	x, b, c, out := Load(Param("x"), GP64()), Load(Param("b"), GP64()), Load(Param("c"), GP64()), Load(Param("out"), GP64())
	ldx, ldb, ldc, ldo := inBytes("ldx"), inBytes("ldb"), inBytes("ldc"), inBytes("ldo")
	pieces(n, 1, func() {
		VBROADCASTSS(Mem{Base: decay}, vec(scanDecay))
		for j := range vectors {
			VMOVUPS(Mem{Base: b, Disp: j * bytes}, vec(scanB+j))
		}
		for i := range scanRows {
			VBROADCASTSS(Mem{Base: x, Disp: 4 * i}, vec(scanX))
			for j := range vectors {
				s := state(i, j)
				VMULPS(vec(scanDecay), s, s)
				VFMADD231PS(vec(scanB+j), vec(scanX), s)
				if j == 0 {
					VMULPS(Mem{Base: c}, s, vec(i))
				} else {
					VFMADD231PS(Mem{Base: c, Disp: j * bytes}, s, vec(i))
				}
			}
		}
		if bytes == 64 {
			for i := range scanRows {
				VEXTRACTF64X4(Imm(1), vec(i), ymm[scanX])
				VADDPS(ymm[scanX], ymm[i], ymm[i])
			}
		}
		VHADDPS(reg.Y1, reg.Y0, reg.Y0)
		VHADDPS(reg.Y3, reg.Y2, reg.Y2)
		VHADDPS(reg.Y2, reg.Y0, reg.Y0)
		VEXTRACTF128(Imm(1), reg.Y0, reg.X1)
		VADDPS(reg.X1, reg.X0, reg.X0)
		VADDPS(Mem{Base: out}, reg.X0, reg.X0)
		VMOVUPS(reg.X0, Mem{Base: out})
		ADDQ(Imm(4), decay)
		for _, step := range [][2]reg.Register{{ldx, x}, {ldb, b}, {ldc, c}, {ldo, out}} {
			ADDQ(step[0], step[1])
		}
	})
	each(func(at Mem, v reg.Register) { VMOVUPS(v, at) })
	VZEROUPPER()
	RET()
}

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// decodeBytes gives the elements of rows that are unpacked: d·(q − base) − 128·m, each operation rounded, with scales of each 32 or 16.
func decodeBytes(halves, minima bool) {
	kernel, length := "decodeBytes", 32
	if halves {
		kernel, length = "decodeByteHalves", 16
	}
	if minima {
		kernel += "Minima"
	}
	TEXT(kernel, NOSPLIT, "func(n int, dst *float32, q *uint8, d, m *float32, base float32)")
	Doc(kernel + " decodes n times 32 elements, n > 0. With AVX2.")
	Pragma("noescape")
	dst, q, d, m, n := Load(Param("dst"), GP64()), Load(Param("q"), GP64()), Load(Param("d"), GP64()), Load(Param("m"), GP64()), Load(Param("n"), GP64())
	base, unit := broadcast("base", 32), everywhere(math.Float32bits(1/minimumUnit))
	Label("step")
	for part := range 32 / length {
		scale, least := YMM(), YMM()
		VBROADCASTSS(Mem{Base: d, Disp: 4 * part}, scale)
		if minima {
			VBROADCASTSS(Mem{Base: m, Disp: 4 * part}, least)
			VMULPS(unit, least, least)
		}
		for i := range length / 8 {
			at, v := length*part+8*i, YMM()
			VPMOVZXBD(Mem{Base: q, Disp: at}, v)
			VCVTDQ2PS(v, v)
			VSUBPS(base, v, v)
			VMULPS(scale, v, v)
			if minima {
				VSUBPS(least, v, v)
			}
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * at})
		}
	}
	ADDQ(Imm(32), q)
	ADDQ(Imm(128), dst)
	ADDQ(Imm(uint64(128/length)), d)
	ADDQ(Imm(uint64(128/length)), m)
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowPointers loads the addresses of r slices, of which parameter x points to the first.
func rowPointers(r int) []reg.Register {
	list := Load(Param("x"), GP64())
	rows := make([]reg.Register, r)
	for i := range rows {
		p := GP64()
		MOVQ(Mem{Base: list, Disp: 24 * i}, p)
		rows[i] = p
	}
	return rows
}

// vectors are n registers of 64 or 32 bytes.
func vectors(n, bytes int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		if bytes == 64 {
			v[i] = ZMM()
		} else {
			v[i] = YMM()
		}
	}
	return v
}

// loop runs body with a register that counts 0, 1, … to below the parameter n.
func loop(body func(k reg.GPVirtual)) {
	n := Load(Param("n"), GP64())
	k := GP64()
	XORQ(k, k)
	JMP(LabelRef("check"))
	Label("step")
	body(k)
	INCQ(k)
	Label("check")
	CMPQ(k, n)
	JL(LabelRef("step"))
}

// exactTile512 takes r rows by a panel of 16 columns with sums in float64.
func exactTile512(r int) {
	TEXT(fmt.Sprintf("exactTile512x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, sums *float64)")
	Doc(fmt.Sprintf("exactTile512x%d is ExactTile for %d rows, with AVX-512.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w, sums := Load(Param("w"), GP64()), Load(Param("sums"), GP64())
	acc := vectors(2*r, 64)
	for i := range acc {
		VMOVUPD(Mem{Base: sums, Disp: 64 * i}, acc[i])
	}
	lo, hi := ZMM(), ZMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 32}, hi)
		for i := range rows {
			if r == 1 { // one more register costs nothing, and memory is read once
				x := ZMM()
				VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
				VFMADD231PD(x, lo, acc[0])
				VFMADD231PD(x, hi, acc[1])
				continue
			}
			VFMADD231PD_BCST(Mem{Base: rows[i], Index: k, Scale: 8}, lo, acc[2*i])
			VFMADD231PD_BCST(Mem{Base: rows[i], Index: k, Scale: 8}, hi, acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	for i := range acc {
		VMOVUPD(acc[i], Mem{Base: sums, Disp: 64 * i})
	}
	VZEROUPPER()
	RET()
}

// exactTile256 takes r rows by half a panel, 8 columns.
func exactTile256(r int) {
	TEXT(fmt.Sprintf("exactTile256x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, sums *float64)")
	Doc(fmt.Sprintf("exactTile256x%d is ExactTile for %d rows and the 8 columns from where w and sums point to, with AVX2 and FMA.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w, sums := Load(Param("w"), GP64()), Load(Param("sums"), GP64())
	acc := vectors(2*r, 32)
	at := func(i int) Mem { return Mem{Base: sums, Disp: 128*(i/2) + 32*(i%2)} }
	for i := range acc {
		VMOVUPD(at(i), acc[i])
	}
	lo, hi, x := YMM(), YMM(), YMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 16}, hi)
		for i := range rows {
			VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
			VFMADD231PD(x, lo, acc[2*i])
			VFMADD231PD(x, hi, acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	for i := range acc {
		VMOVUPD(acc[i], at(i))
	}
	VZEROUPPER()
	RET()
}

// floatTile512 takes r rows by two panels of 16 columns with sums in float32.
func floatTile512(r int) {
	TEXT(fmt.Sprintf("floatTile512x%d", r), NOSPLIT, "func(n int, x *[]float32, w, w2, sums *float32)")
	Doc(fmt.Sprintf("floatTile512x%d is FloatTile for %d rows, with AVX-512.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w, w2, sums := Load(Param("w"), GP64()), Load(Param("w2"), GP64()), Load(Param("sums"), GP64())
	acc := vectors(2*r, 64)
	for i := range acc {
		VMOVUPS(Mem{Base: sums, Disp: 64 * i}, acc[i])
	}
	lo, hi := ZMM(), ZMM()
	loop(func(k reg.GPVirtual) {
		VMOVUPS(Mem{Base: w}, lo)
		VMOVUPS(Mem{Base: w2}, hi)
		ADDQ(Imm(64), w)
		ADDQ(Imm(64), w2)
		for i := range rows {
			x := ZMM()
			VBROADCASTSS(Mem{Base: rows[i], Index: k, Scale: 4}, x)
			VFMADD231PS(x, lo, acc[2*i])
			VFMADD231PS(x, hi, acc[2*i+1])
		}
	})
	for i := range acc {
		VMOVUPS(acc[i], Mem{Base: sums, Disp: 64 * i})
	}
	VZEROUPPER()
	RET()
}

// floatTile256 takes r rows by a panel of 16 columns.
func floatTile256(r int) {
	TEXT(fmt.Sprintf("floatTile256x%d", r), NOSPLIT, "func(n int, x *[]float32, w, sums *float32)")
	Doc(fmt.Sprintf("floatTile256x%d is FloatTile for %d rows and the panel from where w and sums point to, with AVX2 and FMA.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w, sums := Load(Param("w"), GP64()), Load(Param("sums"), GP64())
	acc := vectors(2*r, 32)
	at := func(i int) Mem { return Mem{Base: sums, Disp: 128*(i/2) + 32*(i%2)} }
	for i := range acc {
		VMOVUPS(at(i), acc[i])
	}
	lo, hi, x := YMM(), YMM(), YMM()
	loop(func(k reg.GPVirtual) {
		VMOVUPS(Mem{Base: w}, lo)
		VMOVUPS(Mem{Base: w, Disp: 32}, hi)
		for i := range rows {
			VBROADCASTSS(Mem{Base: rows[i], Index: k, Scale: 4}, x)
			VFMADD231PS(x, lo, acc[2*i])
			VFMADD231PS(x, hi, acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	for i := range acc {
		VMOVUPS(acc[i], at(i))
	}
	VZEROUPPER()
	RET()
}

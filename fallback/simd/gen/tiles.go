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

// broadcast is a parameter, a float32, in all lanes.
func broadcast(param string, bytes int) reg.VecVirtual {
	addr, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	v := vectors(1, bytes)[0]
	VBROADCASTSS(addr.Addr, v)
	return v
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

// A tile keeps two registers of sums for each row: it loads them, adds the products of n elements, and stores them.

// sums are the registers of r rows, with where they lie.
type sums struct {
	acc   []reg.VecVirtual
	place func(i int) Mem
	move  func(from, to Op)
}

func loadSums(r, bytes int, move func(from, to Op), place func(i int) Mem) sums {
	s := sums{vectors(2*r, bytes), place, move}
	for i, a := range s.acc {
		move(place(i), a)
	}
	return s
}

// finish stores the sums and returns.
func (s sums) finish() {
	for i, a := range s.acc {
		s.move(a, s.place(i))
	}
	VZEROUPPER()
	RET()
}

// behind are sums one behind the other; halves are those of half a row of 128 bytes each.
func behind(base reg.Register) func(i int) Mem {
	return func(i int) Mem { return Mem{Base: base, Disp: 64 * i} }
}

func halves(base reg.Register) func(i int) Mem {
	return func(i int) Mem { return Mem{Base: base, Disp: 128*(i/2) + 32*(i%2)} }
}

// exactTile512 takes r rows by a panel of 16 columns with sums in float64.
func exactTile512(r int) {
	TEXT(fmt.Sprintf("exactTile512x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, sums *float64)")
	Doc(fmt.Sprintf("exactTile512x%d is ExactTile for %d rows, with AVX-512.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w := Load(Param("w"), GP64())
	s := loadSums(r, 64, func(from, to Op) { VMOVUPD(from, to) }, behind(Load(Param("sums"), GP64())))
	lo, hi := ZMM(), ZMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 32}, hi)
		for i := range rows {
			if r == 1 { // one more register costs nothing, and memory is read once
				x := ZMM()
				VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
				VFMADD231PD(x, lo, s.acc[0])
				VFMADD231PD(x, hi, s.acc[1])
				continue
			}
			VFMADD231PD_BCST(Mem{Base: rows[i], Index: k, Scale: 8}, lo, s.acc[2*i])
			VFMADD231PD_BCST(Mem{Base: rows[i], Index: k, Scale: 8}, hi, s.acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	s.finish()
}

// exactRow512 takes one row by two panels, whose four registers of sums wait for each other half as long as two.
func exactRow512() {
	TEXT("exactRow512", NOSPLIT, "func(n int, x *float64, w, w2 *float32, sums *float64)")
	Doc("exactRow512 is ExactRow, with AVX-512.")
	Pragma("noescape")
	row := Load(Param("x"), GP64())
	panels := []reg.Register{Load(Param("w"), GP64()), Load(Param("w2"), GP64())}
	s := loadSums(2, 64, func(from, to Op) { VMOVUPD(from, to) }, behind(Load(Param("sums"), GP64())))
	loop(func(k reg.GPVirtual) {
		x := ZMM()
		VBROADCASTSD(Mem{Base: row, Index: k, Scale: 8}, x)
		for i, a := range s.acc {
			v := ZMM()
			VCVTPS2PD(Mem{Base: panels[i/2], Disp: 32 * (i % 2)}, v)
			VFMADD231PD(x, v, a)
		}
		for _, w := range panels {
			ADDQ(Imm(64), w)
		}
	})
	s.finish()
}

// exactRows512 takes one row by 16 rows as they lie, four columns a step: a register holds four columns of rows i, i+4, i+8 and i+12, and
// exchanging numbers within its quarters turns four such into columns of 16 rows, so that nothing goes back to memory on the way.
func exactRows512() {
	TEXT("exactRows512", NOSPLIT, "func(n int, x *float64, w *float32, ldw int, sums *float64, next *byte, pace int)")
	Doc("exactRows512 is ExactRows for n, a multiple of 4, with AVX-512; pace is how many bytes of next go to four elements of x.")
	Pragma("noescape")
	n, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
	w, stride := Load(Param("w"), GP64()), Load(Param("ldw"), GP64())
	SHLQ(Imm(2), stride)
	s := loadSums(1, 64, func(from, to Op) { VMOVUPD(from, to) }, behind(Load(Param("sums"), GP64())))
	groups := groupsOfRows(2, w, stride)
	next, pace := Load(Param("next"), GP64()), Load(Param("pace"), GP64())
	quarter, bits := make([]reg.Register, 4), GP32()
	for i := 1; i < 4; i++ {
		quarter[i] = K()
		MOVL(U32(15<<(4*i)), bits)
		KMOVW(bits, quarter[i])
	}
	JMP(LabelRef("check"))
	Label("step")
	PREFETCHT0(Mem{Base: next})
	PREFETCHT0(Mem{Base: next, Disp: 64})
	ADDQ(pace, next)
	rows := vectors(4, 64)
	for i, v := range rows {
		VMOVUPS(groups[0].row(i), v.AsX())
		VBROADCASTF32X4(groups[0].row(i+4), quarter[1], v)
		VBROADCASTF32X4(groups[1].row(i), quarter[2], v)
		VBROADCASTF32X4(groups[1].row(i+4), quarter[3], v)
	}
	pairs := vectors(4, 64) // of columns 0 and 1 of rows 0 and 1, 2 and 3 of those, then of rows 2 and 3
	for i := range 2 {
		VUNPCKLPS(rows[2*i+1], rows[2*i], pairs[2*i])
		VUNPCKHPS(rows[2*i+1], rows[2*i], pairs[2*i+1])
	}
	columns := vectors(4, 64)
	for i := range 2 {
		VUNPCKLPD(pairs[2+i], pairs[i], columns[2*i])
		VUNPCKHPD(pairs[2+i], pairs[i], columns[2*i+1])
	}
	for k, c := range columns {
		upper, v := YMM(), vectors(2, 64)
		VEXTRACTF64X4(Imm(1), c, upper)
		VCVTPS2PD(c.AsY(), v[0])
		VCVTPS2PD(upper, v[1])
		for i, a := range s.acc {
			VFMADD231PD_BCST(Mem{Base: x, Disp: 8 * k}, v[i], a)
		}
	}
	ADDQ(Imm(32), x)
	for _, g := range groups {
		ADDQ(Imm(16), g.base)
	}
	SUBQ(Imm(4), n)
	Label("check")
	CMPQ(n, Imm(4))
	JGE(LabelRef("step"))
	s.finish()
}

// exactTile256 takes r rows by half a panel, 8 columns.
func exactTile256(r int) {
	TEXT(fmt.Sprintf("exactTile256x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, sums *float64)")
	Doc(fmt.Sprintf("exactTile256x%d is ExactTile for %d rows and the 8 columns from where w and sums point to, with AVX2 and FMA.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w := Load(Param("w"), GP64())
	s := loadSums(r, 32, func(from, to Op) { VMOVUPD(from, to) }, halves(Load(Param("sums"), GP64())))
	lo, hi, x := YMM(), YMM(), YMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 16}, hi)
		for i := range rows {
			VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
			VFMADD231PD(x, lo, s.acc[2*i])
			VFMADD231PD(x, hi, s.acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	s.finish()
}

// addRows512 is exactTile512 of columns of a matrix and with products that are rounded.
func addRows512(r int) {
	TEXT(fmt.Sprintf("addRows512x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, ldw int, sums *float64)")
	Doc(fmt.Sprintf("addRows512x%d is AddRows for %d rows of X, with AVX-512.", r, r))
	Pragma("noescape")
	rows, ldw := rowPointers(r), inBytes("ldw")
	w := Load(Param("w"), GP64())
	s := loadSums(r, 64, func(from, to Op) { VMOVUPD(from, to) }, behind(Load(Param("sums"), GP64())))
	lo, hi := ZMM(), ZMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 32}, hi)
		for i := range rows {
			x, y := ZMM(), ZMM()
			VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
			VMULPD(lo, x, y)
			VMULPD(hi, x, x)
			VADDPD(y, s.acc[2*i], s.acc[2*i])
			VADDPD(x, s.acc[2*i+1], s.acc[2*i+1])
		}
		ADDQ(ldw, w)
	})
	s.finish()
}

// addRows256 is addRows512 of half as many columns.
func addRows256(r int) {
	TEXT(fmt.Sprintf("addRows256x%d", r), NOSPLIT, "func(n int, x *[]float64, w *float32, ldw int, sums *float64)")
	Doc(fmt.Sprintf("addRows256x%d is AddRows for %d rows of X and the 8 columns from where w and sums point to, with AVX2.", r, r))
	Pragma("noescape")
	rows, ldw := rowPointers(r), inBytes("ldw")
	w := Load(Param("w"), GP64())
	s := loadSums(r, 32, func(from, to Op) { VMOVUPD(from, to) }, halves(Load(Param("sums"), GP64())))
	lo, hi := YMM(), YMM()
	loop(func(k reg.GPVirtual) {
		VCVTPS2PD(Mem{Base: w}, lo)
		VCVTPS2PD(Mem{Base: w, Disp: 16}, hi)
		for i := range rows {
			x, y := YMM(), YMM()
			VBROADCASTSD(Mem{Base: rows[i], Index: k, Scale: 8}, x)
			VMULPD(lo, x, y)
			VMULPD(hi, x, x)
			VADDPD(y, s.acc[2*i], s.acc[2*i])
			VADDPD(x, s.acc[2*i+1], s.acc[2*i+1])
		}
		ADDQ(ldw, w)
	})
	s.finish()
}

// floatTile512 takes r rows by two panels of 16 columns with sums in float32.
func floatTile512(r int) {
	TEXT(fmt.Sprintf("floatTile512x%d", r), NOSPLIT, "func(n int, x *[]float32, w, w2, sums *float32)")
	Doc(fmt.Sprintf("floatTile512x%d is FloatTile for %d rows, with AVX-512.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w, w2 := Load(Param("w"), GP64()), Load(Param("w2"), GP64())
	s := loadSums(r, 64, func(from, to Op) { VMOVUPS(from, to) }, behind(Load(Param("sums"), GP64())))
	lo, hi := ZMM(), ZMM()
	loop(func(k reg.GPVirtual) {
		VMOVUPS(Mem{Base: w}, lo)
		VMOVUPS(Mem{Base: w2}, hi)
		ADDQ(Imm(64), w)
		ADDQ(Imm(64), w2)
		for i := range rows {
			x := ZMM()
			VBROADCASTSS(Mem{Base: rows[i], Index: k, Scale: 4}, x)
			VFMADD231PS(x, lo, s.acc[2*i])
			VFMADD231PS(x, hi, s.acc[2*i+1])
		}
	})
	s.finish()
}

// floatTile256 takes r rows by a panel of 16 columns.
func floatTile256(r int) {
	TEXT(fmt.Sprintf("floatTile256x%d", r), NOSPLIT, "func(n int, x *[]float32, w, sums *float32)")
	Doc(fmt.Sprintf("floatTile256x%d is FloatTile for %d rows and the panel from where w and sums point to, with AVX2 and FMA.", r, r))
	Pragma("noescape")
	rows := rowPointers(r)
	w := Load(Param("w"), GP64())
	s := loadSums(r, 32, func(from, to Op) { VMOVUPS(from, to) }, halves(Load(Param("sums"), GP64())))
	lo, hi, x := YMM(), YMM(), YMM()
	loop(func(k reg.GPVirtual) {
		VMOVUPS(Mem{Base: w}, lo)
		VMOVUPS(Mem{Base: w, Disp: 32}, hi)
		for i := range rows {
			VBROADCASTSS(Mem{Base: rows[i], Index: k, Scale: 4}, x)
			VFMADD231PS(x, lo, s.acc[2*i])
			VFMADD231PS(x, hi, s.acc[2*i+1])
		}
		ADDQ(Imm(64), w)
	})
	s.finish()
}

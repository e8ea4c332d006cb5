package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsAt are r ≤ 8 rows from base on, stride bytes apart, reached from two registers: the first moves with those of rows 0 to 3, the
// second with the others.
type rowsAt struct {
	bases         []reg.Register
	stride, three reg.Register
}

func rowsFrom(base, stride reg.Register, r int) rowsAt {
	s := rowsAt{bases: []reg.Register{base}, stride: stride}
	if r > 3 {
		s.three = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s.three)
	}
	if r > 4 {
		upper := GP64()
		LEAQ(Mem{Base: base, Index: stride, Scale: 4}, upper)
		s.bases = append(s.bases, upper)
	}
	return s
}

func (s rowsAt) row(i int) Mem {
	m := Mem{Base: s.bases[i/4]}
	switch i % 4 {
	case 1:
		m.Index, m.Scale = s.stride, 1
	case 2:
		m.Index, m.Scale = s.stride, 2
	case 3:
		m.Index, m.Scale = s.three, 1
	}
	return m
}

// advance moves all rows by so many bytes.
func (s rowsAt) advance(bytes uint64) {
	for _, b := range s.bases {
		ADDQ(Imm(bytes), b)
	}
}

// inBytes loads a parameter that counts float32.
func inBytes(name string) reg.Register {
	v := Load(Param(name), GP64())
	SHLQ(Imm(2), v)
	return v
}

// gemm takes r rows by so many registers of columns, which keep all sums while k runs.
func gemm(r, registers, bytes int) {
	columns := registers * bytes / 4
	name, with := fmt.Sprintf("gemm%dx%dx%d", 8*bytes, r, columns), "AVX2 and FMA"
	if bytes == 64 {
		with = "AVX-512"
	}
	TEXT(name, NOSPLIT, "func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int)")
	Doc(fmt.Sprintf("%s is Gemm for %d rows and %d columns, with %s.", name, r, columns, with))
	Pragma("noescape")
	k := Load(Param("k"), GP64())
	a := rowsFrom(Load(Param("a"), GP64()), inBytes("lda"), r)
	b, ldb := Load(Param("b"), GP64()), inBytes("ldb")
	c := rowsFrom(Load(Param("c"), GP64()), inBytes("ldc"), r)
	acc, w := vectors(r*registers, bytes), vectors(registers, bytes)
	for i, v := range acc {
		VMOVUPS(c.row(i/registers).Offset(i%registers*bytes), v)
	}
	pieces(k, 1, func() {
		for j, v := range w {
			VMOVUPS(Mem{Base: b, Disp: j * bytes}, v)
		}
		ADDQ(ldb, b)
		for i := range r {
			x := vectors(1, bytes)[0]
			VBROADCASTSS(a.row(i), x)
			for j, v := range w {
				VFMADD231PS(x, v, acc[i*registers+j])
			}
		}
		a.advance(4)
	})
	for i, v := range acc {
		VMOVUPS(v, c.row(i/registers).Offset(i%registers*bytes))
	}
	VZEROUPPER()
	RET()
}

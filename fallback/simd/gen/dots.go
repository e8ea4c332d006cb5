package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Dot products of rows of weights in plain types with one of X in float32.

func clearYMM() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// nibbles are the 32 nibbles of 16 bytes: the low ones, then the high ones.
func nibbles(m Mem, mask reg.VecVirtual) reg.VecVirtual {
	low, high, both := XMM(), XMM(), YMM()
	VMOVDQU(m, low)
	VPSRLW(Imm(4), low, high)
	VINSERTI128(Imm(1), high, low.AsY(), both)
	VPAND(mask, both, both)
	return both
}

// halfAt is the binary16 at m, in the lowest lane.
func halfAt(m Mem) reg.VecVirtual {
	g, x := GP32(), XMM()
	MOVWLZX(m, g)
	VMOVD(g, x)
	VCVTPH2PS(x, x)
	return x
}

func dots() {
	for _, t := range stored {
		floatDot(t.name, t.size)
	}
}

// unpackPairs are the eight scales and the eight minima of 6 bits that Q4_K and Q5_K have in 12 bytes.
func unpackPairs(w reg.Register) (scales, mins reg.VecVirtual) {
	a, b, c := GP32(), GP32(), GP32()
	MOVL(Mem{Base: w, Disp: 4}, a)
	MOVL(Mem{Base: w, Disp: 8}, b)
	MOVL(Mem{Base: w, Disp: 12}, c)
	unpack := func(p reg.GPVirtual, shift uint64) reg.VecVirtual {
		low, high, top := GP32(), GP32(), GP32()
		MOVL(p, low)
		ANDL(U32(0x3f3f3f3f), low)
		MOVL(p, top)
		SHRL(Imm(2), top)
		ANDL(U32(0x30303030), top)
		MOVL(c, high)
		if shift > 0 {
			SHRL(Imm(shift), high)
		}
		ANDL(U32(0x0f0f0f0f), high)
		ORL(top, high)
		SHLQ(Imm(32), high.As64())
		ORQ(high.As64(), low.As64())
		bytes, v := XMM(), YMM()
		VMOVQ(low.As64(), bytes)
		VPMOVZXBD(bytes, v)
		VCVTDQ2PS(v, v)
		return v
	}
	return unpack(a, 0), unpack(b, 4)
}

// floatDot multiplies rows of n elements, a multiple of 32, of a plain type by float32. A quarter of the rows lies behind each of four places that are
// read at once: memory gives half as much again as to one place. Lines ahead bytes behind are asked for; 0 asks for what is read anyway, for processors
// that foresee lines of four places well. Registers of AVX-512 gain nothing.
func floatDot(format string, size int) {
	kernel := "dot" + format + "AVX2"
	TEXT(kernel, NOSPLIT, "func(rows, n int, w *byte, x, out *float32, ahead int)")
	Doc(kernel + " sets out to the products of rows of n elements, a multiple of 32. Lines ahead bytes behind the rows are asked for.")
	Pragma("noescape")
	w, out, quarter := Load(Param("w"), GP64()), Load(Param("out"), GP64()), Load(Param("rows"), GP64())
	stride := Load(Param("n"), GP64()) // from place to place
	SHRQ(Imm(2), quarter)
	IMULQ(quarter, stride)
	IMUL3Q(Imm(uint64(size)), stride, stride)
	behind := GP64()
	MOVQ(quarter, behind)
	SHLQ(Imm(2), behind)
	at, results := rowsFrom(w, stride, 4), rowsFrom(out, behind, 4)
	ahead := Load(Param("ahead"), GP64())
	later := rowsAt{[]reg.Register{GP64()}, at.stride, at.three}
	x, n, left := GP64(), GP64(), GP64()
	some := func(r int) { // a row of each of r places, to the same bits for any r
		acc := vectors(2*r, 32)
		for _, a := range acc {
			VXORPS(a, a, a)
		}
		Load(Param("x"), x)
		Load(Param("n"), n)
		label := fmt.Sprintf("product%d", r)
		Label(label)
		LEAQ(Mem{Base: w, Index: ahead, Scale: 1}, later.bases[0])
		for part := range 4 {
			q := YMM()
			VMOVUPS(Mem{Base: x, Disp: 32 * part}, q)
			for i := range r {
				v := YMM()
				widened(format, at.row(i).Offset(8*size*part), v)
				VFMADD231PS(v, q, acc[2*i+part%2])
				if 8*size*part%64 == 0 {
					PREFETCHT0(later.row(i).Offset(8 * size * part))
				}
			}
		}
		at.advance(uint64(32 * size))
		ADDQ(Imm(128), x)
		SUBQ(Imm(32), n)
		JNZ(LabelRef(label))
		for i := range r {
			VADDPS(acc[2*i+1], acc[2*i], acc[2*i])
			VMOVSS(together(acc[2*i]), results.row(i))
		}
		ADDQ(Imm(4), out)
		DECQ(left)
	}
	MOVQ(quarter, left)
	TESTQ(left, left)
	JZ(LabelRef("rest"))
	Label("four")
	some(4)
	JNZ(LabelRef("four"))
	ADDQ(at.three, w)
	ADDQ(results.three, out)
	Label("rest")
	Load(Param("rows"), left)
	ANDQ(Imm(3), left)
	JZ(LabelRef("done"))
	Label("one")
	some(1)
	JNZ(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

// vendor is what the processor says of its maker first.
func vendor() {
	TEXT("vendor", NOSPLIT, "func() uint32")
	Doc("vendor is the first four letters of the processor's maker, the first of them lowest.")
	XORL(reg.EAX, reg.EAX)
	XORL(reg.ECX, reg.ECX)
	CPUID()
	Store(reg.EBX, ReturnIndex(0))
	RET()
}

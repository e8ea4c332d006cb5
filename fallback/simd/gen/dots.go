package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Dot products of a row of weights with one of X. Weights stay as they are stored; X is float32, or whole numbers of 16 bits with a
// factor d for each 32 of them. Weights are brought to 16 bits, VPMADDWD adds up pairs of products exactly, and each block's sums are
// scaled in float32.

// narrowSums are the products of 32 signed bytes and of 32 words at x, in 8 lanes.
func narrowSums(bytes reg.VecVirtual, x Mem) (lower, upper reg.VecVirtual) {
	high, a, b := XMM(), YMM(), YMM()
	VEXTRACTI128(Imm(1), bytes, high)
	VPMOVSXBW(bytes.AsX(), a)
	VPMOVSXBW(high, b)
	VPMADDWD(x, a, a)
	VPMADDWD(x.Offset(32), b, b)
	return a, b
}

// addWords adds the products of 32 signed bytes and of 32 words at x times one factor, the float32 at m or in the lowest lane of a
// register, to acc.
func addWords(bytes reg.VecVirtual, x Mem, factor Op, acc reg.VecVirtual) {
	v, upper := narrowSums(bytes, x)
	VPADDD(upper, v, v)
	f := YMM()
	VBROADCASTSS(factor, f)
	VCVTDQ2PS(v, v)
	VFMADD231PS(f, v, acc)
}

func clearYMM() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// dotting begins a kernel over n pieces of size bytes and length elements.
func dotting(name, doc, params string, size, length int, prepare func() (step func(w, x, d, s reg.Register), finish func() reg.VecVirtual)) {
	kernel := name + "AVX2"
	TEXT(kernel, NOSPLIT, "func(n int, w *byte, x *int16, d, s *float32"+params+") float32")
	Doc(kernel + " " + doc + " With AVX2, FMA and F16C.")
	Pragma("noescape")
	w, x, d, s, n := Load(Param("w"), GP64()), Load(Param("x"), GP64()), Load(Param("d"), GP64()), Load(Param("s"), GP64()), Load(Param("n"), GP64())
	step, finish := prepare()
	JMP(LabelRef("check"))
	Label("step")
	step(w, x, d, s)
	ADDQ(U32(uint32(size)), w)
	ADDQ(U32(uint32(2*length)), x)
	ADDQ(U32(uint32(length/8)), d)
	ADDQ(U32(uint32(length/8)), s)
	DECQ(n)
	Label("check")
	TESTQ(n, n)
	JNZ(LabelRef("step"))
	total(finish())
	VZEROUPPER()
	RET()
}

// total returns the sum of all lanes.
func total(v reg.VecVirtual) { Store(together(v), ReturnIndex(0)) }

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
	dotting("dotQ8_0", "is the product of n blocks.", "", 34, 32, func() (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
		acc := clearYMM()
		return func(w, x, d, s reg.Register) {
			v, f := YMM(), halfAt(Mem{Base: w})
			VMOVDQU(Mem{Base: w, Disp: 2}, v)
			VMULSS(Mem{Base: d}, f, f)
			addWords(v, Mem{Base: x}, f, acc)
		}, func() reg.VecVirtual { return acc }
	})
	dotting("dotQ4_0", "is the product of n blocks.", "", 18, 32, func() (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
		acc, mask, eight := clearYMM(), everywhere(0x0f0f0f0f), everywhere(0x08080808)
		return func(w, x, d, s reg.Register) {
			q, f := nibbles(Mem{Base: w, Disp: 2}, mask), halfAt(Mem{Base: w})
			VPSUBB(eight, q, q)
			VMULSS(Mem{Base: d}, f, f)
			addWords(q, Mem{Base: x}, f, acc)
		}, func() reg.VecVirtual { return acc }
	})
	table := func(name string, size, offset int, params string, scale func(w reg.Register) reg.VecVirtual) {
		dotting(name, "is the product of n blocks; levels are what nibbles stand for.", ", levels *int8"+params, size, 32, func() (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
			acc, mask, levels := clearYMM(), everywhere(0x0f0f0f0f), YMM()
			VBROADCASTI128(Mem{Base: Load(Param("levels"), GP64())}, levels)
			return func(w, x, d, s reg.Register) {
				q := nibbles(Mem{Base: w, Disp: offset}, mask)
				VPSHUFB(q, levels, q)
				f := scale(w)
				VMULSS(Mem{Base: d}, f, f)
				addWords(q, Mem{Base: x}, f, acc)
			}, func() reg.VecVirtual { return acc }
		})
	}
	table("dotIQ4_NL", 18, 2, "", func(w reg.Register) reg.VecVirtual { return halfAt(Mem{Base: w}) })
	table("dotMXFP4", 17, 1, ", scales *float32", func(w reg.Register) reg.VecVirtual {
		g, f := GP64(), XMM()
		MOVBQZX(Mem{Base: w}, g)
		VMOVSS(Mem{Base: Load(Param("scales"), GP64()), Index: g, Scale: 4}, f)
		return f
	})
	dotting("dotQ4_K", "is the product of n blocks; s are the sums of 32 elements of X.", "", 144, 256, dotQ4_K)
	dotting("dotQ6_K", "is the product of n blocks.", "", 210, 256, dotQ6_K)
	for _, t := range stored {
		floatDot256(t.name, t.size)
		floatDot512(t.name, t.size)
	}
}

// dotQ4_K: x = d·scale·q − dmin·min for each 32 elements.
func dotQ4_K() (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
	acc, below, mask := clearYMM(), clearYMM(), everywhere(0x0f0f0f0f)
	local := AllocLocal(32)
	return func(w, x, d, s reg.Register) {
			pair, df, dmin := XMM(), YMM(), YMM()
			VMOVD(Mem{Base: w}, pair)
			VCVTPH2PS(pair, pair)
			VBROADCASTSS(pair, df)
			VMOVSHDUP(pair, pair)
			VBROADCASTSS(pair, dmin)
			scales, mins := unpackPairs(w)
			VMULPS(df, scales, scales)
			VMULPS(Mem{Base: d}, scales, scales)
			VMOVUPS(scales, local)
			VMULPS(dmin, mins, mins)
			VFMADD231PS(Mem{Base: s}, mins, below)
			for j := range 4 {
				low, high := YMM(), YMM()
				VMOVDQU(Mem{Base: w, Disp: 16 + 32*j}, low)
				VPSRLW(Imm(4), low, high)
				VPAND(mask, low, low)
				VPAND(mask, high, high)
				addWords(low, Mem{Base: x, Disp: 128 * j}, local.Offset(8*j), acc)
				addWords(high, Mem{Base: x, Disp: 128*j + 64}, local.Offset(8*j+4), acc)
			}
		}, func() reg.VecVirtual {
			VSUBPS(below, acc, acc)
			return acc
		}
}

// dotQ6_K: x = d·scale·(q − 32) for each 16 elements.
func dotQ6_K() (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
	acc, mask, two, base := clearYMM(), everywhere(0x0f0f0f0f), everywhere(0x30303030), everywhere(0x20202020)
	local := AllocLocal(64)
	return func(w, x, d, s reg.Register) {
		df := YMM()
		VBROADCASTSS(halfAt(Mem{Base: w, Disp: 208}), df)
		for i := range 2 {
			scales := YMM()
			VPMOVSXBD(Mem{Base: w, Disp: 192 + 8*i}, scales)
			VCVTDQ2PS(scales, scales)
			VMULPS(df, scales, scales)
			VMOVUPS(scales, local.Offset(32*i))
		}
		for h := range 2 {
			top := YMM()
			VMOVDQU(Mem{Base: w, Disp: 128 + 32*h}, top)
			for c := range 4 {
				q, t := YMM(), YMM()
				VMOVDQU(Mem{Base: w, Disp: 64*h + 32*(c%2)}, q)
				if c >= 2 {
					VPSRLW(Imm(4), q, q)
				}
				VPAND(mask, q, q)
				switch c {
				case 0:
					VPSLLW(Imm(4), top, t)
				case 1:
					VPSLLW(Imm(2), top, t)
				case 2:
					VMOVDQA(top, t)
				case 3:
					VPSRLW(Imm(2), top, t)
				}
				VPAND(two, t, t)
				VPOR(t, q, q)
				VPSUBB(base, q, q)
				at := 4*h + c
				lower, upper := narrowSums(q, Mem{Base: x, Disp: 64 * at})
				dx := YMM()
				VBROADCASTSS(Mem{Base: d, Disp: 4 * at}, dx)
				for i, v := range []reg.VecVirtual{lower, upper} {
					f := YMM()
					VBROADCASTSS(local.Offset(8*at+4*i), f)
					VMULPS(dx, f, f)
					VCVTDQ2PS(v, v)
					VFMADD231PS(f, v, acc)
				}
			}
		}
	}, func() reg.VecVirtual { return acc }
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

// floatDot256 multiplies rows of n elements, a multiple of 32, of a plain type by float32. A quarter of the rows lies behind each of four places that are
// read at once, whose lines the processor foresees: memory gives half as much again as to one place, asked for ahead or not.
func floatDot256(format string, size int) {
	kernel := "dot" + format + "AVX2"
	TEXT(kernel, NOSPLIT, "func(rows, n int, w *byte, x, out *float32)")
	Doc(kernel + " sets out to the products of rows of n elements, a multiple of 32.")
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
		for part := range 4 {
			q := YMM()
			VMOVUPS(Mem{Base: x, Disp: 32 * part}, q)
			for i := range r {
				v := YMM()
				widened(format, at.row(i).Offset(8*size*part), v)
				VFMADD231PS(v, q, acc[2*i+part%2])
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

// floatDot512 is the same, row by row, in two registers of sums, and asks for what lies ahead.
func floatDot512(format string, size int) {
	kernel := "dot" + format + "AVX512"
	TEXT(kernel, NOSPLIT, "func(rows, n int, w *byte, x, out *float32)")
	Doc(kernel + " sets out to the products of rows of n elements, a multiple of 32.")
	Pragma("noescape")
	w, out, rows := Load(Param("w"), GP64()), Load(Param("out"), GP64()), Load(Param("rows"), GP64())
	x, n := GP64(), GP64()
	acc := vectors(2, 64)
	Label("row")
	Load(Param("x"), x)
	Load(Param("n"), n)
	for _, a := range acc {
		VXORPS(a.AsY(), a.AsY(), a.AsY())
	}
	pieces(n, 32, func() {
		ahead(w, 32*size)
		for i, a := range acc {
			v := vectors(1, 64)[0]
			widened(format, Mem{Base: w, Disp: 16 * size * i}, v)
			VFMADD231PS(Mem{Base: x, Disp: 64 * i}, v, a)
		}
		ADDQ(U32(uint32(32*size)), w)
		ADDQ(U32(128), x)
	})
	VADDPS(acc[1], acc[0], acc[0])
	VMOVSS(together(acc[0]), Mem{Base: out})
	ADDQ(Imm(4), out)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

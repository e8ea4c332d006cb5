package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// stored are the types of elements that rows are read in.
var stored = []struct {
	name string
	size int
}{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// widened loads a register of elements as float32.
func widened(format string, m Mem, v reg.VecVirtual) {
	switch format {
	case "F32":
		VMOVUPS(m, v)
	case "F16":
		VCVTPH2PS(m, v)
	case "BF16":
		VPMOVZXWD(m, v)
		VPSLLD(Imm(16), v, v)
	}
}

// leveled calls f for both sizes of registers.
func leveled(f func(bytes int, suffix, with string)) {
	f(32, "AVX2", " With AVX2, FMA and F16C.")
	f(64, "AVX512", " With AVX-512 as well.")
}

// rowDots multiplies one vector by rows that lie stride bytes apart, four rows at a time and then one at a time, in the same order of sums.
func rowDots() {
	for _, t := range stored {
		leveled(func(bytes int, suffix, with string) {
			name := "rowDots" + t.name + suffix
			TEXT(name, NOSPLIT, "func(n int, out *float32, rows *byte, stride int, ahead int, k int, x *float32)")
			Doc(name + " sets out[i] = Σ x[c]·rows[stride·i, c] for i < n and c < k, a multiple of 16; stride is in bytes. What lies ahead bytes behind the rows is asked for." + with)
			Pragma("noescape")
			n, out, stride := Load(Param("n"), GP64()), Load(Param("out"), GP64()), Load(Param("stride"), GP64())
			rows, x := rowsFrom(Load(Param("rows"), GP64()), stride, 4), Load(Param("x"), GP64())
			length, four, ahead := Load(Param("k"), GP64()), GP64(), Load(Param("ahead"), GP64())
			MOVQ(stride, four)
			SHLQ(Imm(2), four)
			some := func(r int) []reg.VecVirtual { // the products of r rows, over all lanes
				acc := vectors(r, bytes)
				for _, a := range acc {
					VXORPS(a.AsX(), a.AsX(), a.AsX())
				}
				at, xs, k := rowsAt{[]reg.Register{GP64()}, rows.stride, rows.three}, GP64(), GP64()
				MOVQ(length, k)
				askAhead(rows, r, t.size, ahead, k, at.bases[0])
				MOVQ(rows.bases[0], at.bases[0])
				MOVQ(x, xs)
				MOVQ(length, k)
				label := fmt.Sprintf("product%d", r)
				Label(label)
				for part := 0; part < 64; part += bytes {
					q := vectors(1, bytes)[0]
					VMOVUPS(Mem{Base: xs, Disp: part}, q)
					for i, a := range acc {
						m := at.row(i).Offset(part / 4 * t.size)
						if t.name == "F32" {
							VFMADD231PS(m, q, a)
							continue
						}
						w := vectors(1, bytes)[0]
						widened(t.name, m, w)
						VFMADD231PS(w, q, a)
					}
				}
				at.advance(uint64(16 * t.size))
				ADDQ(Imm(64), xs)
				SUBQ(Imm(16), k)
				JNZ(LabelRef(label))
				return acc
			}
			// narrow adds the halves of a register until 16 bytes are left.
			narrow := func(v reg.VecVirtual) reg.VecVirtual {
				if bytes == 64 {
					upper := YMM()
					VEXTRACTF64X4(Imm(1), v, upper)
					VADDPS(upper, v.AsY(), v.AsY())
				}
				upper := XMM()
				VEXTRACTF128(Imm(1), v.AsY(), upper)
				VADDPS(upper, v.AsX(), v.AsX())
				return v.AsX().(reg.VecVirtual)
			}
			JMP(LabelRef("fours"))
			Label("four")
			a := some(4)
			for i := range a {
				a[i] = narrow(a[i])
			}
			VHADDPS(a[1], a[0], a[0])
			VHADDPS(a[3], a[2], a[2])
			VHADDPS(a[2], a[0], a[0])
			VMOVUPS(a[0], Mem{Base: out})
			ADDQ(Imm(16), out)
			ADDQ(four, rows.bases[0])
			SUBQ(Imm(4), n)
			Label("fours")
			CMPQ(n, Imm(4))
			JGE(LabelRef("four"))
			JMP(LabelRef("ones"))
			Label("one")
			b := narrow(some(1)[0])
			VHADDPS(b, b, b)
			VHADDPS(b, b, b)
			VMOVSS(b, Mem{Base: out})
			ADDQ(Imm(4), out)
			ADDQ(stride, rows.bases[0])
			DECQ(n)
			Label("ones")
			TESTQ(n, n)
			JNZ(LabelRef("one"))
			VZEROUPPER()
			RET()
		})
	}
}

// askAhead asks for what lies ahead bytes behind r rows of k elements, whose memory is slow to come where no row follows the last: line by line, among
// the products, since a core that asks for many at once stands still until they come. It takes the registers k and at.
func askAhead(rows rowsAt, r, size int, ahead, k, at reg.Register) {
	label := fmt.Sprintf("ask%d", r)
	from := rowsAt{[]reg.Register{at}, rows.stride, rows.three}
	MOVQ(rows.bases[0], at)
	ADDQ(ahead, at)
	Label(label)
	for i := range r {
		PREFETCHT0(from.row(i))
	}
	ADDQ(Imm(64), at)
	SUBQ(Imm(uint64(64/size)), k)
	JG(LabelRef(label))
}

// rowSums adds up multiples of rows, 64 columns at a time and then 16, whose sums stay in registers while all rows go by.
func rowSums() {
	for _, t := range stored {
		leveled(func(bytes int, suffix, with string) {
			name := "rowSums" + t.name + suffix
			TEXT(name, NOSPLIT, "func(n int, a *float32, rows *byte, stride int, ahead int, k int, sums *float32)")
			Doc(name + " adds Σ a[i]·rows[stride·i, c], i < n in this order, to sums[c] for c < k, a multiple of 16; stride is in bytes, n at least 1. What lies ahead bytes behind the rows is asked for." + with)
			Pragma("noescape")
			n, a, rows := Load(Param("n"), GP64()), Load(Param("a"), GP64()), Load(Param("rows"), GP64())
			stride, left, sums := Load(Param("stride"), GP64()), Load(Param("k"), GP64()), Load(Param("sums"), GP64())
			ahead := Load(Param("ahead"), GP64())
			columns := func(c int) {
				acc := vectors(4*c/bytes, bytes)
				for j, v := range acc {
					VMOVUPS(Mem{Base: sums, Disp: j * bytes}, v)
				}
				row, weight, i := GP64(), GP64(), GP64()
				MOVQ(rows, row)
				MOVQ(a, weight)
				MOVQ(n, i)
				label := fmt.Sprintf("row%d", c)
				Label(label)
				for line := 0; line < c*t.size; line += 64 {
					PREFETCHT0(Mem{Base: row, Index: ahead, Scale: 1, Disp: line})
				}
				f := vectors(1, bytes)[0]
				VBROADCASTSS(Mem{Base: weight}, f)
				for j, v := range acc {
					m := Mem{Base: row, Disp: j * bytes / 4 * t.size}
					if t.name == "F32" {
						VFMADD231PS(m, f, v)
						continue
					}
					w := vectors(1, bytes)[0]
					widened(t.name, m, w)
					VFMADD231PS(w, f, v)
				}
				ADDQ(stride, row)
				ADDQ(Imm(4), weight)
				DECQ(i)
				JNZ(LabelRef(label))
				for j, v := range acc {
					VMOVUPS(v, Mem{Base: sums, Disp: j * bytes})
				}
				ADDQ(U32(uint32(c*t.size)), rows)
				ADDQ(U32(uint32(4*c)), sums)
				SUBQ(Imm(uint64(c)), left)
			}
			JMP(LabelRef("wides"))
			Label("wide")
			columns(64)
			Label("wides")
			CMPQ(left, Imm(64))
			JGE(LabelRef("wide"))
			JMP(LabelRef("narrows"))
			Label("narrow")
			columns(16)
			Label("narrows")
			TESTQ(left, left)
			JNZ(LabelRef("narrow"))
			VZEROUPPER()
			RET()
		})
	}
}

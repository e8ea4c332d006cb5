package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Interleaved rows of ternary formats, a block of 256 elements with one scale, by a row of X. With it a row's block is d·Σ f·(Σ q·x − Σ x), where f is the
// factor of 32 elements of X: the sums of whole numbers are exact, and Σ f·Σ x is the same for all rows.

// ternaryDot is a product in the making, of 16 rows at a time.
type ternaryDot struct {
	layout
	w, d, s        reg.Register
	sums, inner    Mem // of 16 rows: all blocks, and one without its scale
	fetched, asked int // bytes of weights that this step has asked for, for so many words
}

// ternary generates a kernel. x are its parameters of X, with the bytes of an element; prepare gives what adds a block's products with Σ x to inner.
func (f layout) ternary(params string, x []string, bytes int, prepare func(k *ternaryDot, x []reg.Register) func()) {
	kernel := "dot" + f.name + "x16AVX2"
	TEXT(kernel, NOSPLIT, "func(groups, n int, w *byte, "+params+", d, s, out *float32)")
	Doc(kernel + " sets out to the products of groups of 16 interleaved rows of n blocks. With AVX2, FMA and F16C.")
	Pragma("noescape")
	k := &ternaryDot{layout: f, w: Load(Param("w"), GP64()), d: GP64(), s: GP64(), sums: AllocLocal(64), inner: AllocLocal(64)}
	groups, out, left := Load(Param("groups"), GP64()), Load(Param("out"), GP64()), GP64()
	var xs []reg.Register
	for range x {
		xs = append(xs, GP64())
	}
	block := prepare(k, xs)

	Label("group")
	for i, name := range x {
		Load(Param(name), xs[i])
	}
	Load(Param("d"), k.d)
	Load(Param("s"), k.s)
	Load(Param("n"), left)
	none := clearYMM()
	for half := range 2 {
		VMOVUPS(none, k.sums.Offset(32*half))
	}
	Label("block")
	k.fetched, k.asked = 0, 0
	ones := clearYMM() // −Σ f·Σ x, where all weights are one less than q
	for g := range f.length / f.shared {
		VSUBPS(inEachLane(Mem{Base: k.s, Disp: 4 * g}), ones, ones)
	}
	for half := range 2 {
		VMOVUPS(ones, k.inner.Offset(32*half))
	}
	block()
	for half := range 2 {
		v := YMM()
		VMOVUPS(k.inner.Offset(32*half), v)
		addTo(k.sums.Offset(32*half), v, eight{k.w, half}.halves(f.factor))
	}
	ADDQ(U32(uint32(16*f.size)), k.w)
	for _, r := range xs {
		ADDQ(U32(uint32(f.length*bytes)), r)
	}
	for _, r := range []reg.Register{k.d, k.s} {
		ADDQ(U32(uint32(f.length/8)), r)
	}
	DECQ(left)
	JNZ(LabelRef("block"))
	for half := range 2 {
		v := YMM()
		VMOVUPS(k.sums.Offset(32*half), v)
		VMOVUPS(v, Mem{Base: out, Disp: 32 * half})
	}
	ADDQ(Imm(64), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// ask asks for weights of a later step, so much for each of words that the last one has asked for all.
func (k *ternaryDot) ask(words int) {
	for k.asked++; k.fetched*words < 16*k.size*k.asked; k.fetched += 64 {
		PREFETCHT1(Mem{Base: k.w, Disp: distance + k.fetched})
	}
}

// factor is that of 32 elements of X.
func (k *ternaryDot) factor(g int) reg.VecVirtual { return inEachLane(Mem{Base: k.d, Disp: 4 * g}) }

// addUp is sum, and v added to it if there is one.
func addUp(add func(...Op), v reg.VecVirtual, sum *reg.VecVirtual) {
	if *sum == nil {
		*sum = v
	} else {
		add(v, *sum, *sum)
	}
}

// dotTQ2 multiplies numbers of 2 bits by bytes of X. The 32 numbers that lie 2 bits higher are left there, four times what they stand for: even so eight
// sums of two products fit a word. Two times 32 elements of 16 rows are taken together, so that X is loaded once for all of them.
func (f layout) dotTQ2() {
	f.ternary("x, y *int8", []string{"x", "y"}, 1, func(k *ternaryDot, x []reg.Register) func() {
		masks := []reg.VecVirtual{everywhere(0x03030303), everywhere(0x0c0c0c0c)}
		return func() {
			for g := 0; g < 8; g += 2 {
				var sums [2][2][2]reg.VecVirtual // of lower or higher numbers, eight rows, and bytes of X
				for m := range 8 {
					var q [2]reg.VecVirtual
					for half := range q {
						k.ask(64)
						q[half] = eight{k.w, half}.load(64 * (8*(g/4) + m))
						if g%4 == 2 {
							VPSRLW(Imm(4), q[half], q[half])
						}
					}
					for i, mask := range masks {
						var of [2]reg.VecVirtual
						for b, at := range x {
							of[b] = YMM()
							VPBROADCASTD(Mem{Base: at, Disp: 32*(g+i) + 4*m}, of[b])
						}
						for half, q := range q {
							v := YMM()
							VPAND(mask, q, v)
							for b, of := range of {
								p := YMM()
								VPMADDUBSW(of, v, p)
								addUp(VPADDW, p, &sums[i][half][b])
							}
						}
					}
				}
				for i := range sums {
					for half, s := range sums[i] {
						VPMADDWD(repeated(0x01000100>>(2*i)), s[0], s[0])
						VPMADDWD(repeated(0x00010001), s[1], s[1])
						if i == 1 {
							VPSRAD(Imm(2), s[1], s[1])
						}
						VPADDD(s[1], s[0], s[0])
						VCVTDQ2PS(s[0], s[0])
						addTo(k.inner.Offset(32*half), k.factor(g+i), s[0])
					}
				}
			}
		}
	})
}

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dot multiplies interleaved rows by a row of X in pairs of signed bytes. VPMADDUBSW multiplies the weights, unsigned, by signed bytes and sums two
// products in a word, to which as many more are added as fit; VPMADDWD sums the words, and multiplies them by the small scale.
func (f layout) dot() {
	kernel := "dot" + f.name + "x16AVX2"
	TEXT(kernel, NOSPLIT, "func(groups, n int, w *byte, x, y *int8, d, s, out *float32)")
	Doc(kernel + " sets out to the products of groups of 16 interleaved rows of n blocks. With AVX2, FMA and F16C.")
	Pragma("noescape")
	k := &dot256{layout: f, quad: f.quads(), w: Load(Param("w"), GP64()), x: GP64(), y: GP64(), d: GP64(), s: GP64(), sums: AllocLocal(128), scales: AllocLocal(localScales)}
	groups, out, left := Load(Param("groups"), GP64()), Load(Param("out"), GP64()), GP64()
	block := k.small
	if f.scales == nil {
		block = k.plain()
	}

	Label("group")
	Load(Param("x"), k.x)
	Load(Param("y"), k.y)
	Load(Param("d"), k.d)
	Load(Param("s"), k.s)
	Load(Param("n"), left)
	none := clearYMM()
	for i := range 4 {
		VMOVUPS(none, k.sums.Offset(32*i))
	}
	Label("block")
	k.fetched, k.asked = 0, 0
	for half := range 2 {
		block(eight{k.w, half})
	}
	ADDQ(U32(uint32(16*f.size)), k.w)
	ADDQ(U32(uint32(f.length)), k.x)
	ADDQ(U32(uint32(f.length)), k.y)
	ADDQ(U32(uint32(f.length/8)), k.d)
	ADDQ(U32(uint32(4*f.length/f.shared)), k.s)
	DECQ(left)
	JNZ(LabelRef("block"))
	for half := range 2 {
		sum, base := YMM(), YMM()
		VMOVUPS(repeated(math.Float32bits(float32(max(f.base, 1)))), base)
		VMOVUPS(k.sum(half), sum)
		VFNMADD231PS(k.below(half), base, sum)
		VMOVUPS(sum, Mem{Base: out, Disp: 32 * half})
	}
	ADDQ(Imm(64), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// dot256 is a product in the making.
type dot256 struct {
	layout
	quad           func(e eight, g, m int) reg.VecVirtual
	w, x, y, d, s  reg.Register // y: the lower bytes of X
	sums, scales   Mem
	fetched, asked int // bytes of weights that this step has asked for
}

// sum is where the products of eight rows are, below what is to be taken away of them, base times.
func (k *dot256) sum(half int) Mem   { return k.sums.Offset(32 * half) }
func (k *dot256) below(half int) Mem { return k.sums.Offset(64 + 32*half) }

// pieces are the products of quads [from, to) of group g, in words: with the upper bytes of X, and with the lower.
func (k *dot256) pieces(e eight, g, from, to int) (all [2]reg.VecVirtual) {
	for m := from; m < to; m++ {
		k.ask()
		q := k.quad(e, g, m)
		for i, x := range []reg.Register{k.x, k.y} {
			v := YMM()
			VPBROADCASTD(Mem{Base: x, Disp: k.shared*g + 4*m}, v)
			VPMADDUBSW(v, q, v)
			if m == from {
				all[i] = v
			} else {
				VPADDW(v, all[i], all[i])
			}
		}
	}
	return all
}

// ask asks for weights of a later step, so much for each quad that the last one has asked for all.
func (k *dot256) ask() {
	quads := k.length / 4
	if k.asked++; k.asked*16*k.size/(2*quads) > k.fetched {
		PREFETCHT1(Mem{Base: k.w, Disp: distance + k.fetched})
		k.fetched += 64
	}
}

// addTo adds a·b to the float32 at m.
func addTo(m Mem, a Op, b reg.VecVirtual) {
	v := YMM()
	VMOVUPS(m, v)
	VFMADD231PS(a, b, v)
	VMOVUPS(v, m)
}

// plain gives the block of a format without small scales.
func (k *dot256) plain() func(e eight) {
	ones := everywhere(0x00010001)
	return func(e eight) {
		p := k.pieces(e, 0, 0, k.shared/4)
		upper, lower, scale := p[0], p[1], e.halves(k.factor)
		VPMADDWD(ones, upper, upper)
		VPMADDWD(ones, lower, lower)
		VPSLLD(Imm(8), upper, upper)
		VPADDD(lower, upper, upper)
		VCVTDQ2PS(upper, upper)
		addTo(k.below(e.half), inEachLane(Mem{Base: k.s}), scale)
		VMULPS(inEachLane(Mem{Base: k.d}), scale, scale)
		addTo(k.sum(e.half), scale, upper)
	}
}

// small is the block of a format with small scales.
func (k *dot256) small(e eight) {
	scales := k.layout.scales(e, k.scales)
	most := 1 << (15 - 8) / (k.most + 1) // of pieces of two products each by −128, what fits a word
	least, inner := clearYMM(), [2]reg.VecVirtual{clearYMM(), clearYMM()}
	for b := range k.length / 32 {
		var whole [2]reg.VecVirtual
		for g := 32 / k.shared * b; g < 32/k.shared*(b+1); g++ {
			pair := scales.pair(scales.scale(g), scales.which(g))
			for m := 0; m < k.shared/4; m += most {
				for i, v := range k.pieces(e, g, m, min(m+most, k.shared/4)) {
					VPMADDWD(pair, v, v)
					if whole[i] == nil {
						whole[i] = v
					} else {
						VPADDD(v, whole[i], whole[i])
					}
				}
			}
			of := pair
			if k.layout.below > 0 {
				of = scales.float(scales.least(g), scales.which(g))
			} else {
				VPSRAD(Imm(16), of, of)
				VCVTDQ2PS(of, of)
			}
			VFMADD231PS(inEachLane(Mem{Base: k.s, Disp: 4 * g}), of, least)
		}
		factor := inEachLane(Mem{Base: k.d, Disp: 4 * b})
		for i, v := range whole {
			VCVTDQ2PS(v, v)
			VFMADD231PS(factor, v, inner[i])
		}
	}
	VFMADD231PS(repeated(math.Float32bits(256)), inner[0], inner[1])
	d, below := e.halves(k.factor), reg.VecVirtual(nil)
	if k.layout.below > 0 {
		below = e.halves(k.layout.below)
	} else {
		below = d
	}
	addTo(k.sum(e.half), d, inner[1])
	addTo(k.below(e.half), below, least)
}

// places are read at once by wideDot: memory gives a core more there than in one (floatDot).
const places = 4

// wideDot multiplies interleaved rows of signed bytes, as words, by a row of X in words: VPMADDWD sums two products in a lane. The groups of up to
// four places are multiplied together, a block of each at a time; their lines are foreseen. Formats that take more instructions a byte gain nothing of it.
func (f layout) wideDot() {
	kernel := "dot" + f.name + "x16AVX2"
	TEXT(kernel, NOSPLIT, "func(places, groups, n int, w *byte, x *int16, d, out *float32)")
	Doc(kernel + " sets out to the products of rows of n blocks, groups of 16 interleaved rows in each of up to four places. With AVX2, FMA and F16C.")
	Pragma("noescape")
	local, scales := AllocLocal(64*places), Mem{}
	if f.scales != nil {
		scales = AllocLocal(2 * 32 * f.length / f.shared)
	}
	first, x, d, out := Load(Param("w"), GP64()), GP64(), GP64(), Load(Param("out"), GP64())
	groups, stride, behind, left := Load(Param("groups"), GP64()), Load(Param("n"), GP64()), GP64(), GP64()
	IMUL3Q(U32(uint32(16*f.size)), stride, stride)
	IMULQ(groups, stride) // from place to place
	MOVQ(groups, behind)
	SHLQ(Imm(6), behind) // of results
	w, sums, place := GP64(), GP64(), GP64()
	each := func(label string, body func()) {
		LEAQ(local, sums)
		Load(Param("places"), place)
		Label(label)
		body()
		ADDQ(Imm(64), sums)
		DECQ(place)
		JNZ(LabelRef(label))
	}

	quad := f.signed()

	Label("group")
	Load(Param("x"), x)
	Load(Param("d"), d)
	Load(Param("n"), left)
	none := clearYMM()
	for i := range 2 * places {
		VMOVUPS(none, local.Offset(32*i))
	}
	Label("block")
	MOVQ(first, w)
	each("place", func() {
		f.wideBlock(quad, w, x, d, sums, scales)
		ADDQ(stride, w)
	})
	ADDQ(U32(uint32(16*f.size)), first)
	ADDQ(U32(uint32(2*f.length)), x)
	ADDQ(U32(uint32(f.length/8)), d)
	DECQ(left)
	JNZ(LabelRef("block"))
	to := GP64()
	MOVQ(out, to)
	each("result", func() {
		for half := range 2 {
			v := YMM()
			VMOVUPS(Mem{Base: sums, Disp: 32 * half}, v)
			VMOVUPS(v, Mem{Base: to, Disp: 32 * half})
		}
		ADDQ(behind, to)
	})
	ADDQ(Imm(64), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// wideBlock adds the products of a block to 16 sums.
func (f layout) wideBlock(quad func(e eight, g, m int) reg.VecVirtual, w, x, d, sums reg.Register, local Mem) {
	k := &dot256{layout: f, w: w}
	var scale [2]func(g int) reg.VecVirtual
	for half := range scale {
		e := eight{w, half}
		if f.scales == nil {
			scale[half] = func(int) reg.VecVirtual { return f.whole(e) }
			continue
		}
		small := f.scales(e, local.Offset(32*f.length/f.shared*half))
		scale[half] = func(g int) reg.VecVirtual {
			v := small.float(small.scale(g), small.which(g))
			VMULPS(f.whole(e), v, v)
			return v
		}
	}
	for g := range f.length / 32 {
		var whole [2]reg.VecVirtual
		for m := range 8 {
			var xs [2]reg.VecVirtual // the first and the third of four elements, the second and the fourth
			for i := range xs {
				xs[i] = YMM()
				VPBROADCASTD(Mem{Base: x, Disp: 64*g + 8*m + 4*i}, xs[i])
			}
			for half := range 2 {
				if f.busy {
					k.ask()
				}
				odd, even := quad(eight{w, half}, g, m), YMM()
				VPSLLW(Imm(8), odd, even)
				VPSRAW(Imm(8), even, even)
				VPSRAW(Imm(8), odd, odd)
				VPMADDWD(xs[0], even, even)
				VPMADDWD(xs[1], odd, odd)
				VPADDD(odd, even, even)
				if m == 0 {
					whole[half] = even
				} else {
					VPADDD(even, whole[half], whole[half])
				}
			}
		}
		factor := inEachLane(Mem{Base: d, Disp: 4 * g})
		for half, v := range whole {
			of := scale[half](g)
			VCVTDQ2PS(v, v)
			VMULPS(factor, of, of)
			addTo(Mem{Base: sums, Disp: 32 * half}, of, v)
		}
	}
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Dot products of a row of weights with one of X. Weights stay as they are stored; X is float32, or whole numbers of 16 bits with a
// factor d for each 32 of them. Weights are brought to 16 bits, VPMADDWD adds up pairs of products exactly, and each block's sums are
// scaled in float32.

// words is what the kernels differ in between AVX2 and AVX-512.
type words struct {
	wide bool // registers of 64 bytes
}

func (k words) register() reg.VecVirtual {
	if k.wide {
		return ZMM()
	}
	return YMM()
}

func (k words) zero() reg.VecVirtual {
	v := k.register()
	if k.wide {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
	return v
}

// sums are the products of 32 signed bytes, two registers or places in memory of 16, and of 32 words at x, in whole or (AVX2) in two
// registers of 8 sums, those of the lower and those of the upper 16.
func (k words) sums(bytes reg.VecVirtual, x Mem) []reg.VecVirtual {
	if k.wide {
		v := ZMM()
		VPMOVSXBW(bytes, v)
		VPMADDWD(x, v, v)
		return []reg.VecVirtual{v}
	}
	high, a, b := XMM(), YMM(), YMM()
	VEXTRACTI128(Imm(1), bytes, high)
	VPMOVSXBW(bytes.AsX(), a)
	VPMOVSXBW(high, b)
	VPMADDWD(x, a, a)
	VPMADDWD(x.Offset(32), b, b)
	return []reg.VecVirtual{a, b}
}

// add adds sums times one factor, the float32 at m or in the lowest lane of a register, to acc.
func (k words) add(sums []reg.VecVirtual, factor Op, acc reg.VecVirtual) {
	v := sums[0]
	if len(sums) > 1 {
		VPADDD(sums[1], v, v)
	}
	f := k.register()
	VBROADCASTSS(factor, f)
	VCVTDQ2PS(v, v)
	VFMADD231PS(f, v, acc)
}

// dotting begins a kernel, for both sizes of registers, over n pieces of size bytes and length elements.
func dotting(name, doc, params string, size, length int, prepare func(k words) (step func(w, x, d, s reg.Register), finish func() reg.VecVirtual)) {
	for _, k := range []words{{false}, {true}} {
		kernel, with := name+"AVX2", " With AVX2, FMA and F16C."
		if k.wide {
			kernel, with = name+"AVX512", " With AVX-512 as well."
		}
		TEXT(kernel, NOSPLIT, "func(n int, w *byte, x *int16, d, s *float32"+params+") float32")
		Doc(kernel + " " + doc + with)
		Pragma("noescape")
		w, x, d, s, n := Load(Param("w"), GP64()), Load(Param("x"), GP64()), Load(Param("d"), GP64()), Load(Param("s"), GP64()), Load(Param("n"), GP64())
		step, finish := prepare(k)
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
}

// total returns the sum of all lanes of a register of 32 or 64 bytes.
func total(v reg.VecVirtual) {
	if v.Size() == 64 {
		upper, lower := YMM(), v.AsY()
		VEXTRACTF64X4(Imm(1), v, upper)
		VADDPS(upper, lower, lower)
		v = lower.(reg.VecVirtual)
	}
	high, low := XMM(), v.AsX()
	VEXTRACTF128(Imm(1), v, high)
	VADDPS(high, low, low)
	VHADDPS(low, low, low)
	VHADDPS(low, low, low)
	Store(low, ReturnIndex(0))
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
	dotting("dotQ8_0", "is the product of n blocks.", "", 34, 32, func(k words) (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
		acc := k.zero()
		return func(w, x, d, s reg.Register) {
			v, f := YMM(), halfAt(Mem{Base: w})
			VMOVDQU(Mem{Base: w, Disp: 2}, v)
			VMULSS(Mem{Base: d}, f, f)
			k.add(k.sums(v, Mem{Base: x}), f, acc)
		}, func() reg.VecVirtual { return acc }
	})
	dotting("dotQ4_0", "is the product of n blocks.", "", 18, 32, func(k words) (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
		acc, mask, eight := k.zero(), everywhere(0x0f0f0f0f), everywhere(0x08080808)
		return func(w, x, d, s reg.Register) {
			q, f := nibbles(Mem{Base: w, Disp: 2}, mask), halfAt(Mem{Base: w})
			VPSUBB(eight, q, q)
			VMULSS(Mem{Base: d}, f, f)
			k.add(k.sums(q, Mem{Base: x}), f, acc)
		}, func() reg.VecVirtual { return acc }
	})
	table := func(name string, size, offset int, params string, scale func(w reg.Register) reg.VecVirtual) {
		dotting(name, "is the product of n blocks; levels are what nibbles stand for.", ", levels *int8"+params, size, 32, func(k words) (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
			acc, mask, levels := k.zero(), everywhere(0x0f0f0f0f), YMM()
			VBROADCASTI128(Mem{Base: Load(Param("levels"), GP64())}, levels)
			return func(w, x, d, s reg.Register) {
				q := nibbles(Mem{Base: w, Disp: offset}, mask)
				VPSHUFB(q, levels, q)
				f := scale(w)
				VMULSS(Mem{Base: d}, f, f)
				k.add(k.sums(q, Mem{Base: x}), f, acc)
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
	floatDot("dotF32", 4, func(m Mem) reg.VecVirtual {
		v := YMM()
		VMOVUPS(m, v)
		return v
	})
	floatDot("dotF16", 2, func(m Mem) reg.VecVirtual {
		v := YMM()
		VCVTPH2PS(m, v)
		return v
	})
	floatDot("dotBF16", 2, func(m Mem) reg.VecVirtual {
		v := YMM()
		VPMOVZXWD(m, v)
		VPSLLD(Imm(16), v, v)
		return v
	})
}

// dotQ4_K: x = d·scale·q − dmin·min for each 32 elements.
func dotQ4_K(k words) (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
	acc, below, mask := k.zero(), k.zero(), everywhere(0x0f0f0f0f)
	local := AllocLocal(32)
	return func(w, x, d, s reg.Register) {
			// Scales and minima of 6 bits: eight each of 12 bytes.
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
			pair, df, dmin := XMM(), YMM(), YMM()
			VMOVD(Mem{Base: w}, pair)
			VCVTPH2PS(pair, pair)
			VBROADCASTSS(pair, df)
			VMOVSHDUP(pair, pair)
			VBROADCASTSS(pair, dmin)
			scales, mins := unpack(a, 0), unpack(b, 4)
			VMULPS(df, scales, scales)
			VMULPS(Mem{Base: d}, scales, scales)
			VMOVUPS(scales, local)
			VMULPS(dmin, mins, mins)
			VFMADD231PS(Mem{Base: s}, mins, below.AsY())
			for j := range 4 {
				low, high := YMM(), YMM()
				VMOVDQU(Mem{Base: w, Disp: 16 + 32*j}, low)
				VPSRLW(Imm(4), low, high)
				VPAND(mask, low, low)
				VPAND(mask, high, high)
				k.add(k.sums(low, Mem{Base: x, Disp: 128 * j}), local.Offset(8*j), acc)
				k.add(k.sums(high, Mem{Base: x, Disp: 128*j + 64}), local.Offset(8*j+4), acc)
			}
		}, func() reg.VecVirtual { // the upper half of below is zero: instructions on its lower half make it so
			VSUBPS(below, acc, acc)
			return acc
		}
}

// dotQ6_K: x = d·scale·(q − 32) for each 16 elements.
func dotQ6_K(k words) (func(w, x, d, s reg.Register), func() reg.VecVirtual) {
	acc, mask, two, base := k.zero(), everywhere(0x0f0f0f0f), everywhere(0x30303030), everywhere(0x20202020)
	local := AllocLocal(64)
	var upper reg.Register // lanes of the upper 16 elements
	if k.wide {
		g := GP32()
		upper = K()
		MOVL(U32(0xff00), g)
		KMOVW(g, upper)
	}
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
				sums := k.sums(q, Mem{Base: x, Disp: 64 * at})
				dx := k.register()
				VBROADCASTSS(Mem{Base: d, Disp: 4 * at}, dx)
				for i, v := range sums {
					f := k.register()
					VBROADCASTSS(local.Offset(8*at+4*i), f)
					if k.wide {
						VBROADCASTSS(local.Offset(8*at+4), upper, f)
					}
					VMULPS(dx, f, f)
					VCVTDQ2PS(v, v)
					VFMADD231PS(f, v, acc)
				}
			}
		}
	}, func() reg.VecVirtual { return acc }
}

// floatDot multiplies n elements, a multiple of 32, of a plain type by float32, in 4 registers of sums.
func floatDot(name string, size int, load func(Mem) reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(n int, w *byte, x *float32) float32")
	Doc(name + " is the product of n elements, a multiple of 32. With AVX2, FMA and F16C.")
	Pragma("noescape")
	w, x, n := Load(Param("w"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	narrow := words{}
	acc := []reg.VecVirtual{narrow.zero(), narrow.zero(), narrow.zero(), narrow.zero()}
	pieces(n, 32, func() {
		for i, a := range acc {
			v := load(Mem{Base: w, Disp: 8 * size * i})
			VFMADD231PS(Mem{Base: x, Disp: 32 * i}, v, a)
		}
		ADDQ(U32(uint32(32*size)), w)
		ADDQ(U32(128), x)
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	total(acc[0])
	VZEROUPPER()
	RET()
}

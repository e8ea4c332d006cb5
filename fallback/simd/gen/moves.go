package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pieces runs body for as long as n, which it counts down, is at least size.
func pieces(n reg.Register, size uint64, body func()) {
	JMP(LabelRef("check"))
	Label("step")
	body()
	SUBQ(Imm(size), n)
	Label("check")
	CMPQ(n, Imm(size))
	JGE(LabelRef("step"))
}

// transpose turns 8 rows into 8 columns, 8 by 8 elements at a time.
func transpose() {
	TEXT("transpose256", NOSPLIT, "func(n int, dst *float32, ldd int, src *float32, lds int)")
	Doc("transpose256 sets dst[ldd·k+i] = src[lds·i+k] for i < 8 and k < n, a multiple of 8. With AVX2.")
	Pragma("noescape")
	ldd := inBytes("ldd")
	dst, src := rowsFrom(Load(Param("dst"), GP64()), ldd, 8), rowsFrom(Load(Param("src"), GP64()), inBytes("lds"), 8)
	eight := GP64()
	MOVQ(ldd, eight)
	SHLQ(Imm(3), eight)
	n := Load(Param("n"), GP64())
	pieces(n, 8, func() {
		r := vectors(8, 32)
		for i, v := range r {
			VMOVUPS(src.row(i), v)
		}
		// Pairs of rows, then quads of rows, then both halves.
		t := vectors(8, 32)
		for i := 0; i < 8; i += 2 {
			VUNPCKLPS(r[i+1], r[i], t[i])
			VUNPCKHPS(r[i+1], r[i], t[i+1])
		}
		q := vectors(8, 32)
		for h := 0; h < 8; h += 4 {
			for j := range 2 {
				VSHUFPS(Imm(0x44), t[h+2+j], t[h+j], q[h+2*j])
				VSHUFPS(Imm(0xee), t[h+2+j], t[h+j], q[h+2*j+1])
			}
		}
		for k := range 4 {
			lo, hi := YMM(), YMM()
			VPERM2F128(Imm(0x20), q[4+k], q[k], lo)
			VPERM2F128(Imm(0x31), q[4+k], q[k], hi)
			VMOVUPS(lo, dst.row(k))
			VMOVUPS(hi, dst.row(k+4))
		}
		src.advance(32)
		for _, b := range dst.bases {
			ADDQ(eight, b)
		}
	})
	VZEROUPPER()
	RET()
}

// widen converts float32 to float64, 8 at a time.
func widen() {
	TEXT("widen256", NOSPLIT, "func(n int, dst *float64, src *float32)")
	Doc("widen256 sets dst[k] = src[k] for k < n, a multiple of 8. With AVX2.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	pieces(n, 8, func() {
		a, b := YMM(), YMM()
		VCVTPS2PD(Mem{Base: src}, a)
		VCVTPS2PD(Mem{Base: src, Disp: 16}, b)
		VMOVUPD(a, Mem{Base: dst})
		VMOVUPD(b, Mem{Base: dst, Disp: 32})
		ADDQ(Imm(32), src)
		ADDQ(Imm(64), dst)
	})
	VZEROUPPER()
	RET()
}

// sum adds all elements in 4 registers of sums, each of a quarter of them: memory gives more to who reads in four places.
func sum() {
	TEXT("sum256", NOSPLIT, "func(n int, x *float32) float32")
	Doc("sum256 is the sum of n elements, a multiple of 32, in no order that anybody may rely on. With AVX2.")
	Pragma("noescape")
	n, quarter := Load(Param("n"), GP64()), GP64()
	MOVQ(n, quarter) // elements of 4 bytes
	at := rowsFrom(Load(Param("x"), GP64()), quarter, 4)
	acc := vectors(4, 32)
	for _, a := range acc {
		VXORPS(a, a, a)
	}
	pieces(n, 32, func() {
		for i, a := range acc {
			VADDPS(at.row(i), a, a)
		}
		at.advance(32)
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	high := XMM()
	VEXTRACTF128(Imm(1), acc[0], high)
	low := acc[0].AsX()
	VADDPS(high, low, low)
	VHADDPS(low, low, low)
	VHADDPS(low, low, low)
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// squares adds up squares in float64, in which they are exact, in 4 registers of sums.
func squares() {
	TEXT("squares256", NOSPLIT, "func(n int, x *float32) float64")
	Doc("squares256 is Σ x[k]² for k < n, a multiple of 16, with float64 sums of every sixteenth. With AVX2 and FMA.")
	Pragma("noescape")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	acc := vectors(4, 32)
	for _, a := range acc {
		VXORPD(a, a, a)
	}
	pieces(n, 16, func() {
		for i, a := range acc {
			v := YMM()
			VCVTPS2PD(Mem{Base: x, Disp: 16 * i}, v)
			VFMADD231PD(v, v, a)
		}
		ADDQ(Imm(64), x)
	})
	VADDPD(acc[1], acc[0], acc[0])
	VADDPD(acc[3], acc[2], acc[2])
	VADDPD(acc[2], acc[0], acc[0])
	high, low := XMM(), acc[0].AsX()
	VEXTRACTF128(Imm(1), acc[0], high)
	VADDPD(high, low, low)
	VHADDPD(low, low, low)
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// moments adds up distances from a number and their squares in float64.
func moments() {
	TEXT("moments256", NOSPLIT, "func(n int, x *float32, from float64) (sum, squares float64)")
	Doc("moments256 is Σ x[k]−from and Σ (x[k]−from)² for k < n, a multiple of 8, with float64 sums of every eighth. With AVX2 and FMA.")
	Pragma("noescape")
	x, n, from := Load(Param("x"), GP64()), Load(Param("n"), GP64()), YMM()
	addr, err := Param("from").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(addr.Addr, from)
	acc := vectors(4, 32)
	for _, a := range acc {
		VXORPD(a, a, a)
	}
	pieces(n, 8, func() {
		for i := range 2 {
			v := YMM()
			VCVTPS2PD(Mem{Base: x, Disp: 16 * i}, v)
			VSUBPD(from, v, v)
			VADDPD(v, acc[i], acc[i])
			VFMADD231PD(v, v, acc[2+i])
		}
		ADDQ(Imm(32), x)
	})
	for i := range 2 {
		a := acc[2*i]
		VADDPD(acc[2*i+1], a, a)
		high, low := XMM(), a.AsX()
		VEXTRACTF128(Imm(1), a, high)
		VADDPD(high, low, low)
		VHADDPD(low, low, low)
		Store(low, ReturnIndex(i))
	}
	VZEROUPPER()
	RET()
}

// normalized is what LayerNorm makes of moments.
func normalized() {
	TEXT("normalized256", NOSPLIT, "func(n int, dst, x, y, z *float32, from, a float32)")
	Doc("normalized256 sets dst[k] = ((x[k]−from)·a)·y[k] + z[k] for k < n, a multiple of 8, the last two in one rounding. With AVX2 and FMA.")
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	var p []reg.Register
	for _, name := range []string{"dst", "x", "y", "z"} {
		p = append(p, Load(Param(name), GP64()))
	}
	from, a := broadcast("from", 32), broadcast("a", 32)
	pieces(n, 8, func() {
		v, z := YMM(), YMM()
		VMOVUPS(Mem{Base: p[1]}, v)
		VSUBPS(from, v, v)
		VMULPS(a, v, v)
		VMOVUPS(Mem{Base: p[3]}, z)
		VFMADD132PS(Mem{Base: p[2]}, z, v)
		VMOVUPS(v, Mem{Base: p[0]})
		for _, r := range p {
			ADDQ(Imm(32), r)
		}
	})
	VZEROUPPER()
	RET()
}

// scaledProduct multiplies by a number and a vector.
func scaledProduct() {
	TEXT("scaledProduct256", NOSPLIT, "func(n int, dst, x, y *float32, a float32)")
	Doc("scaledProduct256 sets dst[k] = (x[k]·a)·y[k] for k < n, a multiple of 8. With AVX2.")
	Pragma("noescape")
	dst, x, y, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())
	a := broadcast("a", 32)
	pieces(n, 8, func() {
		v := YMM()
		VMULPS(Mem{Base: x}, a, v)
		VMULPS(Mem{Base: y}, v, v)
		VMOVUPS(v, Mem{Base: dst})
		for _, p := range []reg.Register{dst, x, y} {
			ADDQ(Imm(32), p)
		}
	})
	VZEROUPPER()
	RET()
}

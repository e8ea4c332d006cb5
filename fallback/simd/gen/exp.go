package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exponential is exp(x) of a register, in the same operations in AVX2 and in AVX-512: x = n·ln 2 + r with |r| ≤ ln 2/2, the first eight
// terms of the series for exp(r), and a multiplication by 2ⁿ that rounds once, also among denormals.
type exponential struct{ bytes int }

// table declares constants that fill a register of 64 bytes each.
var table = func() func(name string, v uint32) Mem {
	made := map[string]Mem{}
	return func(name string, v uint32) Mem {
		if m, ok := made[name]; ok {
			return m
		}
		m := GLOBL("exp"+name, RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(v))
		}
		made[name] = m
		return m
	}
}()

func float(name string, v float32) Mem { return table(name, math.Float32bits(v)) }

// of replaces x, a register, by its exponential. What is not a number stays so.
func (e exponential) of(x reg.VecVirtual) {
	v := func() reg.VecVirtual { return vectors(1, e.bytes)[0] }
	n, r, p := v(), v(), v()
	// The second operand (the first here) is the result where either is not a number. Beyond the limits the result is 0 or ∞ anyway.
	lo, hi := v(), v()
	VMOVUPS(float("Least", -104), lo)
	VMOVUPS(float("Most", 89), hi)
	VMAXPS(x, lo, x)
	VMINPS(x, hi, x)
	VMULPS(float("Log2E", math.Log2E), x, n)
	if e.bytes == 64 {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	// ln 2 in two parts, of which the first has so few digits that n times it is exact.
	const ln2 = 0.693359375
	VMOVUPS(x, r)
	VFNMADD231PS(float("Ln2", ln2), n, r)
	VFNMADD231PS(float("Ln2Rest", float32(math.Ln2-ln2)), n, r)
	VMOVUPS(float("C7", 1./5040), p)
	for _, c := range []struct {
		name string
		v    float32
	}{{"C6", 1. / 720}, {"C5", 1. / 120}, {"C4", 1. / 24}, {"C3", 1. / 6}, {"C2", 1. / 2}, {"One", 1}} {
		VFMADD213PS(float(c.name, c.v), r, p)
	}
	VFMADD213PS(float("One", 1), r, p)
	if e.bytes == 64 {
		VSCALEFPS(n, p, x)
		return
	}
	// 2ⁿ in two factors, for n may be beyond what one can hold.
	a, b := v(), v()
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, a)
	VPSUBD(a, n, b)
	for _, f := range []reg.VecVirtual{a, b} {
		VPADDD(table("Bias", 127), f, f)
		VPSLLD(Imm(23), f, f)
	}
	VMULPS(a, p, p)
	VMULPS(b, p, x)
}

// elementwise begins a kernel over n elements, a multiple of 16; body does those of one register.
func elementwise(name, doc, params string, body func(bytes int, at func(param string) Mem)) {
	leveled(func(bytes int, suffix, with string) {
		TEXT(name+suffix, NOSPLIT, "func(n int, "+params+")")
		Doc(name + suffix + " " + doc + " for k < n, a multiple of 16." + with)
		Pragma("noescape")
		n, k, bases := Load(Param("n"), GP64()), GP64(), map[string]reg.Register{}
		XORQ(k, k)
		at := func(param string) Mem { return Mem{Base: bases[param], Index: k, Scale: 4} }
		for _, p := range []string{"dst", "x", "y"} {
			if _, err := Param(p).Resolve(); err == nil {
				bases[p] = Load(Param(p), GP64())
			}
		}
		JMP(LabelRef("check"))
		Label("step")
		body(bytes, at)
		ADDQ(Imm(uint64(bytes/4)), k)
		Label("check")
		CMPQ(k, n)
		JL(LabelRef("step"))
		VZEROUPPER()
		RET()
	})
}

func exponentials() {
	elementwise("exp", "sets dst[k] = exp(x[k])", "dst, x *float32", func(bytes int, at func(string) Mem) {
		x := vectors(1, bytes)[0]
		VMOVUPS(at("x"), x)
		exponential{bytes: bytes}.of(x)
		VMOVUPS(x, at("dst"))
	})
	weights()
}

// weights makes of scores what values are weighted by.
func weights() {
	leveled(func(bytes int, suffix, with string) {
		name := "expSum" + suffix
		TEXT(name, NOSPLIT, "func(n int, x *float32, top float32) float32")
		Doc(name + " sets x[k] = exp(x[k]−top) for k < n, a multiple of 16, and returns their sum." + with)
		Pragma("noescape")
		n, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
		v := vectors(3, bytes)
		top, sum := broadcast("top", bytes), v[1]
		VXORPS(sum.AsX(), sum.AsX(), sum.AsX())
		pieces(n, uint64(bytes/4), func() {
			VMOVUPS(Mem{Base: x}, v[2])
			VSUBPS(top, v[2], v[2])
			exponential{bytes: bytes}.of(v[2])
			VMOVUPS(v[2], Mem{Base: x})
			VADDPS(v[2], sum, sum)
			ADDQ(Imm(uint64(bytes)), x)
		})
		total(sum)
		VZEROUPPER()
		RET()
	})
	leveled(func(bytes int, suffix, with string) {
		name := "max" + suffix
		TEXT(name, NOSPLIT, "func(n int, x *float32) float32")
		Doc(name + " is the largest of n elements, a multiple of 16 and at least that; of what is not a number it takes no notice." + with)
		Pragma("noescape")
		n, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
		top := vectors(1, bytes)[0]
		VBROADCASTSS(float("MinusInf", float32(math.Inf(-1))), top)
		pieces(n, uint64(bytes/4), func() {
			v := vectors(1, bytes)[0]
			VMOVUPS(Mem{Base: x}, v)
			VMAXPS(top, v, top) // top where v is not a number
			ADDQ(Imm(uint64(bytes)), x)
		})
		if bytes == 64 {
			upper := YMM()
			VEXTRACTF64X4(Imm(1), top, upper)
			VMAXPS(upper, top.AsY(), top.AsY())
		}
		upper, low := XMM(), top.AsX()
		VEXTRACTF128(Imm(1), top.AsY(), upper)
		VMAXPS(upper, low, low)
		VMOVHLPS(low, low, upper)
		VMAXPS(upper, low, low)
		VMOVSHDUP(low, upper)
		VMAXPS(upper, low, low)
		Store(low, ReturnIndex(0))
		VZEROUPPER()
		RET()
	})
}

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exactExp replaces the 8 float64 of x by what math.Exp gives on a processor with FMA, bit for bit, as TestExactExp holds: the same
// constants and operations in the same order. x = n·ln 2 + r, exp(r/16) by a series, less 1, squared four times with 1 added
// ((1+e)² − 1 = e·(e+2)), and 2ⁿ. What is not a number stays so; as in math.Exp, n = 1024 is infinite.
func exactExp(x reg.VecVirtual) {
	each := func(name string, v float64) reg.VecVirtual {
		r := ZMM()
		VBROADCASTSD(number(name, v), r)
		return r
	}
	n, p := ZMM(), ZMM()
	// The second operand (the first here) is the result where either is not a number. Beyond the limits the result is 0 or ∞ anyway.
	VMAXPD(x, each("Least", -800), x)
	VMINPD(x, each("Most", 1000), x)
	VMULPD_BCST(number("Log2E", 1.4426950408889634073599246810018920), x, n)
	VRNDSCALEPD(Imm(8), n, n)
	VFNMADD231PD_BCST(number("Ln2", 0.69314718055966295651160180568695068359375), n, x)
	VFNMADD231PD_BCST(number("Ln2Rest", 0.28235290563031577122588448175013436025525412068e-12), n, x)
	VMULPD_BCST(number("Sixteenth", 0.0625), x, x)
	VBROADCASTSD(number("C8", 2.4801587301587301587e-5), p)
	for _, c := range []struct {
		name string
		v    float64
	}{{"C7", 1.9841269841269841270e-4}, {"C6", 1.3888888888888888889e-3}, {"C5", 8.3333333333333333333e-3}, {"C4", 4.1666666666666666667e-2},
		{"C3", 1.6666666666666666667e-1}, {"C2", 0.5}, {"One", 1}} {
		VFMADD213PD_BCST(number(c.name, c.v), x, p)
	}
	VMULPD(p, x, x)
	for range 3 {
		VADDPD_BCST(number("Two", 2), x, p)
		VMULPD(p, x, x)
	}
	VADDPD_BCST(number("Two", 2), x, p)
	VFMADD213PD_BCST(number("One", 1), p, x)
	beyond := K()
	VCMPPD(Imm(13), each("Over", 1024), n, beyond) // at least
	VSCALEFPD(n, x, x)
	VBROADCASTSD(number("Infinity", math.Inf(1)), beyond, x)
}

// number is a float64 of exactExp.
var number = func() func(name string, v float64) Mem {
	made := map[string]Mem{}
	return func(name string, v float64) Mem {
		if _, ok := made[name]; !ok {
			made[name] = double("exactExp"+name, v)
		}
		return made[name]
	}
}()

// exactExponentials make the kernels of exact arithmetic that have an exponential.
func exactExponentials() {
	TEXT("exactExpMinus512", NOSPLIT, "func(n int, x *float64, top float64)")
	Doc("exactExpMinus512 sets x[k] = exp(x[k]−top), both rounded as Go does, for k < n, a multiple of 8. With AVX-512.")
	Pragma("noescape")
	x, n, top := Load(Param("x"), GP64()), Load(Param("n"), GP64()), broadcast64("top")
	pieces(n, 8, func() {
		v := ZMM()
		VMOVUPD(Mem{Base: x}, v)
		VSUBPD(top, v, v)
		exactExp(v)
		VMOVUPD(v, Mem{Base: x})
		ADDQ(Imm(64), x)
	})
	VZEROUPPER()
	RET()

	TEXT("exactDivide512", NOSPLIT, "func(n int, x *float64, by float64)")
	Doc("exactDivide512 sets x[k] = x[k]/by for k < n, a multiple of 8. With AVX-512.")
	Pragma("noescape")
	x, n, top = Load(Param("x"), GP64()), Load(Param("n"), GP64()), broadcast64("by")
	pieces(n, 8, func() {
		v := ZMM()
		VMOVUPD(Mem{Base: x}, v)
		VDIVPD(top, v, v)
		VMOVUPD(v, Mem{Base: x})
		ADDQ(Imm(64), x)
	})
	VZEROUPPER()
	RET()

	TEXT("exactSwiGLU512", NOSPLIT, "func(n int, dst, x, y *float32)")
	Doc("exactSwiGLU512 sets dst[k] = x[k]/(1+exp(−x[k]))·y[k] in float64, rounded as Go does, for k < n, a multiple of 8. With AVX-512.")
	Pragma("noescape")
	n = Load(Param("n"), GP64())
	at := []reg.Register{Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64())}
	sign := ZMM()
	VBROADCASTSD(number("Sign", math.Copysign(0, -1)), sign)
	pieces(n, 8, func() {
		v, e, y, out := ZMM(), ZMM(), ZMM(), YMM()
		VCVTPS2PD(Mem{Base: at[1]}, v)
		VXORPD(sign, v, e)
		exactExp(e)
		VADDPD_BCST(number("One", 1), e, e)
		VDIVPD(e, v, v)
		VCVTPS2PD(Mem{Base: at[2]}, y)
		VMULPD(y, v, v)
		VCVTPD2PS(v, out)
		VMOVUPS(out, Mem{Base: at[0]})
		for _, p := range at {
			ADDQ(Imm(32), p)
		}
	})
	VZEROUPPER()
	RET()
}

// broadcast64 is a float64 parameter in all lanes.
func broadcast64(name string) reg.VecVirtual {
	addr, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := ZMM()
	VBROADCASTSD(addr.Addr, v)
	return v
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tanh(u) = u·P(u²)/Q(u²) for |u| up to 9, beyond which float32 has 1: fitted for the least relative error, 2.1e-8. All numbers are positive, so that
// nothing cancels. Powers rise; Q begins with 1. The generator for arm64 has the same numbers.
var (
	tanhAbove = []float32{0.99999998, 0.133809785, 0.00349552928, 2.06080199e-05, 1.33530522e-08}
	tanhBelow = []float32{1, 0.467142942, 0.0258767655, 0.000328553424, 7.77592666e-07}
)

const tanhLimit = 9

func softCap() {
	elementwise("softCap", "sets dst[k] = limit·tanh(factor·x[k])", "dst, x *float32, factor, limit float32", func(bytes int, at func(string) Mem) {
		v := vectors(5, bytes)
		u, limit, square, above, below := v[0], v[1], v[2], v[3], v[4]
		VMULPS(at("x"), broadcast("factor", bytes), u)
		// The second operand (the first here) is the result where x is not a number.
		VMOVUPS(float("MinusTanhLimit", -tanhLimit), limit)
		VMAXPS(u, limit, u)
		VMOVUPS(float("TanhLimit", tanhLimit), limit)
		VMINPS(u, limit, u)
		VMULPS(u, u, square)
		polynomial("TanhAbove", tanhAbove, square, above)
		polynomial("TanhBelow", tanhBelow, square, below)
		VMULPS(above, u, u)
		VDIVPS(below, u, u)
		VMULPS(broadcast("limit", bytes), u, u)
		VMOVUPS(u, at("dst"))
	})
}

// polynomial sets v to that of x with such factors, of rising powers.
func polynomial(name string, c []float32, x, v reg.VecVirtual) {
	last := len(c) - 1
	VMOVUPS(float(fmt.Sprintf("%s%d", name, last), c[last]), v)
	for i := last - 1; i >= 0; i-- {
		VFMADD213PS(float(fmt.Sprintf("%s%d", name, i), c[i]), x, v)
	}
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Activations that let through a part of x, times another vector: what SwiGLU, GeGLU and plain GELU are made of.

// gateLimit is beyond where every sigmoid here is 0 or 1; it keeps the cube of x finite.
const gateLimit = 128

// erfcFit is log(erfc(z)/t) + z² − log 2 as a polynomial in t = 1/(1+z/2), the highest power first: its Chebyshev fit for t from 0.12 to 1, off by at
// most 7.8e-8. The generator for arm64 has the same numbers.
var erfcFit = []float32{
	0.173166116, -0.830886162, 1.50014308, -1.13893657, 0.272659372, -0.178492376, 0.0928498030, 0.375108580, 0.999894181, -1.95865312,
}

func gates() {
	elementwise("gate", "sets dst[k] = x[k]/(1+exp(−z))·y[k] with z = x[k]·(a+b·x[k]²)", "dst, x, y *float32, a, b float32",
		func(bytes int, at func(string) Mem) {
			v := vectors(4, bytes)
			x, z, f, limit := v[0], v[1], v[2], v[3]
			VMOVUPS(at("x"), x)
			// The second operand (the first here) is the result where x is not a number.
			VMOVUPS(float("MinusGateLimit", -gateLimit), limit)
			VMAXPS(x, limit, z)
			VMOVUPS(float("GateLimit", gateLimit), limit)
			VMINPS(z, limit, z)
			VMULPS(z, z, f)
			VMULPS(broadcast("b", bytes), f, f)
			VADDPS(broadcast("a", bytes), f, f)
			VMULPS(f, z, z)
			VXORPS(table("MinusZero", 1<<31), z, z)
			exponential{bytes: bytes}.of(z)
			VADDPS(float("One", 1), z, z)
			VDIVPS(z, x, x)
			VMULPS(at("y"), x, x)
			VMOVUPS(x, at("dst"))
		})
	elementwise("gelu", "sets dst[k] = x[k]·Φ(x[k])·y[k]", "dst, x, y *float32", func(bytes int, at func(string) Mem) {
		// x·Φ(x) = max(x, 0) − |x|·erfc(|x|/√2)/2
		v := vectors(6, bytes)
		x, size, t, h, square, zero := v[0], v[1], v[2], v[3], v[4], v[5]
		VMOVUPS(at("x"), x)
		VANDPS(table("Size", 1<<31-1), x, size)
		VMOVUPS(size, t)
		VMOVUPS(float("One", 1), h)
		VFMADD132PS(float("HalfOfRoot", 0.35355339), h, t)
		VDIVPS(t, h, t)
		VMOVUPS(float("Erfc0", erfcFit[0]), h)
		for i, c := range erfcFit[1:] {
			VFMADD213PS(float(fmt.Sprintf("Erfc%d", i+1), c), t, h)
		}
		VMULPS(size, size, square)
		VFNMADD231PS(float("C2", 0.5), square, h)
		exponential{bytes: bytes}.of(h)
		VMULPS(t, h, h)
		VMOVUPS(float("GateLimit", gateLimit), zero)
		VMINPS(size, zero, size) // ∞ times 0 would be no number
		VXORPS(zero.AsX(), zero.AsX(), zero.AsX())
		VMAXPS(x, zero, x)
		VFNMADD231PS(size, h, x)
		VMULPS(at("y"), x, x)
		VMOVUPS(x, at("dst"))
	})
}

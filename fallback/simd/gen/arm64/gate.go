package main

// Activations times another vector, by the formulas of the generator for amd64.

const gateLimit = 128

var erfcFit = []float32{
	0.173166116, -0.830886162, 1.50014308, -1.13893657, 0.272659372, -0.178492376, 0.0928498030, 0.375108580, 0.999894181, -1.95865312,
}

func gates(f *file) {
	const a, b, limit, minusLimit = 7, 29, 30, 31
	f.function("gateNEON", "sets dst[k] = x[k]/(1+exp(−z))·y[k] with z = x[k]·(a+b·x[k]²) for k < n, a multiple of 4.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"x", "*float32", "R2"}, {"y", "*float32", "R3"},
			{"a", "float32", "F7"}, {"b", "float32", "F29"}}, "")
	loadConstants(f)
	f.line("VDUP V%d.S[0], V%d.S4", a, a)
	f.line("VDUP V%d.S[0], V%d.S4", b, b)
	f.constant(limit, gateLimit)
	f.constant(minusLimit, -gateLimit)
	f.label("step")
	f.line("VLD1.P 16(R2), [V5.S4]")
	f.line("VLD1.P 16(R3), [V6.S4]")
	f.do(fmax, 0, 5, minusLimit)
	f.do(fmin, 0, 0, limit)
	f.do(fmul, 1, 0, 0)
	f.do(fmul, 1, 1, b)
	f.do(fadd, 1, 1, a)
	f.do(fmul, 0, 0, 1)
	f.do(fneg, 0, 0, 0)
	exponential(f)
	f.do(fadd, 0, 0, one)
	f.do(fdiv, 0, 5, 0)
	f.do(fmul, 0, 0, 6)
	f.line("VST1.P [V0.S4], 16(R1)")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.line("RET")

	// x·Φ(x) = max(x, 0) − |x|·erfc(|x|/√2)/2. The polynomial's last seven numbers stay in V9 to V15.
	const size, t, first, half, slope, zero = 29, 8, 9, one - 1, 30, 31
	f.function("geluNEON", "sets dst[k] = x[k]·Φ(x[k])·y[k] for k < n, a multiple of 4.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"x", "*float32", "R2"}, {"y", "*float32", "R3"}}, "")
	loadConstants(f)
	f.constant(slope, 0.35355339)
	f.zero(zero, zero+1)
	for i := range 7 {
		f.constant(first+i, erfcFit[i+3])
	}
	f.label("step")
	f.line("VLD1.P 16(R2), [V5.S4]")
	f.line("VLD1.P 16(R3), [V6.S4]")
	f.do(fabs, size, 5, 0)
	f.line("VMOV V%d.B16, V%d.B16", one, t)
	f.line("VFMLA V%d.S4, V%d.S4, V%d.S4", size, slope, t)
	f.do(fdiv, t, one, t)
	f.constant(0, erfcFit[0])
	for i := 1; i < len(erfcFit); i++ {
		next := 1
		if i < 3 {
			f.constant(next, erfcFit[i])
		} else {
			f.line("VMOV V%d.B16, V%d.B16", first+i-3, next)
		}
		f.line("VFMLA V%d.S4, V0.S4, V%d.S4", t, next)
		f.line("VMOV V%d.B16, V0.B16", next)
	}
	f.do(fmul, 1, size, size)
	f.do(fmls, 0, 1, half)
	exponential(f)
	f.do(fmul, 0, 0, t)
	f.constant(1, gateLimit)
	f.do(fmin, size, size, 1) // ∞ times 0 would be no number
	f.do(fmax, 5, 5, zero)
	f.do(fmls, 5, size, 0)
	f.do(fmul, 0, 5, 6)
	f.line("VST1.P [V0.S4], 16(R1)")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

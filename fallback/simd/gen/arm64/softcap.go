package main

// The hyperbolic tangent by the formula of the generator for amd64.
var (
	tanhAbove = []float32{0.99999998, 0.133809785, 0.00349552928, 2.06080199e-05, 1.33530522e-08}
	tanhBelow = []float32{1, 0.467142942, 0.0258767655, 0.000328553424, 7.77592666e-07}
)

const tanhLimit = 9

func softCap(f *file) {
	const above, below, limit, minusLimit, factor, most = 16, 21, 26, 27, 28, 29
	f.function("softCapNEON", "sets dst[k] = limit·tanh(factor·x[k]) for k < n, a multiple of 4.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"x", "*float32", "R2"}, {"factor", "float32", "F28"}, {"limit", "float32", "F29"}}, "")
	f.line("VDUP V%d.S[0], V%d.S4", factor, factor)
	f.line("VDUP V%d.S[0], V%d.S4", most, most)
	for i := range tanhAbove {
		f.constant(above+i, tanhAbove[i])
		f.constant(below+i, tanhBelow[i])
	}
	f.constant(limit, tanhLimit)
	f.constant(minusLimit, -tanhLimit)
	f.label("step")
	f.line("VLD1.P 16(R2), [V0.S4]")
	f.do(fmul, 0, 0, factor)
	f.do(fmax, 0, 0, minusLimit)
	f.do(fmin, 0, 0, limit)
	f.do(fmul, 1, 0, 0)
	for i, first := range []int{above, below} { // into V2 and V3
		f.line("VMOV V%d.B16, V4.B16", first+4)
		for c := first + 3; c >= first; c-- {
			f.line("VMOV V%d.B16, V5.B16", c)
			f.line("VFMLA V1.S4, V4.S4, V5.S4")
			f.line("VMOV V5.B16, V4.B16")
		}
		f.line("VMOV V4.B16, V%d.B16", 2+i)
	}
	f.do(fmul, 0, 0, 2)
	f.do(fdiv, 0, 0, 3)
	f.do(fmul, 0, 0, most)
	f.line("VST1.P [V0.S4], 16(R1)")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

package main

import "math"

// The exponential of V0: x = n·ln 2 + r with |r| ≤ ln 2/2, the first eight terms of the series for exp(r), and two multiplications by
// powers of two with the product 2ⁿ, of which only the last rounds. Its constants stay in V16 to V28; V1 to V4 are changed.
var constants = []float32{
	-104, 89, math.Log2E, ln2, float32(math.Ln2 - ln2), // beyond the first two the result is 0 or ∞ anyway
	1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1,
}

// ln2 has so few digits that whole numbers up to 2⁸ times it are exact.
const ln2 = 0.693359375

const (
	least = 16 + iota
	most
	log2E
	ln2Most
	ln2Rest
	c7
	one  = c7 + 6
	bias = one + 1 // the exponent of 1, a whole number
)

func loadConstants(f *file) {
	for i, c := range constants {
		f.constant(least+i, c)
	}
	f.line("MOVD $127, R9")
	f.line("VDUP R9, V%d.S4", bias)
}

// constant fills register v.
func (f *file) constant(v int, c float32) {
	f.line("MOVW $0x%08x, R9", math.Float32bits(c))
	f.line("VDUP R9, V%d.S4", v)
}

func exponential(f *file) {
	f.do(fmax, 0, 0, least)
	f.do(fmin, 0, 0, most)
	f.do(fmul, 1, 0, log2E)
	f.do(frintn, 1, 1, 0)
	f.do(fmls, 0, 1, ln2Most)
	f.do(fmls, 0, 1, ln2Rest) // r
	f.line("VMOV V%d.B16, V2.B16", c7)
	for c := c7 + 1; c <= one+1; c++ {
		f.line("VMOV V%d.B16, V3.B16", min(c, one))
		f.line("VFMLA V0.S4, V2.S4, V3.S4")
		f.line("VMOV V3.B16, V2.B16")
	}
	f.do(fcvtns, 1, 1, 0)
	f.do(sshrS1, 3, 1, 0)
	f.line("VSUB V3.S4, V1.S4, V4.S4")
	for _, v := range []int{3, 4} {
		f.line("VADD V%d.S4, V%d.S4, V%d.S4", bias, v, v)
		f.line("VSHL $23, V%d.S4, V%d.S4", v, v)
		f.do(fmul, 2, 2, v)
	}
	f.line("VMOV V2.B16, V0.B16")
}

func exponentials(f *file) {
	f.function("expNEON", "sets dst[k] = exp(x[k]) for k < n, a multiple of 4.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"x", "*float32", "R2"}}, "")
	loadConstants(f)
	f.label("step")
	f.line("VLD1.P 16(R2), [V0.S4]")
	exponential(f)
	f.line("VST1.P [V0.S4], 16(R1)")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.line("RET")

	f.function("expSumNEON", "sets x[k] = exp(x[k]−top) for k < n, a multiple of 4, and returns their sum.",
		[]param{{"n", "int", "R0"}, {"x", "*float32", "R1"}, {"top", "float32", "F7"}}, "float32")
	loadConstants(f)
	f.line("VDUP V7.S[0], V7.S4")
	f.zero(6, 7)
	f.label("step")
	f.line("VLD1 (R1), [V0.S4]")
	f.do(fsub, 0, 0, 7)
	exponential(f)
	f.do(fadd, 6, 6, 0)
	f.line("VST1.P [V0.S4], 16(R1)")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.do(faddp, 6, 6, 6)
	f.do(faddp, 6, 6, 6)
	f.result("F6")

	f.function("maxNEON", "is the largest of n elements, a multiple of 4 and at least that; of what is not a number it takes no notice.",
		[]param{{"n", "int", "R0"}, {"x", "*float32", "R1"}}, "float32")
	f.constant(1, float32(math.Inf(-1)))
	f.label("step")
	f.line("VLD1.P 16(R1), [V0.S4]")
	f.do(fmaxnm, 1, 1, 0)
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.do(fmaxnmv, 1, 1, 0)
	f.result("F1")
}

// result stores a float32 and returns.
func (f *file) result(register string) {
	f.line("FMOVS %s, ret+%d(FP)", register, f.offset)
	f.line("RET")
}

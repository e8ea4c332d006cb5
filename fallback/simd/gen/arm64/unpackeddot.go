package main

import "fmt"

// Dot products of one row of unpacked weights with a row of X in pairs of signed bytes. SDOT adds up four products of signed bytes in a lane exactly,
// of the upper bytes of X first, then, the sums moved up by 8 bits, of the lower ones; where there is none, products become words. Sums of four
// blocks, or halves of them, become four lanes of float32.

// dotOfWords is SDOT in instructions of any processor. Two products of 128·127, of upper bytes, fit a word; those of 128·128 do not. It changes V6
// and V7.
func (f *file) dotOfWords(upper bool, sum, w, x int) {
	f.do(smull, 6, w, x)
	if upper {
		f.do(smlal2, 6, w, x)
	} else {
		f.do(smull2, 7, w, x)
		f.do(sadalp, sum, 7, 0)
	}
	f.do(sadalp, sum, 6, 0)
}

// unpackedDot has scales of each 32 weights, or of each 16. dot adds products of 16 bytes.
func unpackedDot(f *file, length int, instructions string, dot func(upper bool, sum, w, x int)) {
	f.function(fmt.Sprintf("unpackedDot%d%s", length, instructions),
		fmt.Sprintf("is UnpackedDot for n blocks of 32, at least one, with scales of each %d, of weights less base; m may be nil, s are the sums that it meets.", length),
		[]param{{"n", "int", "R0"}, {"w", "*uint8", "R1"}, {"upper", "*int8", "R2"}, {"lower", "*int8", "R3"}, {"d", "*float32", "R4"}, {"factors", "*float32", "R5"},
			{"m", "*float32", "R6"}, {"s", "*float32", "R7"}, {"base", "int", "R8"}}, "float32")
	const base, sum, below = 31, 16, 17
	f.line("VDUP R8, V%d.B16", base)
	f.zero(sum, below+1)
	at := length / 16 // registers of bytes in each sum
	four := 2 * at    // blocks of four sums

	// whole sums n blocks, each sum in a register from V20 on.
	whole := func(n int) {
		for b := range n {
			f.line("VLD1.P 32(R1), [V0.B16, V1.B16]")
			f.line("VLD1.P 32(R2), [V2.B16, V3.B16]")
			f.line("VLD1.P 32(R3), [V4.B16, V5.B16]")
			first := 20 + 2*b/at
			f.zero(first, first+2/at)
			for i := range 2 {
				f.line("VSUB V%d.B16, V%d.B16, V%d.B16", base, i, i)
				dot(true, first+i/at, i, 2+i)
			}
			for v := range 2 / at {
				f.line("VSHL $8, V%d.S4, V%d.S4", first+v, first+v)
			}
			for i := range 2 {
				dot(false, first+i/at, i, 4+i)
			}
		}
	}
	// minima adds those of what load loads into a register from where another points to.
	minima := func(label string, load func(register string, v int)) {
		f.line("CBZ R6, %s", label)
		load("R6", 2)
		load("R7", 3)
		f.line("VFMLA V2.S4, V3.S4, V%d.S4", below)
		f.label(label)
	}

	f.line("CMP $%d, R0", four)
	f.line("BLT rest")
	f.label("four")
	whole(four)
	f.do(addp, 20, 20, 21)
	f.do(addp, 22, 22, 23)
	f.do(addp, 20, 20, 22)
	f.do(scvtf, 20, 20, 0)
	load := func(register string, v int) { f.line("VLD1.P 16(%s), [V%d.S4]", register, v) }
	load("R4", 0)
	if length == 32 {
		load("R5", 1)
	} else {
		f.line("FMOVD.P 8(R5), F1")
		f.line("VZIP1 V1.S4, V1.S4, V1.S4")
	}
	f.do(fmul, 20, 20, 0)
	f.line("VFMLA V1.S4, V20.S4, V%d.S4", sum)
	minima("none", load)
	f.line("SUB $%d, R0, R0", four)
	f.line("CMP $%d, R0", four)
	f.line("BGE four")
	f.label("rest")
	f.line("CBZ R0, done")
	f.label("block") // lanes that have no sum are multiplied by zero
	whole(1)
	f.do(addp, 20, 20, 20+1/at)
	f.do(addp, 20, 20, 20)
	f.do(scvtf, 20, 20, 0)
	load = func(register string, v int) {
		if length == 32 {
			f.line("FMOVS.P 4(%s), F%d", register, v)
		} else {
			f.line("FMOVD.P 8(%s), F%d", register, v)
		}
	}
	load("R4", 0)
	f.line("FMOVS.P 4(R5), F1")
	f.do(fmul, 20, 20, 0)
	f.do(fmlaLane.lane(0), sum, 20, 1)
	minima("no", load)
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.label("done")
	f.constant(0, 128)
	f.do(fmls, sum, below, 0)
	f.do(faddp, sum, sum, sum)
	f.do(faddp, sum, sum, sum)
	f.result(fmt.Sprintf("F%d", sum))
}

package main

import "fmt"

// Dot products of a row of weights, as it is stored, with a row of X in pairs of signed bytes, by SDOT: it adds up four products of signed
// bytes in a lane exactly, of the upper bytes of X first, then, the sums moved up by 8 bits, of the lower ones. What sums are multiplied by
// comes from Go, which makes it of the scales of both sides: a number for each 32 weights, or for each 16.

// byteFormat is a format with blocks of size bytes.
type byteFormat struct {
	name    string
	size    int
	per16   bool    // scales are of 16 weights
	extra   []param // behind the others
	prepare func(f *file)
	block   func(f *file, group func(lower, upper int)) // unpacks 32 weights at a time into two registers
}

// Registers: R6 walks within a block; V2 to V9 are group's, V16 and V17 sums; V18 and up are free for formats.

// nibbles are the halves of the bytes of a register, which low may be.
func nibbles(f *file, from, low, high int) {
	f.line("VUSHR $4, V%d.B16, V%d.B16", from, high)
	f.line("VAND V18.B16, V%d.B16, V%d.B16", from, low)
}

func nibbleMask(f *file) { f.line("VMOVI $15, V18.B16") }

var byteFormats = []byteFormat{
	{"Q8_0", 34, false, nil, func(*file) {}, func(f *file, group func(lower, upper int)) {
		f.line("ADD $2, R1, R6")
		f.line("VLD1 (R6), [V0.B16, V1.B16]")
		group(0, 1)
	}},
	{"Q4_0", 18, false, nil, func(f *file) {
		nibbleMask(f)
		f.line("VMOVI $8, V19.B16")
	}, func(f *file, group func(lower, upper int)) {
		f.line("ADD $2, R1, R6")
		f.line("VLD1 (R6), [V0.B16]")
		nibbles(f, 0, 0, 1)
		for v := range 2 {
			f.line("VSUB V19.B16, V%d.B16, V%d.B16", v, v)
		}
		group(0, 1)
	}},
	{"IQ4_NL", 18, false, []param{{"levels", "*int8", "R5"}}, func(f *file) {
		nibbleMask(f)
		f.line("VLD1 (R5), [V19.B16]")
	}, func(f *file, group func(lower, upper int)) {
		f.line("ADD $2, R1, R6")
		f.line("VLD1 (R6), [V0.B16]")
		nibbles(f, 0, 0, 1)
		for v := range 2 {
			f.line("VTBL V%d.B16, [V19.B16], V%d.B16", v, v)
		}
		group(0, 1)
	}},
	{"Q4_K", 144, false, nil, nibbleMask, func(f *file, group func(lower, upper int)) {
		f.line("ADD $16, R1, R6")
		for range 4 {
			f.line("VLD1.P 32(R6), [V20.B16, V21.B16]")
			nibbles(f, 20, 0, 22)
			nibbles(f, 21, 1, 23)
			group(0, 1)
			group(22, 23)
		}
	}},
	{"Q6_K", 210, true, nil, func(f *file) {
		nibbleMask(f)
		f.line("VMOVI $32, V19.B16")
		f.line("VMOVI $3, V26.B16")
	}, func(f *file, group func(lower, upper int)) {
		f.line("MOVD R1, R6")
		f.line("ADD $128, R1, R7")
		for range 2 {
			f.line("VLD1.P 64(R6), %s", list(20, 4, "B16"))
			f.line("VLD1.P 32(R7), %s", list(24, 2, "B16"))
			for g := range 4 {
				for v := range 2 {
					q := 20 + 2*(g%2) + v
					if g < 2 {
						f.line("VAND V18.B16, V%d.B16, V%d.B16", q, v)
					} else {
						f.line("VUSHR $4, V%d.B16, V%d.B16", q, v)
					}
					top := 24 + v
					if g > 0 {
						f.line("VUSHR $%d, V%d.B16, V27.B16", 2*g, top)
						top = 27
					}
					f.line("VAND V26.B16, V%d.B16, V27.B16", top)
					f.line("VSHL $4, V27.B16, V27.B16")
					f.line("VORR V27.B16, V%d.B16, V%d.B16", v, v)
					f.line("VSUB V19.B16, V%d.B16, V%d.B16", v, v)
				}
				group(0, 1)
			}
		}
	}},
}

func byteDot(f *file, t byteFormat) {
	params := []param{{"n", "int", "R0"}, {"w", "*byte", "R1"}, {"x", "*int8", "R2"}, {"y", "*int8", "R3"}, {"scales", "*float32", "R4"}}
	scaled := 32
	if t.per16 {
		scaled = 16
	}
	f.function("dot"+t.name+"SDOT", fmt.Sprintf("is the product of n blocks, at least one; scales are what the sums of each %d weights are multiplied by.", scaled),
		append(params, t.extra...), "float32")
	f.zero(16, 18)
	t.prepare(f)
	f.label("block")
	t.block(f, func(lower, upper int) {
		f.line("VLD1.P 32(R2), [V2.B16, V3.B16]")
		f.line("VLD1.P 32(R3), [V4.B16, V5.B16]")
		f.zero(6, 8)
		f.do(sdot, 6, lower, 2)
		f.do(sdot, 7, upper, 3)
		f.line("VSHL $8, V6.S4, V6.S4")
		f.line("VSHL $8, V7.S4, V7.S4")
		f.do(sdot, 6, lower, 4)
		f.do(sdot, 7, upper, 5)
		if !t.per16 {
			f.line("VADD V7.S4, V6.S4, V6.S4")
		}
		f.line("VLD1R.P 4(R4), [V8.S4]")
		f.do(scvtf, 6, 6, 0)
		f.line("VFMLA V8.S4, V6.S4, V16.S4")
		if t.per16 {
			f.line("VLD1R.P 4(R4), [V8.S4]")
			f.do(scvtf, 7, 7, 0)
			f.line("VFMLA V8.S4, V7.S4, V17.S4")
		}
	})
	f.line("ADD $%d, R1, R1", t.size)
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.do(fadd, 16, 16, 17)
	f.do(faddp, 16, 16, 16)
	f.do(faddp, 16, 16, 16)
	f.result("F16")
}

package main

import "fmt"

// format is a type of elements that rows are read in.
type format struct {
	name string
	size int
}

var stored = []format{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// load reads 16 elements from where a register points to, which it moves on, into v to v+3 as float32. It changes V30 and V31.
func (t format) load(f *file, pointer string, v int) {
	if t.size == 4 {
		f.line("VLD1.P 64(%s), %s", pointer, list(v, 4, "S4"))
		return
	}
	f.line("VLD1.P 32(%s), %s", pointer, list(30, 2, "H8"))
	for i := range 2 {
		low, high := fcvtlHalves, fcvtl2Halves
		if t.name == "BF16" {
			low, high = shll16, shll2_16
		}
		f.do(low, v+2*i, 30+i, 0)
		f.do(high, v+2*i+1, 30+i, 0)
	}
}

// rowDots multiplies one vector by rows, one row at a time, with 16 sums.
func rowDots(f *file, t format) {
	f.function("rowDots"+t.name, "sets out[i] = Σ x[c]·rows[stride·i, c] for i < n and c < k, a multiple of 16; stride is in bytes.",
		[]param{{"n", "int", "R0"}, {"out", "*float32", "R1"}, {"rows", "*byte", "R2"}, {"stride", "int", "R3"}, {"k", "int", "R4"}, {"x", "*float32", "R5"}}, "")
	f.label("row")
	f.line("MOVD R2, R6")
	f.line("MOVD R5, R7")
	f.line("MOVD R4, R8")
	f.zero(16, 20)
	f.label("step")
	t.load(f, "R6", 0)
	f.line("VLD1.P 64(R7), %s", list(4, 4, "S4"))
	for j := range 4 {
		f.line("VFMLA V%d.S4, V%d.S4, V%d.S4", 4+j, j, 16+j)
	}
	f.line("SUBS $16, R8, R8")
	f.line("BNE step")
	total(f, 16)
	f.line("FMOVS.P F16, 4(R1)")
	f.line("ADD R3, R2, R2")
	f.line("SUBS $1, R0, R0")
	f.line("BNE row")
	f.line("RET")
}

// total adds up the lanes of v to v+3 into the lowest of v.
func total(f *file, v int) {
	f.do(fadd, v, v, v+1)
	f.do(fadd, v+2, v+2, v+3)
	f.do(fadd, v, v, v+2)
	f.do(faddp, v, v, v)
	f.do(faddp, v, v, v)
}

// rowSums adds up multiples of rows, 32 columns at a time and then 16.
func rowSums(f *file, t format) {
	f.function("rowSums"+t.name, "adds Σ a[i]·rows[stride·i, c], i < n in this order, to sums[c] for c < k, a multiple of 16; stride is in bytes, n at least 1.",
		[]param{{"n", "int", "R0"}, {"a", "*float32", "R1"}, {"rows", "*byte", "R2"}, {"stride", "int", "R3"}, {"k", "int", "R4"}, {"sums", "*float32", "R5"}}, "")
	columns := func(c int) {
		f.line("MOVD R5, R6")
		for i := range c / 16 {
			f.line("VLD1.P 64(R6), %s", list(16+4*i, 4, "S4"))
		}
		f.line("MOVD R2, R7")
		f.line("MOVD R1, R8")
		f.line("MOVD R0, R9")
		f.label(fmt.Sprintf("row%d", c))
		f.line("VLD1R.P 4(R8), [V8.S4]")
		f.line("MOVD R7, R10")
		for i := range c / 16 {
			t.load(f, "R10", 4*i)
		}
		for j := range c / 4 {
			f.line("VFMLA V8.S4, V%d.S4, V%d.S4", j, 16+j)
		}
		f.line("ADD R3, R7, R7")
		f.line("SUBS $1, R9, R9")
		f.line("BNE row%d", c)
		for i := range c / 16 {
			f.line("VST1.P %s, 64(R5)", list(16+4*i, 4, "S4"))
		}
		f.line("ADD $%d, R2, R2", c*t.size)
		f.line("SUB $%d, R4, R4", c)
	}
	f.label("wide")
	f.line("CMP $32, R4")
	f.line("BLT narrow")
	columns(32)
	f.line("B wide")
	f.label("narrow")
	f.line("CBZ R4, done")
	columns(16)
	f.label("done")
	f.line("RET")
}

// widen decodes.
func widen(f *file, t format) {
	if t.size == 4 {
		return
	}
	f.function("decode"+t.name, "decodes n elements, a multiple of 16.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"src", "*byte", "R2"}}, "")
	f.label("step")
	t.load(f, "R2", 0)
	f.line("VST1.P %s, 64(R1)", list(0, 4, "S4"))
	f.line("SUBS $16, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

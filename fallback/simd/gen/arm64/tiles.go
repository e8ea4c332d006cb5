package main

import "fmt"

// gemm takes r rows by 16 columns, whose sums stay in registers: V16 and on, four a row.
func gemm(f *file, r int) {
	params := []param{{"k", "int", "R0"}}
	for i := range r {
		params = append(params, param{fmt.Sprintf("a%d", i), "*float32", fmt.Sprintf("R%d", 1+i)})
	}
	params = append(params, param{"b", "*float32", "R5"}, param{"ldb", "int", "R6"}, param{"c", "*float32", "R7"}, param{"ldc", "int", "R8"})
	f.function(fmt.Sprintf("gemm%dx16", r), fmt.Sprintf("is Gemm for %d rows, each from where its pointer says, and 16 columns.", r), params, "")
	f.line("LSL $2, R6, R6")
	f.line("LSL $2, R8, R8")
	f.line("MOVD R7, R9")
	for i := range r {
		f.line("VLD1 (R9), %s", list(16+4*i, 4, "S4"))
		f.line("ADD R8, R9, R9")
	}
	f.label("step")
	f.line("VLD1 (R5), %s", list(0, 4, "S4"))
	f.line("ADD R6, R5, R5")
	for i := range r {
		f.line("VLD1R.P 4(R%d), [V%d.S4]", 1+i, 4+i)
	}
	for i := range r {
		for j := range 4 {
			f.line("VFMLA V%d.S4, V%d.S4, V%d.S4", 4+i, j, 16+4*i+j)
		}
	}
	f.line("SUBS $1, R0, R0")
	f.line("BNE step")
	for i := range r {
		f.line("VST1 %s, (R7)", list(16+4*i, 4, "S4"))
		f.line("ADD R8, R7, R7")
	}
	f.line("RET")
}

// exactTile takes r rows by a panel of 16 columns with sums in float64: V16 and on, eight a row.
func exactTile(f *file, r int) {
	params := []param{{"n", "int", "R0"}}
	for i := range r {
		params = append(params, param{fmt.Sprintf("x%d", i), "*float64", fmt.Sprintf("R%d", 1+i)})
	}
	params = append(params, param{"w", "*float32", "R5"}, param{"sums", "*float64", "R7"})
	f.function(fmt.Sprintf("exactTile%d", r), fmt.Sprintf("is ExactTile for %d rows.", r), params, "")
	move := func(op string) {
		f.line("MOVD R7, R9")
		for i := range 2 * r {
			if op == "VLD1" {
				f.line("VLD1.P 64(R9), %s", list(16+4*i, 4, "D2"))
			} else {
				f.line("VST1.P %s, 64(R9)", list(16+4*i, 4, "D2"))
			}
		}
	}
	move("VLD1")
	f.label("step")
	f.line("VLD1.P 64(R5), %s", list(0, 4, "S4"))
	for j := range 4 {
		f.do(fcvtl, 4+2*j, j, 0)
		f.do(fcvtl2, 5+2*j, j, 0)
	}
	for i := range r {
		f.line("VLD1R.P 8(R%d), [V%d.D2]", 1+i, 12+i)
		for j := range 8 {
			f.line("VFMLA V%d.D2, V%d.D2, V%d.D2", 12+i, 4+j, 16+8*i+j)
		}
	}
	f.line("SUBS $1, R0, R0")
	f.line("BNE step")
	move("VST1")
	f.line("RET")
}

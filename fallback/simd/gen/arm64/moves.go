package main

// transpose makes columns of eight rows, four elements of each at a time.
func transpose(f *file) {
	f.function("transposeNEON", "sets dst[ldd·k+i] = src[lds·i+k] for i < 8 and k < n, a multiple of 4.",
		[]param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"ldd", "int", "R2"}, {"src", "*float32", "R3"}, {"lds", "int", "R4"}}, "")
	const turned = 16
	f.line("LSL $2, R2, R2")
	f.line("LSL $2, R4, R4")
	f.label("step")
	f.line("MOVD R3, R6")
	for g := range 2 {
		for v := range 4 {
			f.line("VLD1.P (R6)(R4), [V%d.S4]", v)
		}
		f.turn(0, 5, func(k int) int { return turned + 2*k + g })
	}
	for k := range 4 {
		f.line("VST1 [V%d.S4, V%d.S4], (R1)", turned+2*k, turned+2*k+1)
		f.line("ADD R2, R1, R1")
	}
	f.line("ADD $16, R3, R3")
	f.line("SUBS $4, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

// turn makes columns of the words of v to v+3: word k of each goes to register to(k), in their order. It changes t to t+3.
func (f *file) turn(v, t int, to func(k int) int) {
	for i := range 4 { // words of the first and the third, then of the other two
		f.line("VZIP%d V%d.S4, V%d.S4, V%d.S4", 1+i%2, v+2+i/2, v+i/2, t+i)
	}
	for k := range 4 {
		f.line("VZIP%d V%d.S4, V%d.S4, V%d.S4", 1+k%2, t+2+k/2, t+k/2, to(k))
	}
}

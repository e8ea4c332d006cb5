package main

// decodeBytes gives the elements of rows that are unpacked: d·(q − base) − 128·m, each operation rounded, with scales of each 32 or 16. A byte q in
// front of those of a constant is the number 2²³ + q, from which 2²³ + base is taken exactly.
func decodeBytes(f *file, halves, minima bool) {
	name := "decodeBytes"
	if halves {
		name = "decodeByteHalves"
	}
	if minima {
		name += "Minima"
	}
	f.function(name, "decodes n times 32 elements, at least once.", []param{{"n", "int", "R0"}, {"dst", "*float32", "R1"}, {"q", "*uint8", "R2"},
		{"d", "*float32", "R3"}, {"m", "*float32", "R4"}, {"base", "float32", "F20"}}, "")
	const q, element, base, unit, scale, least, four = 0, 4, 20, 21, 22, 23, 24
	f.constant(unit, 0x1p23)
	f.line("FADDS F%d, F%d, F%d", unit, base, base)
	f.line("VDUP V%d.S[0], V%d.S4", base, base)
	for i := range 2 { // behind the bytes of each register
		f.line("VORR V%d.B16, V%d.B16, V%d.B16", unit, unit, q+2*i+1)
	}
	f.constant(unit, 128)
	for k := range 4 { // byte 4·k+i in front of three of the constant, whose fourth is the exponent
		at := uint64(4 * k)
		f.bytes(four+k, 0x1310100013101000+at+(at+1)<<32, 0x1310100013101000+at+2+(at+3)<<32)
	}
	f.label("step")
	f.line("VLD1.P 16(R2), [V%d.B16]", q)
	f.line("VLD1.P 16(R2), [V%d.B16]", q+2)
	for part := range 2 {
		if part == 0 || halves {
			f.line("VLD1R.P 4(R3), [V%d.S4]", scale)
			if minima {
				f.line("VLD1R.P 4(R4), [V%d.S4]", least)
				f.do(fmul, least, least, unit)
			}
		}
		for k := range 4 {
			f.line("VTBL V%d.B16, %s, V%d.B16", four+k, list(q+2*part, 2, "B16"), element+k)
			f.do(fsub, element+k, element+k, base)
			f.do(fmul, element+k, element+k, scale)
			if minima {
				f.do(fsub, element+k, element+k, least)
			}
		}
		f.line("VST1.P %s, 64(R1)", list(element, 4, "S4"))
	}
	f.line("SUBS $1, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

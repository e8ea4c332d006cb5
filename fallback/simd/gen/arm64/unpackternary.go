package main

// Formats of few bits with one scale a block, and NVFP4.

// oneScale stores the binary16 at offset n times, which is 8 or 4. It changes V2 and V3.
func (f *file) oneScale(offset, n int) {
	f.half(offset, 2)
	f.line("VORR V2.B16, V2.B16, V3.B16")
	f.line("VST1.P %s, %d(R3)", list(2, n/4, "S4"), 4*n)
}

func ternaryUnpackers() []unpacker {
	return []unpacker{
		{"TQ2_0", 66, nil, func(f *file) { f.line("VMOVI $3, V16.B16") }, func(f *file) {
			f.at("R6", 0)
			f.twoBits(func(_, v int) { f.line("VAND V16.B16, V%d.B16, V%d.B16", v, v) })
			f.oneScale(64, 8)
		}},
		// A byte x begins with the digit ⌊3x/256⌋, which is a 64th of the mean of x and ⌊x/2⌋; three times that begins with the next.
		{"TQ1_0", 54, nil, func(f *file) {}, func(f *file) {
			f.at("R6", 0)
			f.line("VLD1 (R6), [V0.B16, V1.B16, V2.B16]")
			f.at("R6", 48)
			f.line("VLD1R (R6), [V3.S4]") // four bytes of four digits
			f.line("ADD $160, R2, R6")
			for n := range 5 {
				for v := range 4 {
					f.line("VUSHR $1, V%d.B16, V%d.B16", v, 4+v)
					f.do(uhadd, 4+v, 4+v, v)
					f.line("VUSHR $6, V%d.B16, V%d.B16", 4+v, 4+v)
					f.line("VSHL $1, V%d.B16, V30.B16", v)
					f.line("VADD V30.B16, V%d.B16, V%d.B16", v, v)
				}
				f.line("VST1.P [V4.B16, V5.B16], 32(R2)")
				f.line("VST1.P [V6.B16], 16(R6)")
				if n < 4 {
					f.line("VMOV V7.S[0], V16.S[%d]", n)
				}
			}
			f.line("VST1 [V16.B16], (R6)")
			f.line("ADD $16, R6, R2")
			f.oneScale(52, 8)
		}},
		{"NVFP4", 36, []param{{"levels", "*int8", "R5"}, {"scales", "*float32", "R8"}}, func(f *file) {
			f.unsignedLevels()
			f.line("VMOVI $15, V16.B16")
		}, func(f *file) {
			f.at("R6", 4)
			f.nibbles()
			for v := 4; v < 6; v++ {
				f.line("VAND V16.B16, V%d.B16, V%d.B16", v, v)
			}
			for v := 4; v < 8; v++ {
				f.line("VTBL V%d.B16, [V17.B16], V%d.B16", v, v)
			}
			for v := range 4 { // of eight bytes, the lower halves are taken first
				f.line("VZIP%d V%d.D2, V%d.D2, V%d.D2", 1+v%2, 6+v/2, 4+v/2, v)
			}
			f.line("VST1.P %s, 64(R2)", list(0, 4, "B16"))
			for g := range 4 {
				f.line("MOVBU %d(R1), R%d", g, 10+g)
			}
			for g := range 4 {
				f.line("FMOVS (R8)(R%d<<2), F%d", 10+g, 4+g)
				f.line("FMOVS.P F%d, 4(R3)", 4+g)
			}
		}},
		{"Q2_0", 18, nil, func(f *file) { f.line("VMOVI $3, V16.B16") }, func(f *file) {
			f.at("R6", 2)
			f.line("VLD1 (R6), [V0.B16]")
			for v := 1; v < 4; v++ {
				f.line("VUSHR $%d, V0.B16, V%d.B16", 2*v, v)
			}
			for v := range 3 {
				f.line("VAND V16.B16, V%d.B16, V%d.B16", v, v)
			}
			f.line("VST4.P %s, 64(R2)", list(0, 4, "B16")) // four elements in a byte
			f.half(0, 4)
			for range 2 {
				f.line("FMOVS.P F4, 4(R3)")
			}
		}},
		{"Q1_0", 18, nil, func(f *file) {
			f.prepareBits(forBits)
			f.line("VMOVI $2, V22.B16")
		}, func(f *file) {
			f.at("R6", 2)
			for range 4 {
				f.line("VLD1R.P 4(R6), [V4.S4]")
				f.bits(4, forBits)
				for v := 4; v < 6; v++ {
					f.line("VAND V22.B16, V%d.B16, V%d.B16", v, v)
				}
				f.line("VST1.P [V4.B16, V5.B16], 32(R2)")
			}
			f.oneScale(0, 4)
		}},
	}
}

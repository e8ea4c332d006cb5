package main

// Formats whose elements are points of a codebook, which R5 points to. Their indices are put together in whole-number registers, four at a
// time, so that a processor that keeps to the order of instructions need not wait for each. Signs and scales are vectors'.

// Registers: V16 to V18 are prepared for bits, V19 is a unit, V20 and V21 are signs or the like of a block, V22 to V25 other constants.
const (
	forBits = 16
	unit    = 19
	ofBlock = 20
)

// codebook is an unpacker of blocks of 256 elements.
func codebook(name string, size int, prepare, block func(f *file)) unpacker {
	return unpacker{name, size, []param{{"points", "*uint8", "R5"}}, prepare, block}
}

// choose fills V0 and V1 with points of 1<<shift bytes, the index of number l being what load brings to a register.
func (f *file) choose(shift int, load func(l, index int)) {
	lanes := 16 >> shift
	for l := range 2 * lanes {
		if l%4 == 0 {
			for i := range 4 {
				load(l+i, 10+i)
			}
		}
		index, v := 10+l%4, l/lanes
		switch {
		case l%lanes > 0:
			f.line("ADD R%d<<%d, R5, R%d", index, shift, index)
			f.line("VLD1 (R%d), V%d.%s[%d]", index, v, map[int]string{2: "S", 3: "D"}[shift], l%lanes)
		case shift == 3:
			f.line("FMOVD (R5)(R%d<<3), F%d", index, v)
		default:
			f.line("FMOVS (R5)(R%d<<2), F%d", index, v)
		}
	}
}

// byteIndices are at offset.
func (f *file) byteIndices(offset int) func(l, index int) {
	return func(l, index int) { f.line("MOVBU %d(R1), R%d", offset+l, index) }
}

// widerIndices have n bits above the bytes at offset, step from one to the next in R9.
func (f *file) widerIndices(offset, n, step int) func(l, index int) {
	return func(l, index int) {
		f.line("MOVBU %d(R1), R%d", offset+l, index)
		f.line("UBFX $%d, R9, $%d, R14", step*l, n)
		f.line("ORR R14<<8, R%d, R%d", index, index)
	}
}

// storeSigned stores V0 and V1, with the signs of the word that all lanes of V4 have. Points are 128 higher than they are, which a byte is as
// well after it has been negated.
func (f *file) storeSigned() {
	f.bits(4, forBits)
	for v := range 2 {
		f.line("VEOR V%d.B16, V%d.B16, V%d.B16", 4+v, v, v)
		f.line("VSUB V%d.B16, V%d.B16, V%d.B16", 4+v, v, v)
	}
	f.line("VST1.P [V0.B16, V1.B16], 32(R2)")
}

// storedSigns are those of group g, at offset.
func (f *file) storedSigns(offset, g int) {
	f.at("R6", offset+4*g)
	f.line("VLD1R (R6), [V4.S4]")
}

// ofGroup brings the four bytes of group g that have been made for the block to all lanes of V4.
func (f *file) ofGroup(g int) { f.line("VDUP V%d.S[%d], V4.S4", ofBlock+g/4, g%4) }

// even completes seven sign bits of each byte of v: the eighth makes the number of set ones even. It changes V30.
func (f *file) even(v int) {
	f.line("VCNT V%d.B16, V30.B16", v)
	f.line("VSLI $7, V30.B16, V%d.B16", v)
}

func (f *file) prepareSevens() {
	f.prepareBits(forBits)
	f.bytes(22, 0xffff0000ffff0000, 0xffff0000ffff0000)
	f.bytes(23, 0xff00ff00ff00ff00, 0xff00ff00ff00ff00)
	f.line("VMOVI $127, V24.B16")
	f.bytes(25, 0x0000000100000001, 0x0000000100000001)
}

// sevens brings four times seven bits of each lane of w to a byte each of v, and completes them.
func (f *file) sevens(w, v int) {
	f.line("VORR V%d.B16, V%d.B16, V%d.B16", w, w, v)
	for i := range 2 {
		f.line("VSHL $%d, V%d.S4, V30.S4", 2-i, v)
		f.line("VBIT V%d.B16, V30.B16, V%d.B16", 22+i, v)
	}
	f.line("VAND V24.B16, V%d.B16, V%d.B16", v, v)
	f.even(v)
}

// wordScales stores scales of V0 and V1, whose lanes have them at their top above seven signs.
func (f *file) wordScales() {
	for v := range 2 {
		f.line("VUSHR $27, V%d.S4, V%d.S4", v, v)
		f.line("VORR V25.B16, V%d.B16, V%d.B16", v, v)
	}
	f.part(0)
	f.stored(0, 2, 3, "R3")
}

// part is the binary16 at offset times the unit, in V3.
func (f *file) part(offset int) {
	f.half(offset, 3)
	f.do(fmul, 3, 3, unit)
}

func (f *file) prepareNibbles() {
	f.prepareBits(forBits)
	f.line("VMOVI $15, V22.B16")
	f.line("VMOVI $1, V23.B16")
}

// oddNibbles are 2·v + 1 for each nibble v of the bytes at offset, the low one of each first: of four bytes, or with "D2" of eight.
func (f *file) oddNibbles(offset int, arrangement string) {
	f.at("R6", offset)
	f.line("VLD1R (R6), [V0.%s]", arrangement)
	f.line("VUSHR $4, V0.B16, V1.B16")
	f.line("VZIP1 V1.B16, V0.B16, V0.B16")
	f.line("VAND V22.B16, V0.B16, V0.B16")
	f.odd(0)
}

func (f *file) odd(v int) {
	f.line("VSHL $1, V%d.B16, V%d.B16", v, v)
	f.line("VORR V23.B16, V%d.B16, V%d.B16", v, v)
}

// storeMoved stores V0 and V1, points of IQ1, moved by V4 and V5.
func (f *file) storeMoved() {
	for v := range 2 {
		f.line("VADD V%d.B16, V%d.B16, V%d.B16", 4+v, v, v)
	}
	f.line("VST1.P [V0.B16, V1.B16], 32(R2)")
}

func codebookUnpackers() []unpacker {
	return []unpacker{
		codebook("IQ3_XXS", 98, func(f *file) {
			f.prepareSevens()
			f.constant(unit, 0.25)
		}, func(f *file) {
			f.at("R6", 66)
			f.line("VLD1 (R6), [V0.S4, V1.S4]")
			for v := range 2 {
				f.sevens(v, ofBlock+v)
			}
			f.wordScales()
			for g := range 8 {
				f.choose(2, f.byteIndices(2+8*g))
				f.ofGroup(g)
				f.storeSigned()
			}
		}),
		codebook("IQ3_S", 110, (*file).prepareNibbles, func(f *file) {
			f.oddNibbles(106, "S4")
			f.half(0, 3)
			f.eightScales(0, 4, 3, "R3")
			for g := range 8 {
				if g%4 == 0 { // 32 indices, their ninth bits in a word
					f.at("R6", 66+g)
					f.line("VLD1R (R6), [V4.S4]")
					f.bits(4, forBits)
					f.at("R6", 2+8*g)
					f.line("VLD1 (R6), [V0.B16, V1.B16]")
					for v := range 4 {
						f.line("VZIP%d V%d.B16, V%d.B16, V%d.B16", 1+v%2, 4+v/2, v/2, 6+v)
					}
				}
				for i := range 2 {
					f.line("VMOV V%d.D[%d], R%d", 6+g%4, i, 8+i)
				}
				f.choose(2, func(l, index int) { f.line("UBFX $%d, R%d, $9, R%d", 16*(l%4), 8+l/4, index) })
				f.storedSigns(74, g)
				f.storeSigned()
			}
		}),
		codebook("IQ2_XXS", 66, func(f *file) {
			f.prepareSevens()
			f.constant(unit, 0.125)
		}, func(f *file) {
			f.at("R6", 2)
			f.line("VLD2.P 32(R6), [V4.S4, V5.S4]")
			f.line("VLD2 (R6), [V6.S4, V7.S4]")
			for v := range 2 {
				f.line("VORR V%d.B16, V%d.B16, V%d.B16", 5+2*v, 5+2*v, v) // the odd words
				f.sevens(v, ofBlock+v)
			}
			f.wordScales()
			for g := range 8 {
				f.choose(3, f.byteIndices(2+8*g))
				f.ofGroup(g)
				f.storeSigned()
			}
		}),
		codebook("IQ2_XS", 74, func(f *file) {
			f.prepareNibbles()
			f.constant(unit, 0.125)
		}, func(f *file) {
			f.at("R6", 2)
			f.line("VLD1 (R6), %s", list(4, 4, "B16"))
			for v := range 2 {
				f.line("VUZP2 V%d.B16, V%d.B16, V%d.B16", 5+2*v, 4+2*v, ofBlock+v) // the upper bytes
				f.line("VUSHR $1, V%d.B16, V%d.B16", ofBlock+v, ofBlock+v)
				f.even(ofBlock + v)
			}
			f.oddNibbles(66, "D2")
			f.part(0)
			f.sixteenScales(0, 4, 3, "R3")
			for g := range 8 {
				f.choose(3, func(l, index int) {
					f.line("MOVHU %d(R1), R%d", 2+8*g+2*l, index)
					f.line("AND $511, R%d, R%d", index, index)
				})
				f.ofGroup(g)
				f.storeSigned()
			}
		}),
		codebook("IQ2_S", 82, func(f *file) {
			f.prepareNibbles()
			f.constant(unit, 0.125)
		}, func(f *file) {
			f.oddNibbles(74, "D2")
			f.part(0)
			f.sixteenScales(0, 4, 3, "R3")
			for g := range 8 {
				f.line("MOVBU %d(R1), R9", 66+g)
				f.choose(3, f.widerIndices(2+4*g, 2, 2))
				f.storedSigns(34, g)
				f.storeSigned()
			}
		}),
		// Points of IQ1, 8 higher, are moved up or down by one, and are 9 higher then: 2 is added or nothing, where the last bit says down.
		codebook("IQ1_S", 50, func(f *file) {
			f.line("VMOVI $14, V22.B16")
			f.line("VMOVI $1, V23.B16")
			f.constant(unit, 0.125)
		}, func(f *file) {
			f.at("R6", 34)
			f.line("VLD1 (R6), [V0.B16]")
			f.line("VUZP2 V0.B16, V0.B16, V0.B16") // the upper bytes: three bits of a scale above four
			f.line("VUSHR $7, V0.B16, V%d.B16", ofBlock)
			f.line("VEOR V23.B16, V%d.B16, V%d.B16", ofBlock, ofBlock)
			f.line("VSHL $1, V%d.B16, V%d.B16", ofBlock, ofBlock)
			f.line("VUSHR $3, V0.B16, V0.B16")
			f.line("VAND V22.B16, V0.B16, V0.B16")
			f.line("VORR V23.B16, V0.B16, V0.B16")
			f.part(0)
			f.eightScales(0, 4, 3, "R3")
			for g := range 8 {
				f.line("MOVHU %d(R1), R9", 34+2*g)
				f.choose(3, f.widerIndices(2+4*g, 3, 3))
				f.line("VDUP V%d.B[%d], V4.B16", ofBlock, g)
				f.line("VDUP V%d.B[%d], V5.B16", ofBlock, g)
				f.storeMoved()
			}
		}),
		codebook("IQ1_M", 56, func(f *file) {
			f.prepareBits(forBits)
			f.line("VMOVI $7, V22.B16")
			f.line("VMOVI $1, V23.B16")
			f.line("VMOVI $2, V24.B16")
			f.bytes(25, 0x0100010001000100, 0x0302030203020302) // each of two words four times
			f.bytes(26, 0x0504050405040504, 0x0706070607060706)
			f.bytes(27, 0x00f700fa00fd0000, 0x00f700fa00fd0000) // 0, −3, −6 and −9
			f.constant(unit, 0.125)
		}, func(f *file) {
			f.at("R6", 32)
			f.line("VLD1 (R6), [V0.B16]")
			f.line("VUSHR $4, V0.B16, V1.B16")
			for v := range 2 { // the last bits of nibbles
				f.line("VZIP%d V1.B16, V0.B16, V%d.B16", 1+v, ofBlock+v)
				f.line("VUSHR $2, V%d.B16, V%d.B16", ofBlock+v, ofBlock+v)
				f.line("VAND V24.B16, V%d.B16, V%d.B16", ofBlock+v, ofBlock+v)
				f.line("VEOR V24.B16, V%d.B16, V%d.B16", ofBlock+v, ofBlock+v)
			}
			f.at("R6", 48)
			f.line("VLD1R (R6), [V2.D2]")
			for v := range 2 {
				f.line("VTBL V%d.B16, [V2.B16], V%d.B16", 25+v, v)
				f.do(ushlHalves, v, v, 27)
			}
			f.line("VUZP1 V1.B16, V0.B16, V0.B16")
			f.line("VAND V22.B16, V0.B16, V0.B16")
			f.odd(0)
			f.line("MOVD 48(R1), R9")
			f.line("UBFX $12, R9, $4, R10") // a binary16 of four nibbles
			for i := 1; i < 4; i++ {
				f.line("UBFX $%d, R9, $4, R11", 16*i+12)
				f.line("ORR R11<<%d, R10, R10", 4*i)
			}
			f.line("VDUP R10, V3.H8")
			f.do(fcvtlHalves, 3, 3, 0)
			f.do(fmul, 3, 3, unit)
			f.sixteenScales(0, 4, 3, "R3")
			for g := range 8 {
				f.line("MOVHU %d(R1), R9", 32+2*g)
				f.choose(3, f.widerIndices(4*g, 3, 4))
				f.ofGroup(g)
				f.eightTimes(4, forBits)
				f.storeMoved()
			}
		}),
	}
}

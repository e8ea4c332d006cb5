package main

// Rows of weights become a byte for each element, in order, with a scale and, in some formats, a minimum for each 32 or 16 of them.

// unpacker is the kernel of a format with blocks of size bytes.
type unpacker struct {
	name           string
	size           int
	extra          []param // behind the others
	prepare, block func(f *file)
}

// Registers: R1 is at a block, R2, R3 and R4 go along what is made of it: bytes, scales and minima; R6 and R7 walk within it. V16 and up
// are constants.

const byUnit = 31 // the register of what minima are counted in: the sums of X that they meet are −128 times what they are

var unpackers = append([]unpacker{
	{"Q8_0", 34, nil, func(f *file) { f.line("VMOVI $128, V16.B16") }, func(f *file) {
		f.at("R6", 2)
		f.line("VLD1 (R6), [V0.B16, V1.B16]")
		for v := range 2 {
			f.line("VEOR V16.B16, V%d.B16, V%d.B16", v, v)
		}
		f.line("VST1.P [V0.B16, V1.B16], 32(R2)")
		f.half(0, 4)
		f.line("FMOVS.P F4, 4(R3)")
	}},
	{"IQ4_XS", 136, []param{{"levels", "*int8", "R5"}}, func(f *file) {
		f.unsignedLevels()
		f.line("VMOVI $15, V16.B16")
		f.line("VMOVI $3, V18.B16")
		f.line("VMOVI $32, V19.B16")
		f.bytes(20, 0x0101010100000000, 0x0101010100000000) // which of two bytes
		f.bytes(21, 0xfafcfe00fafcfe00, 0xfafcfe00fafcfe00) // 0, −2, −4 and −6
	}, func(f *file) {
		f.at("R6", 8)
		for range 4 {
			f.line("VLD1.P 32(R6), [V0.B16, V1.B16]")
			f.line("VAND V16.B16, V0.B16, V4.B16")
			f.line("VUSHR $4, V0.B16, V5.B16")
			f.line("VAND V16.B16, V1.B16, V6.B16")
			f.line("VUSHR $4, V1.B16, V7.B16")
			for v := 4; v < 8; v++ {
				f.line("VTBL V%d.B16, [V17.B16], V%d.B16", v, v)
			}
			f.line("VST1.P %s, 64(R2)", list(4, 4, "B16"))
		}
		f.at("R6", 4)
		f.line("VLD1R (R6), [V0.S4]")
		f.line("VUSHR $4, V0.B16, V1.B16")
		f.line("VZIP1 V1.B16, V0.B16, V0.B16")
		f.line("VAND V16.B16, V0.B16, V0.B16")
		f.at("R6", 2)
		f.line("VLD1R (R6), [V1.H8]")
		f.line("VTBL V20.B16, [V1.B16], V1.B16")
		f.do(ushl, 1, 1, 21)
		f.topBits(0, 1, 18, 19)
		f.half(0, 3)
		f.eightScales(0, 4, 3, "R3")
	}},
	{"Q4_K", 144, nil, func(f *file) {
		f.line("VMOVI $15, V16.B16")
		f.preparePairs()
	}, func(f *file) {
		f.at("R6", 16)
		for range 4 {
			f.nibbles()
			for v := 4; v < 6; v++ {
				f.line("VAND V16.B16, V%d.B16, V%d.B16", v, v)
			}
			f.line("VST1.P %s, 64(R2)", list(4, 4, "B16"))
		}
		f.pairs()
	}},
	{"Q5_K", 176, nil, func(f *file) {
		f.line("VMOVI $31, V16.B16")
		f.preparePairs()
	}, func(f *file) {
		f.at("R6", 16)
		f.line("VLD1.P 32(R6), [V2.B16, V3.B16]")
		for j := range 4 {
			f.nibbles()
			for i := range 4 {
				f.merge(2+i%2, 2*j+i/2, 4, 16, 4+i)
			}
			f.line("VST1.P %s, 64(R2)", list(4, 4, "B16"))
		}
		f.pairs()
	}},
	{"Q6_K", 210, nil, func(f *file) { f.line("VMOVI $63, V16.B16") }, func(f *file) {
		f.at("R6", 0)
		f.at("R7", 128)
		for range 2 {
			f.line("VLD1.P 64(R6), %s", list(4, 4, "B16"))
			f.line("VLD1.P 32(R7), [V2.B16, V3.B16]")
			for v := range 4 {
				f.line("VUSHR $4, V%d.B16, V%d.B16", 4+v, 8+v)
			}
			for v := range 8 {
				f.merge(2+v%2, v/2*2, 4, 16, 4+v)
			}
			f.line("VST1.P %s, 64(R2)", list(4, 4, "B16"))
			f.line("VST1.P %s, 64(R2)", list(8, 4, "B16"))
		}
		f.line("VLD1 (R7), [V0.B16]")
		f.half(208, 3)
		f.sixteenScales(0, 4, 3, "R3")
	}},
	{"Q2_K", 84, nil, func(f *file) {
		f.line("VMOVI $3, V16.B16")
		f.line("VMOVI $15, V17.B16")
		f.constant(byUnit, 1./128)
	}, func(f *file) {
		f.at("R6", 16)
		f.twoBits(func(_, v int) { f.line("VAND V16.B16, V%d.B16, V%d.B16", v, v) })
		f.line("VLD1 (R1), [V0.B16]")
		f.line("VUSHR $4, V0.B16, V1.B16")
		f.line("VAND V17.B16, V0.B16, V0.B16")
		f.half(80, 2)
		f.half(82, 3)
		f.do(fmul, 3, 3, byUnit)
		f.sixteenScales(0, 4, 2, "R3")
		f.sixteenScales(1, 4, 3, "R4")
	}},
	{"Q3_K", 110, nil, func(f *file) {
		f.line("VMOVI $7, V16.B16")
		f.line("VMOVI $15, V17.B16")
		f.line("VMOVI $3, V18.B16")
		f.line("VMOVI $32, V19.B16")
		f.bytes(20, 0xfefefefe00000000, 0xfafafafafcfcfcfc) // 0, −2, −4 and −6, four of each
	}, func(f *file) {
		f.line("VLD1 (R1), [V2.B16, V3.B16]")
		f.at("R6", 32)
		f.twoBits(func(g, v int) { f.merge(2+v%2, g, 2, 16, v) })
		f.line("VLD1R (R6), [V0.D2]")
		f.line("VUSHR $4, V0.B16, V1.B16")
		f.line("VZIP1 V1.D2, V0.D2, V0.D2")
		f.line("VAND V17.B16, V0.B16, V0.B16")
		f.at("R6", 104)
		f.line("VLD1R (R6), [V1.S4]")
		f.do(ushl, 1, 1, 20)
		f.topBits(0, 1, 18, 19)
		f.half(108, 3)
		f.sixteenScales(0, 4, 3, "R3")
	}},
}, nibbleUnpackers()...)

// nibbleUnpackers are those of formats of blocks of 32 with nibbles.
func nibbleUnpackers() (list []unpacker) {
	for _, t := range []struct {
		name           string
		size, offset   int // of a block; of its nibbles
		high           int // of 32 bits above them; 0: there are none
		minimum        bool
		levels, powers bool // nibbles stand for a number; the first byte of a block does
	}{
		{name: "Q4_0", size: 18, offset: 2},
		{name: "Q4_1", size: 20, offset: 4, minimum: true},
		{name: "Q5_0", size: 22, offset: 6, high: 2},
		{name: "Q5_1", size: 24, offset: 8, high: 4, minimum: true},
		{name: "IQ4_NL", size: 18, offset: 2, levels: true},
		{name: "MXFP4", size: 17, offset: 1, levels: true, powers: true},
	} {
		u := unpacker{name: t.name, size: t.size}
		if t.levels {
			u.extra = append(u.extra, param{"levels", "*int8", "R5"})
		}
		if t.powers {
			u.extra = append(u.extra, param{"scales", "*float32", "R8"})
		}
		u.prepare = func(f *file) {
			if t.levels {
				f.unsignedLevels()
			}
			if t.high > 0 {
				f.line("VMOVI $31, V16.B16")
				f.prepareBits(18)
			} else {
				f.line("VMOVI $15, V16.B16")
			}
			if t.minimum {
				f.constant(byUnit, -1./128) // it is added
			}
		}
		u.block = func(f *file) {
			f.at("R6", t.offset)
			f.line("VLD1 (R6), [V0.B16]")
			f.line("VUSHR $4, V0.B16, V1.B16")
			if t.high > 0 {
				f.at("R6", t.high)
				f.line("VLD1R (R6), [V4.S4]")
				f.bits(4, 18)
				for v := range 2 {
					f.merge(4+v, 0, 4, 16, v)
				}
			} else {
				f.line("VAND V16.B16, V0.B16, V0.B16")
			}
			if t.levels {
				f.line("VTBL V0.B16, [V17.B16], V0.B16")
				f.line("VTBL V1.B16, [V17.B16], V1.B16")
			}
			f.line("VST1.P [V0.B16, V1.B16], 32(R2)")
			if t.powers {
				f.line("MOVBU (R1), R6")
				f.line("FMOVS (R8)(R6<<2), F4")
			} else {
				f.half(0, 4)
			}
			f.line("FMOVS.P F4, 4(R3)")
			if t.minimum {
				f.half(2, 4)
				f.do(fmul, 4, 4, byUnit)
				f.line("FMOVS.P F4, 4(R4)")
			}
		}
		list = append(list, u)
	}
	return list
}

func (u unpacker) write(f *file) {
	params := []param{{"n", "int", "R0"}, {"src", "*byte", "R1"}, {"q", "*uint8", "R2"}, {"d", "*float32", "R3"}, {"m", "*float32", "R4"}}
	f.function("unpack"+u.name, "unpacks n blocks, at least one.", append(params, u.extra...), "")
	u.prepare(f)
	f.label("block")
	u.block(f)
	f.line("ADD $%d, R1, R1", u.size)
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.line("RET")
}

// at lets a register point into a block.
func (f *file) at(register string, offset int) { f.line("ADD $%d, R1, %s", offset, register) }

// half fills register v with the binary16 at offset. It changes R7.
func (f *file) half(offset, v int) {
	f.at("R7", offset)
	f.line("VLD1R (R7), [V%d.H8]", v)
	f.do(fcvtlHalves, v, v, 0)
}

// bytes are a constant. It changes R9.
func (f *file) bytes(v int, low, high uint64) {
	f.line("MOVD $0x%016x, R9", low)
	f.line("VDUP R9, V%d.D2", v)
	if high != low {
		f.line("MOVD $0x%016x, R9", high)
		f.line("VMOV R9, V%d.D[1]", v)
	}
}

// prepareBits are three constants for bits, from v on.
func (f *file) prepareBits(v int) {
	f.bytes(v, 0, 0x0101010101010101) // each of four bytes eight times
	f.bytes(v+1, 0x0202020202020202, 0x0303030303030303)
	f.bytes(v+2, 0x8040201008040201, 0x8040201008040201)
}

// bits makes 32 bytes of the word that all lanes of v have, in v and v+1: all ones where a bit is set, or zero.
func (f *file) bits(v, prepared int) {
	f.eightTimes(v, prepared)
	for i := range 2 {
		f.line("VCMTST V%d.B16, V%d.B16, V%d.B16", prepared+2, v+i, v+i)
	}
}

// eightTimes are the four bytes that all lanes of v have eight times each, in v and v+1.
func (f *file) eightTimes(v, prepared int) {
	f.line("VTBL V%d.B16, [V%d.B16], V%d.B16", prepared+1, v, v+1)
	f.line("VTBL V%d.B16, [V%d.B16], V%d.B16", prepared, v, v)
}

// unsignedLevels are what nibbles stand for, 128 higher, in V17.
func (f *file) unsignedLevels() {
	f.line("VLD1 (R5), [V17.B16]")
	f.line("VMOVI $128, V18.B16")
	f.line("VEOR V18.B16, V17.B16, V17.B16")
}

// nibbles are the 32 bytes that R6 points to, whose low halves are elements, in V4 and V5, and their high halves in V6 and V7.
func (f *file) nibbles() {
	f.line("VLD1.P 32(R6), [V4.B16, V5.B16]")
	for v := 4; v < 6; v++ {
		f.line("VUSHR $4, V%d.B16, V%d.B16", v, v+2)
	}
}

// merge puts the bits of each byte from number from on behind the lowest to of v, and keeps those of mask. It changes V30.
func (f *file) merge(bits, from, to, mask, v int) {
	if from > 0 {
		f.line("VUSHR $%d, V%d.B16, V30.B16", from, bits)
		bits = 30
	}
	f.line("VSLI $%d, V%d.B16, V%d.B16", to, bits, v)
	f.line("VAND V%d.B16, V%d.B16, V%d.B16", mask, v, v)
}

// twoBits are elements of two bits in the order of Q2_K, from where R6 points to; clean takes what is above them from 16 of group g of 32.
func (f *file) twoBits(clean func(g, v int)) {
	for h := range 2 {
		f.line("VLD1.P 32(R6), [V4.B16, V5.B16]")
		for v := 6; v < 12; v++ {
			f.line("VUSHR $%d, V%d.B16, V%d.B16", (v-4)/2*2, 4+v%2, v)
		}
		for v := range 8 {
			clean(4*h+v/2, 4+v)
		}
		f.line("VST1.P %s, 64(R2)", list(4, 4, "B16"))
		f.line("VST1.P %s, 64(R2)", list(8, 4, "B16"))
	}
}

// topBits puts the two lowest bits of top above the nibbles of v, which have a base.
func (f *file) topBits(v, top, three, base int) {
	f.line("VAND V%d.B16, V%d.B16, V%d.B16", three, top, top)
	f.line("VSLI $4, V%d.B16, V%d.B16", top, v)
	f.line("VSUB V%d.B16, V%d.B16, V%d.B16", base, v, v)
}

// eightScales stores the eight lowest signed bytes of v as float32, times those of by, where to points, which moves on. It changes t and t+1.
func (f *file) eightScales(v, t, by int, to string) {
	f.do(sxtlBytes, t, v, 0)
	f.do(sxtl2Halves, t+1, t, 0)
	f.do(sxtlHalves, t, t, 0)
	f.stored(t, 2, by, to)
}

// sixteenScales is eightScales of all 16; it changes t to t+3.
func (f *file) sixteenScales(v, t, by int, to string) {
	f.do(sxtlBytes, t, v, 0)
	f.do(sxtl2Bytes, t+2, v, 0)
	for _, i := range []int{t, t + 2} {
		f.do(sxtl2Halves, i+1, i, 0)
		f.do(sxtlHalves, i, i, 0)
	}
	f.stored(t, 4, by, to)
}

func (f *file) stored(t, n, by int, to string) {
	for i := range n {
		f.do(scvtf, t+i, t+i, 0)
		f.do(fmul, t+i, t+i, by)
	}
	f.line("VST1.P %s, %d(%s)", list(t, n, "S4"), 16*n, to)
}

// The eight pairs of Q4_K and Q5_K lie behind two binary16 in 12 bytes: the first four scales in the low six bits of the first word, as many
// minima in those of the second; the others have four bits in the third, low and high ones, and their top two above the first and the second.

func (f *file) preparePairs() {
	f.bytes(20, 0x0f0e0d0c07060504, 0x0f0e0d0c0b0a0908) // the words first, third, second, third
	f.bytes(21, 0, 0xfcfcfcfc00000000)
	f.bytes(22, 0x0f0f0f0f3f3f3f3f, 0x0f0f0f0f3f3f3f3f)
	f.bytes(23, 0x07060504ffffffff, 0x0b0a0908ffffffff) // none, first, none, second
	f.constant(byUnit, 1./128)
}

func (f *file) pairs() {
	f.line("VLD1 (R1), [V0.B16]")
	f.line("VTBL V20.B16, [V0.B16], V1.B16")
	f.do(ushl, 1, 1, 21)
	f.line("VAND V22.B16, V1.B16, V1.B16")
	f.line("VTBL V23.B16, [V0.B16], V2.B16")
	f.line("VUSHR $6, V2.B16, V2.B16")
	f.line("VSHL $4, V2.B16, V2.B16")
	f.line("VORR V2.B16, V1.B16, V1.B16")
	f.half(0, 2)
	f.half(2, 3)
	f.do(fmul, 3, 3, byUnit)
	f.eightScales(1, 4, 2, "R3")
	f.line("VDUP V1.D[1], V1.D2")
	f.eightScales(1, 4, 3, "R4")
}

package main

import (
	"fmt"
	"math"
)

// What package simd says of simd.ByteBlock, simd.ByteRows and simd.BytePanels, in bytes.
const (
	blockSize   = 80 // of X: 32 upper and 32 lower bytes, then their factor and their sums
	blockLower  = 32
	blockFactor = 64
	blockSum    = 68
	blockSums   = 72 // of both halves
	rowBytes    = 512
	sumsRow     = 2 * 16 * 4
)

// byteTile takes r rows of X by a panel of 16 rows of weights in signed bytes, of which SDOT adds up four products in a lane exactly, those of
// upper bytes first, then, the sums moved up by 8 bits, those of lower ones. Sums become float32 behind each 32 columns, or 16, and are kept in
// the first-level cache: with those of whole numbers all registers are taken.
func byteTile(f *file, r, steps int) {
	const weights, x, whole = 0, 8, 16 // registers; those of a row of X are the four from whole + 4·row on
	beginTile(f, "SDOT", r, 4*steps)
	for part := range 8 / steps {
		f.zero(whole, whole+4*r)
		for _, bytes := range []int{0, blockLower} {
			if bytes == blockLower {
				f.line("SUB $%d, R3, R3", 64*steps)
				for v := whole; v < whole+4*r; v++ {
					f.line("VSHL $8, V%d.S4, V%d.S4", v, v)
				}
			}
			for k := range steps {
				if k%4 == 0 { // 16 columns of X are a register
					for i := range r {
						f.line("FMOVQ %d(R%d), F%d", bytes+4*(steps*part+k), 7+i, x+i)
					}
				}
				f.line("VLD1.P 64(R3), %s", list(weights, 4, "B16"))
				for i := range r {
					for j := range 4 {
						f.do(sdotLane.lane(k%4), whole+4*i+j, weights+j, x+i)
					}
				}
			}
		}
		for v := whole; v < whole+4*r; v++ {
			f.do(scvtf, v, v, 0)
		}
		scaled(f, r, part, 4*steps)
	}
	endTile(f, r)
}

// matrixTile is byteTile with SMMLA: eight columns a step, of two rows of X by two of weights. Sums come in pairs of two rows, which are parted
// where they become float32.
func matrixTile(f *file, r, steps int) {
	const weights, x, pair, whole = 0, 8, 12, 16
	pairs := (r + 1) / 2
	beginTile(f, "SMMLA", r, 8*steps)
	for part := range 4 / steps {
		f.zero(whole, whole+8*pairs)
		for _, bytes := range []int{0, blockLower} {
			if bytes == blockLower {
				f.line("SUB $%d, R3, R3", 128*steps)
				for v := whole; v < whole+8*pairs; v++ {
					f.line("VSHL $8, V%d.S4, V%d.S4", v, v)
				}
			}
			for k := range steps {
				if k%2 == 0 { // 16 columns of two rows become two registers of eight columns of both
					for i := range r {
						f.line("FMOVQ %d(R%d), F%d", bytes+8*(steps*part+k), 7+i, x+i)
					}
					for p := range pairs {
						second := x + 2*p + 1
						if r == 1 {
							second = x // whose sums nobody reads
						}
						for i := range 2 {
							f.line("VZIP%d V%d.D2, V%d.D2, V%d.D2", 1+i, second, x+2*p, pair+2*p+i)
						}
					}
				}
				f.line("VLD1.P 64(R3), %s", list(weights, 4, "B16"))
				f.line("VLD1.P 64(R3), %s", list(weights+4, 4, "B16"))
				for p := range pairs {
					for j := range 8 { // the first two of four rows of weights where a row of X will have its sums, the others where the next will
						f.do(smmla, whole+8*p+j%2*4+j/2, pair+2*p+k%2, weights+j)
					}
				}
			}
		}
		for i := range pairs {
			for q := range 4 {
				first, second := whole+8*i+q, whole+8*i+4+q
				f.line("VZIP1 V%d.D2, V%d.D2, V%d.D2", second, first, x)
				if r > 1 {
					f.line("VZIP2 V%d.D2, V%d.D2, V%d.D2", second, first, second)
					f.do(scvtf, second, second, 0)
				}
				f.do(scvtf, first, x, 0)
			}
		}
		scaled(f, r, part, 8*steps)
	}
	endTile(f, r)
}

// beginTile begins a tile of r rows of X with scales of so many columns. Those are where R7 and on point to.
func beginTile(f *file, instructions string, r, columns int) {
	f.function(fmt.Sprintf("byteTile%dx%d%s", columns, r, instructions),
		fmt.Sprintf("is ByteTile for %d rows and the panel from where w, d, m and sums point to, with scales of each %d columns, in n blocks of 32; m may be nil.", r, columns),
		[]param{{"n", "int", "R0"}, {"x", "*int8", "R7"}, {"stride", "int", "R2"}, {"w", "*uint8", "R3"}, {"d", "*float32", "R4"}, {"m", "*float32", "R5"}, {"sums", "*float32", "R6"}}, "")
	for i := 1; i < r; i++ {
		f.line("ADD R2, R%d, R%d", 6+i, 7+i)
	}
	f.label("block")
}

func endTile(f *file, r int) {
	for i := range r {
		f.line("ADD $%d, R%d, R%d", blockSize, 7+i, 7+i)
	}
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.line("RET")
}

// scaled adds the whole numbers of a part of a block to the sums of float32: times the scales of the weights and the factor of X, with minima
// times what was summed of X.
func scaled(f *file, r, part, columns int) {
	const scales, minima, of, whole = 0, 4, 12, 16
	f.line("VLD1.P 64(R4), %s", list(scales, 4, "S4"))
	for v := whole; v < whole+4*r; v++ {
		f.do(fmul, v, v, scales+v%4)
	}
	none, sum := fmt.Sprintf("none%d", part), blockSum
	if columns == 16 {
		sum = blockSums + 4*part
	}
	f.line("CBZ R5, %s", none)
	f.line("VLD1.P 64(R5), %s", list(minima, 4, "S4"))
	for i := range r {
		f.line("FMOVS %d(R%d), F%d", sum, 7+i, of)
		f.do(scvtf, of, of, 0)
		for j := range 4 {
			f.do(fmlaLane.lane(0), whole+4*i+j, minima+j, of)
		}
	}
	f.label(none)
	f.line("MOVD R6, R11")
	for i := range r {
		f.line("FMOVS %d(R%d), F%d", blockFactor, 7+i, of)
		f.line("VLD1 (R11), %s", list(minima, 4, "S4"))
		for j := range 4 {
			f.do(fmlaLane.lane(0), minima+j, whole+4*i+j, of)
		}
		f.line("VST1 %s, (R11)", list(minima, 4, "S4"))
		f.line("ADD $%d, R11, R11", sumsRow)
	}
}

// bytePanel4 turns 16 rows of bytes: four of each row become a lane.
func bytePanel4(f *file) {
	bytePanel(f, "bytePanel4NEON", 4, func(g, turned int) { f.turn(0, 5, func(k int) int { return turned + 4*k + g }) })
}

// bytePanel8 turns them for SMMLA: eight of each row become half a register.
func bytePanel8(f *file) {
	bytePanel(f, "bytePanel8NEON", 2, func(g, turned int) {
		for i := range 2 {
			f.line("VZIP%d V1.D2, V0.D2, V%d.D2", 1+i, turned+8*i+g)
		}
	})
}

// bytePanel takes some rows at a time in registers from 0 on; turn makes their bytes part number g of the registers from turned on, all 16 of
// which are stored.
func bytePanel(f *file, name string, rows int, turn func(g, turned int)) {
	f.function(name, "takes n times 16 columns of rows of 512 bytes, and base away from them.",
		[]param{{"n", "int", "R0"}, {"dst", "*uint8", "R1"}, {"src", "*uint8", "R2"}, {"base", "int", "R3"}}, "")
	const base, turned = 4, 16
	f.line("VDUP R3, V%d.B16", base)
	f.line("MOVD $%d, R7", rowBytes)
	f.label("step")
	f.line("MOVD R2, R6")
	for g := range 16 / rows {
		for v := range rows {
			f.line("VLD1.P (R6)(R7), [V%d.B16]", v)
			f.line("VSUB V%d.B16, V%d.B16, V%d.B16", base, v, v)
		}
		turn(g, turned)
	}
	for k := range 4 {
		f.line("VST1.P %s, 64(R1)", list(turned+4*k, 4, "B16"))
	}
	f.line("ADD $16, R2, R2")
	f.line("SUBS $1, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

// rounded makes pairs of signed bytes of the next 32 elements from R1 on: upper ones in V24 and V25, lower ones in V26 and V27, the factor in
// F16, the sums of each half in F18 and F19. It goes on at odd, with zeros for bytes, where the factor is none that could be divided by.
func rounded(f *file) {
	const steps, half = 31, 30
	f.line("VLD1.P 64(R1), %s", list(0, 4, "S4"))
	f.line("VLD1.P 64(R1), %s", list(4, 4, "S4"))
	for v := range 8 {
		f.do(fabs, 16+v, v, 0)
	}
	for n := 4; n > 0; n /= 2 {
		for v := range n {
			f.do(fmax, 16+v, 16+v, 16+v+n)
		}
	}
	f.do(fmaxv, 16, 16, 0)
	f.zero(24, 28)
	f.line("FMOVS F16, R9")
	f.line("CMPW R10, R9")
	f.line("BHI odd") // infinite or no number
	f.line("CMPW R11, R9")
	f.line("BLO nothing")
	f.line("FDIVS F16, F%d, F17", steps)
	f.line("FDIVS F%d, F16, F16", steps)
	for v := range 8 {
		f.do(fmulLane.lane(0), v, v, 17)
		f.do(fcvtns, v, v, 0)
	}
	for i := range 2 {
		f.line("VADD V%d.S4, V%d.S4, V20.S4", 4*i, 4*i+1)
		f.line("VADD V%d.S4, V%d.S4, V21.S4", 4*i+2, 4*i+3)
		f.line("VADD V20.S4, V21.S4, V20.S4")
		f.line("VADDV V20.S4, V%d", 18+i)
	}
	for i := range 4 {
		f.line("VUZP1 V%d.H8, V%d.H8, V%d.H8", 2*i+1, 2*i, 20+i)
	}
	for i := range 2 {
		f.line("VUZP1 V%d.B16, V%d.B16, V%d.B16", 21+2*i, 20+2*i, 26+i)
	}
	for v := 20; v < 24; v++ {
		f.line("VADD V%d.H8, V%d.H8, V%d.H8", half, v, v)
	}
	for i := range 2 {
		f.line("VUZP2 V%d.B16, V%d.B16, V%d.B16", 21+2*i, 20+2*i, 24+i)
	}
}

// prepareRounded makes the constants of rounded.
func prepareRounded(f *file) {
	f.constant(31, 32639)
	f.line("MOVD $128, R9")
	f.line("VDUP R9, V30.H8")
	f.line("MOVW $0x%08x, R10", math.Float32bits(math.MaxFloat32))
	f.line("MOVW $0x%08x, R11", math.Float32bits(1e-33)) // simd's smallest
}

// byteRow makes blocks of X for tiles.
func byteRow(f *file) {
	f.function("byteRowNEON", "makes n blocks.", []param{{"n", "int", "R0"}, {"x", "*float32", "R1"}, {"dst", "*int8", "R2"}}, "")
	prepareRounded(f)
	f.label("block")
	rounded(f)
	for i := range 2 {
		f.line("FMOVS F%d, R%d", 18+i, 6+i)
		f.line("NEGW R%d, R%d", 6+i, 6+i)
		f.line("LSLW $7, R%d, R%d", 6+i, 6+i)
	}
	f.label("put")
	f.line("VST1 %s, (R2)", list(24, 4, "B16"))
	f.line("FMOVS F16, %d(R2)", blockFactor)
	f.line("ADDW R6, R7, R8")
	f.line("MOVW R8, %d(R2)", blockSum)
	f.line("MOVW R6, %d(R2)", blockSums)
	f.line("MOVW R7, %d(R2)", blockSums+4)
	f.line("ADD $%d, R2, R2", blockSize)
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.line("RET")
	f.label("nothing")
	f.zero(16, 17)
	f.label("odd")
	f.line("MOVD ZR, R6")
	f.line("MOVD ZR, R7")
	f.line("B put")
}

// quantize makes simd.Bytes.
func quantize(f *file) {
	f.function("quantizeNEON", "makes n blocks of Bytes, InOrder.", []param{{"n", "int", "R0"}, {"x", "*float32", "R1"}, {"upper", "*int8", "R2"}, {"lower", "*int8", "R3"},
		{"d", "*float32", "R4"}, {"s", "*float32", "R5"}, {"h", "*float32", "R6"}}, "")
	prepareRounded(f)
	f.label("block")
	rounded(f)
	for v := 18; v < 20; v++ {
		f.do(scvtf, v, v, 0)
	}
	f.do(fadd, 20, 18, 19)
	for v := 18; v < 21; v++ {
		f.do(fmul, v, v, 16)
	}
	f.label("put")
	f.line("VST1.P [V24.B16, V25.B16], 32(R2)")
	f.line("VST1.P [V26.B16, V27.B16], 32(R3)")
	f.line("FMOVS.P F16, 4(R4)")
	f.line("FMOVS.P F20, 4(R5)")
	f.line("FMOVS.P F18, 4(R6)")
	f.line("FMOVS.P F19, 4(R6)")
	f.line("SUBS $1, R0, R0")
	f.line("BNE block")
	f.line("RET")
	f.label("nothing")
	f.zero(16, 17)
	f.label("odd")
	for v := 18; v < 21; v++ {
		f.line("VMOV V16.B16, V%d.B16", v)
	}
	f.line("B put")
}

// bytePeak multiplies bytes that are in registers.
func bytePeak(f *file, product form) {
	f.function("bytePeak"+product.name, "multiplies and adds n times 16 registers of bytes.", []param{{"n", "int", "R0"}}, "")
	f.zero(0, 2)
	f.zero(16, 32)
	f.label("step")
	for v := 16; v < 32; v++ {
		f.do(product, v, 0, 1)
	}
	f.line("SUBS $1, R0, R0")
	f.line("BNE step")
	f.line("RET")
}

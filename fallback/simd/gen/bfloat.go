package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bytesOfTile are those of a tile register in use: 16 rows of 64 bytes.
const bytesOfTile = 1024

// bfloatConfig is what the tile registers are configured with: palette 1, all 8 of them with 16 rows of 64 bytes.
func bfloatConfig() Mem {
	config := GLOBL("bfloatConfig", 8|16) // RODATA and NOPTR
	DATA(0, U64(1))
	DATA(8, U64(0))
	for i := range 6 {
		v := uint64(0)
		switch {
		case i < 2: // bytes 16 to 31: the lengths of rows
			v = 0x0040004000400040
		case i == 4: // bytes 48 to 55: the numbers of rows
			v = 0x1010101010101010
		}
		DATA(16+8*i, U64(v))
	}
	return config
}

// bfloatTile takes tiles of 16 rows of X by two panels of 16 columns, two tiles at a time: 4 of the 8 tile registers keep their sums.
func bfloatTile() {
	config := bfloatConfig()
	TEXT("bfloatTileAMX", NOSPLIT, "func(steps, tiles int, a, b *uint16, sums *float32, stride int, add bool)")
	Doc("bfloatTileAMX is BFloatTile. The tile registers are configured and released here: nothing else ever sees them in use.")
	Pragma("noescape")
	line, a0, a1, b, sums, k := reg.RAX, reg.RSI, reg.RDI, reg.RBX, reg.RDX, reg.RCX
	steps, tiles, panels, size, add, stride := reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13
	load := func(name string, r reg.GPPhysical) {
		Load(Param(name), r)
	}
	load("steps", steps)
	load("tiles", tiles)
	load("a", a0)
	load("b", panels)
	load("sums", sums)
	load("stride", stride)
	SHLQ(Imm(2), stride)
	Load(Param("add"), reg.R12B)
	MOVBQZX(reg.R12B, add)
	low, p := reg.R15, reg.R15
	LEAQ(config, p)
	loadConfig(p)
	MOVQ(U32(64), line)
	MOVQ(steps, size)
	SHLQ(Imm(10), size)

	at := func(base reg.GPPhysical, tile int) rows { return rows{base, line, uint32(bytesOfTile * tile)} }
	block := func(name string, high int) {
		begin := func(do func(t tile)) {
			for t := range tile(2 * high) {
				do(t)
			}
		}
		place := func(t tile) rows { // of its sums
			if t >= 2 {
				return rows{low, stride, uint32(64 * (t - 2))}
			}
			return rows{sums, stride, uint32(64 * t)}
		}
		if high == 2 {
			MOVQ(stride, low)
			SHLQ(Imm(4), low)
			ADDQ(sums, low)
		}
		TESTQ(add, add)
		JNZ(LabelRef(name + "_add"))
		begin(zeroTile)
		JMP(LabelRef(name + "_begin"))
		Label(name + "_add")
		begin(func(t tile) { loadTile(place(t), t) })
		Label(name + "_begin")
		MOVQ(panels, b)
		MOVQ(steps, k)
		LEAQ(Mem{Base: a0, Index: size, Scale: 1}, a1)
		Label(name + "_step")
		loadTile(at(b, 0), 6)
		loadTile(at(a0, 0), 4)
		dotTile(6, 4, 0)
		loadTile(at(b, 1), 7)
		dotTile(7, 4, 1)
		if high == 2 {
			loadTile(at(a1, 0), 5)
			dotTile(6, 5, 2)
			dotTile(7, 5, 3)
			ADDQ(U32(bytesOfTile), a1)
		}
		ADDQ(U32(bytesOfTile), a0)
		ADDQ(U32(2*bytesOfTile), b)
		DECQ(k)
		JNZ(LabelRef(name + "_step"))
		begin(func(t tile) { storeTile(t, place(t)) })
	}
	JMP(LabelRef("check"))
	Label("pair")
	block("pair", 2)
	MOVQ(a1, a0)
	MOVQ(stride, sums)
	SHLQ(Imm(4), sums)
	ADDQ(low, sums)
	SUBQ(Imm(2), tiles)
	Label("check")
	CMPQ(tiles, Imm(2))
	JGE(LabelRef("pair"))
	TESTQ(tiles, tiles)
	JZ(LabelRef("done"))
	block("last", 1)
	Label("done")
	release()
	RET()

	TEXT("bfloatPeakAMX", NOSPLIT, "func(n int)")
	Doc("bfloatPeakAMX multiplies 4n tiles that are in registers.")
	n := Load(Param("n"), reg.RCX)
	LEAQ(config, p)
	loadConfig(p)
	for t := range tile(8) {
		zeroTile(t)
	}
	Label("step")
	for t := range tile(4) {
		dotTile(6+t%2, 4+t/2, t)
	}
	DECQ(n)
	JNZ(LabelRef("step"))
	release()
	RET()
}

// zs are registers of 64 bytes by number.
var zs = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}

// bfloatRow rounds a row of X into the tiles that it is a row of.
func bfloatRow() {
	TEXT("bfloatRowAVX512", NOSPLIT, "func(steps int, dst *uint16, src *float32)")
	Doc("bfloatRowAVX512 rounds 32 elements a step; what it makes of them is 1024 bytes behind that of the step before.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), reg.RDI), Load(Param("src"), reg.RSI), Load(Param("steps"), reg.RCX)
	Label("step")
	VMOVUPS(Mem{Base: src}, zs[0])
	VMOVUPS(Mem{Base: src, Disp: 64}, zs[1])
	round(zs[0], zs[1], zs[2])
	VMOVUPS(zs[2], Mem{Base: dst})
	ADDQ(U32(128), src)
	ADDQ(U32(bytesOfTile), dst)
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

// bfloatPanel rounds 16 rows of weights and turns 16 by 16 pairs of them.
func bfloatPanel() {
	TEXT("bfloatPanelAVX512", NOSPLIT, "func(steps int, dst *uint16, src *float32, stride int)")
	Doc("bfloatPanelAVX512 takes 32 elements a step of each of 16 rows, stride elements apart; a step's tile is 2048 bytes behind that of the step before.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), reg.RDI), Load(Param("src"), reg.RSI), Load(Param("steps"), reg.RCX)
	stride := Load(Param("stride"), reg.RAX)
	SHLQ(Imm(2), stride)
	three := reg.RBX
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	Label("step")
	row := reg.RDX
	MOVQ(src, row)
	v, w := zs[:16], zs[16:]
	for i := range 16 {
		m := []Mem{{Base: row}, {Base: row, Index: stride, Scale: 1}, {Base: row, Index: stride, Scale: 2}, {Base: row, Index: three, Scale: 1}}[i%4]
		VMOVUPS(m, w[0])
		VMOVUPS(m.Offset(64), w[1])
		round(w[0], w[1], v[i])
		if i%4 == 3 && i < 15 {
			LEAQ(Mem{Base: row, Index: stride, Scale: 4}, row)
		}
	}
	// Pairs of rows, then fours, eights and all; lanes of 16 bytes are in their places behind the last two.
	for i := 0; i < 16; i += 2 {
		VPUNPCKLDQ(v[i+1], v[i], w[i])
		VPUNPCKHDQ(v[i+1], v[i], w[i+1])
	}
	for i := 0; i < 16; i += 4 {
		for j := range 2 { // v[i+c] has column c of each lane for rows i to i+3
			VPUNPCKLQDQ(w[i+2+j], w[i+j], v[i+2*j])
			VPUNPCKHQDQ(w[i+2+j], w[i+j], v[i+2*j+1])
		}
	}
	for c := range 4 { // lanes 0 and 2 of rows 0 to 7 and 8 to 15, then lanes 1 and 3
		VSHUFI32X4(Imm(0x88), v[4+c], v[c], w[c])
		VSHUFI32X4(Imm(0xdd), v[4+c], v[c], w[4+c])
		VSHUFI32X4(Imm(0x88), v[12+c], v[8+c], w[8+c])
		VSHUFI32X4(Imm(0xdd), v[12+c], v[8+c], w[12+c])
	}
	for c := range 4 {
		VSHUFI32X4(Imm(0x88), w[8+c], w[c], v[c])
		VSHUFI32X4(Imm(0xdd), w[8+c], w[c], v[8+c])
		VSHUFI32X4(Imm(0x88), w[12+c], w[4+c], v[4+c])
		VSHUFI32X4(Imm(0xdd), w[12+c], w[4+c], v[12+c])
	}
	for i := range 16 {
		VMOVUPS(v[i], Mem{Base: dst, Disp: 64 * i})
	}
	ADDQ(U32(128), src)
	ADDQ(U32(2*bytesOfTile), dst)
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

// bfloatPairs rounds a panel of 16 rows in the order of a tile: element k of all rows and then element k+1 become pairs by row.
func bfloatPairs() {
	TEXT("bfloatPairsAVX512", NOSPLIT, "func(steps int, dst *uint16, src *float32)")
	Doc("bfloatPairsAVX512 takes 32 elements a step of each row of a panel; a step's tile is 2048 bytes behind that of the step before.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), reg.RDI), Load(Param("src"), reg.RSI), Load(Param("steps"), reg.RCX)
	VMOVDQU32(constant("row_pairs", func(i int) uint32 { return uint32(i | (16+i)<<16) }), zs[31])
	Label("step")
	for k := range 16 {
		VMOVUPS(Mem{Base: src, Disp: 128 * k}, zs[0])
		VMOVUPS(Mem{Base: src, Disp: 128*k + 64}, zs[1])
		round(zs[0], zs[1], zs[2])
		VPERMW(zs[2], zs[31], zs[3])
		VMOVUPS(zs[3], Mem{Base: dst, Disp: 64 * k})
	}
	ADDQ(U32(64*32), src)
	ADDQ(U32(2*bytesOfTile), dst)
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

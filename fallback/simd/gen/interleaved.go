package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Blocks of 16 rows of Q4_0, interleaved as quant.Interleave says: 16 scales of binary16, then for j from 0 to 3 the j-th four bytes of
// each row. A lane is a row, so that nothing is summed across lanes, scales are loaded as they lie, and four elements of X serve all rows.
const (
	interleavedBlock = 16 * 18
	interleavedBytes = 32 // where the nibbles begin
)

// interleavedDots is the product of interleaved rows with a row of X in pairs of signed bytes, as in bytesDot. Two blocks are under
// way at a time, each with a chain of sums for the upper bytes and one for the lower: one chain would wait for itself.
func interleavedDots() {
	TEXT("dotQ4_0x16VNNI", NOSPLIT, "func(groups, n int, w *byte, x, y *int8, d, s, out *float32)")
	Doc("dotQ4_0x16VNNI sets out to the products of groups of 16 interleaved rows of n blocks. With AVX-512 and VNNI.")
	Pragma("noescape")
	groups, w, out := Load(Param("groups"), GP64()), Load(Param("w"), GP64()), Load(Param("out"), GP64())
	x, y, d, s, left := GP64(), GP64(), GP64(), GP64(), GP64()
	mask, base := everyByte(0x0f), ZMM()
	fill(base, math.Float32bits(8))
	acc, below := []reg.VecVirtual{ZMM(), ZMM()}, []reg.VecVirtual{ZMM(), ZMM()}

	blocks := func(m int) {
		var upper, lower [2]reg.VecVirtual
		ahead(w, m*interleavedBlock)
		for b := range m {
			upper[b], lower[b] = ZMM(), ZMM()
			VPXORD(upper[b], upper[b], upper[b])
			VPXORD(lower[b], lower[b], lower[b])
		}
		for j := range 4 {
			for b := range m {
				v := ZMM()
				VMOVDQU32(Mem{Base: w, Disp: b*interleavedBlock + interleavedBytes + 64*j}, v)
				low, high := split(v, mask)
				for i, q := range []reg.VecVirtual{low, high} {
					at := 32*b + 16*i + 4*j
					VPDPBUSD_BCST(Mem{Base: x, Disp: at}, q, upper[b])
					VPDPBUSD_BCST(Mem{Base: y, Disp: at}, q, lower[b])
				}
			}
		}
		for b := range m {
			scales := ZMM()
			VCVTPH2PS(Mem{Base: w, Disp: b * interleavedBlock}, scales)
			VPSLLD(Imm(8), upper[b], upper[b])
			VPADDD(lower[b], upper[b], upper[b])
			VCVTDQ2PS(upper[b], upper[b])
			VFMADD231PS_BCST(Mem{Base: s, Disp: 4 * b}, scales, below[b])
			VMULPS_BCST(Mem{Base: d, Disp: 4 * b}, scales, scales)
			VFMADD231PS(scales, upper[b], acc[b])
		}
		ADDQ(U32(uint32(m*interleavedBlock)), w)
		ADDQ(U32(uint32(32*m)), x)
		ADDQ(U32(uint32(32*m)), y)
		ADDQ(U32(uint32(4*m)), d)
		ADDQ(U32(uint32(4*m)), s)
		SUBQ(U32(uint32(m)), left)
	}

	Label("group")
	Load(Param("x"), x)
	Load(Param("y"), y)
	Load(Param("d"), d)
	Load(Param("s"), s)
	Load(Param("n"), left)
	for i := range 2 {
		VPXORD(acc[i], acc[i], acc[i])
		VPXORD(below[i], below[i], below[i])
	}
	JMP(LabelRef("check"))
	Label("pair")
	blocks(2)
	Label("check")
	CMPQ(left, Imm(2))
	JGE(LabelRef("pair"))
	TESTQ(left, left)
	JZ(LabelRef("done"))
	blocks(1)
	Label("done")
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(below[1], below[0], below[0])
	VFNMADD231PS(base, below[0], acc[0])
	VMOVUPS(acc[0], Mem{Base: out})
	ADDQ(Imm(64), out)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// interleavedPanel decodes interleaved rows to a panel: nothing is turned, as a lane is a row in both.
func interleavedPanel() {
	TEXT("panelQ4_0x16AVX512", NOSPLIT, "func(n int, dst *float32, src *byte)")
	Doc("panelQ4_0x16AVX512 decodes n blocks of 16 interleaved rows to a panel. With AVX-512.")
	Pragma("noescape")
	n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	levels := constantRegister("less_8", func(i int) uint32 { return math.Float32bits(float32(i - 8)) })
	Label("block")
	scales := ZMM()
	VCVTPH2PS(Mem{Base: src}, scales)
	for j := range 4 {
		v := ZMM()
		VMOVDQU32(Mem{Base: src, Disp: interleavedBytes + 64*j}, v)
		for i := range 8 { // nibbles of each lane, the low one of a byte first; VPERMPS sees four bits
			f := ZMM()
			VPERMPS(levels, v, f)
			VMULPS(scales, f, f)
			VMOVUPS(f, Mem{Base: dst, Disp: 64 * (16*(i%2) + 4*j + i/2)})
			if i < 7 {
				VPSRLD(Imm(4), v, v)
			}
		}
	}
	ADDQ(U32(interleavedBlock), src)
	ADDQ(U32(64*32), dst)
	DECQ(n)
	JNZ(LabelRef("block"))
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

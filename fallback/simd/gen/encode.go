package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Go's assembler and avo have neither the tiles of AMX nor AVX512_BF16. These few instructions are written as bytes, encoded as
// in Intel's Software Developer's Manual, volume 2, sections 2.3 (VEX), 2.7 (EVEX) and the instructions' own pages. Registers must be
// physical ones.

// A tile is the number of a tile register, 0 to 7.
type tile byte

// The prefix that a VEX or EVEX prefix stands for.
const (
	noPrefix = iota
	prefix66
	prefixF3
	prefixF2
)

// vexTile is an instruction of AMX, all of which are VEX.128.0F38.W0: r is ModRM's register, v the one in VEX, and rest is all from
// ModRM on. x and b are the top bits of index and base.
func vexTile(prefix, opcode, v, x, b byte, rest ...byte) []byte {
	return append([]byte{0xc4, 0x80 | (1-x)<<6 | (1-b)<<5 | 0x02, (15-v)<<3 | prefix, opcode}, rest...)
}

// rows is an operand of 16 rows, the first at base+disp and each index bytes behind the one before.
type rows struct {
	base, index reg.GPPhysical
	disp        uint32
}

// sib are the bytes of an access to tile register t, and the top bits of index and base.
func (m rows) sib(t tile) (x, b byte, rest []byte) {
	i, n := byte(m.index.PhysicalIndex()), byte(m.base.PhysicalIndex())
	d := m.disp
	return i >> 3, n >> 3, []byte{0x84 | byte(t)<<3, i&7<<3 | n&7, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)}
}

func encodeLoadConfig(base reg.GPPhysical) []byte {
	n := byte(base.PhysicalIndex())
	return vexTile(noPrefix, 0x49, 0, 0, n>>3, 0x80|n&7, 0, 0, 0, 0)
}

func encodeRelease() []byte    { return vexTile(noPrefix, 0x49, 0, 0, 0, 0xc0) }
func encodeZero(t tile) []byte { return vexTile(prefixF2, 0x49, 0, 0, 0, 0xc0|byte(t)<<3) }
func encodeDot(c, a, b tile) []byte {
	return vexTile(prefixF3, 0x5c, byte(b), 0, 0, 0xc0|byte(c)<<3|byte(a))
}

func encodeLoad(m rows, t tile) []byte {
	x, b, rest := m.sib(t)
	return vexTile(prefixF2, 0x4b, 0, x, b, rest...)
}

func encodeStore(t tile, m rows) []byte {
	x, b, rest := m.sib(t)
	return vexTile(prefixF3, 0x4b, 0, x, b, rest...)
}

// encodeRound is VCVTNE2PS2BF16 of registers, EVEX.512.F2.0F38.W0 72: low gives the lower 16 elements of to.
func encodeRound(low, high, to byte) []byte {
	bit := func(r, n byte) byte { return 1 - r>>n&1 }
	return []byte{0x62,
		bit(to, 3)<<7 | bit(low, 4)<<6 | bit(low, 3)<<5 | bit(to, 4)<<4 | 0x02,
		(15-high&15)<<3 | 0x04 | prefixF2,
		0x40 | bit(high, 4)<<3,
		0x72, 0xc0 | to&7<<3 | low&7}
}

// raw emits the bytes of an instruction with a comment that tells what it is.
func raw(text string, code []byte, reads, writes []Op) {
	Comment(text)
	first := true
	emit := func(opcode string, v Op) {
		i := &ir.Instruction{Opcode: opcode, Operands: []Op{v}}
		if first {
			i.Inputs, i.Outputs = reads, writes
		}
		first = false
		Instruction(i)
	}
	for ; len(code) >= 4; code = code[4:] {
		emit("LONG", U32(uint32(code[0])|uint32(code[1])<<8|uint32(code[2])<<16|uint32(code[3])<<24))
	}
	for _, c := range code {
		emit("BYTE", U8(c))
	}
}

func loadConfig(base reg.GPPhysical) {
	raw(fmt.Sprintf("LDTILECFG (%s)", base.Asm()), encodeLoadConfig(base), []Op{base}, nil)
}

func release() { raw("TILERELEASE", encodeRelease(), nil, nil) }

func zeroTile(t tile) { raw(fmt.Sprintf("TILEZERO TMM%d", t), encodeZero(t), nil, nil) }

func loadTile(m rows, t tile) {
	raw(fmt.Sprintf("TILELOADD %d(%s)(%s*1), TMM%d", m.disp, m.base.Asm(), m.index.Asm(), t), encodeLoad(m, t), []Op{m.base, m.index}, nil)
}

func storeTile(t tile, m rows) {
	raw(fmt.Sprintf("TILESTORED TMM%d, %d(%s)(%s*1)", t, m.disp, m.base.Asm(), m.index.Asm()), encodeStore(t, m), []Op{m.base, m.index}, nil)
}

// dotTile adds to tile c the products of pairs of bfloat16 of tiles a and b.
func dotTile(b, a, c tile) {
	raw(fmt.Sprintf("TDPBF16PS TMM%d, TMM%d, TMM%d", b, a, c), encodeDot(c, a, b), nil, nil)
}

// round makes 32 bfloat16 of two registers of 16 float32.
func round(low, high, to reg.VecPhysical) {
	raw(fmt.Sprintf("VCVTNE2PS2BF16 %s, %s, %s", low.Asm(), high.Asm(), to.Asm()),
		encodeRound(byte(low.PhysicalIndex()), byte(high.PhysicalIndex()), byte(to.PhysicalIndex())), []Op{low, high}, []Op{to})
}

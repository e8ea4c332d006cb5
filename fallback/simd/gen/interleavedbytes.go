package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// interleavedUnpacker begins a kernel that makes panels of bytes, 128 higher than they are, of interleaved rows: nothing is turned, as a lane is a row in
// both. base is what weights are above their value as they are stored.
func interleavedUnpacker(name string, size, length, scales, base int, prepare func(k *interleavedUnpacking) func()) {
	kernel := fmt.Sprintf("unpack%sx16AVX512", name)
	TEXT(kernel, NOSPLIT, "func(n int, src *byte, q *uint8, d, m *float32)")
	Doc(kernel + " makes a panel of n blocks of 16 interleaved rows. With AVX-512.")
	Pragma("noescape")
	k := &interleavedUnpacking{unpacking{Load(Param("src"), GP64()), Load(Param("q"), GP64()), Load(Param("d"), GP64()), Load(Param("m"), GP64())},
		everyByte(uint32(128 - base))}
	n, block := Load(Param("n"), GP64()), prepare(k)
	Label("block")
	block()
	ADDQ(U32(uint32(16*size)), k.src)
	ADDQ(U32(uint32(16*length)), k.q)
	ADDQ(U32(uint32(64*scales)), k.d)
	ADDQ(U32(uint32(64*scales)), k.m)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func interleavedUnpackers() {
	interleavedUnpacker("Q4_0", 18, 32, 1, 8, func(k *interleavedUnpacking) func() {
		mask := everyByte(0x0f)
		return func() {
			VMOVUPS(k.halves(0), Mem{Base: k.d})
			for j := range 4 {
				low, high := split(k.words(32+64*j), mask)
				k.put(low, j)
				k.put(high, 4+j)
			}
		}
	})
	interleavedUnpacker("Q4_K", 144, 256, 8, 0, func(k *interleavedUnpacking) func() {
		mask, six, two, byteMask, unit := everyByte(0x0f), everyByte(0x3f), everyByte(0x30), ZMM(), ZMM()
		fill(byteMask, 0xff)
		fill(unit, math.Float32bits(minimumUnit))
		return func() {
			d, dmin := k.halves(0), k.halves(32)
			c := k.words(192)
			scales, mins := unpackLanes(k.words(64), c, 0, six, two, mask), unpackLanes(k.words(128), c, 4, six, two, mask)
			for g := range 8 {
				scale, least := byteOf(scales[g/4], g%4, byteMask), byteOf(mins[g/4], g%4, byteMask)
				VMULPS(d, scale, scale)
				VMULPS(dmin, least, least)
				VMULPS(unit, least, least)
				VMOVUPS(scale, Mem{Base: k.d, Disp: 64 * g})
				VMOVUPS(least, Mem{Base: k.m, Disp: 64 * g})
			}
			for j := range 4 {
				for m := range 8 {
					low, high := split(k.words(256+64*(8*j+m)), mask)
					k.put(low, 16*j+m)
					k.put(high, 16*j+8+m)
				}
			}
		}
	})
	interleavedUnpacker("Q6_K", 210, 256, 16, 32, func(k *interleavedUnpacking) func() {
		mask, two := everyByte(0x0f), everyByte(0x30)
		return func() {
			d := k.halves(64 * 52)
			for g := range 16 {
				scale := signedByteOf(k.at(64*(48+g/4)), g%4)
				VMULPS(d, scale, scale)
				VMOVUPS(scale, Mem{Base: k.d, Disp: 64 * g})
			}
			for h := range 2 {
				for m := range 8 {
					a, b, top := k.words(64*(16*h+m)), k.words(64*(16*h+8+m)), k.words(64*(32+8*h+m))
					for i, q := range sixBits(a, b, top, mask, two) {
						k.put(q, 32*h+8*i+m)
					}
				}
			}
		}
	})
}

// interleavedUnpacking is unpacking of 16 rows at a time.
type interleavedUnpacking struct {
	unpacking
	add reg.VecVirtual // what brings weights 128 above their value
}

// put stores four weights of each row, elements 4·at and those behind it.
func (k *interleavedUnpacking) put(v reg.VecVirtual, at int) {
	VPADDB(k.add, v, v)
	VMOVDQU32(v, Mem{Base: k.q, Disp: 64 * at})
}

func (k *interleavedUnpacking) words(off int) reg.VecVirtual {
	v := ZMM()
	VMOVDQU32(k.at(off), v)
	return v
}

func (k *interleavedUnpacking) halves(off int) reg.VecVirtual {
	v := ZMM()
	VCVTPH2PS(k.at(off), v)
	return v
}

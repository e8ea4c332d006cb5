package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// interleavedPanels decode interleaved rows to panels: nothing is turned, as a lane is a row in both.
func interleavedPanels() {
	panel := func(name string, size, length int, prepare func(at func(off int) Mem, put func(v reg.VecVirtual, k int)) func()) {
		kernel := name + "x16AVX512"
		TEXT(kernel, NOSPLIT, "func(n int, dst *float32, src *byte)")
		Doc(kernel + " decodes n blocks of 16 interleaved rows to a panel. With AVX-512.")
		Pragma("noescape")
		n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
		at := func(off int) Mem { return Mem{Base: src, Disp: off} }
		block := prepare(at, func(v reg.VecVirtual, k int) { VMOVUPS(v, Mem{Base: dst, Disp: 64 * k}) })
		Label("block")
		block()
		ADDQ(U32(uint32(16*size)), src)
		ADDQ(U32(uint32(64*length)), dst)
		DECQ(n)
		JNZ(LabelRef("block"))
		VZEROUPPER()
		RET()
	}
	load := func(m Mem) reg.VecVirtual {
		v := ZMM()
		VMOVDQU32(m, v)
		return v
	}
	halves := func(m Mem) reg.VecVirtual {
		v := ZMM()
		VCVTPH2PS(m, v)
		return v
	}
	// nibbles gives those of each lane, the low one of a byte first, as levels says; VPERMPS sees four bits.
	nibbles := func(v, levels reg.VecVirtual, each func(i int, f reg.VecVirtual)) {
		for i := range 8 {
			f := ZMM()
			VPERMPS(levels, v, f)
			each(i, f)
			if i < 7 {
				VPSRLD(Imm(4), v, v)
			}
		}
	}
	panel("panelQ4_0", 18, 32, func(at func(int) Mem, put func(reg.VecVirtual, int)) func() {
		levels := constantRegister("less_8", func(i int) uint32 { return math.Float32bits(float32(i - 8)) })
		return func() {
			scales := halves(at(0))
			for j := range 4 {
				nibbles(load(at(32+64*j)), levels, func(i int, f reg.VecVirtual) {
					VMULPS(scales, f, f)
					put(f, 16*(i%2)+4*j+i/2)
				})
			}
		}
	})
	panel("panelQ4_K", 144, 256, func(at func(int) Mem, put func(reg.VecVirtual, int)) func() {
		levels := constantRegister("counted", func(i int) uint32 { return math.Float32bits(float32(i)) })
		six, two, low, byteMask := everyByte(0x3f), everyByte(0x30), everyByte(0x0f), ZMM()
		fill(byteMask, 0xff)
		return func() {
			d, dmin := halves(at(0)), halves(at(32))
			c := load(at(192))
			scales, mins := unpackLanes(load(at(64)), c, 0, six, two, low), unpackLanes(load(at(128)), c, 4, six, two, low)
			for j := range 4 {
				var scale, least [2]reg.VecVirtual
				for i := range 2 {
					g := 2*j + i
					scale[i], least[i] = byteOf(scales[g/4], g%4, byteMask), byteOf(mins[g/4], g%4, byteMask)
					VMULPS(d, scale[i], scale[i])
					VMULPS(dmin, least[i], least[i])
				}
				for m := range 8 {
					nibbles(load(at(256+64*(8*j+m))), levels, func(i int, f reg.VecVirtual) {
						VMULPS(scale[i%2], f, f)
						VSUBPS(least[i%2], f, f)
						put(f, 64*j+32*(i%2)+4*m+i/2)
					})
				}
			}
		}
	})
	panel("panelQ6_K", 210, 256, func(at func(int) Mem, put func(reg.VecVirtual, int)) func() {
		mask, two, byteMask, base := everyByte(0x0f), everyByte(0x30), ZMM(), ZMM()
		fill(byteMask, 0xff)
		fill(base, 32)
		return func() {
			d := halves(at(64 * 52))
			for h := range 2 {
				for half := range 2 {
					var scale [4]reg.VecVirtual
					for i := range scale {
						g := 8*h + 2*i + half
						scale[i] = signedByteOf(at(64*(48+g/4)), g%4)
						VMULPS(d, scale[i], scale[i])
					}
					for m := 4 * half; m < 4*half+4; m++ {
						q := sixBits(load(at(64*(16*h+m))), load(at(64*(16*h+8+m))), load(at(64*(32+8*h+m))), mask, two)
						for i, v := range q {
							for e := range 4 {
								f := ZMM()
								switch e {
								case 0:
									VPANDD(byteMask, v, f)
								case 3:
									VPSRLD(Imm(24), v, f)
								default:
									VPSRLD(Imm(uint64(8*e)), v, f)
									VPANDD(byteMask, f, f)
								}
								VPSUBD(base, f, f)
								VCVTDQ2PS(f, f)
								VMULPS(scale[i], f, f)
								put(f, 128*h+32*i+4*m+e)
							}
						}
					}
				}
			}
		}
	})
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteDots are the products of each format with pairs of signed bytes. X lies in the order in which each takes weights: see simd.Order.
func byteDots() {
	dotting8("dotQ8_0", "", 34, 128, func(k *bytesDot) (many, one func()) {
		sign := everyByte(0x80)
		pairs := []reg.VecVirtual{lanes(0, 0, 1, 1), lanes(2, 2, 3, 3), lanes(4, 4, 5, 5), lanes(6, 6, 7, 7)}
		return func() {
				f := k.factors8(halves8(k, 0, 34))
				for i, idx := range pairs {
					v := ZMM()
					VMOVDQU32(k.weight(68*i+2), lower(v))
					VINSERTI64X4(Imm(1), k.weight(68*i+36), v, v)
					VPXORD(sign, v, v)
					k.add(f, idx, product{v, 64 * i})
				}
			}, func() {
				v := YMM()
				VPXORD(k.weight(2), lower(sign), v)
				f := halfAt(k.weight(0))
				k.belowOne(f)
				k.addOne(f, v)
			}
	})
	for _, f := range []nibbleFormat{
		{name: "dotQ4_0", size: 18, offset: 2, base: 8},
		{name: "dotQ4_1", size: 20, offset: 4, minimum: true},
		{name: "dotQ5_0", size: 22, offset: 6, base: 16, high: 2},
		{name: "dotQ5_1", size: 24, offset: 8, minimum: true, high: 4},
		{name: "dotIQ4_NL", size: 18, offset: 2, base: 128, levels: true},
		{name: "dotMXFP4", size: 17, offset: 1, base: 128, levels: true, powers: true},
	} {
		f.generate()
	}
	superDots()
}

// nibbleFormat is a format of blocks of 32 elements with 16 bytes of nibbles, the low ones first. Four blocks fill a register of low
// nibbles and one of high ones.
type nibbleFormat struct {
	name         string
	size, offset int     // of a block, and of the nibbles in it
	base         float32 // what weights are above their value
	minimum      bool    // a binary16 behind the scale is added to each element
	high         int     // where 32 fifth bits are; 0: nowhere
	levels       bool    // nibbles stand for what a table says
	powers       bool    // scales are powers of two, of one byte; else binary16
}

func (f nibbleFormat) generate() {
	params, base := "", f.base
	if f.levels {
		params = ", levels *int8"
	}
	if f.minimum {
		base = -1
	}
	dotting8(f.name, params, f.size, base, func(k *bytesDot) (many, one func()) {
		mask, idx := everyByte(0x0f), quads(2)
		value := func(v reg.VecVirtual) {}
		if f.levels {
			levels := ZMM()
			VBROADCASTI32X4(Mem{Base: Load(Param("levels"), GP64())}, levels)
			VPXORD(everyByte(0x80), levels, levels)
			value = func(v reg.VecVirtual) {
				if v.Size() == 64 {
					VPSHUFB(v, levels, v)
				} else {
					VPSHUFB(v, lower(levels), v)
				}
			}
		}
		sixteen := ZMM()
		if f.high > 0 {
			fill(sixteen, 0x10101010)
		}
		scales, scale := f.scales(k)
		return func() {
				var factors reg.VecVirtual
				if f.minimum {
					m, d := halves8(k, 2, f.size), scales()
					VFMADD231PS(Mem{Base: k.s}, m, lower(k.below))
					VMULPS(Mem{Base: k.d}, d, d)
					factors = whole(d)
				} else {
					factors = k.factors8(scales())
				}
				for g := range 2 {
					at := 4 * f.size * g
					low, high := nibbles4(k, at+f.offset, f.size, mask)
					value(low)
					value(high)
					if f.high > 0 {
						fifthBits(k, at+f.high, f.size, sixteen, low)
						fifthBits(k, at+f.high+2, f.size, sixteen, high)
					}
					k.add(factors, idx[g], product{low, 128 * g}, product{high, 128*g + 64})
				}
			}, func() {
				v := nibbles1(k, f.offset, mask)
				value(v)
				if f.high > 0 {
					bits := K()
					KMOVD(k.weight(f.high), bits)
					VPADDB(lower(sixteen), v, bits, v)
				}
				s := scale()
				below := s
				if f.minimum {
					below = halfAt(k.weight(2))
				}
				k.belowOne(below)
				k.addOne(s, v)
			}
	})
}

// scales give those of 8 blocks, and of one.
func (f nibbleFormat) scales(k *bytesDot) (scales, scale func() reg.VecVirtual) {
	switch {
	case f.size == 18:
		index := wordIndex("every9", func(i int) uint32 { return uint32(9 * i) })
		return func() reg.VecVirtual {
			y := YMM()
			VCVTPH2PS(words8(k, 0, 64, index), y)
			return y
		}, func() reg.VecVirtual { return halfAt(k.weight(0)) }
	case !f.powers:
		return func() reg.VecVirtual { return halves8(k, 0, f.size) }, func() reg.VecVirtual { return halfAt(k.weight(0)) }
	}
	// 2^(e − 128), half the scale for levels that are twice their value. Bytes 17 apart are lower and upper ones of words by turns.
	index := wordIndex("every17", func(i int) uint32 { return uint32(17 * i / 2) })
	shift := constantRegister("lower_upper", func(i int) uint32 { return uint32(8 * (i % 2)) })
	byteMask, ones, bias := ZMM(), ZMM(), ZMM()
	fill(byteMask, 0xff)
	fill(ones, 0x3f800000)
	fill(bias, 128)
	return func() reg.VecVirtual {
			e, y := YMM(), YMM()
			VPMOVZXWD(words8(k, 0, 64, index), e)
			VPSRLVD(lower(shift), e, e)
			VPANDD(lower(byteMask), e, e)
			VPSUBD(lower(bias), e, e)
			VCVTDQ2PS(e, e)
			VSCALEFPS(e, lower(ones), y)
			return y
		}, func() reg.VecVirtual {
			g, e, x := GP32(), XMM(), XMM()
			MOVBLZX(k.weight(0), g)
			VMOVD(g, e)
			VPSUBD(bias.AsX(), e, e)
			VCVTDQ2PS(e, e)
			VSCALEFPS(e, ones.AsX(), x)
			return x
		}
}

// fifthBits adds 16 where a bit is set: of 4 words of 16 bits, stride bytes apart.
func fifthBits(k *bytesDot, off, stride int, sixteen, v reg.VecVirtual) {
	all, bits := GP64(), K()
	MOVWQZX(k.weight(off), all)
	for i := 1; i < 4; i++ {
		g := GP64()
		MOVWQZX(k.weight(off+stride*i), g)
		SHLQ(Imm(uint64(16*i)), g)
		ORQ(g, all)
	}
	KMOVQ(all, bits)
	VPADDB(sixteen, v, bits, v)
}

// superDots are those of blocks of 256.
func superDots() {
	crossed := func() []reg.VecVirtual {
		return []reg.VecVirtual{lanes(0, 0, 2, 2), lanes(1, 1, 3, 3), lanes(4, 4, 6, 6), lanes(5, 5, 7, 7)}
	}
	dotting1("dotQ4_K", "", 144, 8, 1, func(k *bytesDot) func() {
		mask, idx := everyByte(0x0f), crossed()
		return func() {
			f := scalesAndMinima(k)
			for j := range 2 {
				low, high := nibbles4(k, 16+64*j, 16, mask)
				k.add(f, idx[2*j], product{low, 128 * j})
				k.add(f, idx[2*j+1], product{high, 128*j + 64})
			}
		}
	})
	dotting1("dotQ5_K", "", 176, 8, 1, func(k *bytesDot) func() {
		mask, bit, idx := everyByte(0x0f), everyByte(0x10), crossed()
		// Fifth bits of 32 bytes, for the lower and upper half of a register: bits 0 and 2, 1 and 3, 4 and 6, 5 and 7 become bit 4.
		left := func(name string, a, b uint32) reg.VecVirtual {
			return constantRegister(name, func(i int) uint32 { return []uint32{a, b}[i/8] * 0x10001 })
		}
		shifts := []reg.VecVirtual{left("shift_4_2", 4, 2), left("shift_3_1", 3, 1), left("shift_0_2", 0, 2), left("shift_1_3", 1, 3)}
		return func() {
			f := scalesAndMinima(k)
			fifth := ZMM()
			VBROADCASTI64X4(k.weight(16), fifth)
			for j := range 2 {
				low, high := nibbles4(k, 48+64*j, 16, mask)
				for i, v := range []reg.VecVirtual{low, high} {
					t := ZMM()
					if j == 0 {
						VPSLLVW(shifts[i], fifth, t)
					} else {
						VPSRLVW(shifts[2+i], fifth, t)
					}
					mergeMasked(bit, t, v)
					k.add(f, idx[2*j+i], product{v, 128*j + 64*i})
				}
			}
		}
	})
	dotting1("dotQ6_K", "", 210, 16, 32, func(k *bytesDot) func() {
		mask, two, idx, pairs := everyByte(0x0f), everyByte(0x30), quads(4), twice()
		by := func(name string, a, b uint32) reg.VecVirtual {
			return constantRegister(name, func(i int) uint32 { return []uint32{a, b}[i/8] * 0x10001 })
		}
		left, right := by("shift_4_2", 4, 2), by("shift_0_2", 0, 2)
		return func() {
			scales := ZMM()
			VPMOVSXBD(k.weight(192), scales)
			f := k.factors16(times(scales, halfAt(k.weight(208))), pairs)
			for h := range 2 {
				low, high := nibbles4(k, 64*h, 16, mask)
				top, t := ZMM(), ZMM()
				VBROADCASTI64X4(k.weight(128+32*h), top)
				VPSLLVW(left, top, t)
				mergeMasked(two, t, low)
				VPSRLVW(right, top, top)
				mergeMasked(two, top, high)
				k.add(f, idx[2*h], product{low, 128 * h})
				k.add(f, idx[2*h+1], product{high, 128*h + 64})
			}
		}
	})
	dotting1("dotIQ4_XS", ", levels *int8", 136, 8, 128, func(k *bytesDot) func() {
		mask, idx, levels := everyByte(0x0f), quads(2), ZMM()
		VBROADCASTI32X4(Mem{Base: Load(Param("levels"), GP64())}, levels)
		VPXORD(everyByte(0x80), levels, levels)
		byFour := constantRegister("by_four", func(i int) uint32 { return uint32(4 * i) })
		byTwo := constantRegister("by_two", func(i int) uint32 { return uint32(2 * i) })
		fifteen, three, base := ZMM(), ZMM(), ZMM()
		fill(fifteen, 15)
		fill(three, 3)
		fill(base, 32)
		return func() {
			g, x, s, t := GP32(), XMM(), YMM(), YMM()
			VPBROADCASTD(k.weight(4), s)
			VPSRLVD(lower(byFour), s, s)
			VPANDD(lower(fifteen), s, s)
			MOVWLZX(k.weight(2), g)
			VMOVD(g, x)
			VPBROADCASTD(x, t)
			VPSRLVD(lower(byTwo), t, t)
			VPANDD(lower(three), t, t)
			VPSLLD(Imm(4), t, t)
			VPORD(t, s, s)
			VPSUBD(lower(base), s, s)
			f := k.factors8(times(s, halfAt(k.weight(0))))
			for g := range 2 {
				low, high := nibbles4(k, 8+64*g, 16, mask)
				VPSHUFB(low, levels, low)
				VPSHUFB(high, levels, high)
				k.add(f, idx[g], product{low, 128 * g}, product{high, 128*g + 64})
			}
		}
	})
	twoBits("dotQ2_K", 84, 16, 1, func(k *bytesDot) (func() reg.VecVirtual, func(h, j int, v reg.VecVirtual)) {
		pairs, fifteen := twice(), ZMM()
		fill(fifteen, 15)
		return func() reg.VecVirtual {
			scales, mins, d := ZMM(), ZMM(), YMM()
			VPMOVZXBD(k.weight(0), scales)
			VPSRLD(Imm(4), scales, mins)
			VPANDD(fifteen, scales, scales)
			times(scales, halfAt(k.weight(80)))
			times(mins, halfAt(k.weight(82)))
			VFMADD231PS(Mem{Base: k.s}, mins, k.below)
			VMOVUPS(Mem{Base: k.d}, d)
			VPERMPS(whole(d), pairs, whole(d))
			VMULPS(whole(d), scales, scales)
			return scales
		}, nil
	})
	twoBits("dotQ3_K", 110, 32, 4, func(k *bytesDot) (func() reg.VecVirtual, func(h, j int, v reg.VecVirtual)) {
		pairs, four, base := twice(), everyByte(4), ZMM()
		fill(base, 32)
		low, top := ZMM(), ZMM()
		fill(low, 0x0f0f0f0f)
		fill(top, 0x30303030)
		shift := constantRegister("top_bits", func(i int) uint32 { return uint32(2 * (i % 4)) })
		by := func(name string, a, b uint32) reg.VecVirtual {
			return constantRegister(name, func(i int) uint32 { return []uint32{a, b}[i/8] * 0x10001 })
		}
		// The third bits of elements 64·i on become bit 2: bits 0 and 1 go to the left, all others to the right.
		shifts := []reg.VecVirtual{by("shift_2_1", 2, 1), by("shift_0_1", 0, 1), by("shift_2_3", 2, 3), by("shift_4_5", 4, 5)}
		high := ZMM()
		return func() reg.VecVirtual {
				VBROADCASTI64X4(k.weight(0), high)
				q, t, z := XMM(), XMM(), ZMM()
				VMOVQ(k.weight(96), q)
				VPSRLW(Imm(4), q, t)
				VPUNPCKLQDQ(t, q, q)
				VPANDD(low.AsX(), q, q)
				VPBROADCASTD(k.weight(104), t)
				VPSRLVD(shift.AsX(), t, t)
				VPSLLW(Imm(4), t, t)
				VPANDD(top.AsX(), t, t)
				VPORD(t, q, q)
				VPMOVZXBD(q, z)
				VPSUBD(base, z, z)
				return k.factors16(times(z, halfAt(k.weight(108))), pairs)
			}, func(h, j int, v reg.VecVirtual) {
				t := ZMM()
				if 2*h+j == 0 {
					VPSLLVW(shifts[0], high, t)
				} else {
					VPSRLVW(shifts[2*h+j], high, t)
				}
				mergeMasked(four, t, v)
			}
	})
}

// twoBits are products with two bits each in the order of Q2_K, the 32 bytes of each half of a block at offset; prepare gives the
// factors, and what else comes to the 64 weights from 128·h + 64·j on.
func twoBits(name string, size, offset int, base float32, prepare func(k *bytesDot) (func() reg.VecVirtual, func(h, j int, v reg.VecVirtual))) {
	dotting1(name, "", size, 16, base, func(k *bytesDot) func() {
		three, idx := everyByte(3), quads(4)
		shifts := []reg.VecVirtual{
			constantRegister("shift_0_2", func(i int) uint32 { return []uint32{0, 2}[i/8] * 0x10001 }),
			constantRegister("shift_4_6", func(i int) uint32 { return []uint32{4, 6}[i/8] * 0x10001 }),
		}
		factors, more := prepare(k)
		return func() {
			f := factors()
			for h := range 2 {
				q := ZMM()
				VBROADCASTI64X4(k.weight(offset+32*h), q)
				for j := range 2 {
					v := ZMM()
					VPSRLVW(shifts[j], q, v)
					VPANDD(three, v, v)
					if more != nil {
						more(h, j, v)
					}
					k.add(f, idx[2*h+j], product{v, 128*h + 64*j})
				}
			}
		}
	})
}

// times makes float32 of whole numbers and multiplies them by the lowest lane of x.
func times(v, x reg.VecVirtual) reg.VecVirtual {
	all := ZMM()
	if v.Size() == 32 {
		all = lower(all)
	}
	VBROADCASTSS(x, all)
	VCVTDQ2PS(v, v)
	VMULPS(all, v, v)
	return v
}

// mergeMasked is v |= mask & t.
func mergeMasked(mask, t, v reg.VecVirtual) { VPTERNLOGD(Imm(0xf8), t, mask, v) }

// scalesAndMinima are the factors of Q4_K and Q5_K, d·scale of each 32 elements; dmin·min is added to what is below. Scales and minima
// of 6 bits are eight each of 12 bytes.
func scalesAndMinima(k *bytesDot) reg.VecVirtual {
	scales, mins := unpackPairs(k.w)
	pair, d, dmin := XMM(), YMM(), YMM()
	VMOVD(k.weight(0), pair)
	VCVTPH2PS(pair, pair)
	VBROADCASTSS(pair, d)
	VMOVSHDUP(pair, pair)
	VBROADCASTSS(pair, dmin)
	VMULPS(d, scales, scales)
	VMULPS(dmin, mins, mins)
	VFMADD231PS(Mem{Base: k.s}, mins, lower(k.below))
	VMULPS(Mem{Base: k.d}, scales, scales)
	return whole(scales)
}

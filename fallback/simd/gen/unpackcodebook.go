package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Formats whose elements are points of a codebook. Points are loaded one by one: VPGATHERDD is slower than that on many processors. Indices
// of more than a byte are put together 16 at a time, and signs 32 at a time; they are left on the stack, from where narrower loads take them
// without waiting.

// codebook begins an unpacker of blocks of 256 elements; points are the codebook's, one behind the other.
func codebook(name string, size, scales int, prepare func(k *unpacking, points reg.Register) (block func())) {
	unpacker(name, ", points *uint8", size, 256, scales, func(k *unpacking) func() { return prepare(k, Load(Param("points"), GP64())) })
}

// choose gives 32 bytes: points of size bytes, the index of number l being what load brings to a register.
func choose(points reg.Register, size int, load func(l int, index reg.Register)) reg.VecVirtual {
	half := func(h int) reg.VecVirtual {
		v := YMM()
		x := v.AsX()
		for l := range 16 / size {
			index := GP64()
			load(16/size*h+l, index)
			p := Mem{Base: points, Index: index, Scale: uint8(size)}
			switch {
			case size == 8 && l == 0:
				VMOVQ(p, x)
			case size == 8:
				VPINSRQ(Imm(uint64(l)), p, x, x)
			case l == 0:
				VMOVD(p, x)
			default:
				VPINSRD(Imm(uint64(l)), p, x, x)
			}
		}
		return v
	}
	v, high := half(0), half(1)
	VINSERTI128(Imm(1), high.AsX(), v, v)
	return v
}

// byteIndices and wordIndices are indices at m, one behind the other.
func byteIndices(m Mem) func(l int, index reg.Register) {
	return func(l int, index reg.Register) { MOVBQZX(m.Offset(l), index) }
}

func wordIndices(m Mem) func(l int, index reg.Register) {
	return func(l int, index reg.Register) { MOVWQZX(m.Offset(2*l), index) }
}

// signing gives points their signs. They are 128 higher than they are, which a byte is as well after it has been negated.
type signing struct{ spread, bits, most reg.VecVirtual }

func signs() signing {
	return signing{
		constantLower("every_eighth", func(i int) uint32 { return uint32(i/2) * 0x01010101 }),
		constantLower("bits_of_8", func(i int) uint32 { return []uint32{0x08040201, 0x80402010}[i%2] }),
		everywhere(0x7f7f7f7f),
	}
}

// of32 are 32 bytes, in each of which one of the 32 bits at m may be set, and no other.
func (s signing) of32(m Mem) reg.VecVirtual {
	b := YMM()
	VPBROADCASTD(m, b)
	VPSHUFB(s.spread, b, b)
	VPAND(s.bits, b, b)
	return b
}

// apply turns those of 32 bytes whose bit at m is set: 127 and that bit is negative, 127 is not.
func (s signing) apply(v reg.VecVirtual, m Mem) {
	b := s.of32(m)
	VPADDB(s.most, b, b)
	VPSIGNB(b, v, v)
}

// each is a constant with the same word in all lanes, in memory.
func each(name string, word uint32) Mem { return constant(name, func(int) uint32 { return word }) }

// even completes 32 times seven sign bits: the eighth makes the number of set ones even.
func even(v reg.VecVirtual) {
	t, odd := YMM(), YMM()
	VPSRLW(Imm(4), v, t)
	VPXOR(v, t, t)
	VPAND(each("low_nibbles", 0x0f0f0f0f), t, t)
	VMOVDQU(constant("odd_nibbles", func(i int) uint32 { return []uint32{0x00808000, 0x80000080, 0x80000080, 0x00808000}[i%4] }), odd)
	VPSHUFB(t, odd, t)
	VPOR(t, v, v)
}

// sevens brings four times seven bits of each lane to a byte each.
func sevens(w reg.VecVirtual) reg.VecVirtual {
	v, t := YMM(), YMM()
	VPSLLD(Imm(2), w, t)
	VPAND(each("upper_14", 0x3fff0000), t, t)
	VPAND(each("lower_14", 0x3fff), w, v)
	VPOR(t, v, v)
	VPSLLD(Imm(1), v, t)
	VPAND(each("upper_sevens", 0x7f007f00), t, t)
	VPAND(each("lower_sevens", 0x007f007f), v, v)
	VPOR(t, v, v)
	return v
}

// oddScales stores 8 scales: the lowest lane of d times 2·v + 1.
func (k *unpacking) oddScales(v, d reg.VecVirtual, off int) {
	VPADDD(v, v, v)
	VPOR(each("ones", 1), v, v)
	VCVTDQ2PS(v, v)
	times8(v, d, 1, Mem{Base: k.d, Disp: off})
}

// part is the binary16 at off times a power of two.
func (k *unpacking) part(off int, unit float32) reg.VecVirtual {
	d := halfAt(k.at(off))
	VMULSS(each(map[float32]string{0.25: "quarter", 0.125: "eighth"}[unit], math.Float32bits(unit)), d, d)
	return d
}

// eightNibbles are those of the four bytes at off, the low one of each first.
func (k *unpacking) eightNibbles(off int) reg.VecVirtual {
	v := YMM()
	VPBROADCASTD(k.at(off), v)
	VPSRLVD(constant("by_four", func(i int) uint32 { return uint32(4 * i) }), v, v)
	VPAND(each("fifteens", 15), v, v)
	return v
}

func codebookUnpackers() {
	for _, f := range signedFormats {
		if f.chosen(); f.points <= 512 { // more are no faster
			f.permuted()
		}
	}
	// Points of IQ1, 8 higher, are moved up or down by one, and are 9 higher then: 2 is added or nothing, where the last bit says down.
	moves := func(down reg.VecVirtual) {
		VPSRAW(Imm(15), down, down)
		VPANDN(each("twos", 0x02020202), down, down)
	}
	codebook("IQ1_S", 50, 8, func(k *unpacking, points reg.Register) func() {
		indices, moved := AllocLocal(64), AllocLocal(16)
		return func() {
			for i := range 2 { // 16 indices, their upper three bits in four words
				low, high, last := YMM(), YMM(), YMM()
				VPMOVZXBW(k.at(2+16*i), low)
				VPBROADCASTQ(k.at(34+8*i), high)
				VPSHUFB(constant("words_by_four", func(i int) uint32 { return (0x0100 + 0x0202*uint32(i/2)) * 0x10001 }), high, high)
				VPSRLW(Imm(1), high, last)
				VPMULLW(constant("tops_of_three", func(i int) uint32 { return []uint32{32<<16 | 256, 4}[i%2] }), high, high)
				VPBLENDW(Imm(0x88), last, high, high)
				VPAND(each("three_above_8", 0x07000700), high, high)
				VPOR(high, low, low)
				VMOVDQU(low, indices.Offset(32*i))
			}
			down, scales := YMM(), YMM()
			VPMOVZXWD(k.at(34), scales)
			VPSRLD(Imm(12), scales, scales)
			VPAND(each("sevens", 7), scales, scales)
			k.oddScales(scales, k.part(0, 0.125), 0)
			VMOVDQU(k.at(34), down.AsX())
			moves(down)
			VMOVDQU(down.AsX(), moved)
			for g := range 8 {
				v, by := choose(points, 8, wordIndices(indices.Offset(8*g))), YMM()
				VPBROADCASTW(moved.Offset(2*g), by)
				VPADDB(by, v, v)
				k.put(v, 32*g)
			}
		}
	})
	codebook("IQ1_M", 56, 16, func(k *unpacking, points reg.Register) func() {
		indices, moved := AllocLocal(64), AllocLocal(64)
		spread := constantLower("words_by_eight", func(i int) uint32 { return uint32(i/2*2) * 0x01010101 })
		return func() {
			for i := range 2 { // 16 indices, their upper three bits and the direction in nibbles
				low, high, down := YMM(), YMM(), YMM()
				VPMOVZXBW(k.at(16*i), low)
				VPMOVZXBD(k.at(32+8*i), high)
				VPSLLD(Imm(12), high, down)
				VPOR(down, high, high)
				VPSLLW(Imm(12), high, down)
				moves(down)
				VMOVDQU(down, moved.Offset(32*i))
				VPSLLW(Imm(8), high, high)
				VPAND(each("three_above_8", 0x07000700), high, high)
				VPOR(high, low, low)
				VMOVDQU(low, indices.Offset(32*i))
			}
			d, t := XMM(), XMM() // of four nibbles
			VMOVQ(k.at(48), d)
			VPSRLW(Imm(12), d, d)
			VPMADDWD(constant("nibbles_of_16", func(i int) uint32 { return []uint32{16<<16 | 1, 4096<<16 | 256}[i%2] }), d, d)
			VPSRLQ(Imm(32), d, t)
			VPADDD(t, d, d)
			VCVTPH2PS(d, d)
			VMULSS(each("eighth", math.Float32bits(0.125)), d, d)
			for i := range 2 {
				scales := YMM()
				VPBROADCASTQ(k.at(48), scales)
				VPSHUFB(constant("words_by_four_lanes", func(i int) uint32 { return 0x80800100 + 0x0202*uint32(i/4) }).Offset(32*i), scales, scales)
				VPSRLVD(constant("by_three", func(i int) uint32 { return uint32(3 * (i % 4)) }), scales, scales)
				VPAND(each("sevens", 7), scales, scales)
				k.oddScales(scales, d, 32*i)
			}
			for g := range 8 {
				v, by := choose(points, 8, wordIndices(indices.Offset(8*g))), YMM()
				VPBROADCASTQ(moved.Offset(8*g), by)
				VPSHUFB(spread, by, by)
				VPADDB(by, v, v)
				k.put(v, 32*g)
			}
		}
	})
}

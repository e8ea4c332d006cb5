package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Formats of codebooks whose points are positive, with a sign for each element beside them.

// signedPoints is one of 256 elements a block.
type signedPoints struct {
	name          string
	size, scales  int
	points, width int             // of the codebook, and elements of one
	bytes         func(g int) int // where the indices of the g-th 32 elements lie, where they are bytes
	// begin stores scales, and says what the i-th 16 indices are, and where the signs lie, four bytes for 32 elements: in the block or in local.
	begin func(k *unpacking, local Mem) (indices func(i int) reg.VecVirtual, signs Mem)
}

var signedFormats = []signedPoints{
	{name: "IQ3_XXS", size: 98, scales: 8, points: 256, width: 4, bytes: func(g int) int { return 2 + 8*g }, begin: func(k *unpacking, local Mem) (func(i int) reg.VecVirtual, Mem) {
		w := YMM()
		VMOVDQU(k.at(66), w)
		k.signsAndScales(w, 0.25, local)
		return func(i int) reg.VecVirtual { return words(k.at(2 + 16*i)) }, local
	}},
	{name: "IQ3_S", size: 110, scales: 8, points: 512, width: 4, begin: func(k *unpacking, _ Mem) (func(i int) reg.VecVirtual, Mem) {
		k.oddScales(k.eightNibbles(106), halfAt(k.at(0)), 0)
		return func(i int) reg.VecVirtual { // their ninth bits are in a word
			low, high, bit := words(k.at(2+16*i)), YMM(), constant("bits_of_16", func(i int) uint32 { return 0x00020001 << (2 * i) })
			VPBROADCASTW(k.at(66+2*i), high)
			VPAND(bit, high, high)
			VPCMPEQW(bit, high, high)
			VPAND(each("ninth_bits", 0x01000100), high, high)
			VPOR(high, low, low)
			return low
		}, k.at(74)
	}},
	{name: "IQ2_XXS", size: 66, scales: 8, points: 256, width: 8, bytes: func(g int) int { return 2 + 8*g }, begin: func(k *unpacking, local Mem) (func(i int) reg.VecVirtual, Mem) {
		k.signsAndScales(k.everySecond(0xdd), 0.125, local)
		return func(i int) reg.VecVirtual {
			b, w := k.everySecond(0x88), YMM()
			if i == 1 {
				VEXTRACTI128(Imm(1), b, b.AsX())
			}
			VPMOVZXBW(b.AsX(), w)
			return w
		}, local
	}},
	{name: "IQ2_XS", size: 74, scales: 16, points: 512, width: 8, begin: func(k *unpacking, local Mem) (func(i int) reg.VecVirtual, Mem) {
		var w [2]reg.VecVirtual
		for i := range w {
			w[i] = YMM()
			VMOVDQU(k.at(2+32*i), w[i])
			VPSRLW(Imm(9), w[i], w[i])
		}
		VPACKUSWB(w[1], w[0], w[0])
		VPERMQ(Imm(0xd8), w[0], w[0])
		even(w[0])
		VMOVDQU(w[0], local)
		k.scales16(66)
		return func(i int) reg.VecVirtual {
			w := YMM()
			VMOVDQU(k.at(2+32*i), w)
			VPAND(each("nine_bits", 0x01ff01ff), w, w)
			return w
		}, local
	}},
	{name: "IQ2_S", size: 82, scales: 16, points: 1024, width: 8, begin: func(k *unpacking, _ Mem) (func(i int) reg.VecVirtual, Mem) {
		k.scales16(74)
		return func(i int) reg.VecVirtual { // their upper two bits are in four bytes
			low, high := words(k.at(2+16*i)), YMM()
			VPBROADCASTD(k.at(66+4*i), high)
			VPSHUFB(constant("every_fourth", func(i int) uint32 { return (0x8000 | uint32(i/2)) * 0x10001 }), high, high)
			VPMULLW(constant("tops_of_two", func(i int) uint32 { return []uint32{64<<16 | 256, 4<<16 | 16}[i%2] }), high, high)
			VPAND(each("two_above_8", 0x03000300), high, high)
			VPOR(high, low, low)
			return low
		}, k.at(34)
	}},
}

// words are the 16 bytes at m.
func words(m Mem) reg.VecVirtual {
	w := YMM()
	VPMOVZXBW(m, w)
	return w
}

// everySecond are the even or the odd words of 64 bytes, as order says.
func (k *unpacking) everySecond(order uint8) reg.VecVirtual {
	w, t := YMM(), YMM()
	VMOVDQU(k.at(2), w)
	VMOVDQU(k.at(34), t)
	VSHUFPS(Imm(uint64(order)), t, w, w)
	VPERMQ(Imm(0xd8), w, w)
	return w
}

// signsAndScales takes 8 words apart: four times seven signs, of which the eighth follows, which go to local, and above them a scale.
func (k *unpacking) signsAndScales(w reg.VecVirtual, unit float32, local Mem) {
	b := sevens(w)
	even(b)
	VMOVDQU(b, local)
	VPSRLD(Imm(28), w, w)
	k.oddScales(w, k.part(0, unit), 0)
}

// scales16 stores scales of each 16 elements, d·(2·scale + 1)/8.
func (k *unpacking) scales16(off int) {
	for i := range 2 {
		k.oddScales(k.eightNibbles(off+4*i), k.part(0, 0.125), 32*i)
	}
}

// chosen is the unpacker that loads points one by one.
func (f signedPoints) chosen() {
	codebook(f.name, f.size, f.scales, func(k *unpacking, points reg.Register) func() {
		s, local, each32 := signs(), AllocLocal(32), 32/f.width
		var stored Mem
		if f.bytes == nil {
			stored = AllocLocal(2 * 8 * each32)
		}
		return func() {
			indices, signs := f.begin(k, local)
			for i := 0; f.bytes == nil && i < each32/2; i++ {
				VMOVDQU(indices(i), stored.Offset(32*i))
			}
			for g := range 8 {
				load := wordIndices(stored.Offset(2 * each32 * g))
				if f.bytes != nil {
					load = byteIndices(k.at(f.bytes(g)))
				}
				v := choose(points, f.width, load)
				s.apply(v, signs.Offset(4*g))
				k.put(v, 32*g)
			}
		}
	})
}

// permuted is the unpacker that keeps the codebook's packed form in mind: VPERMT2W chooses 32 words of it at a time, of 64 in two registers, and
// bits of the indices between those; VPMULTISHIFTQB makes a byte of each element's bits, and VPERMB a level of that. Codes are the packed points, and
// there are as many levels as their bits can tell, or those again, to eight.
func (f signedPoints) permuted() {
	unpackerWith("AVX-512 and VBMI", f.name+"VBMI", ", codes *uint16, levels *uint8", f.size, 256, f.scales, func(k *unpacking) func() {
		codes, local, levels, zero := Load(Param("codes"), GP64()), AllocLocal(32), ZMM(), ZMM()
		VPBROADCASTQ(Mem{Base: Load(Param("levels"), GP64())}, levels)
		VPXORD(zero, zero, zero)
		points, bits := uint32(64/f.width), uint32(16/f.width) // of 64 elements; of an element
		if f.width == 4 {
			bits = 3
		}
		shifts := constantRegister(fmt.Sprintf("shifts_by_%d", bits), func(i int) (w uint32) {
			for b := range uint32(4) {
				e := uint32(4*i)%8 + b // of the eight bytes of a quadword
				w |= (e/uint32(f.width)*32 + e%uint32(f.width)*bits) << (8 * b)
			}
			return w
		})
		var spread []reg.VecVirtual // each word to as many as its elements fill
		for from := uint32(0); from < 32; from += points {
			spread = append(spread, constantRegister(fmt.Sprintf("words_%d_of_%d", from, points), func(i int) uint32 {
				low, high := from+uint32(2*i)*points/32, from+uint32(2*i+1)*points/32
				return low | high<<16
			}))
		}
		return func() {
			indices, signs := f.begin(k, local)
			var found reg.VecVirtual // of 32 indices
			for g := range 4 {
				if i := g / len(spread); g%len(spread) == 0 {
					low, index := indices(2*i), ZMM()
					VINSERTI64X4(Imm(1), indices(2*i+1), low.AsZ(), index)
					found = permute(codes, f.points, index)
				}
				v, negative := ZMM(), K()
				VPERMW(found, spread[g%len(spread)], v)
				VPMULTISHIFTQB(v, shifts, v)
				VPERMB(levels, v, v)
				KMOVQ(signs.Offset(8*g), negative)
				VPSUBB(v, zero, negative, v)
				VMOVDQU64(v, Mem{Base: k.q, Disp: 64 * g})
			}
		}
	})
}

// permute are the codes of 32 indices among so many points.
func permute(codes reg.Register, points int, index reg.VecVirtual) reg.VecVirtual {
	tops := map[int]reg.Register{} // by bit, the indices that have it
	for bit := 64; bit < points; bit *= 2 {
		k := K()
		VPTESTMW(each(fmt.Sprintf("bit_%d", bit), uint32(bit)*0x10001), index, k)
		tops[bit] = k
	}
	var among func(first, n int) reg.VecVirtual
	among = func(first, n int) reg.VecVirtual {
		if n == 64 {
			v := ZMM()
			VMOVDQU64(Mem{Base: codes, Disp: 2 * first}, v)
			VPERMT2W(Mem{Base: codes, Disp: 2*first + 64}, index, v)
			return v
		}
		low, high := among(first, n/2), among(first+n/2, n/2)
		VMOVDQU16(high, tops[n/2], low)
		return low
	}
	return among(0, points)
}

package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Dot products of rows of weights, as they are stored, with a row of X in pairs of signed bytes, by AVX-512 VNNI. VPDPBUSD multiplies
// unsigned bytes, the weights, by signed ones and sums four products in a lane exactly: first by the upper bytes of X, then, the sums
// moved up by 8 bits, by the lower ones. Weights that are signed are taken base higher; what
// that adds to a block is base times the sum of its X, which s holds, already scaled: below gathers it for all blocks, and it is taken
// away at the row's end. Scales of many blocks are made at once and brought to the lanes of their products by VPERMPS; nothing is
// summed across lanes before the row's end.

// bytesDot is a kernel in the making, and where it stands.
type bytesDot struct {
	w, x, y, d, s reg.Register      // y: the lower bytes of X
	acc           [2]reg.VecVirtual // sums, taken in turns
	turn          int
	below         reg.VecVirtual // Σ scale·s
	tail          reg.VecVirtual // sums of single blocks
	tailBelow     reg.VecVirtual
}

func (k *bytesDot) weight(off int) Mem { return Mem{Base: k.w, Disp: off} }

// product is a register of 64 unsigned weights, and where their X begins.
type product struct {
	w reg.VecVirtual
	x int
}

// add adds products, of which idx says what lane of factors each of their lanes takes.
func (k *bytesDot) add(factors, idx reg.VecVirtual, products ...product) {
	sum, f := ZMM(), ZMM()
	VPXORD(sum, sum, sum)
	for _, p := range products {
		VPDPBUSD(Mem{Base: k.x, Disp: p.x}, p.w, sum)
	}
	VPSLLD(Imm(8), sum, sum)
	for _, p := range products {
		VPDPBUSD(Mem{Base: k.y, Disp: p.x}, p.w, sum)
	}
	VCVTDQ2PS(sum, sum)
	VPERMPS(factors, idx, f)
	VFMADD231PS(f, sum, k.acc[k.turn])
	k.turn ^= 1
}

// addOne adds the products of one block, 32 weights in a register of 32 bytes, whose scale is in the lowest lane of f; what is below it
// is added by belowOne.
func (k *bytesDot) addOne(f, w reg.VecVirtual) {
	VMULSS(Mem{Base: k.d}, f, f)
	sum, all := YMM(), YMM()
	VPXORD(sum, sum, sum)
	VPDPBUSD(Mem{Base: k.x}, w, sum)
	VPSLLD(Imm(8), sum, sum)
	VPDPBUSD(Mem{Base: k.y}, w, sum)
	VCVTDQ2PS(sum, sum)
	VBROADCASTSS(f, all)
	VFMADD231PS(all, sum, k.tail)
}

// belowOne adds what is below one block of scale f.
func (k *bytesDot) belowOne(f reg.VecVirtual) { VFMADD231SS(Mem{Base: k.s}, f, k.tailBelow) }

// factors8 are what the products of 8 blocks are multiplied by, of their scales; what is below them is added.
func (k *bytesDot) factors8(scales reg.VecVirtual) reg.VecVirtual {
	VFMADD231PS(Mem{Base: k.s}, scales, k.below.AsY())
	VMULPS(Mem{Base: k.d}, scales, scales)
	return whole(scales)
}

// factors16 is factors8 of blocks of 16 elements; scales of X are of 32.
func (k *bytesDot) factors16(scales, twice reg.VecVirtual) reg.VecVirtual {
	d := YMM()
	VMOVUPS(Mem{Base: k.d}, d)
	VFMADD231PS(Mem{Base: k.s}, scales, k.below)
	pairs := ZMM()
	VPERMPS(whole(d), twice, pairs)
	VMULPS(pairs, scales, scales)
	return scales
}

// whole is the register of 64 bytes of which v is the lower half or quarter.
func whole(v reg.VecVirtual) reg.VecVirtual { return v.AsZ().(reg.VecVirtual) }

// lower is the lower half of v.
func lower(v reg.VecVirtual) reg.VecVirtual { return v.AsY().(reg.VecVirtual) }

// dotting8 begins a kernel over rows of n blocks of size bytes and 32 elements: many does 8 of them, one does one of those left.
func dotting8(name, params string, size int, base float32, prepare func(k *bytesDot) (many, one func())) {
	dottingBytes(name, params, size, 32, 1, base, prepare)
}

// dotting1 begins a kernel over rows of n blocks of size bytes and 256 elements, sums of X being of 256/sums elements.
func dotting1(name, params string, size, sums int, base float32, prepare func(k *bytesDot) func()) {
	dottingBytes(name, params, size, 256, sums, base, func(k *bytesDot) (many, one func()) { return prepare(k), nil })
}

func dottingBytes(name, params string, size, length, sums int, base float32, prepare func(k *bytesDot) (many, one func())) {
	kernel := name + "VNNI"
	TEXT(kernel, NOSPLIT, "func(rows, n int, w *byte, x, y *int8, d, s, out *float32"+params+")")
	Doc(kernel + " sets out to the products of rows of n blocks, which lie one behind the other. With AVX-512 and VNNI.")
	Pragma("noescape")
	k := &bytesDot{w: Load(Param("w"), GP64()), x: GP64(), y: GP64(), d: GP64(), s: GP64(),
		acc: [2]reg.VecVirtual{ZMM(), ZMM()}, below: ZMM(), tail: YMM(), tailBelow: XMM()}
	rows, out, left, less := Load(Param("rows"), GP64()), Load(Param("out"), GP64()), GP64(), ZMM()
	fill(less, math.Float32bits(base))
	many, one := prepare(k)
	step := 8
	if one == nil {
		step = 1
	}
	next := func(blocks int) {
		ADDQ(U32(uint32(blocks*size)), k.w)
		ADDQ(U32(uint32(blocks*length)), k.x)
		ADDQ(U32(uint32(blocks*length)), k.y)
		ADDQ(U32(uint32(blocks*length/8)), k.d)
		ADDQ(U32(uint32(blocks*sums*4)), k.s)
		SUBQ(U32(uint32(blocks)), left)
	}

	Label("row")
	Load(Param("x"), k.x)
	Load(Param("y"), k.y)
	Load(Param("d"), k.d)
	Load(Param("s"), k.s)
	Load(Param("n"), left)
	zeros := []reg.VecVirtual{k.acc[0], k.acc[1], k.below}
	if one != nil {
		zeros = append(zeros, whole(k.tail), whole(k.tailBelow))
	}
	for _, v := range zeros {
		VPXORD(v, v, v)
	}
	JMP(LabelRef("check"))
	Label("many")
	ahead(k.w, step*size)
	many()
	next(step)
	Label("check")
	CMPQ(left, U32(uint32(step)))
	JGE(LabelRef("many"))
	if one != nil {
		TESTQ(left, left)
		JZ(LabelRef("done"))
		Label("one")
		one()
		next(1)
		JNZ(LabelRef("one"))
		Label("done")
		VADDPS(whole(k.tail), k.acc[1], k.acc[1])
		VADDPS(whole(k.tailBelow), k.below, k.below)
	}
	VADDPS(k.acc[1], k.acc[0], k.acc[0])
	VFNMADD231PS(less, k.below, k.acc[0])
	VMOVSS(together(k.acc[0]), Mem{Base: out})
	ADDQ(Imm(4), out)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// distance is how far weights are asked for ahead of their use, in bytes: two pages, so that the memory of the next one is on its way
// where the processor's own look-ahead ends.
const distance = 8192

// ahead asks for n bytes of weights that a later step takes. They come to the second-level cache: a first-level cache waits for fewer lines
// at a time, and holds X.
func ahead(w reg.Register, n int) {
	for off := 0; off < n; off += 64 {
		PREFETCHT1(Mem{Base: w, Disp: distance + off})
	}
}

// fill sets each lane of 32 bits.
func fill(v reg.VecVirtual, bits uint32) {
	g := GP32()
	MOVL(U32(bits), g)
	VPBROADCASTD(g, v)
}

// everyByte is b in each of 64 bytes.
func everyByte(b uint32) reg.VecVirtual {
	v := ZMM()
	fill(v, b*0x01010101)
	return v
}

var constants = map[string]Mem{}

// constant is 64 bytes in memory.
func constant(name string, word func(i int) uint32) Mem {
	m, ok := constants[name]
	if !ok {
		m = GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, U32(word(i)))
		}
		constants[name] = m
	}
	return m
}

func constantRegister(name string, word func(i int) uint32) reg.VecVirtual {
	v := ZMM()
	VMOVDQU32(constant(name, word), v)
	return v
}

// lanes is a register with a, b, c and d in four lanes each.
func lanes(a, b, c, d uint32) reg.VecVirtual {
	return constantRegister(fmt.Sprintf("lanes_%d_%d_%d_%d", a, b, c, d), func(i int) uint32 { return []uint32{a, b, c, d}[i/4] })
}

// quads are n registers of lanes: 0 to 3, 4 to 7, ….
func quads(n uint32) (v []reg.VecVirtual) {
	for i := range n {
		v = append(v, lanes(4*i, 4*i+1, 4*i+2, 4*i+3))
	}
	return v
}

// twice is a register with each lane number from 0 to 7 two times.
func twice() reg.VecVirtual {
	return constantRegister("twice", func(i int) uint32 { return uint32(i / 2) })
}

// words8 are 8 words of 16 bits: number at(i) of the 32 at offset a and, from 32 on, the 32 at b.
func words8(k *bytesDot, a, b int, idx reg.VecVirtual) reg.VecVirtual {
	v := ZMM()
	VMOVDQU32(k.weight(a), v)
	VPERMT2W(k.weight(b), idx, v)
	return v.AsX().(reg.VecVirtual)
}

// wordIndex is the register that words8 needs.
func wordIndex(name string, at func(i int) uint32) reg.VecVirtual {
	return constantRegister(name, func(i int) uint32 { return at(2*i%8) | at((2*i+1)%8)<<16 })
}

// halves8 are 8 words of binary16, stride bytes apart, as float32.
func halves8(k *bytesDot, off, stride int) reg.VecVirtual {
	x, y := XMM(), YMM()
	VPXORD(x, x, x)
	for i := range 8 {
		VPINSRW(Imm(uint64(i)), k.weight(off+stride*i), x, x)
	}
	VCVTPH2PS(x, y)
	return y
}

// nibbles4 are the 64 low and the 64 high nibbles of 4 pieces of 16 bytes, stride bytes apart.
func nibbles4(k *bytesDot, off, stride int, mask reg.VecVirtual) (low, high reg.VecVirtual) {
	v := ZMM()
	if stride == 16 {
		VMOVDQU32(k.weight(off), v)
	} else {
		VMOVDQU32(k.weight(off), v.AsX())
		for i := 1; i < 4; i++ {
			VINSERTI32X4(Imm(uint64(i)), k.weight(off+stride*i), v, v)
		}
	}
	return split(v, mask)
}

// nibbles1 are the 32 nibbles of 16 bytes: the low ones, then the high ones.
func nibbles1(k *bytesDot, off int, mask reg.VecVirtual) reg.VecVirtual {
	low, high, both := XMM(), XMM(), YMM()
	VMOVDQU32(k.weight(off), low)
	VPSRLW(Imm(4), low, high)
	VINSERTI32X4(Imm(1), high, low.AsY(), both)
	VPANDD(lower(mask), both, both)
	return both
}

// split takes the low and the high nibbles of v apart.
func split(v, mask reg.VecVirtual) (low, high reg.VecVirtual) {
	low, high = ZMM(), ZMM()
	VPSRLW(Imm(4), v, high)
	VPANDD(mask, v, low)
	VPANDD(mask, high, high)
	return low, high
}

// total returns the sum of all lanes.
func total(v reg.VecVirtual) { Store(together(v), ReturnIndex(0)) }

// together is the sum of all lanes, in the lowest.
func together(v reg.VecVirtual) reg.VecVirtual {
	high, low := XMM(), v.AsX().(reg.VecVirtual)
	if v.Size() == 64 {
		upper := YMM()
		VEXTRACTF64X4(Imm(1), v, upper)
		VADDPS(upper, lower(v), lower(v))
		VEXTRACTF32X4(Imm(1), lower(v), high)
	} else {
		VEXTRACTF128(Imm(1), v, high)
	}
	VADDPS(high, low, low)
	VHADDPS(low, low, low)
	VHADDPS(low, low, low)
	return low
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The decoders give the bits of fallback/quant: the same operations in the same order, each rounded once. All need AVX2 and F16C.

// decoder begins a kernel that turns n blocks of size bytes into length elements each.
func decoder(name, doc, extra string, size, length int, prepare func() func(dst, src Mem)) {
	TEXT(name, NOSPLIT, "func(n int, dst *float32, src *byte"+extra+")")
	Doc(name + " " + doc)
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	body := prepare()
	JMP(LabelRef("check"))
	Label("step")
	body(Mem{Base: dst}, Mem{Base: src})
	ADDQ(U32(uint32(size)), src)
	ADDQ(U32(uint32(4*length)), dst)
	DECQ(n)
	Label("check")
	TESTQ(n, n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

// rowsDecoder begins a kernel that turns rows of n blocks into one behind the other, together blocks at a time and then one by one.
func rowsDecoder(name string, size, length, together int, prepare func() func(dst, src Mem)) {
	TEXT(name, NOSPLIT, "func(rows, n int, dst *float32, src *byte, stride, ahead int)")
	Doc(name + " decodes rows of n blocks, stride bytes from one to the next. What lies ahead bytes behind the rows is asked for. With AVX2 and F16C.")
	Pragma("noescape")
	dst, row, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	rows, stride, ahead := Load(Param("rows"), GP64()), Load(Param("stride"), GP64()), Load(Param("ahead"), GP64())
	body := prepare()
	src, left := GP64(), GP64()
	some := func(blocks int) {
		for line := 0; line < size*blocks; line += 64 {
			PREFETCHT1(Mem{Base: src, Index: ahead, Scale: 1, Disp: line})
		}
		if end := size * blocks; end%64 != 0 && length > 8 { // it may lie in one more line
			PREFETCHT1(Mem{Base: src, Index: ahead, Scale: 1, Disp: end - 1})
		}
		for i := range blocks {
			body(Mem{Base: dst, Disp: 4 * length * i}, Mem{Base: src, Disp: size * i})
		}
		ADDQ(U32(uint32(size*blocks)), src)
		ADDQ(U32(uint32(4*length*blocks)), dst)
	}
	Label("row")
	MOVQ(row, src)
	MOVQ(n, left)
	if together > 1 {
		SUBQ(U32(uint32(together)), left)
		JL(LabelRef("few"))
		Label("many")
		some(together)
		SUBQ(U32(uint32(together)), left)
		JGE(LabelRef("many"))
		Label("few")
		ADDQ(U32(uint32(together)), left)
		JZ(LabelRef("done"))
	}
	Label("one")
	some(1)
	DECQ(left)
	JNZ(LabelRef("one"))
	Label("done")
	ADDQ(stride, row)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// everywhere is a register with a 32-bit constant in each lane.
func everywhere(bits uint32) reg.VecVirtual {
	g, x, y := GP32(), XMM(), YMM()
	MOVL(U32(bits), g)
	VMOVD(g, x)
	VPBROADCASTD(x, y)
	return y
}

// scaleAt is the binary16 at m in every lane.
func scaleAt(m Mem) reg.VecVirtual {
	g, x, y := GP32(), XMM(), YMM()
	MOVWLZX(m, g)
	VMOVD(g, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, y)
	return y
}

// spread stores the 8 signed bytes of m or the lower half of a register, times scale and less base, as float32.
func spread(from Op, scale, base reg.VecVirtual, to Mem) {
	v := YMM()
	VPMOVSXBD(from, v)
	VCVTDQ2PS(v, v)
	VMULPS(scale, v, v)
	if base != nil {
		VSUBPS(base, v, v)
	}
	VMOVUPS(v, to)
}

// spread16 is spread of a register of 16 bytes.
func spread16(x reg.VecVirtual, scale, base reg.VecVirtual, to Mem) {
	spread(x, scale, base, to)
	high := XMM()
	VPSRLDQ(Imm(8), x, high)
	spread(high, scale, base, to.Offset(32))
}

func decoders() {
	// A cache keeps its rows in these: a head's parts of many rows are decoded by one call. Blocks of F16 and BF16 are 8 elements here.
	rowsDecoder("decodeF16", 16, 8, 8, func() func(dst, src Mem) {
		return func(dst, src Mem) {
			v := YMM()
			VCVTPH2PS(src, v)
			VMOVUPS(v, dst)
		}
	})
	rowsDecoder("decodeBF16", 16, 8, 8, func() func(dst, src Mem) {
		return func(dst, src Mem) {
			v := YMM()
			VPMOVZXWD(src, v)
			VPSLLD(Imm(16), v, v)
			VMOVUPS(v, dst)
		}
	})
	rowsDecoder("decodeQ8_0", 34, 32, 1, func() func(dst, src Mem) {
		return func(dst, src Mem) {
			d := scaleAt(src)
			for i := range 4 {
				spread(src.Offset(2+8*i), d, nil, dst.Offset(32*i))
			}
		}
	})
	rowsDecoder("decodeQ4_0", 18, 32, 1, func() func(dst, src Mem) {
		nibble, eight := everywhere(0x0f0f0f0f), everywhere(0x08080808)
		return func(dst, src Mem) {
			d, low, high := scaleAt(src), XMM(), XMM()
			VMOVDQU(src.Offset(2), low)
			VPSRLW(Imm(4), low, high)
			VPAND(nibble.AsX(), low, low)
			VPAND(nibble.AsX(), high, high)
			VPSUBB(eight.AsX(), low, low)
			VPSUBB(eight.AsX(), high, high)
			spread16(low, d, nil, dst)
			spread16(high, d, nil, dst.Offset(64))
		}
	})
	// A nibble is looked up among 16 signed bytes.
	lookup := func(name string, offset int, scale func(src Mem) reg.VecVirtual, size int, extra string) {
		decoder(name, "decodes n blocks; levels are what the nibbles stand for.", ", levels *int8"+extra, size, 32, func() func(dst, src Mem) {
			nibble, table := everywhere(0x0f0f0f0f), XMM()
			VMOVDQU(Mem{Base: Load(Param("levels"), GP64())}, table)
			return func(dst, src Mem) {
				d, low, high := scale(src), XMM(), XMM()
				VMOVDQU(src.Offset(offset), low)
				VPSRLW(Imm(4), low, high)
				VPAND(nibble.AsX(), low, low)
				VPAND(nibble.AsX(), high, high)
				VPSHUFB(low, table, low)
				VPSHUFB(high, table, high)
				spread16(low, d, nil, dst)
				spread16(high, d, nil, dst.Offset(64))
			}
		})
	}
	lookup("decodeIQ4_NL", 2, scaleAt, 18, "")
	var scales reg.Register
	lookup("decodeMXFP4", 1, func(src Mem) reg.VecVirtual {
		if scales == nil {
			scales = GP64()
		}
		g, y := GP64(), YMM()
		MOVBQZX(src, g)
		p := Load(Param("scales"), GP64())
		VBROADCASTSS(Mem{Base: p, Index: g, Scale: 4}, y)
		return y
	}, 17, ", scales *float32")

	decoder("decodeQ4_K", "decodes n blocks; scales are d·scale and dmin·min of each 32 elements, 8 and 8 a block.", ", scales *float32", 144, 256, func() func(dst, src Mem) {
		nibble, scales := everywhere(0x0f0f0f0f), Load(Param("scales"), GP64())
		return func(dst, src Mem) {
			for j := range 4 {
				d0, d1, b0, b1 := YMM(), YMM(), YMM(), YMM()
				VBROADCASTSS(Mem{Base: scales, Disp: 8 * j}, d0)
				VBROADCASTSS(Mem{Base: scales, Disp: 8*j + 4}, d1)
				VBROADCASTSS(Mem{Base: scales, Disp: 32 + 8*j}, b0)
				VBROADCASTSS(Mem{Base: scales, Disp: 32 + 8*j + 4}, b1)
				for h := range 2 {
					low, high := XMM(), XMM()
					VMOVDQU(src.Offset(16+32*j+16*h), low)
					VPSRLW(Imm(4), low, high)
					VPAND(nibble.AsX(), low, low)
					VPAND(nibble.AsX(), high, high)
					spread16(low, d0, b0, dst.Offset(4*(64*j+16*h)))
					spread16(high, d1, b1, dst.Offset(4*(64*j+32+16*h)))
				}
			}
			ADDQ(Imm(64), scales)
		}
	})
	decoder("decodeQ6_K", "decodes n blocks; scales are d·scale of each 16 elements, 16 a block.", ", scales *float32", 210, 256, func() func(dst, src Mem) {
		nibble, two, base := everywhere(0x0f0f0f0f), everywhere(0x03030303), everywhere(0x20202020)
		scales := Load(Param("scales"), GP64())
		return func(dst, src Mem) {
			for g := range 16 {
				h, k, at := g/8, g/2%4, 16*(g%2)
				d, q, top := YMM(), XMM(), XMM()
				VBROADCASTSS(Mem{Base: scales, Disp: 4 * g}, d)
				VMOVDQU(src.Offset(64*h+32*(k%2)+at), q)
				if k >= 2 {
					VPSRLW(Imm(4), q, q)
				}
				VPAND(nibble.AsX(), q, q)
				VMOVDQU(src.Offset(128+32*h+at), top)
				if k > 0 {
					VPSRLW(Imm(uint64(2*k)), top, top)
				}
				VPAND(two.AsX(), top, top)
				VPSLLW(Imm(4), top, top)
				VPOR(top, q, q)
				VPSUBB(base.AsX(), q, q)
				spread16(q, d, nil, dst.Offset(64*g))
			}
			ADDQ(Imm(64), scales)
		}
	})
}

// encoder turns float32 into binary16, rounded to nearest even; what is not a number becomes the one quiet NaN, with its sign, as in Go.
func encoder() {
	TEXT("encodeF16", NOSPLIT, "func(n int, dst *byte, src *float32)")
	Doc("encodeF16 encodes n elements, a multiple of 8. With AVX2 and F16C.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	sign, quiet := everywhere(0x80000000), everywhere(0x7fc00000)
	pieces(n, 8, func() {
		v, nan, odd := YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: src}, v)
		VCMPPS(Imm(3), v, v, nan) // unordered
		VANDPS(sign, v, odd)
		VORPS(quiet, odd, odd)
		VBLENDVPS(nan, odd, v, v)
		VCVTPS2PH(Imm(0), v, Mem{Base: dst})
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

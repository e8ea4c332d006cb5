package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What package simd says of simd.ByteBlock, simd.ByteRows and simd.BytePanels, in bytes.
const (
	blockSize   = 80 // of X: 32 upper and 32 lower bytes, or 32 words, then their factor and their sums
	blockLower  = 32
	blockFactor = 64
	blockSum    = 68
	blockSums   = 72 // of both halves
	rowBytes    = 512
	panelBytes  = 2 * 16 * 512
	panelScales = 16 * 512 / 16 * 4
)

// byteTile takes r rows of X by two panels of weights in bytes: four columns a step, of which VPDPBUSD sums the products exactly, first those
// of upper bytes, then, the sums moved up by 8 bits and with what makes up for weights that are 128 higher than they are, those of lower ones.
// Sums become float32 behind each 32 columns, or 16.
func byteTile(r, steps int) {
	kernel := fmt.Sprintf("byteTile%dx%dVNNI", 4*steps, r)
	TEXT(kernel, NOSPLIT, "func(n int, x *int8, stride int, w *uint8, d, m, sums *float32)")
	Doc(fmt.Sprintf("%s is ByteTile for %d rows, with scales of each %d columns, in n blocks of 32; m may be nil. With AVX-512 and VNNI.", kernel, r, 4*steps))
	Pragma("noescape")
	stride := Load(Param("stride"), GP64())
	x := []reg.Register{Load(Param("x"), GP64())}
	for i := 1; i < r; i++ {
		p := GP64()
		LEAQ(Mem{Base: x[i-1], Index: stride, Scale: 1}, p)
		x = append(x, p)
	}
	w, d, m, n := Load(Param("w"), GP64()), Load(Param("d"), GP64()), Load(Param("m"), GP64()), Load(Param("n"), GP64())
	s := loadSums(r, 64, func(from, to Op) { VMOVUPS(from, to) }, behind(Load(Param("sums"), GP64())))

	whole := vectors(2*r, 64)
	Label("block")
	for part := range 8 / steps {
		sum := blockSum
		if steps == 4 {
			sum = blockSums + 4*part
		}
		for _, v := range whole {
			VPXORD(v, v, v)
		}
		for _, bytes := range []int{0, blockLower} {
			if bytes == blockLower {
				for i, v := range whole {
					VPSLLD(Imm(8), v, v)
					VPADDD_BCST(Mem{Base: x[i/2], Disp: sum}, v, v)
				}
			}
			for k := steps * part; k < steps*(part+1); k++ {
				lo, hi := ZMM(), ZMM()
				VMOVDQU32(Mem{Base: w, Disp: 64 * k}, lo)
				VMOVDQU32(Mem{Base: w, Disp: panelBytes + 64*k}, hi)
				for i := range r {
					four := ZMM()
					VPBROADCASTD(Mem{Base: x[i], Disp: bytes + 4*k}, four)
					VPDPBUSD(four, lo, whole[2*i])
					VPDPBUSD(four, hi, whole[2*i+1])
				}
			}
		}
		scales := vectors(2, 64)
		for j, v := range scales {
			VMOVUPS(Mem{Base: d, Disp: panelScales*j + 64*part}, v)
		}
		for i, v := range whole {
			VCVTDQ2PS(v, v)
			VMULPS(scales[i%2], v, v)
		}
		none := fmt.Sprintf("none%d", part)
		TESTQ(m, m)
		JZ(LabelRef(none))
		minima := vectors(2, 64)
		for j, v := range minima {
			VMOVUPS(Mem{Base: m, Disp: panelScales*j + 64*part}, v)
		}
		for i := range r {
			of := ZMM()
			VCVTDQ2PS_BCST(Mem{Base: x[i], Disp: sum}, of)
			VFMADD231PS(of, minima[0], whole[2*i])
			VFMADD231PS(of, minima[1], whole[2*i+1])
		}
		if part == 8/steps-1 {
			ADDQ(U32(uint32(64*8/steps)), m)
		}
		Label(none)
		for i, v := range whole {
			VFMADD231PS_BCST(Mem{Base: x[i/2], Disp: blockFactor}, v, s.acc[i])
		}
	}
	for _, p := range x {
		ADDQ(Imm(blockSize), p)
	}
	ADDQ(U32(512), w)
	ADDQ(U32(uint32(64*8/steps)), d)
	DECQ(n)
	JNZ(LabelRef("block"))
	s.finish()
}

// bytePanel turns 16 rows of bytes: four of each row become a lane, or, as words, two lanes: the first and the third, the second and the fourth.
func bytePanel(words bool) {
	kernel, what := "bytePanelAVX2", "adds more to them"
	if words {
		kernel, what = "wordPanelAVX2", "takes more away of their words"
	}
	TEXT(kernel, NOSPLIT, "func(n int, dst, src *uint8, more uint32)")
	Doc(kernel + " takes n times 16 columns of rows of 512 bytes, and " + what + ". With AVX2.")
	Pragma("noescape")
	n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	more, x := YMM(), XMM()
	var mask reg.VecVirtual
	if words {
		mask = everywhere(0x00ff00ff)
	}
	VMOVD(Load(Param("more"), GP32()), x)
	VPBROADCASTD(x, more)
	Label("step")
	for h := range 2 {
		v, t, q := vectors(4, 32), vectors(4, 32), vectors(4, 32)
		for i := range v { // rows i and i+4
			VMOVDQU(Mem{Base: src, Disp: rowBytes * (8*h + i)}, v[i].AsX())
			VINSERTI128(Imm(1), Mem{Base: src, Disp: rowBytes * (8*h + i + 4)}, v[i], v[i])
		}
		for i := range 2 {
			VPUNPCKLDQ(v[2*i+1], v[2*i], t[i])
			VPUNPCKHDQ(v[2*i+1], v[2*i], t[2+i])
		}
		for i := range 2 {
			VPUNPCKLQDQ(t[2*i+1], t[2*i], q[2*i])
			VPUNPCKHQDQ(t[2*i+1], t[2*i], q[2*i+1])
		}
		for i, v := range q {
			if !words {
				VPADDB(more, v, v)
				VMOVDQU(v, Mem{Base: dst, Disp: 64*i + 32*h})
				continue
			}
			odd := YMM()
			VPSRLW(Imm(8), v, odd)
			VPAND(mask, v, v)
			for j, v := range []reg.VecVirtual{v, odd} {
				VPSUBW(more, v, v)
				VMOVDQU(v, Mem{Base: dst, Disp: 128*i + 64*j + 32*h})
			}
		}
	}
	ADDQ(Imm(16), src)
	if words {
		ADDQ(U32(512), dst)
	} else {
		ADDQ(U32(256), dst)
	}
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

// byteRow makes pairs of signed bytes of X, or words, in blocks of 32: the same bits as its plain twin.
func byteRow(words bool) {
	kernel := "byteRowAVX2"
	if words {
		kernel = "wordRowAVX2"
	}
	TEXT(kernel, NOSPLIT, "func(n int, x *float32, dst *int8)")
	Doc(kernel + " makes n blocks. With AVX2.")
	Pragma("noescape")
	n, x, dst := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("dst"), GP64())
	sign, steps, g := everywhere(0x7fffffff), XMM(), GP32()
	MOVL(U32(math.Float32bits(32639)), g)
	VMOVD(g, steps)

	Label("block")
	v, top := rounded256(x, g, sign, steps)
	sums := []reg.GPVirtual{GP32(), GP32()}
	for i, s := range sums {
		both := YMM()
		VPADDD(v[2*i], v[2*i+1], both)
		VMOVD(folded256(both, func(a, b reg.VecVirtual) { VPADDD(a, b, b) }), s)
		NEGL(s)
		SHLL(Imm(7), s)
		MOVL(s, Mem{Base: dst, Disp: blockSums + 4*i})
	}
	ADDL(sums[1], sums[0])
	MOVL(sums[0], Mem{Base: dst, Disp: blockSum})
	VPACKSSDW(v[1], v[0], v[0])
	VPACKSSDW(v[3], v[2], v[2])
	if words {
		exchanged256(v, dst)
	} else {
		for i, b := range bytes256(v[0], v[2]) {
			VMOVDQU(b, Mem{Base: dst, Disp: blockLower * i})
		}
	}
	VMOVSS(top, Mem{Base: dst, Disp: blockFactor})
	JMP(LabelRef("next"))

	Label("nothing")
	VPXOR(top, top, top)
	Label("odd")
	zero := YMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(zero, Mem{Base: dst})
	VMOVDQU(zero, Mem{Base: dst, Disp: blockLower})
	VMOVDQU(zero.AsX(), Mem{Base: dst, Disp: blockFactor})
	VMOVSS(top, Mem{Base: dst, Disp: blockFactor})
	Label("next")
	ADDQ(U32(128), x)
	ADDQ(U32(blockSize), dst)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// bytePeak multiplies bytes that are in registers.
func bytePeak() {
	TEXT("bytePeakVNNI", NOSPLIT, "func(n int)")
	Doc("bytePeakVNNI multiplies and adds n times 16 registers of bytes. With AVX-512 and VNNI.")
	n, x, w, sums := Load(Param("n"), GP64()), ZMM(), ZMM(), vectors(16, 64)
	for _, v := range append(sums, x, w) {
		VPXORD(v, v, v)
	}
	Label("step")
	for _, v := range sums {
		VPDPBUSD(x, w, v)
	}
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

// wordTile takes r rows of X by a panel of weights in words: VPMADDWD sums two products in a lane. Sums of float32 stay in the first-level cache:
// there are few registers.
func wordTile(r, steps int) {
	kernel := fmt.Sprintf("wordTile%dx%dAVX2", 2*steps, r)
	TEXT(kernel, NOSPLIT, "func(n int, x *int8, stride int, w *uint8, d, m, sums *float32)")
	Doc(fmt.Sprintf("%s is ByteTile for %d rows and the panel from where w, d, m and sums point to, with scales of each %d columns, in n blocks of 32; m may be nil. With AVX2 and FMA.",
		kernel, r, 2*steps))
	Pragma("noescape")
	stride := Load(Param("stride"), GP64())
	x := []reg.Register{Load(Param("x"), GP64())}
	for i := 1; i < r; i++ {
		p := GP64()
		LEAQ(Mem{Base: x[i-1], Index: stride, Scale: 1}, p)
		x = append(x, p)
	}
	w, d, m, n := Load(Param("w"), GP64()), Load(Param("d"), GP64()), Load(Param("m"), GP64()), Load(Param("n"), GP64())
	sums := Load(Param("sums"), GP64())

	Label("block")
	for part := range 16 / steps {
		whole := vectors(2*r, 32)
		for k := steps * part; k < steps*(part+1); k++ {
			weights := vectors(2, 32)
			for j, v := range weights {
				VMOVDQU(Mem{Base: w, Disp: 64*k + 32*j}, v)
			}
			for i := range r {
				two := YMM()
				VPBROADCASTD(Mem{Base: x[i], Disp: 4 * k}, two)
				for j, v := range weights {
					if k == steps*part {
						VPMADDWD(two, v, whole[2*i+j])
						continue
					}
					t := YMM()
					VPMADDWD(two, v, t)
					VPADDD(t, whole[2*i+j], whole[2*i+j])
				}
			}
		}
		for i, v := range whole {
			VCVTDQ2PS(v, v)
			VMULPS(Mem{Base: d, Disp: 64*part + 32*(i%2)}, v, v)
		}
		none := fmt.Sprintf("none%d", part)
		TESTQ(m, m)
		JZ(LabelRef(none))
		for i := range r {
			of, sum := YMM(), blockSum
			if steps == 8 {
				sum = blockSums + 4*part
			}
			VPBROADCASTD(Mem{Base: x[i], Disp: sum}, of)
			VCVTDQ2PS(of, of)
			for j := range 2 {
				VFMADD231PS(Mem{Base: m, Disp: 64*part + 32*j}, of, whole[2*i+j])
			}
		}
		if part == 16/steps-1 {
			ADDQ(U32(uint32(64*16/steps)), m)
		}
		Label(none)
		for i := range r {
			factor := YMM()
			VBROADCASTSS(Mem{Base: x[i], Disp: blockFactor}, factor)
			for j := range 2 {
				at := Mem{Base: sums, Disp: 128*i + 32*j}
				VFMADD213PS(at, factor, whole[2*i+j])
				VMOVUPS(whole[2*i+j], at)
			}
		}
	}
	for _, p := range x {
		ADDQ(Imm(blockSize), p)
	}
	ADDQ(U32(1024), w)
	ADDQ(U32(uint32(64*16/steps)), d)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// wordPeak multiplies words that are in registers.
func wordPeak() {
	TEXT("wordPeakAVX2", NOSPLIT, "func(n int)")
	Doc("wordPeakAVX2 multiplies and adds n times 6 registers of words. With AVX2.")
	n, x, w, sums := Load(Param("n"), GP64()), clearYMM(), clearYMM(), []reg.VecVirtual{}
	for range 6 {
		sums = append(sums, clearYMM())
	}
	Label("step")
	for _, v := range sums {
		t := YMM()
		VPMADDWD(x, w, t)
		VPADDD(t, v, v)
	}
	DECQ(n)
	JNZ(LabelRef("step"))
	VZEROUPPER()
	RET()
}

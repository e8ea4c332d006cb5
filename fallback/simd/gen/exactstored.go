package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// One row of X in float64 by 32 rows of weights as they are stored: each lane of four registers sums one row in ascending k. Weights are
// d·(u−z) with a byte u, a binary16 d and the same z for all. A byte becomes a float64 by taking a place in the fraction of 4096, which
// makes it 4096+u, and d·(4096+u) − d·(4096+z), products that are exact, rounds once, to what float32 can hold as well. An infinite d
// gives no number.

// eightRows are rows stride bytes apart, reached from one register.
type eightRows struct{ base, stride, three, five, seven reg.Register }

func (r eightRows) row(i int) Mem {
	m := Mem{Base: r.base}
	switch i {
	case 1, 2, 4:
		m.Index, m.Scale = r.stride, uint8(i)
	case 3, 6:
		m.Index, m.Scale = r.three, uint8(i/3)
	case 5:
		m.Index, m.Scale = r.five, 1
	case 7:
		m.Index, m.Scale = r.seven, 1
	}
	return m
}

// groupsOfRows are n times eight rows from w on.
func groupsOfRows(n int, w, stride reg.Register) []eightRows {
	three, five, seven := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 4}, five)
	LEAQ(Mem{Base: three, Index: stride, Scale: 4}, seven)
	groups := make([]eightRows, n)
	for i := range groups {
		groups[i] = eightRows{w, stride, three, five, seven}
		if i > 0 {
			groups[i].base = GP64()
			LEAQ(Mem{Base: groups[i-1].base, Index: stride, Scale: 8}, groups[i].base)
		}
	}
	return groups
}

// double is a constant.
func double(name string, v float64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, U64(math.Float64bits(v)))
	return m
}

// storedPart is twice 8 bytes of a block and what is done with them before they are u; then the rows go back bytes.
type storedPart struct {
	prepare func(t reg.VecVirtual)
	count   int // times 8 bytes
	back    uint64
}

func exactStored() {
	sign, nibble, magic := table("Sign", 0x80808080), table("Nibble", 0x0f0f0f0f), double("magic", 4096)
	exactStoredOf("Q8_0", magic, 128, storedPart{func(t reg.VecVirtual) { VPXORQ(sign, t, t) }, 4, 0})
	exactStoredOf("Q4_0", magic, 8,
		storedPart{func(t reg.VecVirtual) { VPANDQ(nibble, t, t) }, 2, 16},
		storedPart{func(t reg.VecVirtual) {
			VPSRLQ(Imm(4), t, t)
			VPANDQ(nibble, t, t)
		}, 2, 0})
}

// exactStoredOf makes the kernel of a format whose blocks of 32 begin with d.
func exactStoredOf(format string, magic Mem, z float64, parts ...storedPart) {
	name := "exact" + format
	places := make([]Mem, 8) // of byte k in byte 5 of each 8
	for k := range places {
		places[k] = GLOBL(fmt.Sprintf("%sByte%d", name, k), RODATA|NOPTR)
		for i := range 8 {
			DATA(8*i, U64(uint64(8*(i%2)+k)<<40))
		}
	}
	zero := double(name+"Zero", 4096+z)
	TEXT(name, NOSPLIT, "func(n int, w *byte, stride int, x *float64, sums *float64)")
	Doc(name+" sets sums[i] = Σ x[k]·row i[k] in ascending k for i < 32 and n blocks of "+format+", rows stride bytes apart; a sum that is not",
		"finite may be another. With AVX-512.")
	Pragma("noescape")
	const groups = 4
	rows := groupsOfRows(groups, Load(Param("w"), GP64()), Load(Param("stride"), GP64()))
	// The rows are read eight bytes a step each, too many for the processor to foresee: what lies behind all of them is asked for beside.
	ahead := GP64()
	MOVQ(rows[groups-1].base, ahead)
	LEAQ(Mem{Base: ahead, Index: rows[0].stride, Scale: 8}, ahead)
	advance := func(bytes uint64) {
		for line := uint64(0); line < groups*8*bytes; line += 64 {
			PREFETCHT0(Mem{Base: ahead, Disp: int(line)})
		}
		ADDQ(U32(uint32(groups*8*bytes)), ahead)
		for _, r := range rows {
			ADDQ(Imm(bytes), r.base)
		}
	}
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	acc, d, dz, t := vectors(groups, 64), vectors(groups, 64), vectors(groups, 64), vectors(groups, 64)
	for _, a := range acc {
		VPXORQ(a, a, a)
	}
	base := ZMM()
	VBROADCASTSD(magic, base)
	count := GP64()
	MOVQ(U64(0x2020202020202020), count)
	place := K()
	KMOVQ(count, place)
	lane := make([]reg.Register, 8)
	for i := 2; i < 8; i++ {
		MOVL(U32(1<<i), count.As32())
		lane[i] = K()
		KMOVB(count.As32(), lane[i])
	}
	Label("block")
	for g, r := range rows {
		// Four binary16 go together in a general register: their port is free.
		h, upper, f := XMM(), XMM(), YMM()
		for i, v := range []reg.VecVirtual{h, upper} {
			MOVWLZX(r.row(4*i+3), count.As32())
			for j := 2; j >= 0; j-- {
				SHLQ(Imm(16), count)
				MOVW(r.row(4*i+j), count.As16())
			}
			VMOVQ(count, v)
		}
		VPUNPCKLQDQ(upper, h, h)
		VCVTPH2PS(h, f)
		VCVTPS2PD(f, d[g])
		VMULPD_BCST(zero, d[g], dz[g])
	}
	advance(2)
	for p, part := range parts {
		label := fmt.Sprintf("part%d", p)
		MOVQ(U32(uint32(part.count)), count)
		Label(label)
		for g, r := range rows {
			VMOVQ(r.row(0), t[g].AsX())
			VMOVHPD(r.row(1), t[g].AsX(), t[g].AsX())
			for i := 2; i < 8; i++ {
				VPBROADCASTQ(r.row(i), lane[i], t[g])
			}
			part.prepare(t[g])
		}
		for k := range 8 {
			v := ZMM()
			VBROADCASTSD(Mem{Base: x, Disp: 8 * k}, v)
			for g := range groups {
				q := ZMM()
				VMOVDQA64(base, q)
				VPSHUFB(places[k], t[g], place, q)
				VFMSUB132PD(d[g], dz[g], q)
				VFMADD231PD(q, v, acc[g])
			}
		}
		ADDQ(Imm(64), x)
		advance(8)
		DECQ(count)
		JNZ(LabelRef(label))
		if part.back != 0 {
			for _, r := range rows {
				SUBQ(Imm(part.back), r.base)
			}
		}
	}
	DECQ(n)
	JNZ(LabelRef("block"))
	sums := Load(Param("sums"), GP64())
	for g, a := range acc {
		VMOVUPD(a, Mem{Base: sums, Disp: 64 * g})
	}
	VZEROUPPER()
	RET()
}

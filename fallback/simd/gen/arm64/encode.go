package main

import "fmt"

// Vector instructions that Go's assembler does not know are written as words. Registers are numbers 0 to 31; all forms are of 128 bits.
// Source: Arm Architecture Reference Manual for A-profile, C4.1.96 (Advanced SIMD).

// form is an instruction of three registers (or two, then m is 0) with a fixed pattern of the other bits.
type form struct {
	name    string
	pattern uint32
	types   [3]string // arrangements of d, n and m; without m an instruction has two registers
}

var (
	s4 = [3]string{"4S", "4S", "4S"}
	s2 = [3]string{"4S", "4S", ""}

	fadd   = form{"FADD", 0x4e20d400, s4}
	fsub   = form{"FSUB", 0x4ea0d400, s4}
	fmul   = form{"FMUL", 0x6e20dc00, s4}
	fdiv   = form{"FDIV", 0x6e20fc00, s4}
	fmls   = form{"FMLS", 0x4ea0cc00, s4}
	fmax   = form{"FMAX", 0x4e20f400, s4} // not a number where either is not
	fmin   = form{"FMIN", 0x4ea0f400, s4}
	fmaxnm = form{"FMAXNM", 0x4e20c400, s4} // the other one where one is not a number
	faddp  = form{"FADDP", 0x6e20d400, s4}
	sdot   = form{"SDOT", 0x4e809400, [3]string{"4S", "16B", "16B"}}
	smmla  = form{"SMMLA", 0x4e80a400, [3]string{"4S", "16B", "16B"}} // each two of eight bytes by each two: rows of d by rows of n
	smull  = form{"SMULL", 0x0e20c000, [3]string{"8H", "8B", "8B"}}
	smull2 = form{"SMULL2", 0x4e20c000, [3]string{"8H", "16B", "16B"}} // of the upper eight bytes
	smlal2 = form{"SMLAL2", 0x4e208000, [3]string{"8H", "16B", "16B"}}
	sadalp = form{"SADALP", 0x4e606800, [3]string{"4S", "8H", ""}} // adds pairs
	addp   = form{"ADDP", 0x4ea0bc00, s4}
	ushl   = form{"USHL", 0x6e204400, [3]string{"16B", "16B", "16B"}} // each byte by its own distance, to the right where that is negative
	uhadd  = form{"UHADD", 0x6e200400, [3]string{"16B", "16B", "16B"}}

	ushlHalves = form{"USHL", 0x6e604400, [3]string{"8H", "8H", "8H"}}

	// With one lane of the last register; see lane.
	fmulLane = form{"FMUL", 0x4f809000, [3]string{"4S", "4S", "S"}}
	fmlaLane = form{"FMLA", 0x4f801000, [3]string{"4S", "4S", "S"}}
	sdotLane = form{"SDOT", 0x4f80e000, [3]string{"4S", "16B", "4B"}}

	fmaxv   = form{"FMAXV", 0x6e30f800, [3]string{"S", "4S", ""}} // not a number where any is not
	fmaxnmv = form{"FMAXNMV", 0x6e30c800, [3]string{"S", "4S", ""}}
	frintn  = form{"FRINTN", 0x4e218800, s2} // to the nearest whole number, halves to even
	fcvtns  = form{"FCVTNS", 0x4e21a800, s2}
	scvtf   = form{"SCVTF", 0x4e21d800, s2}
	fneg    = form{"FNEG", 0x6ea0f800, s2}
	fabs    = form{"FABS", 0x4ea0f800, s2}

	fcvtlHalves  = form{"FCVTL", 0x0e217800, [3]string{"4S", "4H", ""}}
	fcvtl2Halves = form{"FCVTL2", 0x4e217800, [3]string{"4S", "8H", ""}}
	fcvtl        = form{"FCVTL", 0x0e617800, [3]string{"2D", "2S", ""}}
	fcvtl2       = form{"FCVTL2", 0x4e617800, [3]string{"2D", "4S", ""}}

	// Shifts have their distance among the fixed bits.
	sshrS1   = form{"SSHR #1,", 0x4f3f0400, s2}
	shll16   = form{"SHLL #16,", 0x2e613800, [3]string{"4S", "4H", ""}}
	shll2_16 = form{"SHLL2 #16,", 0x6e613800, [3]string{"4S", "8H", ""}}

	// Signed numbers of twice the width.
	sxtlBytes   = form{"SXTL", 0x0f08a400, [3]string{"8H", "8B", ""}}
	sxtl2Bytes  = form{"SXTL2", 0x4f08a400, [3]string{"8H", "16B", ""}}
	sxtlHalves  = form{"SXTL", 0x0f10a400, [3]string{"4S", "4H", ""}}
	sxtl2Halves = form{"SXTL2", 0x4f10a400, [3]string{"4S", "8H", ""}}
)

// lane is a form with lane i of its last register.
func (f form) lane(i int) form {
	if i < 0 || i > 3 {
		panic(fmt.Sprintf("%s: no lane %d", f.name, i))
	}
	f.pattern |= uint32(i&1)<<21 | uint32(i>>1)<<11
	f.types[2] += fmt.Sprintf("[%d]", i)
	return f
}

// word is the encoding of an instruction.
func (f form) word(d, n, m int) uint32 {
	for _, r := range []int{d, n, m} {
		if r < 0 || r > 31 {
			panic(fmt.Sprintf("%s: no register %d", f.name, r))
		}
	}
	if f.types[2] == "" && m != 0 {
		panic(f.name + ": two registers")
	}
	return f.pattern | uint32(m)<<16 | uint32(n)<<5 | uint32(d)
}

// text is the instruction as the manual writes it.
func (f form) text(d, n, m int) string {
	s := fmt.Sprintf("%s V%d.%s, V%d.%s", f.name, d, f.types[0], n, f.types[1])
	if f.types[2] != "" {
		s += fmt.Sprintf(", V%d.%s", m, f.types[2])
	}
	return s
}

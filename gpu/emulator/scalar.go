package emulator

import (
	"math"
	"math/bits"
)

// Numbers are in registers of 64 bits, the bits above their own 0. The functions of this file compute with one of each.

func f32(v uint64) float32  { return math.Float32frombits(uint32(v)) }
func of32(f float32) uint64 { return uint64(math.Float32bits(f)) }
func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// f16 is the number that the 16 bits of a half stand for.
func f16(v uint64) float32 {
	sign, exp, frac := uint32(v>>15&1)<<31, uint32(v>>10&31), uint32(v&1023)
	switch exp {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// of16 rounds to the nearest half, ties to even: to whole units of the last place, which is 2^-24 at least. What rounds up to the next power of
// two carries into the exponent by itself.
func of16(f float32) uint64 {
	b := math.Float32bits(f)
	sign, abs := uint64(b>>31)<<15, math.Float32frombits(b&(1<<31-1))
	switch {
	case f != f:
		return 0x7e00 | sign
	case abs >= 65520:
		return 0x7c00 | sign
	}
	e := max(int(b>>23&0xff)-127, -14)
	units := math.RoundToEven(float64(abs) * math.Float64frombits(uint64(1023+10-e)<<52))
	return sign | uint64((e+14)<<10) + uint64(units)
}

// signed widens a number of so many bits with its sign.
func signed(v uint64, bits uint32) int64 {
	s := 64 - bits
	return int64(v<<s) >> s
}

// asFloat and fromFloat are conversions between registers and numbers. Products, sums, quotients and roots of halves may be rounded from
// float32, which gives the same: 24 bits are more than 2·11 + 1.
func asFloat(v uint64, bits uint32) float64 {
	switch bits {
	case 16:
		return float64(f16(v))
	case 32:
		return float64(f32(v))
	}
	return math.Float64frombits(v)
}

func fromFloat(f float64, bits uint32) uint64 {
	switch bits {
	case 16:
		return of16(odd(f))
	case 32:
		return of32(float32(f))
	}
	return math.Float64bits(f)
}

// odd rounds to float32 so that rounding once more, to half precision, gives what rounding once would: what is lost leaves the last bit set.
func odd(f float64) float32 {
	r := float32(f)
	if float64(r) == f || f != f {
		return r
	}
	b := math.Float32bits(r)
	if math.Abs(float64(r)) > math.Abs(f) {
		b--
	}
	return math.Float32frombits(b | 1)
}

// fma32 is a·b + c rounded once.
func fma32(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c) // the product is exact
	s := p + z
	if v := s - p; s-s == 0 { // finite
		// What the sum lost, exactly (Knuth), decides the last bit, so that rounding to float32 cannot take it for a tie.
		if e := (p - (s - v)) + (z - v); e != 0 {
			if u := math.Float64bits(s); u&1 == 0 {
				if e > 0 == (s > 0) {
					u++
				} else {
					u--
				}
				s = math.Float64frombits(u)
			}
		}
	}
	return float32(s)
}

// unaryOp is an operation of one operand, or nil.
func unaryOp(op uint32, of, to *typ) func(uint64) uint64 {
	of, to = of.of(), to.of()
	n, m := of.bits, mask(to.bits)
	switch op {
	case opLogicalNot:
		return func(a uint64) uint64 { return 1 - a }
	case opNot:
		return func(a uint64) uint64 { return ^a & m }
	case opSNegate:
		return func(a uint64) uint64 { return -a & m }
	case opFNegate:
		return func(a uint64) uint64 { return a ^ 1<<(n-1) }
	case opUConvert, opCopyObject, opConvertPtrToU, opConvertUToPtr:
		return func(a uint64) uint64 { return a & m }
	case opSConvert:
		return func(a uint64) uint64 { return uint64(signed(a, n)) & m }
	case opFConvert:
		return func(a uint64) uint64 { return fromFloat(asFloat(a, n), to.bits) }
	case opConvertUToF:
		return func(a uint64) uint64 {
			if to.bits == 32 {
				return of32(float32(a))
			}
			return fromFloat(float64(a), to.bits)
		}
	case opConvertSToF:
		return func(a uint64) uint64 {
			if to.bits == 32 {
				return of32(float32(signed(a, n)))
			}
			return fromFloat(float64(signed(a, n)), to.bits)
		}
	case opConvertFToU:
		return func(a uint64) uint64 { return uint64(whole(asFloat(a, n))) & m }
	case opConvertFToS:
		return func(a uint64) uint64 { return uint64(whole(asFloat(a, n))) & m }
	case opBitCount:
		return func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }
	case opIsNan:
		return func(a uint64) uint64 { f := asFloat(a, n); return truth(f != f) }
	case opIsInf:
		return func(a uint64) uint64 { return truth(math.IsInf(asFloat(a, n), 0)) }
	}
	return nil
}

// whole drops the fraction. What does not fit is undefined in SPIR-V, and poison here.
func whole(f float64) int64 {
	if f != f || f >= 1<<63 || f < -(1<<63) {
		return poison
	}
	return int64(f)
}

// binaryOp is an operation of two operands of the same type, or nil.
func binaryOp(op uint32, of *typ) func(a, b uint64) uint64 {
	of = of.of()
	n, m := of.bits, mask(of.bits)
	switch op {
	case opIAdd:
		return func(a, b uint64) uint64 { return (a + b) & m }
	case opISub:
		return func(a, b uint64) uint64 { return (a - b) & m }
	case opIMul:
		return func(a, b uint64) uint64 { return a * b & m }
	case opUDiv:
		return func(a, b uint64) uint64 { return a / nonzero(b) }
	case opUMod:
		return func(a, b uint64) uint64 { return a % nonzero(b) }
	case opSDiv:
		return func(a, b uint64) uint64 { return uint64(signed(a, n)/signed(nonzero(b), n)) & m }
	case opSRem:
		return func(a, b uint64) uint64 { return uint64(signed(a, n)%signed(nonzero(b), n)) & m }
	case opSMod:
		return func(a, b uint64) uint64 {
			x, y := signed(a, n), signed(nonzero(b), n)
			r := x % y
			if r != 0 && r < 0 != (y < 0) {
				r += y
			}
			return uint64(r) & m
		}
	case opLogicalEqual, opIEqual:
		return func(a, b uint64) uint64 { return truth(a == b) }
	case opLogicalNotEqual, opINotEqual:
		return func(a, b uint64) uint64 { return truth(a != b) }
	case opLogicalOr, opBitwiseOr:
		return func(a, b uint64) uint64 { return a | b }
	case opLogicalAnd, opBitwiseAnd:
		return func(a, b uint64) uint64 { return a & b }
	case opBitwiseXor:
		return func(a, b uint64) uint64 { return a ^ b }
	case opUGreaterThan:
		return func(a, b uint64) uint64 { return truth(a > b) }
	case opUGreaterThanEqual:
		return func(a, b uint64) uint64 { return truth(a >= b) }
	case opULessThan:
		return func(a, b uint64) uint64 { return truth(a < b) }
	case opULessThanEqual:
		return func(a, b uint64) uint64 { return truth(a <= b) }
	case opSGreaterThan:
		return func(a, b uint64) uint64 { return truth(signed(a, n) > signed(b, n)) }
	case opSGreaterThanEqual:
		return func(a, b uint64) uint64 { return truth(signed(a, n) >= signed(b, n)) }
	case opSLessThan:
		return func(a, b uint64) uint64 { return truth(signed(a, n) < signed(b, n)) }
	case opSLessThanEqual:
		return func(a, b uint64) uint64 { return truth(signed(a, n) <= signed(b, n)) }
	case opShiftRightLogical:
		return func(a, b uint64) uint64 { return shifted(a>>b, b, n) }
	case opShiftRightArithmetic:
		return func(a, b uint64) uint64 { return shifted(uint64(signed(a, n)>>b)&m, b, n) }
	case opShiftLeftLogical:
		return func(a, b uint64) uint64 { return shifted(a<<b&m, b, n) }
	}
	return binaryFloat(op, n)
}

// nonzero ends the dispatch: SPIR-V leaves open what a division by zero does.
func nonzero(b uint64) uint64 {
	if b == 0 {
		panic(wrong("division by zero"))
	}
	return b
}

// shifted is v, or poison where a number of n bits was shifted by n or more: SPIR-V leaves the result open.
func shifted(v, by uint64, n uint32) uint64 {
	if by >= uint64(n) {
		return poison & mask(n)
	}
	return v
}

func binaryFloat(op uint32, n uint32) func(a, b uint64) uint64 {
	arithmetic := func(f func(x, y float32) float32, g func(x, y float64) float64) func(a, b uint64) uint64 {
		switch n {
		case 16:
			return func(a, b uint64) uint64 { return of16(f(f16(a), f16(b))) }
		case 32:
			return func(a, b uint64) uint64 { return of32(f(f32(a), f32(b))) }
		}
		return func(a, b uint64) uint64 {
			return math.Float64bits(g(math.Float64frombits(a), math.Float64frombits(b)))
		}
	}
	compare := func(f func(x, y float64) bool) func(a, b uint64) uint64 {
		return func(a, b uint64) uint64 { return truth(f(asFloat(a, n), asFloat(b, n))) }
	}
	switch op {
	case opFAdd:
		return arithmetic(func(x, y float32) float32 { return x + y }, func(x, y float64) float64 { return x + y })
	case opFSub:
		return arithmetic(func(x, y float32) float32 { return x - y }, func(x, y float64) float64 { return x - y })
	case opFMul:
		return arithmetic(func(x, y float32) float32 { return x * y }, func(x, y float64) float64 { return x * y })
	case opFDiv:
		return arithmetic(func(x, y float32) float32 { return x / y }, func(x, y float64) float64 { return x / y })
	case opFOrdEqual:
		return compare(func(x, y float64) bool { return x == y })
	case opFUnordEqual:
		return compare(func(x, y float64) bool { return !(x < y || x > y) })
	case opFOrdNotEqual:
		return compare(func(x, y float64) bool { return x < y || x > y })
	case opFUnordNotEqual:
		return compare(func(x, y float64) bool { return x != y })
	case opFOrdLessThan:
		return compare(func(x, y float64) bool { return x < y })
	case opFUnordLessThan:
		return compare(func(x, y float64) bool { return !(x >= y) })
	case opFOrdGreaterThan:
		return compare(func(x, y float64) bool { return x > y })
	case opFUnordGreaterThan:
		return compare(func(x, y float64) bool { return !(x <= y) })
	case opFOrdLessThanEqual:
		return compare(func(x, y float64) bool { return x <= y })
	case opFUnordLessThanEqual:
		return compare(func(x, y float64) bool { return !(x > y) })
	case opFOrdGreaterThanEqual:
		return compare(func(x, y float64) bool { return x >= y })
	case opFUnordGreaterThanEqual:
		return compare(func(x, y float64) bool { return !(x < y) })
	}
	return nil
}

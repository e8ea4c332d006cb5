package emulator

import (
	"math"
	"math/bits"
)

// glslUnary is an extended instruction of one operand on numbers of n bits, or nil.
func glslUnary(op uint32, n uint32) func(uint64) uint64 {
	m := mask(n)
	float := func(f func(float64) float64) func(uint64) uint64 {
		return func(a uint64) uint64 { return fromFloat(f(asFloat(a, n)), n) }
	}
	switch op {
	case glslRoundEven:
		return float(math.RoundToEven)
	case glslFAbs:
		return func(a uint64) uint64 { return a &^ (1 << (n - 1)) }
	case glslSAbs:
		return func(a uint64) uint64 {
			if s := signed(a, n); s < 0 {
				return uint64(-s) & m
			}
			return a
		}
	case glslFSign:
		return float(func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x
		})
	case glslFloor:
		return float(math.Floor)
	case glslExp:
		return float(math.Exp)
	case glslLog:
		return float(math.Log)
	case glslSqrt:
		return float(math.Sqrt)
	case glslInverseSqrt:
		return float(func(x float64) float64 { return 1 / math.Sqrt(x) })
	case glslFindILsb:
		return func(a uint64) uint64 {
			if a == 0 {
				return m
			}
			return uint64(bits.TrailingZeros64(a))
		}
	case glslFindUMsb:
		return func(a uint64) uint64 { return uint64(bits.Len64(a)-1) & m }
	}
	return nil
}

// glslBinary is an extended instruction of two operands, or nil. Of a number and none, the minimum and maximum are undefined in SPIR-V; GPUs
// give the number, as here.
func glslBinary(op uint32, n uint32) func(a, b uint64) uint64 {
	switch op {
	case glslFMin, glslFMax:
		big := op == glslFMax
		return func(a, b uint64) uint64 {
			x, y := asFloat(a, n), asFloat(b, n)
			switch {
			case x != x:
				return b
			case y != y:
				return a
			case x < y == big:
				return b
			}
			return a
		}
	case glslUMin:
		return func(a, b uint64) uint64 { return min(a, b) }
	case glslUMax:
		return func(a, b uint64) uint64 { return max(a, b) }
	case glslSMin, glslSMax:
		big := op == glslSMax
		return func(a, b uint64) uint64 {
			if signed(a, n) < signed(b, n) == big {
				return b
			}
			return a
		}
	}
	return nil
}

// glslTernary is an extended instruction of three operands, or nil.
func glslTernary(op uint32, n uint32) func(a, b, c uint64) uint64 {
	clamp := func(lo, hi uint32) func(a, b, c uint64) uint64 {
		most, least := glslBinary(hi, n), glslBinary(lo, n)
		return func(x, low, high uint64) uint64 { return least(most(x, low), high) }
	}
	switch op {
	case glslFClamp:
		return clamp(glslFMin, glslFMax)
	case glslUClamp:
		return clamp(glslUMin, glslUMax)
	case glslSClamp:
		return clamp(glslSMin, glslSMax)
	case glslFma:
		switch n {
		case 16:
			// The product is exact. Where its sum with c is not, in 53 bits, the smaller of the two is far below half a unit of the result, so that
			// rounding once more changes nothing.
			return func(a, b, c uint64) uint64 {
				p, z := float64(f16(a))*float64(f16(b)), float64(f16(c))
				return fromFloat(p+z, 16)
			}
		case 32:
			return func(a, b, c uint64) uint64 { return of32(fma32(f32(a), f32(b), f32(c))) }
		}
		return func(a, b, c uint64) uint64 {
			return math.Float64bits(math.FMA(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)))
		}
	}
	return nil
}

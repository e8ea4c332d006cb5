package kernel

import (
	"fmt"

	"tuff/shaders"
)

// Have reports whether the device has a need of modules. What every device that tuff opens has is always there.
func (c *Caps) Have(need shaders.Need) bool {
	switch need {
	case shaders.NeedInt64:
		return true
	case shaders.Need16Bit:
		return c.Storage16
	case shaders.NeedSubgroup:
		return c.SubgroupArith
	case shaders.NeedFloat16:
		return c.Float16
	case shaders.NeedInt8:
		return c.Int8
	case shaders.Need8Bit:
		return c.Storage8
	case shaders.NeedIntegerDot:
		return c.IntegerDot
	case shaders.NeedMemoryModel:
		return c.MemoryModel
	case shaders.NeedCoopMat:
		return len(c.CoopMat) > 0
	case shaders.NeedCoopPerElement:
		return c.CoopPerElement
	case shaders.NeedCoopTensors:
		return c.CoopTensors
	case shaders.NeedCoopBlocks:
		return c.CoopBlocks
	}
	panic(fmt.Sprintf("BUG: kernel: need %q is nobody's", need))
}

// CoopMatKind says of what types cooperative matrices are.
type CoopMatKind uint8

// The kinds that kernels are written for. Devices list others too, such as unsigned bytes or saturating sums.
const (
	CoopMatHalf  CoopMatKind = iota // A, B, C and result float16
	CoopMatFloat                    // A, B float16; C, result float32
	CoopMatInt8                     // A, B int8; C, result int32, without saturation
)

func (k CoopMatKind) String() string {
	return [...]string{"half×half→half", "half×half→float32", "int8×int8→int32"}[k]
}

// CoopMatShape is one size in which a subgroup multiplies matrices together: Result[M,N] = A[M,K]·B[K,N] + C[M,N].
type CoopMatShape struct {
	Kind    CoopMatKind
	M, N, K uint32 // elements
}

func (s CoopMatShape) String() string { return fmt.Sprintf("%d×%d×%d %v", s.M, s.N, s.K, s.Kind) }

// Matrix is the device's shape of a kind with the most multiplications per step, the device's first among equals; false where it
// has none.
func (c *Caps) Matrix(kind CoopMatKind) (best CoopMatShape, ok bool) {
	for _, s := range c.CoopMat {
		if s.Kind == kind && s.M*s.N*s.K > best.M*best.N*best.K {
			best, ok = s, true
		}
	}
	return best, ok
}

// Package simd has the inner loops of fallback in the vector instructions of the processor. Every function has a plain Go
// twin, which is its definition: results of the exact ones are the same bit for bit. Which instructions run is decided once,
// at start, by what the processor has, never by how the program was built.
//
// Weights lie in panels: Width rows side by side, element k of row i at Width·k+i, so that one load gives the same element of
// all rows and each lane of a register sums one row in ascending k.
package simd

import "fmt"

//go:generate go run ./gen/arm64
//go:generate go run ./gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg simd

// Width is the number of rows of a panel.
const Width = 16

// MaxRows is the most rows that a tile takes.
const MaxRows = 8

// Level is a set of vector instructions. Those of a processor include one another in their order.
type Level int

const (
	Plain  Level = iota // Go
	NEON                // of arm64
	SDOT                // NEON with the dot products of signed bytes (FEAT_DotProd)
	SMMLA               // those, and products of 2 by 8 by 8 by 2 signed bytes (FEAT_I8MM)
	AVX2                // AVX2, FMA and F16C
	AVX512              // AVX-512 F, BW, DQ and VL
	VNNI                // AVX-512 with VNNI
	AMX                 // those, AVX-512 BF16, and tiles of bfloat16
)

func (l Level) String() string {
	switch l {
	case Plain:
		return "plain Go"
	case NEON:
		return "NEON"
	case SDOT:
		return "NEON with SDOT"
	case SMMLA:
		return "NEON with SMMLA"
	case AVX2:
		return "AVX2"
	case AVX512:
		return "AVX-512"
	case VNNI:
		return "AVX-512 VNNI"
	case AMX:
		return "AMX"
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

// Best is the highest level that this processor and its system have.
func Best() Level { return best }

// OfARM64 reports whether a level is one of arm64.
func (l Level) OfARM64() bool { return l >= NEON && l <= SMMLA }

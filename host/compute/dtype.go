package compute

import (
	"fmt"
	"math"
)

// DType is how the elements of a tensor are stored. Block formats store BlockLen elements of one row in BlockBytes bytes;
// their layouts are documented where they are decoded (fallback/quant) and read (shaders/include/formats).
type DType uint8

// The zero DType is no type, so that a forgotten field is an error and not float32.
const (
	NoDType DType = iota
	F32
	F16
	BF16
	F64
	I8
	I16
	I32
	I64
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q8_1
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	Q8_K
	IQ1_S
	IQ1_M
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	IQ4_NL
	IQ4_XS
	TQ1_0
	TQ2_0
	MXFP4
	NVFP4
	Q1_0
	Q2_0
	numDTypes
)

var dtypes = [numDTypes]struct {
	name              string
	blockLen, byteLen int
}{
	NoDType: {"none", 0, 0},
	F32:     {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2}, F64: {"F64", 1, 8},
	I8: {"I8", 1, 1}, I16: {"I16", 1, 2}, I32: {"I32", 1, 4}, I64: {"I64", 1, 8},
	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", 32, 34}, Q8_1: {"Q8_1", 32, 36},
	Q2_K: {"Q2_K", 256, 84}, Q3_K: {"Q3_K", 256, 110}, Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176},
	Q6_K: {"Q6_K", 256, 210}, Q8_K: {"Q8_K", 256, 292},
	IQ1_S: {"IQ1_S", 256, 50}, IQ1_M: {"IQ1_M", 256, 56}, IQ2_XXS: {"IQ2_XXS", 256, 66}, IQ2_XS: {"IQ2_XS", 256, 74},
	IQ2_S: {"IQ2_S", 256, 82}, IQ3_XXS: {"IQ3_XXS", 256, 98}, IQ3_S: {"IQ3_S", 256, 110},
	IQ4_NL: {"IQ4_NL", 32, 18}, IQ4_XS: {"IQ4_XS", 256, 136},
	TQ1_0: {"TQ1_0", 256, 54}, TQ2_0: {"TQ2_0", 256, 66},
	MXFP4: {"MXFP4", 32, 17}, NVFP4: {"NVFP4", 64, 36}, Q1_0: {"Q1_0", 128, 18}, Q2_0: {"Q2_0", 64, 18},
}

// String is the type's usual name, such as Q4_K.
func (d DType) String() string {
	if d >= numDTypes {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// ParseDType finds a type by the name that String gives.
func ParseDType(name string) (DType, error) {
	for d := F32; d < numDTypes; d++ {
		if dtypes[d].name == name {
			return d, nil
		}
	}
	return NoDType, fmt.Errorf("compute: parse type: unknown type %q", name)
}

// Valid reports whether d names a type.
func (d DType) Valid() bool { return d > NoDType && d < numDTypes }

// BlockLen is the number of elements in one block; 1 for plain types.
func (d DType) BlockLen() int { return dtypes[d].blockLen }

// BlockBytes is the number of bytes of one block; the element size for plain types.
func (d DType) BlockBytes() int { return dtypes[d].byteLen }

// Quantized reports whether d packs several elements into a block.
func (d DType) Quantized() bool { return dtypes[d].blockLen > 1 }

// RowBytes is the number of bytes of one row of cols elements. Rows are whole blocks.
func (d DType) RowBytes(cols int) (int64, error) {
	if !d.Valid() {
		return 0, fmt.Errorf("compute: size a row: no type")
	}
	n := d.BlockLen()
	if cols < 0 || cols%n != 0 {
		return 0, fmt.Errorf("compute: size a row of %v: got %d columns, want a multiple of %d", d, cols, n)
	}
	blocks, size := int64(cols/n), int64(d.BlockBytes())
	if blocks > math.MaxInt64/size {
		return 0, fmt.Errorf("compute: size a row of %v: %d columns overflow", d, cols)
	}
	return blocks * size, nil
}

// Bytes is the number of bytes of a [rows, cols] matrix.
func (d DType) Bytes(rows, cols int) (int64, error) {
	row, err := d.RowBytes(cols)
	if err != nil {
		return 0, err
	}
	if rows < 0 || (row > 0 && int64(rows) > math.MaxInt64/row) {
		return 0, fmt.Errorf("compute: size [%d, %d] %v: overflow", rows, cols, d)
	}
	return int64(rows) * row, nil
}

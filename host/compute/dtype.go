package compute

import (
	"fmt"
	"math"
	"slices"
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

// formats is the one table of types: what all that reads, writes, makes up or lays out weights must know of a format. A new format
// is a name above, a row here, and a file each in fallback/quant and shaders/include/formats.
var formats = [numDTypes]struct {
	name     string
	ggml     int          // GGUF's number of the type; -1 where it has none
	blockLen int          // elements of a block
	pieces   []int        // bytes of the parts of a block as a file has them; kernels may get them apart
	scales   []BlockScale // where a block keeps binary16 numbers that say how large the rest is; all other bits may be anything
}{
	NoDType: {"none", -1, 0, nil, nil},
	F32:     {"F32", 0, 1, []int{4}, nil},
	F16:     {"F16", 1, 1, []int{2}, nil},
	BF16:    {"BF16", 30, 1, []int{2}, nil},
	F64:     {"F64", 28, 1, []int{8}, nil},
	I8:      {"I8", 24, 1, []int{1}, nil},
	I16:     {"I16", 25, 1, []int{2}, nil},
	I32:     {"I32", 26, 1, []int{4}, nil},
	I64:     {"I64", 27, 1, []int{8}, nil},
	Q4_0:    {"Q4_0", 2, 32, []int{2, 16}, []BlockScale{{0, 1}}},
	Q4_1:    {"Q4_1", 3, 32, []int{4, 16}, []BlockScale{{0, 1}, {2, -7.5}}},
	Q5_0:    {"Q5_0", 6, 32, []int{2, 4, 16}, []BlockScale{{0, 1}}},
	Q5_1:    {"Q5_1", 7, 32, []int{4, 4, 16}, []BlockScale{{0, 1}, {2, -15.5}}},
	Q8_0:    {"Q8_0", 8, 32, []int{2, 32}, []BlockScale{{0, 1}}},
	Q8_1:    {"Q8_1", 9, 32, []int{4, 32}, []BlockScale{{0, 1}, {2, 0}}},
	Q2_K:    {"Q2_K", 10, 256, []int{80, 4}, []BlockScale{{80, 1}, {82, 1.5}}},
	Q3_K:    {"Q3_K", 11, 256, []int{96, 12, 2}, []BlockScale{{108, 1}}},
	Q4_K:    {"Q4_K", 12, 256, []int{144}, []BlockScale{{0, 1}, {2, 7.5}}},
	Q5_K:    {"Q5_K", 13, 256, []int{176}, []BlockScale{{0, 1}, {2, 15.5}}},
	Q6_K:    {"Q6_K", 14, 256, []int{208, 2}, []BlockScale{{208, 1}}},
	Q8_K:    {"Q8_K", 15, 256, []int{292}, nil},
	IQ1_S:   {"IQ1_S", 19, 256, []int{2, 48}, []BlockScale{{0, 1}}},
	IQ1_M:   {"IQ1_M", 29, 256, []int{56}, nil},
	IQ2_XXS: {"IQ2_XXS", 16, 256, []int{2, 64}, []BlockScale{{0, 1}}},
	IQ2_XS:  {"IQ2_XS", 17, 256, []int{2, 64, 8}, []BlockScale{{0, 1}}},
	IQ2_S:   {"IQ2_S", 22, 256, []int{2, 80}, []BlockScale{{0, 1}}},
	IQ3_XXS: {"IQ3_XXS", 18, 256, []int{2, 96}, []BlockScale{{0, 1}}},
	IQ3_S:   {"IQ3_S", 21, 256, []int{2, 64, 8, 32, 4}, []BlockScale{{0, 1}}},
	IQ4_NL:  {"IQ4_NL", 20, 32, []int{2, 16}, []BlockScale{{0, 1}}},
	IQ4_XS:  {"IQ4_XS", 23, 256, []int{8, 128}, []BlockScale{{0, 1}}},
	TQ1_0:   {"TQ1_0", 34, 256, []int{48, 4, 2}, []BlockScale{{52, 1}}},
	TQ2_0:   {"TQ2_0", 35, 256, []int{64, 2}, []BlockScale{{64, 1}}},
	MXFP4:   {"MXFP4", 39, 32, []int{1, 16}, nil},
	NVFP4:   {"NVFP4", 40, 64, []int{4, 32}, nil},
	Q1_0:    {"Q1_0", 41, 128, []int{2, 16}, []BlockScale{{0, 1}}},
	Q2_0:    {"Q2_0", 42, 64, []int{2, 16}, []BlockScale{{0, 1}}},
}

// BlockScale is a binary16 number of a block.
type BlockScale struct {
	At int // byte
	// Factor is the multiple of the block's first scale that gives blocks of random bits the mean zero.
	Factor float64
}

var (
	blockBytes [numDTypes]int
	ggml       = map[uint32]DType{}
)

func init() {
	for d, f := range formats {
		for _, n := range f.pieces {
			blockBytes[d] += n
		}
		if f.ggml >= 0 {
			ggml[uint32(f.ggml)] = DType(d)
		}
	}
}

// hostOnly are types that no kernel reads: the host converts what a file has in them.
var hostOnly = []DType{F64, I8, I16, I32, I64, Q8_1, Q8_K}

// DTypes lists every type.
func DTypes() []DType {
	all := make([]DType, 0, numDTypes)
	for d := F32; d < numDTypes; d++ {
		all = append(all, d)
	}
	return all
}

// WeightFormats lists the types of weights that every device reads in place.
func WeightFormats() []DType {
	return slices.DeleteFunc(DTypes(), func(d DType) bool { return slices.Contains(hostOnly, d) })
}

// Pieces are the sizes in bytes of the parts of a block, as a file has them one after the other. The caller must not change them.
func (d DType) Pieces() []int { return formats[d].pieces }

// BlockScales are the binary16 numbers of a block. The caller must not change them.
func (d DType) BlockScales() []BlockScale { return formats[d].scales }

// GGML is GGUF's number of the type.
func (d DType) GGML() (id uint32, ok bool) {
	return uint32(max(formats[d].ggml, 0)), formats[d].ggml >= 0
}

// DTypeOfGGML is the type of a number of GGUF's. Missing numbers were retired or never used.
func DTypeOfGGML(id uint32) (DType, bool) {
	d, ok := ggml[id]
	return d, ok
}

// String is the type's usual name, such as Q4_K.
func (d DType) String() string {
	if d >= numDTypes {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return formats[d].name
}

// ParseDType finds a type by the name that String gives.
func ParseDType(name string) (DType, error) {
	for d := F32; d < numDTypes; d++ {
		if formats[d].name == name {
			return d, nil
		}
	}
	return NoDType, fmt.Errorf("compute: parse type: unknown type %q", name)
}

// Valid reports whether d names a type.
func (d DType) Valid() bool { return d > NoDType && d < numDTypes }

// BlockLen is the number of elements in one block; 1 for plain types.
func (d DType) BlockLen() int { return formats[d].blockLen }

// BlockBytes is the number of bytes of one block; the element size for plain types.
func (d DType) BlockBytes() int { return blockBytes[d] }

// Quantized reports whether d packs several elements into a block.
func (d DType) Quantized() bool { return formats[d].blockLen > 1 }

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

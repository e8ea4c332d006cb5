package kernel

import (
	"fmt"

	"tuff/host/compute"
)

// plane is bytes from to from+bytes of every block of a row.
type plane struct{ from, bytes int }

// planes are the formats whose blocks are taken apart on upload. A file's block begins with its scale, which leaves what follows
// at odd addresses; in planes, the large pieces of all blocks of a row come first and the small ones behind them, so that kernels
// read 4, 8 or 16 bytes at a time. Pieces are in the order of the powers of two that divide their sizes: each plane is then as
// aligned as its pieces. Formats that are aligned in the file stay as they are. The readers are shaders/include/formats.
var planes = map[compute.DType][]plane{
	compute.F16:     {{0, 2}}, // one plane: rows are only moved to aligned places
	compute.BF16:    {{0, 2}},
	compute.Q8_0:    {{2, 32}, {0, 2}},
	compute.Q4_0:    {{2, 16}, {0, 2}},
	compute.Q4_1:    {{4, 16}, {0, 4}},
	compute.Q5_0:    {{6, 16}, {2, 4}, {0, 2}},
	compute.Q5_1:    {{8, 16}, {4, 4}, {0, 4}},
	compute.IQ4_NL:  {{2, 16}, {0, 2}},
	compute.IQ4_XS:  {{8, 128}, {0, 8}},
	compute.MXFP4:   {{1, 16}, {0, 1}},
	compute.NVFP4:   {{4, 32}, {0, 4}},
	compute.Q1_0:    {{2, 16}, {0, 2}},
	compute.Q2_0:    {{2, 16}, {0, 2}},
	compute.Q2_K:    {{0, 80}, {80, 4}},
	compute.Q3_K:    {{0, 96}, {96, 12}, {108, 2}},
	compute.Q6_K:    {{0, 208}, {208, 2}},
	compute.IQ1_S:   {{2, 48}, {0, 2}},
	compute.IQ2_XXS: {{2, 64}, {0, 2}},
	compute.IQ2_XS:  {{2, 64}, {66, 8}, {0, 2}},
	compute.IQ2_S:   {{2, 80}, {0, 2}},
	compute.IQ3_XXS: {{2, 96}, {0, 2}},
	compute.IQ3_S:   {{2, 64}, {74, 32}, {66, 8}, {106, 4}, {0, 2}},
	compute.TQ1_0:   {{0, 48}, {48, 4}, {52, 2}},
	compute.TQ2_0:   {{0, 64}, {64, 2}},
}

// rowAlign is what rows of planes are aligned to: the largest load of a kernel.
const rowAlign = 16

// RowLayout is how a row of weights lies on the device.
type RowLayout struct {
	FileBytes int // of a row in the host's form
	Bytes     int // from row to row on the device
	blocks    int
	block     int // bytes of a block
	planes    []plane
}

// LayoutOf is the layout of rows of cols elements.
func LayoutOf(t compute.DType, cols int) (RowLayout, error) {
	n, err := t.RowBytes(cols)
	if err != nil {
		return RowLayout{}, err
	}
	l := RowLayout{FileBytes: int(n), Bytes: int(n), planes: planes[t]}
	if l.planes != nil {
		l.block = t.BlockBytes()
		l.blocks = l.FileBytes / l.block
		l.Bytes = ceilDiv(l.FileBytes, rowAlign) * rowAlign
	}
	return l, nil
}

// Packed reports whether rows differ from the host's.
func (l *RowLayout) Packed() bool { return l.planes != nil }

// Offset is the device's byte offset of a host's, which must be that of a row.
func (l *RowLayout) Offset(off int64) (int64, error) {
	if off%int64(l.FileBytes) != 0 {
		return 0, fmt.Errorf("got byte %d, want a multiple of the %d bytes of a row", off, l.FileBytes)
	}
	return off / int64(l.FileBytes) * int64(l.Bytes), nil
}

// Pack writes the device's form of one row of the host's. It does not read dst.
func (l *RowLayout) Pack(dst, src []byte) {
	at := 0
	if len(l.planes) == 1 {
		clear(dst[copy(dst, src[:l.FileBytes]):l.Bytes])
		return
	}
	for _, p := range l.planes {
		for i := range l.blocks {
			from := i*l.block + p.from
			copy(dst[at:at+p.bytes], src[from:from+p.bytes])
			at += p.bytes
		}
	}
	clear(dst[at:l.Bytes])
}

// Unpack is the inverse of Pack.
func (l *RowLayout) Unpack(dst, src []byte) {
	at := 0
	if len(l.planes) == 1 {
		copy(dst[:l.FileBytes], src)
		return
	}
	for _, p := range l.planes {
		for i := range l.blocks {
			to := i*l.block + p.from
			copy(dst[to:to+p.bytes], src[at:at+p.bytes])
			at += p.bytes
		}
	}
}

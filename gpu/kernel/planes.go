package kernel

import (
	"fmt"
	"math/bits"
	"slices"

	"tuff/host/compute"
)

// plane is bytes from to from+bytes of every block of a row.
type plane struct{ from, bytes int }

// planesOf says how the blocks of a format are taken apart on upload; nil leaves them as they are. A file's block begins with its
// scale, which leaves what follows at odd addresses; in planes, the large pieces of all blocks of a row come first and the small
// ones behind them, so that kernels read 4, 8 or 16 bytes at a time. Pieces are in the order of the powers of two that divide
// their sizes, the later of a block first among equals: each plane is then as aligned as its pieces. Blocks of one piece are
// aligned in the file; those of less than a word are only moved to aligned rows. The readers are shaders/include/formats.
func planesOf(t compute.DType) []plane {
	sizes := t.Pieces()
	if len(sizes) == 1 && sizes[0]%4 == 0 {
		return nil
	}
	planes, at := make([]plane, len(sizes)), t.BlockBytes()
	for i := range sizes {
		n := sizes[len(sizes)-1-i]
		at -= n
		planes[i] = plane{at, n}
	}
	slices.SortStableFunc(planes, func(a, b plane) int { return bits.TrailingZeros(uint(b.bytes)) - bits.TrailingZeros(uint(a.bytes)) })
	return planes
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
	l := RowLayout{FileBytes: int(n), Bytes: int(n), planes: planesOf(t)}
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

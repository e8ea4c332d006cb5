package fallback

import (
	"fmt"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
)

// Rows of weights that quant.Interleave has brought into groups. A tensor may begin and end within one: it can be a part of its buffer.

// fromRow is the row of the buffer that is the tensor's row r.
func (t *tensor) fromRow(r int) int { return int(t.off/t.rowBytes) + r }

// groupsOf are the groups with rows [lo, hi) of the buffer.
func (t *tensor) groupsOf(lo, hi int) []byte {
	const n = quant.InterleavedRows
	return t.buf.data[int64(lo/n*n)*t.rowBytes : int64(ceil(hi, n)*n)*t.rowBytes]
}

// decodeGroups decodes elements [k, k+n) of have rows, at most two groups, from row first on, to a panel of 16·n elements for each group;
// false where these are not groups.
func (t *tensor) decodeGroups(panels []float32, first, have, k, n int) bool {
	row := t.fromRow(first)
	if !t.buf.interleaved || row%simd.Width != 0 {
		return false
	}
	groups, size := t.groupsOf(row, row+have), int(t.rowBytes)*simd.Width
	for g := 0; g*size < len(groups); g++ {
		from := k / t.DType.BlockLen() * t.DType.BlockBytes() * simd.Width
		quant.DecodeInterleaved(t.buf.dev.level, t.DType, panels[g*simd.Width*n:(g+1)*simd.Width*n], groups[g*size+from:(g+1)*size])
	}
	return true
}

// decodeRow decodes elements [k, k+len(dst)) of row r, whole blocks.
func (t *tensor) decodeRow(dst []float32, r, k int) {
	var piece [blockCols]byte // at least a block of any format
	length, size := t.DType.BlockLen(), t.DType.BlockBytes()
	most := len(piece) / size
	row := t.fromRow(r)
	group := t.groupsOf(row, row+1)[k/length*size*quant.InterleavedRows:]
	for len(dst) > 0 {
		n := min(most, len(dst)/length)
		quant.InterleavedRow(t.DType, piece[:n*size], group, row%quant.InterleavedRows)
		if err := quant.DecodeWith(t.buf.dev.level, t.DType, dst[:n*length], piece[:n*size]); err != nil {
			panic(fmt.Sprintf("BUG: %s: %v", t.Name, err)) // Compile tried the format, Check the shape
		}
		dst, group = dst[n*length:], group[n*size*quant.InterleavedRows:]
	}
}

// multiplyGroups is multiplyStored by interleaved rows.
func (a *activations) multiplyGroups(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	row := w.fromRow(first)
	groups, skip := w.groupsOf(row, row+have), row%quant.InterleavedRows
	n := ceil(skip+have, quant.InterleavedRows) * quant.InterleavedRows
	for r := lo; r < hi; r++ {
		dst := out(r)[:have]
		if n == have {
			quant.MultiplyInterleaved(a.level, a.format, groups, &a.bytes[r], dst)
		} else {
			sums := wk.float32s(n)
			quant.MultiplyInterleaved(a.level, a.format, groups, &a.bytes[r], sums)
			copy(dst, sums[skip:])
		}
		for c := range add {
			dst[c] += add[c]
		}
	}
}

// read copies bytes from off on, as the caller gave them to the buffer.
func (b *buffer) read(dst []byte, off int64) {
	if !b.interleaved {
		copy(dst, b.data[off:])
		return
	}
	size := b.spec.Size / int64(b.spec.Rows)
	row, group := make([]byte, size), size*quant.InterleavedRows
	for len(dst) > 0 {
		r := off / size
		quant.InterleavedRow(b.spec.DType, row, b.data[off/group*group:][:group], int(r%quant.InterleavedRows))
		n := copy(dst, row[off%size:])
		dst, off = dst[n:], off+int64(n)
	}
}

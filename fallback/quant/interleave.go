package quant

import (
	"encoding/binary"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// InterleavedRows is the number of rows that are interleaved.
const InterleavedRows = simd.Width

// Interleaved says whether a level multiplies rows of a format interleaved, which takes half the instructions of rows as a file has
// them: that is for formats of which a core multiplies fewer bytes than memory gives it.
func Interleaved(l simd.Level, t compute.DType) bool { return t == compute.Q4_0 && l >= simd.VNNI }

// A block of Q4_0 is a scale of 2 bytes and four words of 4. Interleaved, 16 of them begin with all scales; then come the first words of all
// rows, the second, and so on: elements 4j to 4j+3 are in the low nibbles of word j, 16+4j to 16+4j+3 in the high ones.
const (
	scaleBytes = 2
	wordBytes  = 4
	blockWords = 4
	blockBytes = scaleBytes + blockWords*wordBytes
)

// place is where word j of row i lies in an interleaved block.
func place(i, j int) int { return InterleavedRows*scaleBytes + (InterleavedRows*j+i)*wordBytes }

// Interleave brings rows of Q4_0, as a file has them, into groups of InterleavedRows; len(src) is a multiple of so many rows of cols
// elements. dst and src do not overlap.
func Interleave(dst, src []byte, cols int) {
	row := cols / 32 * blockBytes
	for group := InterleavedRows * row; len(src) > 0; dst, src = dst[group:], src[group:] {
		for at := 0; at < row; at += blockBytes {
			all := dst[at*InterleavedRows:][:blockBytes*InterleavedRows]
			for i := range InterleavedRows {
				one := src[i*row+at:][:blockBytes]
				copy(all[scaleBytes*i:][:scaleBytes], one)
				for j := range blockWords {
					binary.LittleEndian.PutUint32(all[place(i, j):], binary.LittleEndian.Uint32(one[scaleBytes+wordBytes*j:]))
				}
			}
		}
	}
}

// InterleavedRow takes row i of a group, as a file has it.
func InterleavedRow(dst, group []byte, i int) {
	for ; len(dst) > 0; dst, group = dst[blockBytes:], group[blockBytes*InterleavedRows:] {
		copy(dst[:scaleBytes], group[scaleBytes*i:])
		for j := range blockWords {
			copy(dst[scaleBytes+wordBytes*j:][:wordBytes], group[place(i, j):])
		}
	}
}

// SetInterleaved rounds X for MultiplyInterleaved.
func SetInterleaved(l simd.Level, b *simd.Bytes, x []float32) { b.Set(l, x, simd.InOrder) }

// MultiplyInterleaved is MultiplyBytes by whole groups of interleaved rows.
func MultiplyInterleaved(w []byte, x *simd.Bytes, out []float32) { simd.BytesQ4_0x16(w, x, out) }

// DecodeInterleaved decodes whole blocks of a group to a panel (package simd), to the values of Decode.
func DecodeInterleaved(panel []float32, group []byte) { simd.PanelQ4_0x16(panel, group) }

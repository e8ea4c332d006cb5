package quant

import (
	"encoding/binary"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// InterleavedRows is the number of rows that are interleaved.
const InterleavedRows = simd.Width

// interleaving is how rows of a format are interleaved: 16 of its blocks become one that has the first piece of all rows, then the second
// of all, and so on. before small pieces come first, then words of 4 bytes, then small pieces up to the block's end: binary16 or E8M0, and
// what four elements, or scales, share.
type interleaving struct {
	small, before, words int        // small: bytes of a piece
	below                simd.Level // the first that multiplies rows as a file has them as fast; 0: none
	multiply             func(l simd.Level, w []byte, x *simd.Bytes, out []float32)
	panel                func(l simd.Level, dst []float32, src []byte)
	bytes                func(p *simd.BytePanels, l simd.Level, panel int, src []byte)
}

var interleavings = map[compute.DType]*interleaving{
	compute.Q4_0:   {2, 1, 4, 0, simd.Level.BytesQ4_0x16, simd.Level.PanelQ4_0x16, (*simd.BytePanels).SetQ4_0x16},
	compute.Q8_0:   {2, 1, 8, simd.VNNI, simd.Level.BytesQ8_0x16, simd.Level.PanelQ8_0x16, (*simd.BytePanels).SetQ8_0x16},
	compute.IQ4_NL: {2, 1, 4, simd.VNNI, simd.Level.BytesIQ4_NLx16, simd.Level.PanelIQ4_NLx16, (*simd.BytePanels).SetIQ4_NLx16},
	compute.MXFP4:  {1, 1, 4, simd.VNNI, simd.Level.BytesMXFP4x16, simd.Level.PanelMXFP4x16, (*simd.BytePanels).SetMXFP4x16},
	compute.Q4_K:   {2, 2, 35, 0, simd.Level.BytesQ4_Kx16, simd.Level.PanelQ4_Kx16, (*simd.BytePanels).SetQ4_Kx16},
	compute.IQ4_XS: {2, 2, 33, simd.VNNI, simd.Level.BytesIQ4_XSx16, simd.Level.PanelIQ4_XSx16, (*simd.BytePanels).SetIQ4_XSx16},
	compute.Q5_0:   {2, 1, 5, simd.VNNI, simd.Level.BytesQ5_0x16, simd.Level.PanelQ5_0x16, (*simd.BytePanels).SetQ5_0x16},
	compute.Q5_K:   {2, 2, 43, simd.VNNI, simd.Level.BytesQ5_Kx16, simd.Level.PanelQ5_Kx16, (*simd.BytePanels).SetQ5_Kx16},
	compute.Q3_K:   {2, 0, 27, simd.VNNI, simd.Level.BytesQ3_Kx16, simd.Level.PanelQ3_Kx16, (*simd.BytePanels).SetQ3_Kx16},
	compute.Q2_K:   {2, 0, 20, simd.VNNI, simd.Level.BytesQ2_Kx16, simd.Level.PanelQ2_Kx16, (*simd.BytePanels).SetQ2_Kx16},
	compute.TQ2_0:  {2, 0, 16, 0, simd.Level.BytesTQ2_0x16, simd.Level.PanelTQ2_0x16, (*simd.BytePanels).SetTQ2_0x16},
	compute.TQ1_0:  {2, 0, 13, 0, simd.Level.BytesTQ1_0x16, simd.Level.PanelTQ1_0x16, (*simd.BytePanels).SetTQ1_0x16},
	compute.Q6_K:   {2, 0, 52, 0, simd.Level.BytesQ6_Kx16, simd.Level.PanelQ6_Kx16, (*simd.BytePanels).SetQ6_Kx16},
}

// Interleaved says whether a level multiplies rows of a format interleaved, which takes fewer instructions than rows as a file has
// them: that is for formats of which a core multiplies fewer bytes than memory gives it.
func Interleaved(l simd.Level, t compute.DType) bool {
	f := interleavings[t]
	return f != nil && l >= simd.AVX2 && (f.below == 0 || l < f.below)
}

// Interleave brings rows of a format that is Interleaved, as a file has them, into groups of InterleavedRows; len(src) is a multiple of so
// many rows of cols elements. dst and src do not overlap.
func Interleave(t compute.DType, dst, src []byte, cols int) {
	f, size := interleavings[t], t.BlockBytes()
	first := f.small * f.before
	words := first + 4*f.words
	row := cols / t.BlockLen() * size
	for group := InterleavedRows * row; len(src) > 0; dst, src = dst[group:], src[group:] {
		for at := 0; at < row; at += size {
			all := dst[at*InterleavedRows:][:size*InterleavedRows]
			for i := range InterleavedRows {
				one := src[i*row+at:][:size]
				f.put(all, one, 0, first, i)
				for j := first; j < words; j += 4 {
					binary.LittleEndian.PutUint32(all[InterleavedRows*j+4*i:], binary.LittleEndian.Uint32(one[j:]))
				}
				f.put(all, one, words, size, i)
			}
		}
	}
}

// put puts the small pieces in [from, to) of one block where those of row i belong in all.
func (f *interleaving) put(all, one []byte, from, to, i int) {
	for j := from; j < to; j += f.small {
		copy(all[InterleavedRows*j+f.small*i:][:f.small], one[j:])
	}
}

// InterleavedRow takes row i of a group, as a file has it.
func InterleavedRow(t compute.DType, dst, group []byte, i int) {
	f, size := interleavings[t], t.BlockBytes()
	first := f.small * f.before
	words := first + 4*f.words
	for ; len(dst) > 0; dst, group = dst[size:], group[size*InterleavedRows:] {
		for j := 0; j < size; {
			n := f.small
			if first <= j && j < words {
				n = 4
			}
			copy(dst[j:j+n], group[InterleavedRows*j+n*i:])
			j += n
		}
	}
}

// InterleavedOrder is the order of X for MultiplyInterleaved.
const InterleavedOrder = simd.InOrder

// MultiplyInterleaved is MultiplyBytes by whole groups of interleaved rows.
func MultiplyInterleaved(l simd.Level, t compute.DType, w []byte, x *simd.Bytes, out []float32) {
	interleavings[t].multiply(l, w, x, out)
}

// DecodeInterleaved decodes whole blocks of a group to a panel (package simd), to the values of Decode.
func DecodeInterleaved(l simd.Level, t compute.DType, panel []float32, group []byte) {
	interleavings[t].panel(l, panel, group)
}

// PanelOfInterleaved makes panel p of whole blocks of a group, as bytes.
func PanelOfInterleaved(l simd.Level, t compute.DType, p *simd.BytePanels, panel int, group []byte) {
	interleavings[t].bytes(p, l, panel, group)
}

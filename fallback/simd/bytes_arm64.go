package simd

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/cpu"
)

// HasSDOT reports whether this processor has the dot products of signed bytes (FEAT_DotProd).
var HasSDOT = cpu.ARM64.HasASIMDDP

func (l Level) quantize(b *Bytes, x []float32) {
	quantizeNEON(len(b.D), &x[0], &b.Upper[0], &b.Lower[0], &b.D[0], &b.S[0], &b.H[0])
}

// The products take rows of weights, as they are stored, one behind the other, and one row of X, InOrder: out[r] is the product of row r.
// There is at least one row of one block. They need HasSDOT.

// chunkBlocks is how many blocks a kernel takes at a time: their scales are made before, 16 a block at most.
const chunkBlocks = 8

// BytesQ8_0 multiplies rows of Q8_0.
func BytesQ8_0(w []byte, x *Bytes, out []float32) { bytesOfHalves(w, x, out, 34, nil) }

// BytesQ4_0 multiplies rows of Q4_0.
func BytesQ4_0(w []byte, x *Bytes, out []float32) { bytesOfHalves(w, x, out, 18, nil) }

// BytesIQ4_NL multiplies rows of IQ4_NL; levels are what nibbles stand for.
func BytesIQ4_NL(w []byte, x *Bytes, out []float32, levels *[16]int8) {
	bytesOfHalves(w, x, out, 18, levels)
}

// bytesOfHalves multiplies rows of blocks of 32 weights and size bytes that begin with their scale. Kernels are called by their names,
// so that scales need no memory but the stack.
func bytesOfHalves(w []byte, x *Bytes, out []float32, size int, levels *[16]int8) {
	n := bytesOf(w, x, out, 32, size)
	for r := range out {
		var scales [16 * chunkBlocks]float32
		out[r] = 0
		for b := 0; b < n; b += len(scales) {
			have := min(len(scales), n-b)
			for i := range have {
				scales[i] = halfAt(w[(b+i)*size:]) * x.D[b+i]
			}
			rows, upper, lower := &w[b*size], &x.Upper[32*b], &x.Lower[32*b]
			switch {
			case levels != nil:
				out[r] += dotIQ4_NLSDOT(have, rows, upper, lower, &scales[0], &levels[0])
			case size == 18:
				out[r] += dotQ4_0SDOT(have, rows, upper, lower, &scales[0])
			default:
				out[r] += dotQ8_0SDOT(have, rows, upper, lower, &scales[0])
			}
		}
		w = w[n*size:]
	}
}

// BytesQ4_K multiplies rows of Q4_K.
func BytesQ4_K(w []byte, x *Bytes, out []float32) {
	n := bytesOf(w, x, out, 256, 144)
	for r := range out {
		var scales [8 * chunkBlocks]float32
		out[r] = 0
		for b := 0; b < n; b += chunkBlocks {
			have := min(chunkBlocks, n-b)
			var below float32
			for i := range have {
				block := w[(b+i)*144:]
				d, dmin := halfAt(block), halfAt(block[2:])
				for j := range 8 {
					s, m := ScaleMin(block[4:16], j)
					g := 8*(b+i) + j
					scales[8*i+j] = d * float32(s) * x.D[g]
					below += dmin * float32(m) * x.S[g]
				}
			}
			out[r] += dotQ4_KSDOT(have, &w[b*144], &x.Upper[256*b], &x.Lower[256*b], &scales[0]) - below
		}
		w = w[n*144:]
	}
}

// BytesQ6_K multiplies rows of Q6_K.
func BytesQ6_K(w []byte, x *Bytes, out []float32) {
	n := bytesOf(w, x, out, 256, 210)
	for r := range out {
		var scales [16 * chunkBlocks]float32
		out[r] = 0
		for b := 0; b < n; b += chunkBlocks {
			have := min(chunkBlocks, n-b)
			for i := range have {
				block := w[(b+i)*210:]
				d := halfAt(block[208:])
				for j, s := range block[192:208] {
					scales[16*i+j] = d * float32(int8(s)) * x.D[8*(b+i)+j/2]
				}
			}
			out[r] += dotQ6_KSDOT(have, &w[b*210], &x.Upper[256*b], &x.Lower[256*b], &scales[0])
		}
		w = w[n*210:]
	}
}

// halfAt is the binary16 at the beginning of b.
func halfAt(b []byte) float32 {
	h := uint32(binary.LittleEndian.Uint16(b))
	if h&0x7c00 == 0x7c00 { // infinite or not a number
		return math.Float32frombits(h&0x8000<<16 | 0x7f800000 | h&0x3ff<<13)
	}
	return math.Float32frombits(h&0x8000<<16|h&0x7fff<<13) * 0x1p112
}

// bytesOf is the number of blocks of a row, whose bytes must be there.
func bytesOf(w []byte, x *Bytes, out []float32, length, size int) int {
	n := len(x.Upper) / length
	if !HasSDOT || n == 0 || len(out) == 0 || len(x.Upper)%length != 0 || len(w) < n*size*len(out) {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return n
}

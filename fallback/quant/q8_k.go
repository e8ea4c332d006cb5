package quant

import (
	"encoding/binary"
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.Q8_K] = format{decode: decodeQ8_K} }

// Q8_K stores 256 elements in 292 bytes: a binary32 scale d, 256 int8 q, and the sums of each 16 q as int16 (not needed).
//
//	x = d·q
//
// Source: the GGUF format's block_q8_K.
func decodeQ8_K(dst []float32, src []byte) {
	d := math.Float32frombits(binary.LittleEndian.Uint32(src))
	for i, q := range src[4:260] {
		dst[i] = d * float32(int8(q))
	}
}

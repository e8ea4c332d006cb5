package quant

import (
	"encoding/binary"
	"math"
)

// Q8_1 and Q8_K are what other programs round activations to; a file may hold them all the same.

// Q8_1 stores 32 elements in 36 bytes: binary16 scale d, binary16 d·Σq (not needed to decode), 32 int8 q.
//
//	x = d·q
//
// Source: the GGUF format's block_q8_1.
func decodeQ8_1(dst []float32, src []byte) {
	d := half(src)
	for i, q := range src[4:36] {
		dst[i] = d * float32(int8(q))
	}
}

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

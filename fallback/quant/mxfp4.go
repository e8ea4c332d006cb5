package quant

import (
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.MXFP4] = format{decode: decodeMXFP4} }

// MXFP4 stores 32 elements in 17 bytes: an E8M0 scale e, then 16 bytes whose low nibbles are elements 0 to 15 and whose high
// nibbles are 16 to 31.
//
//	x = 2^(e−127)·E2M1(q)
//
// Source: OCP Microscaling Formats 1.0, and the GGUF format's block_mxfp4.
func decodeMXFP4(dst []float32, src []byte) {
	d := halfE8M0(src[0])
	for i, b := range src[1:17] {
		dst[i] = d * e2m1[b&15]
		dst[i+16] = d * e2m1[b>>4]
	}
}

// halfE8M0 is 2^(e−128), half of the scale. The two least are subnormal.
func halfE8M0(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

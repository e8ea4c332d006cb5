package quant

import "tuff/host/compute"

func init() { formats[compute.TQ1_0] = format{decode: decodeTQ1_0} }

// TQ1_0 stores 256 elements in 54 bytes: 48 bytes of five ternary digits each, 4 bytes of four, a binary16 scale d. A byte
// b is ⌈256·f⌉ of a fraction f of five base-3 digits; digit n is the whole part of 3·(3ⁿ·b mod 256)/256. Of the first 32
// bytes element 32n+i is digit n of byte i; of the next 16 it is 160+16n+i; of the last four 240+4n+i.
//
//	x = d·(digit − 1)
//
// Source: the GGUF format's block_tq1_0.
func decodeTQ1_0(dst []float32, src []byte) {
	d := half(src[52:])
	ternary(dst[:160], src[:32], d)
	ternary(dst[160:240], src[32:48], d)
	ternary(dst[240:256], src[48:52], d)
}

// ternary writes digit n of byte i to dst[n·len(src)+i].
func ternary(dst []float32, src []byte, d float32) {
	for pow := byte(1); len(dst) > 0; dst, pow = dst[len(src):], pow*3 {
		for i, b := range src {
			dst[i] = d * float32(int(uint16(b*pow)*3>>8)-1)
		}
	}
}

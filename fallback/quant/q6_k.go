package quant

// Q6_K stores 256 elements in 210 bytes: 128 bytes of low nibbles, 64 bytes of two high bits, 16 int8 scales, a binary16 d.
// In each half of 128 elements, element 32k+i takes its nibble from byte i (k even) or 32+i (k odd), the low nibble for
// k < 2 and the high one otherwise, and bits 2k and 2k+1 of high byte i.
//
//	x = d·scale·(q − 32)      one scale for each 16 elements
//
// Source: the GGUF format's block_q6_K.
func decodeQ6_K(dst []float32, src []byte) {
	low, high, scales, d := src[:128], src[128:192], src[192:208], half(src[208:])
	for g := range 16 {
		h, k, at := g/8, g/2%4, 16*(g%2)
		dl := d * float32(int8(scales[g]))
		shift, top := 4*(k/2), 2*k
		out, hi := dst[16*g:16*g+16], high[32*h+at:][:16]
		for i, q := range low[64*h+32*(k%2)+at:][:16] {
			out[i] = dl * float32(int(q>>shift&15|hi[i]>>top&3<<4)-32)
		}
	}
}

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
	for h := range 2 {
		l, hi, sc := low[64*h:], high[32*h:], scales[8*h:]
		for k := range 4 {
			for i := range 32 {
				q := l[32*(k&1)+i] >> (4 * (k >> 1)) & 15
				q |= hi[i] >> (2 * k) & 3 << 4
				dst[128*h+32*k+i] = d * float32(int8(sc[2*k+i/16])) * float32(int(q)-32)
			}
		}
	}
}

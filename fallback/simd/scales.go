package simd

// ScaleMin unpacks pair j of the eight in the 12 bytes p of a block of Q4_K or Q5_K, a scale and a minimum of six bits for each 32 weights:
// the first four lie in the low six bits of bytes j and j+4, the last four in nibbles of byte j+4 with their top two bits in those of
// bytes j−4 and j.
func ScaleMin(p []byte, j int) (scale, least byte) {
	if j < 4 {
		return p[j] & 63, p[j+4] & 63
	}
	return p[j+4]&15 | p[j-4]>>6<<4, p[j+4]>>4 | p[j]>>6<<4
}

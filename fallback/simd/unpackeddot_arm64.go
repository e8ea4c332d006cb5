package simd

func (l Level) unpackedDot(w []uint8, d, less []float32, f ByteForm, x *Bytes, k int, factors, sums []float32, _ float32) float32 {
	n, base, minima := len(factors), int(f.Base), (*float32)(nil)
	if f.Minima {
		minima = &less[0]
	}
	switch {
	case f.Halves && l == NEON:
		return unpackedDot16NEON(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], minima, &sums[0], base)
	case f.Halves:
		return unpackedDot16SDOT(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], minima, &sums[0], base)
	case l == NEON:
		return unpackedDot32NEON(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], minima, &sums[0], base)
	}
	return unpackedDot32SDOT(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], minima, &sums[0], base)
}

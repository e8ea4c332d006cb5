package simd

func (l Level) unpackedDot(w []uint8, d, less []float32, f ByteForm, x *Bytes, k int, factors, sums []float32, unit float32) float32 {
	n, words := len(factors), l.multipliesWords()
	switch {
	case f.Halves && words:
		return unpackedDot16AVX2(n, &w[0], &x.W[k], &d[0], &factors[0], &less[0], &sums[0], unit)
	case f.Halves:
		return unpackedDot16VNNI(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], &less[0], &sums[0], unit)
	case words:
		return unpackedDot32AVX2(n, &w[0], &x.W[k], &d[0], &factors[0], &less[0], &sums[0], unit)
	}
	return unpackedDot32VNNI(n, &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], &less[0], &sums[0], unit)
}

package simd

func (l Level) unpackedDot(w []uint8, d, less []float32, f ByteForm, x *Bytes, k int, factors, sums []float32, _ float32) float32 {
	kernel, minima := unpackedDot32SDOT, (*float32)(nil)
	if f.Halves {
		kernel = unpackedDot16SDOT
	}
	if f.Minima {
		minima = &less[0]
	}
	return kernel(len(factors), &w[0], &x.Upper[k], &x.Lower[k], &d[0], &factors[0], minima, &sums[0], int(f.Base))
}

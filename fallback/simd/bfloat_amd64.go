package simd

func (l Level) bfloatRow(steps int, dst []uint16, src []float32) {
	bfloatRowAVX512(steps, &dst[0], &src[0])
}

func (l Level) bfloatPairs(steps int, dst []uint16, src []float32) {
	bfloatPairsAVX512(steps, &dst[0], &src[0])
}

func (l Level) bfloatPanel(steps int, dst []uint16, src []float32, stride int) {
	bfloatPanelAVX512(steps, &dst[0], &src[0], stride)
}

func (l Level) bfloatTile(steps, tiles int, a, b []uint16, sums []float32, stride int, add bool) {
	bfloatTileAMX(steps, tiles, &a[0], &b[0], &sums[0], stride, add)
}

func (l Level) bfloatPeak(n int) { bfloatPeakAMX(n) }

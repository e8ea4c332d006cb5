package simd

func (l Level) byteRow(dst []ByteBlock, x []float32) {
	if l.words() {
		wordRowAVX2(len(dst), &x[0], &dst[0].Q[0])
		return
	}
	byteRowAVX2(len(dst), &x[0], &dst[0].Q[0])
}

func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	if l.words() {
		wordPanelAVX2(n, &dst[0], &src[0], uint32(base)*0x00010001)
		return
	}
	bytePanelAVX2(n, &dst[0], &src[0], uint32(byteBase-base)*0x01010101)
}

func (l Level) bytePeak(n int) {
	if l.words() {
		wordPeakAVX2(n)
		return
	}
	bytePeakVNNI(n)
}

var (
	tilesVNNI = byteTiles{{6, [2]byteTileKernel{byteTile32x6VNNI, byteTile16x6VNNI}}, {2, [2]byteTileKernel{byteTile32x2VNNI, byteTile16x2VNNI}},
		{1, [2]byteTileKernel{byteTile32x1VNNI, byteTile16x1VNNI}}}
	tilesAVX2 = byteTiles{{4, [2]byteTileKernel{wordTile32x4AVX2, wordTile16x4AVX2}}, {2, [2]byteTileKernel{wordTile32x2AVX2, wordTile16x2AVX2}},
		{1, [2]byteTileKernel{wordTile32x1AVX2, wordTile16x1AVX2}}}
)

func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	if !l.words() { // both panels
		tilesVNNI.run(rows, n, x, stride, p, 0, f, sums)
		return
	}
	for panel := range p.Q {
		tilesAVX2.run(rows, n, x, stride, p, panel, f, sums[panel*Width:])
	}
}

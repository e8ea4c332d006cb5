package simd

func (l Level) byteRow(dst []ByteBlock, x []float32) { byteRowNEON(len(dst), &x[0], &dst[0].Q[0]) }

func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	bytePanelNEON(n, &dst[0], &src[0], int(base))
}

func (l Level) bytePeak(n int) { bytePeakSDOT(n) }

var tilesSDOT = byteTiles{{4, [2]byteTileKernel{byteTile32x4SDOT, byteTile16x4SDOT}}, {2, [2]byteTileKernel{byteTile32x2SDOT, byteTile16x2SDOT}},
	{1, [2]byteTileKernel{byteTile32x1SDOT, byteTile16x1SDOT}}}

func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	for panel := range p.Q {
		tilesSDOT.run(rows, n, x, stride, p, panel, f, sums[panel*Width:])
	}
}

package simd

func (l Level) byteRow(dst []ByteBlock, x []float32) { byteRowNEON(len(dst), &x[0], &dst[0].Q[0]) }

func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	if l == SMMLA {
		bytePanel8NEON(n, &dst[0], &src[0], int(base))
		return
	}
	bytePanel4NEON(n, &dst[0], &src[0], int(base))
}

func (l Level) bytePeak(n int) {
	if l == SMMLA {
		bytePeakSMMLA(n)
		return
	}
	bytePeakSDOT(n)
}

var (
	tilesSDOT = byteTiles{{4, [2]byteTileKernel{byteTile32x4SDOT, byteTile16x4SDOT}}, {2, [2]byteTileKernel{byteTile32x2SDOT, byteTile16x2SDOT}},
		{1, [2]byteTileKernel{byteTile32x1SDOT, byteTile16x1SDOT}}}
	tilesSMMLA = byteTiles{{4, [2]byteTileKernel{byteTile32x4SMMLA, byteTile16x4SMMLA}}, {2, [2]byteTileKernel{byteTile32x2SMMLA, byteTile16x2SMMLA}},
		{1, [2]byteTileKernel{byteTile32x1SMMLA, byteTile16x1SMMLA}}}
)

func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	tiles := tilesSDOT
	if l == SMMLA {
		tiles = tilesSMMLA
	}
	for panel := range p.Q {
		tiles.run(rows, n, x, stride, p, panel, f, sums[panel*Width:])
	}
}

package simd

func (l Level) byteRow(dst []ByteBlock, x []float32) { byteRowAVX2(len(dst), &x[0], &dst[0].Upper[0]) }

func (l Level) bytePanel(n int, dst, src *[Width * ByteCols]uint8, add uint8) {
	bytePanelAVX2(n, &dst[0], &src[0], uint32(add)*0x01010101)
}

func (l Level) bytePeak(n int) { bytePeakVNNI(n) }

type byteTileKernel func(n int, x *int8, stride int, w *uint8, d, m, sums *float32)

// byteTileRows are the rows that kernels take.
var byteTileRows = [3]int{6, 2, 1}

var (
	byteTiles32 = [3]byteTileKernel{byteTile32x6VNNI, byteTile32x2VNNI, byteTile32x1VNNI}
	byteTiles16 = [3]byteTileKernel{byteTile16x6VNNI, byteTile16x2VNNI, byteTile16x1VNNI}
)

func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	kernels, minima := &byteTiles32, (*float32)(nil)
	if f.Halves {
		kernels = &byteTiles16
	}
	if f.Minima {
		minima = &p.M[0][0]
	}
	const size = 80 // of a block
	at := 0
	for i, r := range byteTileRows {
		for ; rows-at >= r; at += r {
			kernels[i](n, &x[at*stride].Upper[0], stride*size, &p.Q[0][0], &p.D[0][0], minima, &sums[2*Width*at])
		}
	}
}

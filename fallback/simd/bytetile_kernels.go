//go:build amd64 || arm64

package simd

type byteTileKernel func(n int, x *int8, stride int, w *uint8, d, m, sums *float32)

// blockSize is the bytes of a ByteBlock.
const blockSize = 80

// byteTiles are the kernels for rows of X, those for the most first: of scales of 32 columns, and of 16.
type byteTiles []struct {
	rows    int
	kernels [2]byteTileKernel
}

func (t byteTiles) run(rows, n int, x []ByteBlock, stride int, p *BytePanels, panel int, f ByteForm, sums []float32) {
	minima, which := (*float32)(nil), 0
	if f.Minima {
		minima = &p.M[panel][0]
	}
	if f.Halves {
		which = 1
	}
	at := 0
	for _, k := range t {
		for ; rows-at >= k.rows; at += k.rows {
			k.kernels[which](n, &x[at*stride].Q[0], stride*blockSize, &p.Q[panel][0], &p.D[panel][0], minima, &sums[2*Width*at])
		}
	}
}

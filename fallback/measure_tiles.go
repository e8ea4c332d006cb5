package fallback

import (
	"context"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// matrixRounds is how often a unit of peak multiplies 4 tiles: some 50 µs.
const matrixRounds = 2000

// peak multiplies tiles in the registers of the matrix unit.
type peak struct{ level simd.Level }

func (p peak) unit(*worker, int) { p.level.BfloatPeak(matrixRounds) }

// matrixPeak measures the matrix unit, where there is one.
func (d *Device) matrixPeak(ctx context.Context) ([]compute.MatrixPeak, error) {
	flops := d.level.BfloatPeak(matrixRounds)
	if flops == 0 {
		return nil, nil
	}
	rate, err := d.rate(ctx, peak{d.level}, 8*d.pool.threads)
	if err != nil {
		return nil, err
	}
	return []compute.MatrixPeak{{Types: "bfloat16×bfloat16→float32", M: simd.TileRows, N: simd.Width, K: simd.TileDepth, Rate: rate * flops}}, nil
}

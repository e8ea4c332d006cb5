package fallback

import (
	"context"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// peakRounds is how often a unit of peak multiplies: some 10 to 50 µs.
const peakRounds = 2000

// peak multiplies what is in registers.
type peak func(n int) (operations float64)

func (p peak) unit(*worker, int) { p(peakRounds) }

// peakOf measures operations a second: 0 of what the processor has not.
func (d *Device) peakOf(ctx context.Context, p peak) (float64, error) {
	operations := p(peakRounds)
	if operations == 0 {
		return 0, nil
	}
	rate, err := d.rate(ctx, p, 8*d.pool.threads)
	return rate * operations, err
}

// matrixPeak measures the matrix unit, where there is one.
func (d *Device) matrixPeak(ctx context.Context) ([]compute.MatrixPeak, error) {
	rate, err := d.peakOf(ctx, d.level.BfloatPeak)
	if err != nil || rate == 0 {
		return nil, err
	}
	return []compute.MatrixPeak{{Types: "bfloat16×bfloat16→float32", M: simd.TileRows, N: simd.Width, K: simd.TileDepth, Rate: rate}}, nil
}

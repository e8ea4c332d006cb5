package fallback

import (
	"context"
	"fmt"
	"time"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Sizes of the measurements: the streamed memory is twice the last-level cache, within bounds, the vectors of the arithmetic fit the
// first-level cache of any core.
const (
	minStream    = 64 << 20 // floats: 256 MiB
	maxStream    = 256 << 20
	streamUnit   = 1 << 18 // floats of one unit
	vectorFloats = 1 << 8
	measureTime  = 200 * time.Millisecond // of each measurement
)

// Measure finds what this machine reaches: bytes read by a loop that only adds, in four places at once, multiply-adds of float32 on memory in the
// first-level cache with sums of float32 and of float64, those of bytes and of a matrix unit in registers, and the cost of handing a task to the workers. It takes about a second.
func (d *Device) Measure(ctx context.Context) (compute.Limits, error) {
	l := compute.Limits{Measured: time.Now()}
	n := min(max(int(d.cache/2), minStream), maxStream) / streamUnit // units: of 2 · cache / 4 floats
	s := &stream{level: d.level, data: make([]float32, n*streamUnit), sums: make([]float32, n)}
	for i := range s.data {
		s.data[i] = 1 // touched, so that the pages exist
	}
	rate, err := d.rate(ctx, s, len(s.sums))
	if err != nil {
		return compute.Limits{}, err
	}
	l.Bandwidth = rate * 4 * streamUnit

	m := d.newMultiply()
	if rate, err = d.rate(ctx, m, 8*d.pool.threads); err != nil {
		return compute.Limits{}, err
	}
	l.FLOPs = rate * m.flops()
	if rate, err = d.rate(ctx, d.newExactMultiply(), 8*d.pool.threads); err != nil {
		return compute.Limits{}, err
	}
	l.Double = rate * exactFLOPs
	if l.Dot8, err = d.peakOf(ctx, d.level.BytePeak); err != nil {
		return compute.Limits{}, err
	}
	if l.Matrix, err = d.matrixPeak(ctx); err != nil {
		return compute.Limits{}, err
	}

	if rate, err = d.rate(ctx, nothing{}, d.pool.threads); err != nil {
		return compute.Limits{}, err
	}
	l.Dispatch = time.Duration(float64(time.Second) * float64(d.pool.threads) / rate)
	l.Submit = l.Dispatch // a run is a sequence of such hand-overs and nothing else
	return l, nil
}

// rate is the units per second of a task, the best of the rounds that fit the time: other load only slows a round down.
func (d *Device) rate(ctx context.Context, t task, units int) (best float64, err error) {
	for end := time.Now().Add(measureTime); time.Now().Before(end); {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("fallback: measure: %w", err)
		}
		start := time.Now()
		if err := d.pool.run(t, units); err != nil {
			return 0, fmt.Errorf("fallback: measure: %w", err)
		}
		best = max(best, float64(units)/time.Since(start).Seconds())
	}
	return best, nil
}

// stream reads its data once; the sums are kept so that the reads are not optimised away.
type stream struct {
	level      simd.Level
	data, sums []float32
}

func (s *stream) unit(_ *worker, i int) {
	s.sums[i] = s.level.Sum(s.data[i*streamUnit : (i+1)*streamUnit])
}

const multiplyRounds = 64

// multiply runs the tile of fast arithmetic, or in plain Go its dot product, on vectors that stay in the cache.
type multiply struct {
	level simd.Level
	x     [][]float32
	panel []float32
}

func (d *Device) newMultiply() *multiply {
	return &multiply{level: d.level, x: rowsOfX[float32](), panel: make([]float32, simd.Width*vectorFloats)}
}

// rowsOfX are those of a tile.
func rowsOfX[T float32 | float64]() [][]T {
	x := make([][]T, simd.MaxRows)
	for i := range x {
		x[i] = make([]T, vectorFloats)
	}
	return x
}

// flops are those of a unit.
func (m *multiply) flops() float64 {
	if m.level == simd.Plain {
		return multiplyRounds * 2 * float64(len(m.x)) * vectorFloats
	}
	return multiplyRounds * 2 * float64(len(m.x)) * groupRows * vectorFloats
}

func (m *multiply) unit(w *worker, _ int) {
	sums := w.float32s(groupRows * len(m.x))
	clear(sums)
	for range multiplyRounds {
		if m.level > simd.Plain {
			m.level.FloatTile(m.x, m.panel, m.panel, sums)
			continue
		}
		for i, x := range m.x {
			sums[i] += dotFast(x, m.panel[:vectorFloats])
		}
	}
}

// exactFLOPs are those of a unit of exactMultiply.
const exactFLOPs = multiplyRounds * 2 * simd.MaxRows * simd.Width * vectorFloats

// exactMultiply runs the tile of exact arithmetic on vectors that stay in the cache.
type exactMultiply struct {
	level simd.Level
	x     [][]float64
	panel []float32
}

func (d *Device) newExactMultiply() *exactMultiply {
	return &exactMultiply{level: d.level, x: rowsOfX[float64](), panel: make([]float32, simd.Width*vectorFloats)}
}

func (m *exactMultiply) unit(w *worker, _ int) {
	sums := w.float64s(simd.Width * len(m.x))
	clear(sums)
	for range multiplyRounds {
		m.level.ExactTile(m.x, m.panel, sums)
	}
}

type nothing struct{}

func (nothing) unit(*worker, int) {}

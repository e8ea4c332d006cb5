package fallback

import (
	"context"
	"fmt"
	"time"

	"tuff/host/compute"
)

// Sizes of the measurements: the streamed memory is larger than the last-level caches in use, the vectors of the
// arithmetic fit the first-level cache of any core.
const (
	streamFloats = 64 << 20 // 256 MiB
	streamUnit   = 1 << 18  // floats of one unit
	vectorFloats = 1 << 10
	measureTime  = 200 * time.Millisecond // of each measurement
)

// Measure finds what this plain Go path reaches on this machine: bytes read by a loop that only adds, multiply-adds of
// the exact dot product, and the cost of handing a task to the workers. It takes about a second.
func (d *Device) Measure(ctx context.Context) (compute.Limits, error) {
	l := compute.Limits{Measured: time.Now()}
	s := &stream{data: make([]float32, streamFloats), sums: make([]float32, streamFloats/streamUnit)}
	for i := range s.data {
		s.data[i] = 1 // touched, so that the pages exist
	}
	rate, err := d.rate(ctx, s, len(s.sums))
	if err != nil {
		return compute.Limits{}, err
	}
	l.Bandwidth = rate * 4 * streamUnit

	m := &multiply{vector: make([]float32, vectorFloats), sums: make([][lanes]float64, 64*d.pool.threads)}
	if rate, err = d.rate(ctx, m, len(m.sums)); err != nil {
		return compute.Limits{}, err
	}
	l.FLOPs = rate * multiplyRounds * 2 * lanes * vectorFloats

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
type stream struct{ data, sums []float32 }

func (s *stream) unit(_ *worker, i int) {
	part := s.data[i*streamUnit : (i+1)*streamUnit]
	var a [8]float32
	for k := 0; k+8 <= len(part); k += 8 {
		p := part[k : k+8 : k+8]
		a[0] += p[0]
		a[1] += p[1]
		a[2] += p[2]
		a[3] += p[3]
		a[4] += p[4]
		a[5] += p[5]
		a[6] += p[6]
		a[7] += p[7]
	}
	s.sums[i] = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7]
}

const multiplyRounds = 64

// multiply takes dot products of vectors that stay in the cache.
type multiply struct {
	vector []float32
	sums   [][lanes]float64
}

func (m *multiply) unit(_ *worker, i int) {
	for range multiplyRounds {
		m.sums[i] = dot4(m.vector, m.vector, m.vector, m.vector, m.vector)
	}
}

type nothing struct{}

func (nothing) unit(*worker, int) {}

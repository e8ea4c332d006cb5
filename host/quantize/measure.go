package quantize

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Measure is the distance of other's tensors, perhaps another program's rendering, from those of f: by name, the type there and the
// sum of squared errors. Tensors that only one of them has are left out.
func Measure(ctx context.Context, f, other *weights.File, codec Codec, threads int) (map[string]Tensor, error) {
	o, err := outputOf(f, Recipe{})
	if err != nil {
		return nil, err
	}
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	out := map[string]Tensor{}
	for i := range o.sources {
		s := &o.sources[i]
		t, ok := other.Tensor(s.Name)
		if !ok || s.DType == compute.F64 || integer(s.DType) {
			continue
		}
		if !slices.Equal(t.Dims, s.Dims) {
			return nil, fmt.Errorf("quantize: measure %q: tensor %q: got shape %v, want %v", other.Name, t.Name, t.Dims, s.Dims)
		}
		sums := make([]float64, threads)
		errs := make([]error, threads)
		var wg sync.WaitGroup
		for w := range threads {
			wg.Go(func() {
				for r := w * s.Rows / threads; r < (w+1)*s.Rows/threads && errs[w] == nil && ctx.Err() == nil; r++ {
					var e float64
					e, errs[w] = rowDistance(f, other, s, t, r, codec)
					sums[w] += e
				}
			})
		}
		wg.Wait()
		d := Tensor{Name: s.Name, Dims: s.Dims, From: s.DType, To: t.DType, Elements: int64(s.Rows) * int64(s.Cols), Bytes: t.Size}
		for w, e := range sums {
			if errs[w] != nil {
				return nil, fmt.Errorf("quantize: measure tensor %q: %w", s.Name, errs[w])
			}
			d.Sum += e
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[s.Name] = d
	}
	return out, nil
}

func rowDistance(f, other *weights.File, s *source, t weights.Tensor, r int, codec Codec) (sum float64, err error) {
	a, b := make([]float32, s.Cols), make([]float32, s.Cols)
	size := int(s.Size) / s.Rows
	raw := make([]byte, size)
	if err := s.read(f, raw, r, 1, size); err != nil {
		return 0, err
	}
	if err := codec.Decode(s.DType, a, raw); err != nil {
		return 0, err
	}
	raw = make([]byte, int(t.Size)/t.Rows)
	if err := other.ReadInto(raw, t, int64(r)*int64(len(raw))); err != nil {
		return 0, err
	}
	if err := codec.Decode(t.DType, b, raw); err != nil {
		return 0, err
	}
	for i, v := range a {
		e := float64(v) - float64(b[i])
		sum += e * e
	}
	return sum, nil
}

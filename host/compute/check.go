package compute

import (
	"fmt"
	"slices"
)

// refs drops the zero Refs of optional arguments.
func refs(rs ...Ref) []Ref {
	return slices.DeleteFunc(rs, func(r Ref) bool { return r == 0 })
}

// wantShape reports a tensor whose shape is not [rows, cols].
func wantShape(p *Program, arg string, r Ref, rows Extent, cols int) error {
	if r == 0 {
		return fmt.Errorf("%s: got no tensor", arg)
	}
	t := p.At(r)
	if t.Rows != rows || t.Cols != cols {
		return fmt.Errorf("%s: got %v, want [%v, %d]", arg, t, rows, cols)
	}
	return nil
}

// wantType reports a tensor whose type is none of want.
func wantType(p *Program, arg string, r Ref, want ...DType) error {
	if r == 0 {
		return fmt.Errorf("%s: got no tensor", arg)
	}
	if t := p.At(r); !slices.Contains(want, t.DType) {
		return fmt.Errorf("%s: got %v, want %v", arg, t, want)
	}
	return nil
}

// wantBlocks reports rows or heads of n elements that are no whole number of blocks of the tensor's type.
func wantBlocks(p *Program, arg, what string, r Ref, n int) error {
	if t := p.At(r).DType; n%t.BlockLen() != 0 {
		return fmt.Errorf("%s: got %s of %d elements in %v, want a multiple of %d", arg, what, n, t, t.BlockLen())
	}
	return nil
}

// wantF32 is wantShape and wantType for activations.
func wantF32(p *Program, arg string, r Ref, rows Extent, cols int) error {
	if err := wantShape(p, arg, r, rows, cols); err != nil {
		return err
	}
	return wantType(p, arg, r, F32)
}

// wantDistinct reports an output that is also an input: no op works in place unless it says so.
func wantDistinct(out Ref, in ...Ref) error {
	if slices.Contains(in, out) {
		return fmt.Errorf("output aliases an input (tensor %d)", out)
	}
	return nil
}

// checks returns the first error.
func checks(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// moved is the bytes of tensors each touched once.
func moved(p *Program, s Sizes, rs ...Ref) int64 {
	var n int64
	for _, r := range rs {
		if r == 0 {
			continue
		}
		b, _ := p.At(r).Bytes(s) // sizes were checked when the program was
		n += b
	}
	return n
}

// pairs is the number of (query, key) pairs that attention visits in a step.
func pairs(s *Step, causal bool, window, chunk int) int64 {
	var n int64
	for i := range s.Seqs {
		q := &s.Seqs[i]
		for r := q.First; r < q.First+q.Count; r++ {
			lo, hi := KeyRange(int(s.Pos[r]), q.Len, causal, window, chunk)
			n += int64(hi - lo)
		}
	}
	return n
}

// KeyRange is the half-open range of key positions that a query at pos sees in a sequence of n keys: all of them, with
// causal none after pos, with window > 0 none at distance window or more (|pos-key| < window), and with chunk > 0 only those of the
// query's own chunk (pos/chunk = key/chunk, rounded down).
func KeyRange(pos, n int, causal bool, window, chunk int) (lo, hi int) {
	hi = n
	if causal {
		hi = min(n, pos+1)
	}
	if window > 0 {
		lo = max(0, pos-window+1)
		if !causal {
			hi = min(hi, pos+window)
		}
	}
	if chunk > 0 {
		first := pos / chunk * chunk
		lo, hi = max(lo, first), min(hi, first+chunk)
	}
	return lo, hi
}

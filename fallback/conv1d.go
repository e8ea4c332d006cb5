package fallback

import (
	"slices"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// conv1d runs compute.Conv1D: one unit per sequence and chunk of columns.
type conv1d struct {
	op                     compute.Conv1D
	x, w, bias, state, out *tensor // bias may be nil
	step                   *compute.Step
	chunk, per             int
	level                  simd.Level
	fast                   bool      // in float32, where the level is above Plain
	zeros, ones            []float32 // as many as columns: what lies before a sequence, and what SiLU is times
}

func (k *conv1d) begin(s *compute.Step) int {
	k.step = s
	if k.zeros == nil {
		k.zeros, k.ones = make([]float32, k.x.Cols), slices.Repeat([]float32{1}, k.x.Cols)
	}
	k.chunk = chunk(k.x.Cols, len(s.Tokens)*k.w.Cols)
	k.per = ceil(k.x.Cols, k.chunk)
	return len(s.Seqs) * k.per
}

func (k *conv1d) unit(wk *worker, i int) {
	q := &k.step.Seqs[i/k.per]
	lo, hi := i%k.per*k.chunk, min((i%k.per+1)*k.chunk, k.x.Cols)
	var bias []float32
	if k.bias != nil {
		bias = k.bias.row(0)[lo:hi]
	}
	if k.fast && k.level > simd.Plain {
		k.convolveFast(wk, q, lo, hi, bias)
	} else {
		k.convolve(wk, q, lo, hi, bias)
	}
	cols, width, after := k.x.Cols, k.w.Cols, k.state.row(q.StateOut)
	for j := range width - 1 {
		copy(after[j*cols+lo:j*cols+hi], k.input(q, q.Count-width+1+j, lo, hi))
	}
}

// input is columns [lo, hi) of the row t after the step's first; the last rows of the state lie before it.
func (k *conv1d) input(q *compute.Seq, t, lo, hi int) []float32 {
	switch {
	case t >= 0:
		return k.x.row(q.First + t)[lo:hi]
	case k.step.Pos[q.First] == 0:
		return k.zeros[lo:hi]
	}
	before := k.state.row(q.StateIn)
	from := (t + k.w.Cols - 1) * k.x.Cols
	return before[from+lo : from+hi]
}

func (k *conv1d) convolve(wk *worker, q *compute.Seq, lo, hi int, bias []float32) {
	n, width := hi-lo, k.w.Cols
	all, w := wk.float64s(2*n), k.w.floats(lo, hi)
	sums, exp := all[:n], all[n:]
	for t := range q.Count {
		clear(sums)
		for j := range width {
			for c, v := range k.input(q, t-width+1+j, lo, hi) {
				sums[c] += float64(w[c*width+j]) * float64(v)
			}
		}
		for c, b := range bias {
			sums[c] += float64(b)
		}
		if k.op.SiLU {
			for c, v := range sums {
				exp[c] = -v
			}
			k.level.ExpMinus(exp, 0)
			for c, e := range exp {
				sums[c] /= 1 + e
			}
		}
		out := k.out.row(q.First + t)[lo:hi]
		for c, v := range sums {
			out[c] = float32(v)
		}
	}
}

// convolveFast is convolve in float32, with the weights of one tap after the other.
func (k *conv1d) convolveFast(wk *worker, q *compute.Seq, lo, hi int, bias []float32) {
	n, width := hi-lo, k.w.Cols
	taps := wk.float32s(n * width)
	for i, v := range k.w.floats(lo, hi) {
		taps[i%width*n+i/width] = v
	}
	for t := range q.Count {
		out := k.out.row(q.First + t)[lo:hi]
		if copy(out, bias) == 0 {
			clear(out)
		}
		for j := range width {
			k.level.Normalized(out, k.input(q, t-width+1+j, lo, hi), taps[j*n:(j+1)*n], out, 0, 1)
		}
		if k.op.SiLU {
			k.level.SwiGLU(out, out, k.ones[:n])
		}
	}
}

package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Heads of one element with decays of their own (Mamba, Jamba) have an exponential for each element of the state, and next to nothing else to do: a
// unit takes several, whose exponentials are one run of a kernel.

// narrowHeads is the number of heads of a unit.
const narrowHeads = 32

func (k *ssmScan) narrow() bool {
	return k.fast && k.level > simd.Plain && k.op.HeadDim == 1 && k.op.NumGroups == 1 && k.a.Cols == k.op.StateSize
}

// scanNarrow is scanFast of n heads from first on.
func (k *ssmScan) scanNarrow(w *worker, q *compute.Seq, first, n int) {
	size := k.op.StateSize
	for h := first; h < first+n; h++ {
		k.state.resume(k.step, q, h, size)
	}
	s, a := k.state.row(q.StateOut)[first*size:(first+n)*size], k.a.floats(first, first+n)
	memory := w.float32s(n*size + n)
	decay, delta := memory[:n*size], memory[n*size:]
	for t := q.First; t < q.First+q.Count; t++ {
		x, b, c, out := k.x.row(t)[first:first+n], k.b.row(t)[:size], k.c.row(t)[:size], k.out.row(t)[first:first+n]
		copy(delta, k.dt.row(t)[first:])
		if k.dtBias != nil {
			for i, v := range k.dtBias.row(0)[first : first+n] {
				delta[i] += v
			}
		}
		softplus32(k.level, delta, decay[:n])
		for i, d := range delta {
			own := decay[i*size : (i+1)*size]
			for j, v := range a[i*size : (i+1)*size] {
				own[j] = d * v
			}
		}
		k.level.Exp(decay, decay)
		for i, v := range x {
			at := i * size
			out[i] = k.level.Scan(s[at:at+size], decay[at:at+size], b, c, delta[i]*v)
		}
		if k.d != nil {
			for i, d := range k.d.row(0)[first : first+n] {
				out[i] += d * x[i]
			}
		}
	}
}

// log1pFit is log(1+z)/z for z from 0 to 1 as a polynomial, the highest power first, fitted for the least relative error, 3.0e-8.
var log1pFit = [9]float32{
	0.00523241774, -0.0295041304, 0.0782241465, -0.136630926, 0.191059347, -0.248429638, 0.333190945, -0.49999493, 0.99999997,
}

// softplus32 is softplus of all elements of x, in float32; z is memory for as many.
func softplus32(l simd.Level, x, z []float32) {
	for i, v := range x {
		z[i] = min(v, -v)
	}
	l.Exp(z, z)
	for i, v := range x {
		e := z[i]
		p := log1pFit[0]
		for _, c := range log1pFit[1:] {
			p = p*e + c
		}
		x[i] = max(v, 0) + p*e
	}
}

package compare

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/conformance"
)

// What moving each input by its error does to streams and to sparse gates lies within the bound, which is not fifty times as large.
func TestBoundsOfStreamsHaveTheErrorsOfTheirInputs(t *testing.T) {
	const cols, tokens = 32, 2
	p := compute.NewProgram("bounds")
	scratch := func(name string, n int) compute.Ref { return p.Scratch(name, compute.PerToken(1), n*cols) }
	weight := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols})
	}
	x, y, out, first, scaled, gated := scratch("x", 1), scratch("y", 2), scratch("out", 2), scratch("first", 1), scratch("scaled", 1), scratch("gated", 1)
	op := compute.AltUp{X: x, Y: y, Router: weight("router", 2, cols), Coefs: weight("coefs", 6, 2), Bias: weight("bias", 1, 6), Scale: weight("scale", 1, cols),
		Out: out, First: first, Scaled: scaled, Eps: 1e-6}
	gate := compute.SparseGate{X: x, Up: first, Out: gated, Cutoff: 0.5, Fn: compute.GELUTanh}
	v := given{x: noise(tokens * cols), y: noise(2 * tokens * cols), op.Router: noise(2 * cols), op.Coefs: noise(12), op.Bias: noise(6), op.Scale: noise(cols),
		out: make([]float32, 2*tokens*cols), first: noise(tokens * cols), scaled: make([]float32, tokens*cols), gated: make([]float32, tokens*cols)}
	for i := range v[op.Router] {
		v[op.Router][i] /= cols
	}
	off := map[compute.Ref][]float64{x: make([]float64, tokens*cols), y: make([]float64, 2*tokens*cols), first: make([]float64, tokens*cols)}
	for r := range off {
		for i := range off[r] {
			off[r][i] = 1e-4 * float64(i%5)
		}
	}
	// run is what the reference makes of inputs that are moved by share of their errors.
	run := func(share float64) given {
		moved := given{}
		for r, f := range v {
			moved[r] = append([]float32{}, f...)
			for i, e := range off[r] {
				moved[r][i] += float32(share * e * float64(1-2*(i%2)))
			}
		}
		part := func(f []float32, t int) (x, exact []float64) { // a part of a row
			for _, v := range f[t*cols : (t+1)*cols] {
				x = append(x, float64(v))
			}
			return x, make([]float64, cols)
		}
		all := func(r compute.Ref) (x []float64) {
			for _, v := range v[r] {
				x = append(x, float64(v))
			}
			return x
		}
		for t := range tokens {
			s := conformance.Streams{Router: all(op.Router), Coefs: all(op.Coefs), Bias: all(op.Bias), Eps: float64(op.Eps), S: make([][]float64, 3), E: make([][]float64, 3)}
			s.S[0], s.E[0] = part(moved[x], t)
			s.S[1], s.E[1] = part(moved[y], 2*t)
			s.S[2], s.E[2] = part(moved[y], 2*t+1)
			sums, _ := s.Mix()
			up, exact := part(moved[first], t)
			gates, _ := conformance.SparseGateBound(gate, s.S[0], exact, up, exact)
			for c := range cols {
				moved[out][2*t*cols+c], moved[out][(2*t+1)*cols+c] = float32(sums[0][c]), float32(sums[1][c])
				moved[scaled][t*cols+c], moved[gated][t*cols+c] = float32(sums[0][c])*v[op.Scale][c], float32(gates[c])
			}
		}
		return moved
	}
	base, moved := run(0), run(1)
	for r, op := range map[compute.Ref]compute.Op{out: op, scaled: op, gated: gate} {
		bound, err := boundOf(p, op, r, v, off)
		require.NoError(t, err)
		var change, most float64
		for i := range bound {
			d := math.Abs(float64(moved[r][i]) - float64(base[r][i]))
			assert.LessOrEqual(t, d, bound[i], "%s, element %d", p.At(r).Name, i)
			change, most = max(change, d), max(most, bound[i])
		}
		assert.Less(t, most, 50*change, p.At(r).Name)
	}
}

package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// given are values by tensor.
type given map[compute.Ref][]float32

func (g given) values(r compute.Ref) ([]float32, error) { return g[r], nil }

func (g given) rowNorms(r compute.Ref, _, _ int) ([]float64, error) {
	const k = 8
	var n []float64
	for at := 0; at < len(g[r]); at += k {
		n = append(n, norm(g[r][at:at+k]))
	}
	return n, nil
}

func noise(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// Products of experts and of heads have the bounds of the products that they are made of, errors of inputs included.
func TestBoundsOfManyMatricesAreThoseOfOne(t *testing.T) {
	const tokens, k, n, experts = 3, 8, 5, 4
	p := compute.NewProgram("bounds")
	x := p.Scratch("x", compute.PerToken(1), k)
	ids := p.Scratch("ids", compute.PerToken(1), 2)
	w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(n), Cols: k})
	all := p.Declare(compute.Tensor{Name: "all", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(experts * n), Cols: k})
	out, twice := p.Scratch("out", compute.PerToken(1), n), p.Scratch("twice", compute.PerToken(2), n)
	wide, heads := p.Scratch("wide", compute.PerToken(1), experts*k), p.Scratch("heads", compute.PerToken(1), experts*n)
	v := given{x: noise(tokens * k), ids: {0, 3, 2, 0, 9, -1}, all: noise(experts * n * k), out: make([]float32, tokens*n), twice: make([]float32, 2*tokens*n),
		wide: noise(tokens * experts * k), heads: make([]float32, tokens*experts*n)}
	off := map[compute.Ref][]float64{x: make([]float64, tokens*k), wide: make([]float64, tokens*experts*k)}
	for r := range off {
		for i := range off[r] {
			off[r][i] = 1e-6 * float64(i%7)
		}
	}
	// one is the bound of a row times the matrix e.
	one := func(row []float32, err []float64, e int) []float64 {
		g := given{x: row, w: v[all][e*n*k : (e+1)*n*k], out: make([]float32, n)}
		b, e2 := boundOf(p, compute.MatMul{X: x, W: w, Out: out}, out, g, map[compute.Ref][]float64{x: err})
		require.NoError(t, e2)
		return b
	}
	got, err := boundOf(p, compute.MatMulExperts{X: x, W: all, IDs: ids, Out: twice, NumExperts: experts}, twice, v, off)
	require.NoError(t, err)
	for r, e := range []int{0, 3, 2, 0, 3, 0} { // those out of range are the nearest
		at := r / 2 * k
		assert.Equal(t, one(v[x][at:at+k], off[x][at:at+k], e), got[r*n:(r+1)*n], "row %d", r)
	}
	got, err = boundOf(p, compute.MatMulHeads{X: wide, W: all, Out: heads, NumHeads: experts}, heads, v, off)
	require.NoError(t, err)
	for r := range tokens * experts {
		assert.Equal(t, one(v[wide][r*k:(r+1)*k], off[wide][r*k:(r+1)*k], r%experts), got[r*n:(r+1)*n], "row %d", r)
	}
}

// What moving each input by its error does to a norm lies within the bound, which is not ten times as large.
func TestBoundOfANormHasTheErrorsOfItsInput(t *testing.T) {
	const cols = 16
	p := compute.NewProgram("bounds")
	x, out := p.Scratch("x", compute.PerToken(1), cols), p.Scratch("out", compute.PerToken(1), cols)
	w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(1), Cols: 4})
	v := given{x: noise(cols), w: {1, -2, 0.5, 3}}
	apply := func(move float64) (y []float32) {
		for g := 0; g < cols; g += 4 {
			var sum float64
			var row [4]float64
			for i := range row {
				row[i] = float64(v[x][g+i]) + move*[]float64{1, -1, 1, 1}[i]
				sum += row[i] * row[i]
			}
			for i := range row {
				y = append(y, float32(row[i]/math.Sqrt(sum/4+1e-5)*float64(v[w][i])))
			}
		}
		return y
	}
	const e = 1e-3
	v[out] = apply(0)
	errs := make([]float64, cols)
	for i := range errs {
		errs[i] = e
	}
	bound, err := boundOf(p, compute.RMSNorm{X: x, Weight: w, Out: out, Group: 4, Eps: 1e-5}, out, v, map[compute.Ref][]float64{x: errs})
	require.NoError(t, err)
	worst := 0.0
	for _, move := range []float64{e, -e} {
		for i, y := range apply(move) {
			worst = max(worst, math.Abs(float64(y)-float64(v[out][i]))/bound[i])
		}
	}
	assert.Less(t, worst, 1.0)
	assert.Greater(t, worst, 0.1)
	unknown, err := boundOf(p, compute.RMSNorm{X: x, Weight: w, Out: out, Group: 4}, out, v, map[compute.Ref][]float64{x: nil})
	require.NoError(t, err)
	assert.Nil(t, unknown, "nothing is proven of what follows from an unknown error")
}

// Functions, capped scales and layer norms in float32, of inputs that are moved by their errors, stay within bounds that are not far above.
func TestBoundsOfFunctions(t *testing.T) {
	const cols = 64
	p := compute.NewProgram("bounds")
	x, up, out := p.Scratch("x", compute.PerToken(1), cols), p.Scratch("up", compute.PerToken(1), cols), p.Scratch("out", compute.PerToken(1), cols)
	w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(1), Cols: cols})
	b := p.Declare(compute.Tensor{Name: "b", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(1), Cols: cols})
	v := given{x: noise(cols), up: noise(cols + 1)[:cols], w: noise(cols + 2)[:cols], b: noise(cols + 3)[:cols]}
	gelu := func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }
	norm := func(x []float64) []float64 {
		var sum, squares float64
		for _, f := range x {
			sum += f
		}
		for _, f := range x {
			squares += (f - sum/cols) * (f - sum/cols)
		}
		y := make([]float64, cols)
		for i, f := range x {
			y[i] = (f-sum/cols)/math.Sqrt(squares/cols+1e-5)*float64(v[w][i]) + float64(v[b][i])
		}
		return y
	}
	each := func(f func(i int, x float64) float64) func([]float64) []float64 {
		return func(x []float64) []float64 {
			y := make([]float64, cols)
			for i := range y {
				y[i] = f(i, x[i])
			}
			return y
		}
	}
	for name, c := range map[string]struct {
		op   compute.Op
		form func(x []float64) []float64
	}{
		"gelu":      {compute.Activation{X: x, Out: out, Fn: compute.GELU}, each(func(_ int, x float64) float64 { return gelu(x) })},
		"gated":     {compute.Activation{X: x, Up: up, Out: out, Fn: compute.GELU}, each(func(i int, x float64) float64 { return gelu(x) * float64(v[up][i]) })},
		"capped":    {compute.Scale{X: x, Out: out, Factor: 2, Cap: 3}, each(func(_ int, x float64) float64 { return 3 * math.Tanh(2*x/3) })},
		"layernorm": {compute.LayerNorm{X: x, Weight: w, Bias: b, Out: out, Eps: 1e-5}, norm},
	} {
		at := func(move float64) []float64 {
			in := make([]float64, cols)
			for i := range in {
				in[i] = float64(v[x][i]) + move*float64(1-i%3)
			}
			return c.form(in)
		}
		exact := at(0)
		v[out] = nil
		for _, f := range exact {
			v[out] = append(v[out], float32(f))
		}
		for _, e := range []float64{0, 1e-3} {
			errs := map[compute.Ref][]float64{}
			if e > 0 {
				errs[x] = make([]float64, cols)
				for i := range errs[x] {
					errs[x][i] = e
				}
			}
			bound, err := boundOf(p, c.op, out, v, errs)
			require.NoError(t, err)
			require.Len(t, bound, cols)
			worst := 0.0
			for _, move := range []float64{e, -e} {
				for i, y := range at(move) {
					worst = max(worst, math.Abs(y-float64(v[out][i]))/bound[i])
				}
			}
			assert.Less(t, worst, 1.0, "%s, inputs off by %g", name, e)
			assert.Greater(t, worst, 0.002, "%s, inputs off by %g", name, e)
		}
	}
	assert.Contains(t, whyUnbound(p, compute.Route{}, nil), "choice")
	assert.Contains(t, whyUnbound(p, compute.Activation{X: x}, map[compute.Ref][]float64{x: nil}), "before it has none")
}

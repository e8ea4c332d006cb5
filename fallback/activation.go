package fallback

import (
	"math"

	"tuff/host/compute"
)

// activation runs compute.Activation: one unit per chunk of rows.
type activation struct {
	op          compute.Activation
	x, up, out  *tensor // up may be nil
	one         bool    // up is one row for all
	rows, chunk int
}

func (k *activation) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 32*k.x.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *activation) unit(_ *worker, i int) {
	lo, hi := i*k.chunk, min((i+1)*k.chunk, k.rows)
	x, out := k.x.floats(lo, hi), k.out.floats(lo, hi)
	for c, v := range x {
		out[c] = float32(activate(k.op.Fn, float64(v)))
	}
	if k.up == nil {
		return
	}
	up := k.up.row(0) // of one row, or all
	if !k.one {
		up = k.up.floats(lo, hi)
	}
	for c := range out {
		u := float64(up[c%len(up)])
		if k.op.Fn == compute.ClampedSiLU {
			u = min(max(u, -7), 7) + 1
		}
		out[c] = float32(activate(k.op.Fn, float64(x[c])) * u)
	}
}

// activate is the function itself.
func activate(f compute.Function, x float64) float64 {
	switch f {
	case compute.SiLU:
		return silu(x)
	case compute.GELU:
		return x / 2 * math.Erfc(-x/math.Sqrt2) // 1 + erf(y) without its cancellation
	case compute.GELUTanh:
		return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) // (1 + tanh(y))/2 is the sigmoid of 2y
	case compute.ReLU:
		return max(x, 0)
	case compute.ReLU2:
		return max(x, 0) * max(x, 0)
	case compute.Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case compute.Tanh:
		return math.Tanh(x)
	case compute.Identity:
		return x
	case compute.ClampedSiLU:
		g := min(x, 7)
		return g / (1 + math.Exp(-1.702*g))
	}
	panic("BUG: fallback: no activation " + f.String())
}

package fallback

import (
	"math"
	"slices"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// activation runs compute.Activation: one unit per chunk of rows.
type activation struct {
	op          compute.Activation
	x, up, out  *tensor // up may be nil
	one         bool    // up is one row for all
	rows, chunk int
	level       simd.Level // above Plain: in its instructions where they have the function, in float32
	ones        []float32  // for vector instructions, which want something to multiply by
}

func (k *activation) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 32*k.x.Cols)
	if k.up == nil && k.level > simd.Plain && k.ones == nil {
		k.ones = slices.Repeat([]float32{1}, k.x.Cols)
	}
	return ceil(k.rows, k.chunk)
}

func (k *activation) unit(wk *worker, i int) {
	vector := vectorActivations[k.op.Fn]
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		x, out, up := k.x.row(r), k.out.row(r), k.ones
		switch {
		case k.up != nil && k.one:
			up = k.up.row(0)
		case k.up != nil:
			up = k.up.row(r)
		}
		if k.level > simd.Plain && vector != nil && len(x) >= simd.Width {
			vector(k.level, out, x, up, wk)
			continue
		}
		for c, v := range x {
			y := activate(k.op.Fn, float64(v))
			if k.up != nil {
				u := float64(up[c])
				if k.op.Fn == compute.ClampedSiLU {
					u = min(max(u, -7), 7) + 1
				}
				y *= u
			}
			out[c] = float32(y)
		}
	}
}

// vectorActivations set out to the function of x times up, in float32, where vector instructions have it. They need a level above Plain. What they keep in the
// memory of a worker lies, element by element, where x may lie.
var vectorActivations = map[compute.Function]func(l simd.Level, out, x, up []float32, wk *worker){
	compute.SiLU: func(l simd.Level, out, x, up []float32, _ *worker) { l.SwiGLU(out, x, up) },
	compute.GELU: func(l simd.Level, out, x, up []float32, _ *worker) { l.GELU(out, x, up) },
	compute.GELUTanh: func(l simd.Level, out, x, up []float32, _ *worker) {
		const a = 2 * math.Sqrt2 / math.SqrtPi
		l.Gate(out, x, up, a, 0.044715*a)
	},
	compute.ClampedSiLU: func(l simd.Level, out, x, up []float32, wk *worker) {
		memory := wk.float32s(2 * len(x))
		gate, value := memory[:len(x)], memory[len(x):]
		up = up[:len(x)]
		for c, v := range x {
			gate[c], value[c] = min(v, 7), min(max(up[c], -7), 7)+1
		}
		l.Gate(out, gate, value, 1.702, 0)
	},
	compute.Sigmoid: func(l simd.Level, out, x, up []float32, wk *worker) {
		e := wk.float32s(len(x))
		for c, v := range x {
			e[c] = -v
		}
		l.Exp(e, e)
		for c, v := range e {
			out[c] = up[c] / (1 + v)
		}
	},
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

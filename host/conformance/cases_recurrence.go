package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// recurrences are the cases of recurrences with what stands before and behind them: the convolution of what they read, the columns in
// which their inputs lie side by side, the norm of heads, the gate. Steps are those of history: sequences of few rows beside each
// other, or with one of many.
func (l *list) recurrences() {
	for i, m := range []struct {
		heads, keyHeads, key, value int
		tiled, side                 bool // the gates lie side by side
	}{
		{1, 1, 1, 1, false, false}, {4, 2, 8, 8, false, true}, {4, 2, 8, 8, true, false}, {6, 2, 16, 33, false, true}, {6, 3, 7, 63, true, false},
		{4, 4, 64, 65, false, true}, {4, 2, 128, 128, false, true}, {2, 2, 33, 130, true, false}, {1, 1, 256, 300, false, false},
	} {
		for j, count := range []int{1, 7, 8, 33} {
			name := fmt.Sprintf("h%d_k%d_%dx%d_t%v_n%d", m.heads, m.keyHeads, m.key, m.value, m.tiled, count)
			l.add("conv1d_delta_rule_rmsnorm_swiglu", name, 0, (i+j)%6 == 0, func(b *build) {
				b.o.NoFuse = false
				b.history(count)
				width := m.heads * m.value
				op := compute.DeltaRule{NumHeads: m.heads, NumKeyHeads: m.keyHeads, KeyDim: m.key, ValueDim: m.value, Tiled: m.tiled, Eps: 1e-6,
					State: b.state("state", m.heads*m.key*m.value), Out: b.scratch("y", width)}
				b.spread = pick([]float64{1, 10}, i+j)
				x := b.feed("x", 2*m.keyHeads*m.key+width)
				b.spread = pick([]float64{8, 1, 30}, i+j) // gates from shut to open
				var both compute.Ref
				if m.side {
					both = b.feed("both", 2*m.heads)
				} else {
					op.Beta, op.DT = b.feed("beta", m.heads), b.feed("dt", m.heads)
				}
				b.spread = 1
				z := b.feed("z", width)
				if j%2 == 0 || m.side {
					op.X = b.convolved(x, 2+i%4, j%2 == 0, i%3 != 1)
				} else {
					op.X = x
				}
				if m.side {
					per := m.heads / m.keyHeads
					op.Beta, op.DT = b.scratch("beta", m.heads), b.scratch("dt", m.heads)
					b.p.Add("beta", compute.Columns{A: both, Groups: m.keyHeads, NumA: per, Out: op.Beta})
					b.p.Add("dt", compute.Columns{A: both, Groups: m.keyHeads, FromA: per, NumA: per, Out: op.DT})
				}
				op.DTBias = b.random("dt_bias", 1, m.heads)
				op.A = b.floats("a", 1, m.heads, func(int, int) float32 { return -0.01 - abs32(b.uniform()) })
				b.p.Add("delta_rule", op)
				y := op.Out
				if i%4 != 3 {
					y = b.scratch("normed", width)
					b.p.Add("norm", compute.RMSNorm{X: op.Out, Weight: b.random("weight", 1, m.value), Out: y, Group: m.value, Eps: pick([]float32{1e-5, 0.25}, j)})
				}
				b.p.Add("gate", compute.SwiGLU{Gate: z, Up: y, Out: b.output("out", width)})
			})
		}
	}
	for i, m := range []struct{ heads, dim, groups, n, a int }{
		{130, 1, 1, 16, 16}, {6, 16, 2, 16, 1}, {4, 64, 1, 128, 1}, {8, 5, 4, 33, 1}, {2, 32, 2, 256, 1}, {4, 8, 2, 1, 1}, {3, 128, 1, 7, 7}, {4, 24, 2, 65, 1},
	} {
		for j, count := range []int{1, 7, 8, 33} {
			name := fmt.Sprintf("h%d_d%d_g%d_s%d_a%d_n%d", m.heads, m.dim, m.groups, m.n, m.a, count)
			l.add("conv1d_ssm_scan_swiglu", name, 0, (i+j)%6 == 0, func(b *build) {
				b.o.NoFuse = false
				b.history(count)
				width, shared := m.heads*m.dim, m.groups*m.n
				op := compute.SSMScan{NumHeads: m.heads, HeadDim: m.dim, NumGroups: m.groups, StateSize: m.n, State: b.state("state", width*m.n)}
				z, x := b.feed("z", width), b.feed("x", width+2*shared)
				op.A = b.floats("a", m.heads, m.a, func(int, int) float32 { return -0.01 - 2*abs32(b.uniform()) })
				b.spread = pick([]float64{1, 8, 30}, i+j) // δ from tiny to large
				op.DT = b.feed("dt", m.heads)
				b.spread = 1
				x = b.convolved(x, 2+(i+j)%3, i%2 == 0, j%3 != 1)
				for c, part := range []struct {
					to   *compute.Ref
					n    int
					name string
				}{{&op.B, shared, "b"}, {&op.C, shared, "c"}, {&op.X, width, "values"}} {
					*part.to = b.scratch(part.name, part.n)
					b.p.Add(part.name, compute.Columns{A: x, Groups: 1, FromA: []int{width, width + shared, 0}[c], NumA: part.n, Out: *part.to})
				}
				if (i+j)%2 == 0 {
					op.D = b.random("d", 1, m.heads)
				}
				if i%2 == 0 {
					op.DTBias = b.random("dt_bias", 1, m.heads)
				}
				if j == 3 { // without a gate
					op.Out = b.output("out", width)
					b.p.Add("ssm_scan", op)
					return
				}
				op.Out = b.scratch("y", width)
				b.p.Add("ssm_scan", op)
				b.p.Add("gate", compute.SwiGLU{Gate: z, Up: op.Out, Out: b.output("out", width)})
			})
		}
	}
}

// shortConvolutions are the cases of convolutions between two gates.
func (l *list) shortConvolutions() {
	for i, cols := range []int{1, 64, 129} {
		for j, count := range []int{1, 3, 40} {
			for _, behind := range []bool{false, true} {
				l.add("activation_conv1d_activation", fmt.Sprintf("c%d_n%d_behind-%t", cols, count, behind), 0, i == j, func(b *build) {
					b.o.NoFuse = false
					b.history(count)
					x, in, out := b.feed("x", cols), b.feed("in", cols), b.feed("out_gate", cols)
					y := b.scratch("y", cols)
					b.p.Add("in", compute.Activation{X: in, Up: x, Out: y, Fn: compute.Identity})
					y = b.convolved(y, 2+(i+j)%3, j%2 == 0, behind)
					op := compute.Activation{X: out, Up: y, Out: b.output("out", cols), Fn: compute.Identity}
					if i == 1 {
						op.X, op.Up = op.Up, op.X
					}
					if !behind { // its result is read twice
						b.p.Add("again", compute.Activation{X: y, Up: y, Out: b.output("squares", cols), Fn: compute.Identity})
					}
					b.p.Add("out", op)
				})
			}
		}
	}
}

// convolved is the convolution over time of x.
func (b *build) convolved(x compute.Ref, width int, bias, silu bool) compute.Ref {
	cols := b.p.At(x).Cols
	op := compute.Conv1D{X: x, W: b.random("w", cols, width), State: b.state("windows", (width-1)*cols), SiLU: silu, Out: b.scratch("convolved", cols)}
	if bias {
		op.Bias = b.random("bias", 1, cols)
	}
	b.p.Add("conv1d", op)
	return op.Out
}

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

// scanInputs are the cases of scans whose steps are products of a few elements, which may be normalised, as what goes into states and what
// comes out of them may.
func (l *list) scanInputs() {
	for i, m := range []struct{ channels, n, rank, norms, count int }{
		{64, 16, 16, 7, 1}, {128, 16, 160, 0, 1}, {8, 1, 1, 7, 7}, {72, 33, 5, 6, 8}, {192, 7, 33, 1, 3}, {64, 16, 40, 7, 33}, {130, 8, 12, 7, 1},
	} {
		l.add("rmsnorm_matmul_ssm_scan_swiglu", fmt.Sprintf("c%d_s%d_r%d_norms%d_n%d", m.channels, m.n, m.rank, m.norms, m.count), 0, i%3 == 0, func(b *build) {
			b.o.NoFuse = false
			b.history(m.count)
			op := compute.SSMScan{NumHeads: m.channels, HeadDim: 1, NumGroups: 1, StateSize: m.n, X: b.feed("x", m.channels), DT: b.scratch("dt", m.channels),
				State: b.state("state", m.channels*m.n), Out: b.scratch("y", m.channels), D: b.random("d", 1, m.channels), DTBias: b.random("dt_bias", 1, m.channels)}
			op.A = b.floats("a", m.channels, m.n, func(int, int) float32 { return -0.01 - 2*abs32(b.uniform()) })
			z := b.feed("z", m.channels)
			b.spread = pick([]float64{1, 8}, i)
			op.B, op.C = b.feed("b", m.n), b.feed("c", m.n)
			low := b.feed("low", m.rank)
			b.spread = 1
			for bit, x := range []*compute.Ref{&op.B, &op.C, &low} {
				if m.norms>>bit&1 == 1 {
					cols := b.p.At(*x).Cols
					norm := compute.RMSNorm{X: *x, Weight: b.random("weight", 1, cols), Out: b.scratch("normed", cols), Eps: 0.25}
					b.p.Add("norm", norm)
					*x = norm.Out
				}
			}
			b.p.Add("dt", compute.MatMul{X: low, W: b.weight("w_dt", compute.F32, m.channels, m.rank), Out: op.DT})
			b.p.Add("ssm_scan", op)
			b.p.Add("gate", compute.SwiGLU{Gate: z, Up: op.Out, Out: b.output("out", m.channels)})
		})
	}
}

// projectedConvolutions are the cases of convolutions of what one of a few multiplications makes, whose result another one reads.
func (l *list) projectedConvolutions() {
	for i, c := range []struct {
		f           compute.DType
		cols, count int
	}{{compute.Q8_0, 33, 1}, {compute.F32, 130, 1}, {compute.F16, 64, 3}, {compute.Q4_K, 7, 1}, {compute.Q8_0, 40, 12}} {
		l.add("rmsnorm_matmul_conv1d", fmt.Sprintf("%v_c%d_n%d", c.f, c.cols, c.count), c.f, i%2 == 0, func(b *build) {
			b.o.NoFuse = false
			b.history(c.count)
			k := blocksOf(c.f, 64)
			h := b.feed("h", k)
			if i != 1 {
				h = b.normed("h", h)
			}
			parts := make([]compute.Ref, 2)
			for j := range parts {
				at := (j + i) % 2 // in either order
				parts[at] = b.project(fmt.Sprintf("part%d", at), h, c.f, []int{c.cols, 24}[at])
			}
			x := b.convolved(parts[0], 2+i%3, i%2 == 0, i%3 != 1)
			b.p.Add("next", compute.MatMul{X: x, W: b.weight("w_next", compute.F32, 9, c.cols), Out: b.output("out", 9)})
			b.p.Add("gate", compute.Activation{X: parts[1], Out: b.output("gate", 24), Fn: compute.ReLU})
		})
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

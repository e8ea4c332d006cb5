package conformance

import (
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

// states makes the program stateful: every sequence has two rows, in mixed order, and goes from one to the other in each step.
func (b *build) states(seqs int) func(*compute.Step) {
	b.p.NumStates = 2*seqs + 1
	rows := b.rng.Perm(b.p.NumStates)
	in, out := rows[:seqs], rows[seqs:2*seqs]
	return func(s *compute.Step) {
		for i := range s.Seqs {
			s.Seqs[i].StateIn, s.Seqs[i].StateOut = in[i], out[i]
		}
		in, out = out, in
	}
}

// state is a state tensor with contents that a fresh sequence must not see.
func (b *build) state(name string, cols int) compute.Ref {
	data := make([]byte, 4*b.p.NumStates*cols)
	for i := 0; i < len(data); i += 4 {
		binary.LittleEndian.PutUint32(data[i:], math.Float32bits(b.uniform()))
	}
	return b.declare(name, compute.State, compute.F32, b.p.NumStates, cols, data)
}

// history are the steps of three sequences: one that begins, one that goes on from what is there, one that is decoded.
func (b *build) history(count int) {
	next := b.states(3)
	next(b.step(nil, seq{count, count}, seq{2, 30}, seq{1, 9}))
	next(b.step(nil, seq{1, count + 1}, seq{count, 30 + count}, seq{1, 10}))
	next(b.step(nil, seq{3, count + 4}, seq{1, 31 + count}, seq{1, 1}))
}

func (l *list) stateful() {
	for i, width := range []int{2, 3, 4, 8} {
		for j, cols := range []int{1, 33, 64, 127, 129, 300} {
			for k, count := range []int{1, 2, 3, 5, 16, 17, 40} {
				l.add("conv1d", fmt.Sprintf("k%d_c%d_n%d", width, cols, count), 0, (i+j+k)%5 == 0, func(b *build) {
					b.history(count)
					op := compute.Conv1D{X: b.feed("x", cols), W: b.random("w", cols, width), State: b.state("state", (width-1)*cols), SiLU: (i+j)%2 == 0,
						Out: b.output("out", cols)}
					if (j+k)%2 == 0 {
						op.Bias = b.random("bias", 1, cols)
					}
					b.p.Add("conv1d", op)
				})
			}
		}
	}
	for i, m := range []struct{ heads, dim, groups, n, a int }{
		{1, 1, 1, 1, 1}, {3, 1, 1, 16, 16}, {96, 1, 1, 8, 8}, {130, 1, 1, 16, 16}, {6, 16, 2, 16, 1}, {4, 64, 1, 128, 1}, {8, 5, 4, 33, 1}, {2, 32, 2, 256, 1}, {65, 1, 5, 7, 7},
		{12, 16, 2, 16, 1}, {2, 40, 1, 130, 1}, {24, 1, 1, 160, 160},
	} {
		for j, count := range []int{1, 2, 9, 33} {
			l.add("ssm_scan", fmt.Sprintf("h%d_d%d_g%d_s%d_a%d_n%d", m.heads, m.dim, m.groups, m.n, m.a, count), 0, (i+j)%4 == 0, func(b *build) {
				b.history(count)
				op := compute.SSMScan{NumHeads: m.heads, HeadDim: m.dim, NumGroups: m.groups, StateSize: m.n, X: b.feed("x", m.heads*m.dim),
					B: b.feed("b", m.groups*m.n), C: b.feed("c", m.groups*m.n), State: b.state("state", m.heads*m.dim*m.n), Out: b.output("out", m.heads*m.dim)}
				op.A = b.floats("a", m.heads, m.a, func(int, int) float32 { return -0.01 - 2*abs32(b.uniform()) })
				b.spread = pick([]float64{1, 8, 30}, i+j) // δ from tiny to large
				op.DT = b.feed("dt", m.heads)
				b.spread = 1
				if (i+j)%2 == 0 {
					op.D = b.random("d", 1, m.heads)
				}
				if i%2 == 0 {
					op.DTBias = b.random("dt_bias", 1, m.heads)
				}
				b.p.Add("ssm_scan", op)
			})
		}
	}
}

// deltas are the cases of the delta rule: heads that share keys in both ways, lengths around those of workgroups, vectors so short
// that eps counts.
func (l *list) deltas() {
	for i, m := range []struct {
		heads, keyHeads, key, value int
		tiled                       bool
	}{
		{1, 1, 1, 1, false}, {2, 2, 8, 8, false}, {4, 2, 8, 8, false}, {4, 2, 8, 8, true}, {6, 2, 16, 33, false}, {6, 3, 7, 63, true}, {3, 1, 5, 9, false},
		{4, 4, 64, 65, true}, {2, 1, 128, 128, false}, {2, 2, 33, 130, false}, {1, 1, 256, 64, false}, {2, 1, 130, 17, false},
	} {
		for j, count := range []int{1, 2, 9, 33} {
			l.add("delta_rule", fmt.Sprintf("h%d_k%d_%dx%d_t%v_n%d", m.heads, m.keyHeads, m.key, m.value, m.tiled, count), 0, (i+j)%4 == 0, func(b *build) {
				b.history(count)
				op := compute.DeltaRule{NumHeads: m.heads, NumKeyHeads: m.keyHeads, KeyDim: m.key, ValueDim: m.value, Tiled: m.tiled, Eps: 1e-6,
					State: b.state("state", m.heads*m.key*m.value), Out: b.output("out", m.heads*m.value)}
				b.spread = pick([]float64{1, 1e-3, 10}, i+j)
				op.X = b.feed("x", 2*m.keyHeads*m.key+m.heads*m.value)
				b.spread = pick([]float64{8, 1, 30}, i+j) // gates from shut to open
				op.Beta, op.DT = b.feed("beta", m.heads), b.feed("dt", m.heads)
				b.spread = 1
				op.DTBias = b.random("dt_bias", 1, m.heads)
				op.A = b.floats("a", 1, m.heads, func(int, int) float32 { return -0.01 - abs32(b.uniform()) })
				b.p.Add("delta_rule", op)
			})
		}
	}
}

func abs32(x float32) float32 { return float32(math.Abs(float64(x))) }

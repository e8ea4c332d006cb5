package conformance

import (
	"fmt"
	"maps"
	"slices"

	"tuff/host/compute"
)

// experts adds the ops of mixtures of experts.
func (l *list) experts() {
	for i, e := range []int{1, 2, 4, 8, 60, 64, 65, 128, 256, 512} {
		for j, used := range []int{1, 2, 4, 8} {
			if used > e {
				continue
			}
			for gate := compute.SoftmaxGate; gate <= compute.TopSigmoidGate; gate++ {
				op := compute.Route{Used: used, Gate: gate, Normalize: (i+j)%2 == 0, Factor: pick([]float32{1, 2.5}, i)}
				if e%4 == 0 && e >= 8 && used <= e/2 && j%2 == 1 {
					op.Groups, op.UsedGroups, op.GroupTop2 = 4, 2, gate == compute.SigmoidGate
				}
				rows := pick([]int{1, 3, 20}, i+j)
				biased, scaled := (i+j+int(gate))%3 == 0, (i+j+int(gate))%4 == 1
				if gate == compute.SparseMixerGate {
					op.Jitter, op.Groups, op.UsedGroups, biased = pick([]float32{0.01, 0.2, 0.5, 0}, i+j), 0, 0, false
				}
				l.add("route", fmt.Sprintf("%d_of_%d_%v_r%d_groups%d_bias-%t_scale-%t", used, e, gate, rows, op.Groups, biased, scaled), 0, j == i%4, func(b *build) {
					b.rows(rows)
					b.spread = 4
					if gate == compute.TopSigmoidGate && used > 1 {
						b.spread = 60 // many sigmoids are one
					}
					op := op
					op.Logits = b.feed("logits", e)
					op.IDs, op.Weights = b.output("ids", used), b.output("weights", used)
					if biased {
						b.spread = 0.3
						op.Bias = b.random("bias", 1, e)
					}
					if scaled {
						b.spread = 2
						op.Scale = b.random("scale", 1, e)
					}
					b.p.Add("route", op)
				})
			}
		}
	}
	for i, f := range compute.WeightFormats() {
		for j, n := range []int{1, 5, 32, 33, 64} {
			k := blocksOf(f, pick([]int{17, 64, 100, 256, 288}, i+j))
			e, used, rows := pick([]int{1, 4, 7}, i+j), pick([]int{1, 2, 4}, j), pick([]int{1, 2, 9, 40}, i+j)
			used = min(used, e)
			perSlot, biased := (i+j)%2 == 1, j%2 == 0
			l.add("matmul_experts", fmt.Sprintf("%v_%d_of_%d_r%d_n%d_k%d_perslot-%t", f, used, e, rows, n, k, perSlot), f, j == i%5, func(b *build) {
				b.rows(rows)
				ids := b.feedOf("ids", used, func(int, int) float32 { return float32(b.rng.IntN(e)) })
				x := b.feed("x", k)
				if perSlot && used > 1 { // a row for each use: the first multiplication's result
					first := b.p.Scratch("first", compute.PerToken(used), k)
					b.p.Add("first", compute.MatMulExperts{X: x, W: b.weight("w_first", compute.F32, e*k, k), IDs: ids, Out: first, NumExperts: e})
					x = first
				}
				w := b.weight("w", f, e*n, k)
				b.lead[w] = j % 3
				op := compute.MatMulExperts{X: x, W: w, IDs: ids, Out: b.outputRows("out", compute.PerToken(used), n), NumExperts: e}
				if biased {
					op.Bias = b.random("bias", e, n)
				}
				b.p.Add("matmul_experts", op)
			})
		}
	}
	l.groupedExperts()
	for i, used := range []int{1, 2, 4, 8} {
		for j, cols := range []int{1, 33, 127, 128, 129, 1024} {
			rows := pick([]int{1, 2, 9, 40}, i+j)
			l.add("mix", fmt.Sprintf("u%d_c%d_r%d", used, cols, rows), 0, j%3 == i%3, func(b *build) {
				b.rows(rows)
				ids := b.feedOf("ids", used, func(int, int) float32 { return float32(b.rng.IntN(3)) })
				x := b.p.Scratch("x", compute.PerToken(used), cols)
				b.p.Add("x", compute.MatMulExperts{X: b.feed("in", 8), W: b.weight("w", compute.F32, 3*cols, 8), IDs: ids, Out: x, NumExperts: 3})
				b.p.Add("mix", compute.Mix{X: x, Weights: b.feed("weights", used), Out: b.output("out", cols)})
			})
			if j == i {
				l.add("mix", fmt.Sprintf("u%d_c%d_r%d_rows", used, cols, rows), 0, i == 1, func(b *build) { // for each expert, and their sum
					b.rows(rows)
					x := b.outputRows("x", compute.PerToken(used), cols)
					b.p.Add("spread", compute.Mix{X: b.feed("in", cols), Weights: b.feed("weights", used), Out: x, Streams: 1})
					b.p.Add("mix", compute.Mix{X: x, Out: b.output("out", cols)})
				})
			}
			sums := pick([]int{1, 3, 4}, i+j)
			l.add("mix", fmt.Sprintf("%d_of_%d_streams_c%d_r%d", sums, used, cols, rows), 0, j%3 == (i+1)%3, func(b *build) {
				b.rows(rows)
				b.p.Add("mix", compute.Mix{X: b.feed("x", used*cols), Weights: b.feed("weights", sums*used), Out: b.output("out", sums*cols), Streams: used})
			})
		}
	}
}

// groupedExperts adds multiplications where experts have many uses each, or some many and others none: the schedule's edges are
// at the multiples of a tile's width, 32 and 64 uses.
func (l *list) groupedExperts() {
	spread := map[string]func(b *build, experts, token, j int) int{
		"even":    func(_ *build, e, t, j int) int { return (t + j) % e },
		"random":  func(b *build, e, t, j int) int { return b.rng.IntN(e) },
		"last":    func(_ *build, e, t, j int) int { return e - 1 },
		"ends":    func(_ *build, e, t, j int) int { return pick([]int{0, e - 1}, t) },
		"outside": func(_ *build, e, t, j int) int { return pick([]int{-3, e, 2 * e, 0}, t+j) },
	}
	var ragged []int // the expert of each use
	for e, uses := range raggedUses {
		ragged = append(ragged, slices.Repeat([]int{e}, uses)...)
	}
	for i, f := range []compute.DType{compute.F16, compute.Q8_0} {
		n, k := pick([]int{33, 66}, i), pick([]int{37, 64}, i)
		l.add("matmul_experts", fmt.Sprintf("ragged_%v_n%d_k%d", f, n, k), f, true, func(b *build) {
			b.rows(len(ragged))
			const apart = 101 // uses of one expert are not neighbours
			ids := b.feedOf("ids", 1, func(t, _ int) float32 { return float32(ragged[t*apart%len(ragged)]) })
			b.p.Add("matmul_experts", compute.MatMulExperts{X: b.feed("x", k), W: b.weight("w", f, len(raggedUses)*n, k), IDs: ids,
				Bias: b.random("bias", len(raggedUses), n), Out: b.outputRows("out", compute.PerToken(1), n), NumExperts: len(raggedUses)})
		})
	}
	formats := []compute.DType{compute.F32, compute.Q8_0, compute.Q4_K, compute.MXFP4, compute.IQ2_S}
	for i, rows := range []int{3, 8, 31, 32, 33, 63, 64, 65, 127, 129, 257} {
		for j, how := range slices.Sorted(maps.Keys(spread)) {
			f := pick(formats, i+j)
			e, used, n := pick([]int{1, 2, 5, 64, 129}, i+2*j), pick([]int{1, 2, 3}, j), pick([]int{1, 31, 33, 65}, i)
			used = min(used, e)
			k := blocksOf(f, pick([]int{15, 33, 64}, j))
			perSlot := i%2 == 1 && used > 1
			l.add("matmul_experts", fmt.Sprintf("grouped_%v_%d_of_%d_r%d_n%d_k%d_%s_perslot-%t", f, used, e, rows, n, k, how, perSlot), f, (i+j)%6 == 0, func(b *build) {
				b.rows(rows)
				ids := b.feedOf("ids", used, func(t, c int) float32 { return float32(spread[how](b, e, t, c)) })
				x := b.feed("x", k)
				if perSlot {
					first := b.p.Scratch("first", compute.PerToken(used), k)
					b.p.Add("first", compute.MatMulExperts{X: x, W: b.weight("w_first", compute.F32, e*k, k), IDs: ids, Out: first, NumExperts: e})
					x = first
				}
				b.p.Add("matmul_experts", compute.MatMulExperts{X: x, W: b.weight("w", f, e*n, k), IDs: ids, Bias: b.random("bias", e, n),
					Out: b.outputRows("out", compute.PerToken(used), n), NumExperts: e})
			})
		}
	}
}

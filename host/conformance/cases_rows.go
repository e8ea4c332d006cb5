package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// widths are columns of row-wise ops: around the groups of threads that share a row, and those of models.
var widths = []int{1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 288, 511, 512, 513, 1000, 1024, 2048, 4096, 5120, 8192}

func (l *list) embed() {
	for i, f := range compute.WeightFormats() {
		for j, cols := range []int{1, 33, 64, 256, 288, 520, 1024} {
			cols := blocksOf(f, cols)
			if f.Quantized() && j%2 == 0 { // the same number of blocks is met by two sizes
				cols += f.BlockLen()
			}
			for _, t := range []int{1, 2, 9, 70} {
				scale := pick([]float32{1, 1, 16.970563, -0.5}, i+j+t)
				k := pick([]scaleKind{usualScales, subnormalScales, usualScales, largeScales, zeroScales}, j+t)
				l.add("embed", fmt.Sprintf("%v_c%d_t%d_%d", f, cols, t, j), f, j == i%7 && t == 9, func(b *build) {
					b.scales = k
					s := b.rows(t)
					b.p.VocabSize = 131
					for r := range s.Tokens { // any rows, the last one included, some twice
						s.Tokens[r] = int32(b.rng.IntN(131))
					}
					s.Tokens[0] = 130
					table := b.weight("table", f, 131, cols)
					b.lead[table] = j % 3
					b.p.Add("embed", compute.Embed{Table: table, Out: b.output("out", cols), Scale: scale})
				})
			}
		}
	}
	l.add("embed", "vocabulary_32000x288", compute.Q8_0, false, func(b *build) {
		s := b.rows(5)
		b.p.VocabSize = 32000
		copy(s.Tokens, []int32{31999, 0, 1, 12345, 31999})
		b.p.Add("embed", compute.Embed{Table: b.weight("table", compute.Q8_0, 32000, 288), Out: b.output("out", 288), Scale: 1})
	})
}

// norm is one RMSNorm.
type norm struct {
	rows, cols, group int
	eps               float32
	spread            float64
	zeros             bool // all rows but the first are zero
	lead              int
	fixed             bool
	own               bool // every group has weights of its own
}

func (m norm) fill(b *build) {
	gen := func(r, _ int) float32 {
		if m.zeros && r > 0 {
			return 0
		}
		return b.uniform() * float32(m.spread)
	}
	var x compute.Ref
	rows := compute.PerToken(1)
	if m.fixed {
		b.rows(1)
		rows = compute.Rows(m.rows)
		x = b.floats("x", m.rows, m.cols, gen)
		b.lead[x] = m.lead
	} else {
		b.rows(m.rows)
		x = b.feedOf("x", m.cols, gen)
	}
	size := m.cols
	if m.group > 0 && !m.own {
		size = m.group
	}
	w := b.random("weight", 1, size)
	b.lead[w] = m.lead
	b.p.Add("rmsnorm", compute.RMSNorm{X: x, Weight: w, Out: b.outputRows("out", rows, m.cols), Group: m.group, Eps: m.eps})
}

func (l *list) rmsnorm() {
	for i, cols := range widths {
		for j, rows := range []int{1, 2, 7, 33} {
			m := norm{rows: rows, cols: cols, eps: pick([]float32{1e-5, 1e-6}, i+j), spread: 1, fixed: (i+j)%4 == 3, lead: (i + j) % 3}
			l.add("rmsnorm", fmt.Sprintf("c%d_r%d", cols, rows), 0, j == i%4, m.fill)
		}
	}
	for _, cols := range []int{1, 64, 288, 4096} {
		l.add("rmsnorm", fmt.Sprintf("large_values_c%d", cols), 0, cols == 288, norm{rows: 3, cols: cols, eps: 1e-5, spread: 1e16}.fill)
		l.add("rmsnorm", fmt.Sprintf("tiny_values_c%d", cols), 0, cols == 288, norm{rows: 3, cols: cols, eps: 1e-5, spread: 1e-20}.fill)
		l.add("rmsnorm", fmt.Sprintf("zero_rows_c%d", cols), 0, cols == 288, norm{rows: 3, cols: cols, eps: 1e-6, spread: 1, zeros: true}.fill)
		l.add("rmsnorm", fmt.Sprintf("no_eps_c%d", cols), 0, cols == 288, norm{rows: 3, cols: cols, spread: 1}.fill)
		l.add("rmsnorm", fmt.Sprintf("large_eps_c%d", cols), 0, cols == 288, norm{rows: 3, cols: cols, eps: 0.5, spread: 1}.fill)
	}
	for i, group := range []int{1, 16, 32, 48, 64, 80, 96, 128, 256} {
		for j, heads := range []int{1, 2, 7, 32} {
			m := norm{rows: 1 + 4*(j%3), cols: group * heads, group: group, eps: 1e-6, spread: 1}
			l.add("rmsnorm", fmt.Sprintf("heads%d_d%d", heads, group), 0, j == i%4, m.fill)
			if m.own = true; heads > 1 {
				l.add("rmsnorm", fmt.Sprintf("groups%d_d%d", heads, group), 0, heads == 7 && group == 48, m.fill)
			}
		}
	}
}

func (l *list) rope() {
	for i, d := range []int{2, 4, 16, 32, 48, 64, 80, 96, 112, 128, 192, 256} {
		for _, pairing := range []compute.Pairing{compute.Adjacent, compute.Halves} {
			for j, heads := range []int{1, 2, 3, 8, 32} {
				for _, partial := range []bool{false, true} {
					rot := d
					if partial {
						rot = (d/4 + 1) / 2 * 2
						if rot == 0 || rot == d {
							continue
						}
					}
					t := pick([]int{1, 2, 17, 65, 5}, i+j)
					l.add("rope", fmt.Sprintf("%v_d%d_rot%d_h%d_t%d", pairing, d, rot, heads, t), 0, j == i%5, func(b *build) {
						const positions = 300
						at := 1 + b.rng.IntN(positions-t)
						b.step(nil, seq{t, at + t})
						if t > 4 { // positions need not rise by one
							b.steps[0].Pos[2], b.steps[0].Pos[3] = int32(at+t-1), 0
						}
						x := b.feed("x", heads*d)
						table := b.angles(positions, rot)
						b.lead[table] = i % 2
						b.p.Add("rope", compute.RoPE{X: x, Table: table, Out: b.output("out", heads*d), NumHeads: heads, HeadDim: d,
							RotDim: rot, Pairing: pairing})
					})
				}
			}
		}
	}
	l.add("rope", "positions_to_the_last", 0, true, func(b *build) {
		s := b.step(nil, seq{4, 4096})
		copy(s.Pos, []int32{0, 1, 2048, 4095})
		x := b.feed("x", 256)
		b.p.Add("rope", compute.RoPE{X: x, Table: b.angles(4096, 64), Out: b.output("out", 256), NumHeads: 4, HeadDim: 64, RotDim: 64})
	})
}

func (l *list) kvstore() {
	types := []compute.DType{compute.F32, compute.F16}
	for i, page := range []int{1, 2, 8, 16, 32, 64, 256} {
		for j, cols := range [][2]int{{1, 1}, {3, 5}, {16, 16}, {64, 48}, {128, 128}, {1024, 1024}} {
			for k, count := range []int{1, 2, 17, 33} {
				kt, vt := pick(types, i+j), pick(types, i+j+k/3)
				l.add("kvstore", fmt.Sprintf("p%d_k%d_%v_v%d_%v_t%d", page, cols[0], kt, cols[1], vt, count), 0, k == (i+j)%4, func(b *build) {
					before := pick([]int{0, 1, 15, 40}, i+j+k)
					held := []int{before, 5}
					pg := b.paged(page, before+count+2, 7)
					tables := [][]int32{pg.take(before + count + 2), pg.take(7)}
					b.spread = pick([]float64{1, 1e-6, 1e4}, i+j+k) // halves: usual, subnormal, large
					// Two steps: the second goes on where the first ended, beside another sequence.
					b.step(tables[:1], seq{count, before + count})
					b.step(tables, seq{2, before + count + 2}, seq{2, 7})
					kc := b.cache("k_cache", kt, cols[0], tables, held)
					vc := b.cache("v_cache", vt, cols[1], tables, held)
					b.lead[kc], b.lead[vc] = j%2, j%3
					b.p.Add("kvstore", compute.KVStore{K: b.feed("k", cols[0]), V: b.feed("v", cols[1]), KCache: kc, VCache: vc})
				})
			}
		}
	}
}

func (l *list) elementwise() {
	for i, cols := range widths {
		for j, rows := range []int{1, 3, 8, 65} {
			if cols*rows > 1<<18 {
				continue
			}
			spread := pick([]float64{1, 10, 1e4, 1e-30, 100}, i+j)
			for _, op := range []string{"swiglu", "add"} {
				l.add(op, fmt.Sprintf("c%d_r%d_spread%g", cols, rows, spread), 0, j == i%4, func(b *build) {
					b.rows(rows)
					b.spread = spread
					x, y := b.feed("x", cols), b.feed("y", cols)
					out := b.output("out", cols)
					if op == "add" {
						b.p.Add(op, compute.Add{A: x, B: y, Out: out})
					} else {
						b.p.Add(op, compute.SwiGLU{Gate: x, Up: y, Out: out})
					}
				})
			}
		}
	}
	for _, op := range []string{"swiglu", "add"} {
		l.add(op, "fixed_rows_at_an_offset", 0, true, func(b *build) {
			b.rows(2)
			x, y := b.random("x", 9, 77), b.random("y", 9, 77)
			b.lead[x], b.lead[y] = 1, 2
			out := b.outputRows("out", compute.Rows(9), 77)
			if op == "add" {
				b.p.Add(op, compute.Add{A: x, B: y, Out: out})
			} else {
				b.p.Add(op, compute.SwiGLU{Gate: x, Up: y, Out: out})
			}
		})
	}
}

// topk has rows of distinct values, of few different ones (ties at the border) and of one; the last with zeros of both signs.
func (l *list) topk() {
	for i, cols := range []int{1, 2, 7, 64, 255, 256, 257, 1000, 5000, 33000} {
		for j, k := range []int{1, 2, 40, 200, 256} {
			if k > cols {
				continue
			}
			for s, steps := range []float32{1 << 20, 8, 1} {
				if cols >= 5000 && s != (i+j)%3 {
					continue
				}
				l.add("topk", fmt.Sprintf("c%d_k%d_steps%g", cols, k, steps), 0, s == (i+j)%3 && cols < 5000, func(b *build) {
					b.rows(pick([]int{1, 3, 12}, i+j))
					x := b.feedOf("x", cols, func(int, int) float32 {
						v := float32(math.Round(float64(b.uniform()*steps))) / 4
						if v == 0 && b.rng.IntN(2) == 0 {
							v = float32(math.Copysign(0, -1))
						}
						return v
					})
					b.p.Add("topk", compute.TopK{X: x, Out: b.output("out", 2*k), K: k})
				})
			}
		}
	}
}

func (l *list) takerows() {
	for i, cols := range widths {
		for j, t := range []int{1, 5, 64} {
			l.add("takerows", fmt.Sprintf("c%d_t%d", cols, t), 0, j == i%3, func(b *build) {
				s := b.rows(t)
				s.Outputs = nil
				for r := range t { // some rows, often the last and sometimes all
					if b.rng.IntN(4) < 1+i%4 || (r == t-1 && i%2 == 0) {
						s.Outputs = append(s.Outputs, int32(r))
					}
				}
				if s.Outputs == nil {
					s.Outputs = []int32{int32(t - 1)}
				}
				b.p.Add("takerows", compute.TakeRows{X: b.feed("x", cols), Out: b.outputRows("out", compute.PerOutput(1), cols)})
			})
		}
	}
}

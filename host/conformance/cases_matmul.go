package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// edges are sizes around the tiles that kernels use (8, 16, 32, 64, 128): one less, the tile, one more, and the first few,
// which have kernels of their own.
var edges = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129}

// blocksOf are columns that are whole blocks of t, at least n; plain formats take n as it is.
func blocksOf(t compute.DType, n int) int {
	l := t.BlockLen()
	return (n + l - 1) / l * l
}

// mm is the shape and dress of one multiplication.
type mm struct {
	format    compute.DType
	r, n, k   int
	bias      bool
	lead      int       // rows of poison around W, X and the bias in their buffers
	fixed     bool      // X has a fixed number of rows, as a weight
	perOutput bool      // X is what TakeRows gives
	scales    scaleKind // of W
	spread    float64   // of X; 0: 1
	zeros     bool      // every second row of X is zero
}

func (m mm) fill(b *build) {
	b.scales = m.scales
	if m.spread != 0 {
		b.spread = m.spread
	}
	gen := func(r, _ int) float32 {
		if m.zeros && r%2 == 1 {
			return 0
		}
		return b.uniform()
	}
	rows := compute.PerToken(1)
	var x compute.Ref
	switch {
	case m.fixed:
		b.rows(1)
		rows = compute.Rows(m.r)
		x = b.floats("x", m.r, m.k, gen)
		b.lead[x] = m.lead
	case m.perOutput:
		s := b.rows(2*m.r + 1)
		s.Outputs = nil
		for i := range m.r {
			s.Outputs = append(s.Outputs, int32(2*i+1))
		}
		rows = compute.PerOutput(1)
		all := b.feedOf("all", m.k, gen)
		x = b.p.Scratch("x", rows, m.k)
		b.p.Add("take", compute.TakeRows{X: all, Out: x})
	default:
		b.rows(m.r)
		x = b.feedOf("x", m.k, gen)
	}
	w := b.weight("w", m.format, m.n, m.k)
	b.lead[w] = m.lead
	op := compute.MatMul{X: x, W: w, Out: b.outputRows("out", rows, m.n)}
	if m.bias {
		op.Bias = b.random("bias", 1, m.n)
		b.lead[op.Bias] = m.lead
	}
	b.p.Add("matmul", op)
	b.once = m.r*m.n*m.k > 1<<22
}

func (l *list) mm(kind string, m mm, quick bool) {
	l.add("matmul", fmt.Sprintf("%s_%v_r%d_n%d_k%d", kind, m.format, m.r, m.n, m.k), m.format, quick, m.fill)
	c := &(*l)[len(*l)-1]
	c.Exact, c.Rows = m.scales == largeScales, m.r
}

// pick walks through a list as the cases go, so that axes that are not crossed still meet in many combinations.
func pick[T any](from []T, i int) T { return from[i%len(from)] }

func (l *list) matmul() {
	for i, f := range formulated {
		// Rows of X: kernels for few columns, then tiles.
		for j, r := range edges {
			for v := range 3 {
				n := pick([]int{33, 64, 7, 130, 1, 96, 17}, i+j+2*v)
				k := blocksOf(f, pick([]int{64, 100, 256, 37, 128}, i+3*j+v))
				l.mm(fmt.Sprintf("rows%d", v), mm{format: f, r: r, n: n, k: k}, j%4 == i%4 && v == 0)
			}
		}
		// Rows of W.
		for j, n := range edges {
			for _, r := range []int{1, 5, 20} {
				k := blocksOf(f, pick([]int{32, 96, 65}, i+j+r))
				l.mm("width", mm{format: f, r: r, n: n, k: k}, j%5 == i%5 && r == 5)
			}
		}
		// Length of the sum: blocks for block formats, elements for plain ones.
		for j, n := range append(edges, 255, 257) {
			k := n
			if f.Quantized() {
				if n > 17 {
					continue
				}
				k = n * f.BlockLen()
			}
			for _, r := range []int{1, 3, 18} {
				l.mm("depth", mm{format: f, r: r, n: pick([]int{5, 66, 31}, j), k: k}, j%5 == i%5 && r == 3)
			}
		}
		k := blocksOf(f, 96)
		for j, r := range []int{1, 4, 8, 9, 33, 70} {
			m := mm{format: f, r: r, n: 67, k: k}
			with := func(kind string, quick bool, change func(*mm)) {
				c := m
				change(&c)
				l.mm(kind, c, quick)
			}
			with("bias", j == i%6, func(m *mm) { m.bias = true })
			with("offset", j == (i+1)%6, func(m *mm) { m.lead, m.bias = 1+j%3, true })
			with("fixed", j == (i+2)%6, func(m *mm) { m.fixed, m.lead = true, j%2 })
			with("outputs", j == (i+3)%6, func(m *mm) { m.perOutput = true })
			with("subnormal_scales", j == (i+4)%6, func(m *mm) { m.scales = subnormalScales })
			with("zero_scales", j == (i+5)%6, func(m *mm) { m.scales = zeroScales })
			with("large_scales", j == i%6, func(m *mm) { m.scales, m.spread = largeScales, 1e18 })
			with("tiny_inputs", j == (i+1)%6, func(m *mm) { m.spread = 1e-30 })
			with("large_inputs", j == (i+3)%6, func(m *mm) { m.spread = 1e30 })
			with("zero_rows", j == (i+2)%6, func(m *mm) { m.zeros = true })
		}
	}
	// The largest in use: a square projection of a 7B model, its rows of one head block, an output matrix.
	l.mm("large", mm{format: compute.Q4_K, r: 1, n: 4096, k: 4096}, false)
	l.mm("large", mm{format: compute.Q6_K, r: 2, n: 1024, k: 4096}, false)
	l.mm("large", mm{format: compute.F16, r: 1, n: 4096, k: 1024}, false)
	l.mm("large", mm{format: compute.Q8_0, r: 1, n: 32000, k: 288}, false)
	l.mm("large", mm{format: compute.F32, r: 1, n: 32000, k: 288}, false)
	l.mm("large", mm{format: compute.Q4_0, r: 1, n: 2048, k: 11008}, false)
	l.mm("large", mm{format: compute.F32, r: 130, n: 300, k: 1000}, false)
	l.mm("large", mm{format: compute.Q8_0, r: 257, n: 257, k: 512}, false)
	l.mm("large", mm{format: compute.Q4_K, r: 129, n: 192, k: 768}, false)
	l.mm("large", mm{format: compute.BF16, r: 512, n: 128, k: 128}, false)
	// More elements than are added up in half precision; more tiles along the rows of X than neighbours share.
	l.mm("long", mm{format: compute.F16, r: 20, n: 40, k: 700}, true)
	l.mm("tall", mm{format: compute.F16, r: 300, n: 70, k: 40, bias: true}, true)
	for i, f := range trusted {
		for j, r := range []int{1, 2, 8, 9, 17, 64, 65} {
			k := f.BlockLen() * pick([]int{1, 2, 3}, j)
			l.mm("rare", mm{format: f, r: r, n: pick([]int{33, 5, 64}, i+j), k: k, bias: j == 2}, j == i%7)
		}
	}
}

package kernel

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// matrices is ample with matrix units in the usual size.
func matrices() Caps {
	c := ample
	c.Float16, c.Int8, c.MemoryModel = true, true, true
	c.CoopMat = []CoopMatShape{{CoopMatFloat, 16, 16, 16}, {CoopMatHalf, 16, 16, 16}}
	return c
}

// product1 is the multiplication of x [rows, k] by one matrix of n rows.
func product1(format compute.DType, n, k int) *compute.Program {
	p := compute.NewProgram("product")
	w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: format, Rows: compute.Rows(n), Cols: k, Buffer: fakeBuffer{}})
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: n})
	x := p.Declare(compute.Tensor{Name: "x", Role: compute.Weight, DType: compute.F32, Rows: compute.PerToken(1), Cols: k, Buffer: fakeBuffer{}})
	p.Add("y", compute.MatMul{X: x, W: w, Out: out})
	return p
}

func TestKernelsOfMatrixUnits(t *testing.T) {
	p := product1(compute.Q4_K, 4096, 4096)
	o := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast}
	groups, err := Plan(matrices(), p, o)
	require.NoError(t, err)
	for rows, want := range map[int]string{
		8:   "matmul_q4_k_vec_8[2048 1 1]",
		9:   "matmul_halves[9 1 1] matmul_q4_k_skinny_64x16[64 1 1]",
		16:  "matmul_halves[16 1 1] matmul_q4_k_skinny_64x16[64 1 1]",
		17:  "matmul_halves[17 1 1] matmul_q4_k_skinny_64x32[64 1 1]",
		64:  "matmul_halves[64 1 1] matmul_q4_k_skinny_32x64[128 1 1]",
		65:  "matmul_halves[65 1 1] matmul_q4_k_coop_128x128_k2[32 1 2] matmul_join[2080 1 1]",
		600: "matmul_halves[600 1 1] matmul_q4_k_coop_128x128[32 1 5]",
	} {
		assert.Equal(t, "y: "+want+"\n", outline(p, groups, Shape{Tokens: rows, Outputs: 1, Seqs: 1}), "%d rows", rows)
	}
	for _, c := range []struct {
		variant string
		rows    int
		want    string
	}{
		{"matmul_coop", 20, "matmul_halves[20 1 1] matmul_q4_k_coop_64x64[64 1 1]"},
		{"matmul_coop_split", 20, "matmul_halves[20 1 1] matmul_q4_k_coop_64x64_k3[64 1 3] matmul_join[640 1 1]"},
		{"matmul_coop_half", 200, "matmul_halves[200 1 1] matmul_q4_k_coop_half_128x128[32 1 2]"},
		{"matmul_skinny", 20, "matmul_halves[20 1 1] matmul_q4_k_skinny_64x32[64 1 1]"},
	} {
		o.Variant = map[string]string{"matmul": c.variant}
		groups, err := Plan(matrices(), p, o)
		require.NoError(t, err)
		assert.Equal(t, "y: "+c.want+"\n", outline(p, groups, Shape{Tokens: c.rows, Outputs: 1, Seqs: 1}), c.variant)
	}
}

// Whatever the device's fragments and memory, shapes keep within both.
func TestShapesOfMatrixUnitsFit(t *testing.T) {
	for _, shape := range []CoopMatShape{{CoopMatFloat, 8, 8, 8}, {CoopMatFloat, 8, 16, 16}, {CoopMatFloat, 16, 16, 16}, {CoopMatFloat, 16, 8, 16}, {CoopMatFloat, 32, 8, 16}} {
		for _, kib := range []uint32{16, 32, 48, 64} {
			caps := matrices()
			caps.SharedBytes, caps.CoopMat = kib<<10, []CoopMatShape{shape}
			if skinnyLacks(&caps) != "" {
				continue
			}
			for _, n := range []int{100, 4096} {
				p := product1(compute.Q8_0, n, 2048)
				groups, err := Plan(caps, p, compute.Options{MaxTokens: 64, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
				require.NoError(t, err)
				for rows := 9; rows <= 64; rows++ {
					ran := 0
					for _, d := range groups[0].Dispatches {
						if g := d.Grid(Shape{Tokens: rows, Outputs: 1, Seqs: 1}); g[0] == 0 || d.Module != "matmul_q8_0_skinny" {
							continue
						}
						ran++
						bm, bn, bk, sgs := d.Spec[1], d.Spec[2], d.Spec[3], d.Spec[4]
						assert.LessOrEqual(t, 2*sgs*(bk+8)*(bm+bn)+4*sgs*shape.M*shape.N, caps.SharedBytes, "%s on %v with %d KiB", d.Name, shape, kib)
						assert.True(t, bm%shape.M == 0 && bn%shape.N == 0 && bk%shape.K == 0 && int(bn) >= rows && d.Spec[0] == sgs*32, "%s on %v: %v", d.Name, shape, d.Spec)
						assert.LessOrEqual(t, bm*bn/shape.M/shape.N, uint32(maxFragments), "%s on %v", d.Name, shape)
					}
					assert.Equal(t, 1, ran, "%d rows on %v with %d KiB", rows, shape, kib)
				}
			}
		}
	}
}

// Sums in half precision are for devices that are faster so, and for the formats of most files. Activations are then made small enough.
func TestWhereSumsAreHalves(t *testing.T) {
	for _, c := range []struct {
		fast   bool
		format compute.DType
		want   string
		top    uint32
	}{
		{false, compute.Q4_K, "matmul_q4_k_coop_128x128", coopTop},
		{true, compute.Q4_K, "matmul_q4_k_coop_half_128x128", coopHalfTop},
		{true, compute.Q3_K, "matmul_q3_k_coop_128x128", coopTop},
	} {
		caps := matrices()
		caps.HalfSums = c.fast
		groups, err := Plan(caps, product1(c.format, 4096, 4096), compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
		require.NoError(t, err)
		assert.Equal(t, c.want, groups[0].last())
		assert.Equal(t, c.top == coopHalfTop, strings.Contains(groups[0].Why, "sums in half precision"), groups[0].Why)
		for _, d := range groups[0].Dispatches {
			if d.Module == "matmul_halves" {
				assert.Equal(t, c.top, d.Spec[1], "%v", c.format)
			}
		}
	}
	caps := matrices()
	caps.CoopMat = caps.CoopMat[:1]
	assert.Contains(t, coopHalfLacks(&caps), "half×half→half")
	// The rates that were measured decide, whatever is known of the vendor, and placements say so.
	for _, c := range []struct {
		half, float float64
		known, want bool
		why         string
	}{{2e14, 1e14, false, true, "sums in half precision: matrix units measured 2.00 ×"}, {1.2e14, 1e14, true, false, "sums in float32: matrix units measured 1.20 ×"},
		{0, 1e14, true, true, "sums in half precision"}, {1e14, 0, false, false, ""}} {
		caps := matrices()
		caps.HalfSums = c.known
		caps.JudgeSums(c.half, c.float)
		assert.Equal(t, c.want, caps.HalfSums)
		groups, err := Plan(caps, product1(compute.Q8_0, 4096, 4096), compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
		require.NoError(t, err)
		assert.Contains(t, groups[0].Why, c.why)
		assert.Equal(t, c.want, strings.Contains(groups[0].last(), "_coop_half"))
		groups, err = Plan(caps, newLayer(t, compute.Q8_0).p, compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 16, Math: compute.Fast})
		require.NoError(t, err)
		said := 0
		for _, g := range groups { // whatever multiplies there says it too
			if slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return strings.HasPrefix(d.Module, "matmul_q8_0_coop") }) {
				assert.Contains(t, g.Why, c.why)
				said++
			}
		}
		assert.Equal(t, 4, said)
	}
}

// What a norm makes for matrix units alone is never written in float32.
func TestNormsLeaveInHalves(t *testing.T) {
	groups, err := Plan(matrices(), newLayer(t, compute.Q8_0).p, compute.Options{MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8, Math: compute.Fast})
	require.NoError(t, err)
	for _, g := range groups {
		modules := map[string]int{}
		for _, d := range g.Dispatches {
			if grid := d.Grid(Shape{Tokens: 100, Outputs: 1, Seqs: 1}); grid[0] > 0 {
				modules[d.Module]++
			}
		}
		if len(g.Ops) > 3 { // the two projections
			assert.Equal(t, 1, modules["rmsnorm_halves"], "%v", modules)
			assert.Zero(t, modules["rmsnorm"]+modules["matmul_halves"], "%v", modules)
		}
	}
}

// Between gate and down projections on matrix units lie halves in blocks of 8, scaled for the second's sums; few rows leave float32, and
// so does what has other kernels on one side, or no whole chunks of scales.
func TestSwiGLULeavesHalves(t *testing.T) {
	ffn := func(caps Caps, n, tokens int, o compute.Options) (g Group, lines string) {
		p := compute.NewProgram("ffn")
		weight := func(name string, rows, cols int) compute.Ref {
			return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.Q8_0, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
		}
		x := p.Scratch("x", compute.PerToken(1), 64)
		gate, up := compute.MatMul{X: x, W: weight("g", n, 64), Out: p.Scratch("gate", compute.PerToken(1), n)}, compute.MatMul{X: x, W: weight("u", n, 64), Out: p.Scratch("up", compute.PerToken(1), n)}
		s := compute.SwiGLU{Gate: gate.Out, Up: up.Out, Out: p.Scratch("s", compute.PerToken(1), n)}
		p.Add("gate", gate)
		p.Add("up", up)
		p.Add("swiglu", s)
		p.Add("down", compute.MatMul{X: s.Out, W: weight("d", 64, n), Out: p.Scratch("y", compute.PerToken(1), 64)})
		o.Math, o.MaxTokens, o.MaxOutputs, o.MaxSeqs = compute.Fast, 600, 1, 1
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		return groups[0], outline(p, groups, Shape{Tokens: tokens, Outputs: 1, Seqs: 1})
	}
	_, lines := ffn(matrices(), 256, 600, compute.Options{})
	assert.Equal(t, "gate+up+swiglu+down: matmul_halves[600 1 1] matmul_q8_0_coop_64x64[4 1 10] matmul_q8_0_coop_128x128[1 1 5]\n", lines)
	_, lines = ffn(matrices(), 256, 20, compute.Options{})
	assert.Equal(t, "gate+up+swiglu+down: matmul_halves[20 1 1] matmul_q8_0_skinny_16x32[16 1 1] matmul_q8_0_skinny_16x32[4 1 1]\n", lines)
	_, lines = ffn(matrices(), 256, 8, compute.Options{})
	assert.Equal(t, "gate+up+swiglu+down: matmul_q8_0_vec_8[256 1 1] matmul_q8_0_vec_8[32 1 1]\n", lines)
	_, lines = ffn(matrices(), 224, 600, compute.Options{})
	assert.Contains(t, lines, "gate+up+swiglu: ")
	second := matrices()
	second.HalfSums = true
	for _, caps := range []Caps{matrices(), second} {
		g, _ := ffn(caps, 256, 600, compute.Options{})
		top := uint32(coopTop)
		if caps.HalfSums {
			top = coopHalfTop
		}
		in, out := 0, 0
		for _, d := range g.Dispatches {
			at := slices.Index([]string{"matmul_q8_0_coop", "matmul_q8_0_coop_half", "matmul_q8_0_skinny"}, d.Module)
			if at < 0 {
				continue
			}
			eights := d.Spec[[]int{14, 14, 12}[at]:][:2]
			if eights[0] == 0 {
				assert.Equal(t, []uint32{0, top}, eights, d.Name)
				in++
			} else {
				assert.Equal(t, []uint32{1, 0}, eights, d.Name)
				out++
			}
		}
		assert.Greater(t, in, 2)
		assert.Greater(t, out, 2)
	}
}

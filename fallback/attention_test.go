package fallback_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// Fast arithmetic gives the same bits for any number of threads, though contexts are divided and joined.
func TestFastArithmeticDoesNotDependOnTheNumberOfThreads(t *testing.T) {
	one, many := open(t, 1), open(t, 3)
	n := 0
	for _, c := range conformance.Cases() {
		if c.Quick && c.In(compute.Fast) {
			require.NoError(t, c.Same(t.Context(), many, one, conformance.Options{Math: compute.Fast}))
			n++
		}
	}
	require.Greater(t, n, 300)
}

// attend runs causal self-attention over rows of q, k and v in fast arithmetic.
func attend(t *testing.T, d *fallback.Device, n, heads, dim int, qkv [3][]float32) []float32 {
	p := compute.NewProgram("attention")
	p.VocabSize = n
	var refs [3]compute.Ref
	for i, name := range []string{"q", "k", "v"} {
		data := compute.Bytes(qkv[i])
		b, err := d.NewBuffer(compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: int64(len(data)), DType: compute.F32, Rows: n, Cols: heads * dim, Data: data})
		require.NoError(t, err)
		table := p.Declare(compute.Tensor{Name: name + " table", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(n), Cols: heads * dim, Buffer: b})
		refs[i] = p.Scratch(name, compute.PerToken(1), heads*dim)
		p.Add(name, compute.Embed{Table: table, Out: refs[i], Scale: 1})
	}
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: heads * dim})
	p.Add("attention", compute.Attention{Q: refs[0], K: refs[1], V: refs[2], Out: out, NumHeads: heads, NumKVHeads: heads, HeadDim: dim, HeadDimV: dim,
		Scale: 0.3, Causal: true})
	e, err := d.Compile(t.Context(), p, compute.Options{MaxTokens: n, Math: compute.Fast})
	require.NoError(t, err)
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(n)}))
	got := read(t, d, e, out, n*heads*dim)
	require.NoError(t, e.Close())
	return got
}

// What is not a number or infinite reaches the rows that see it, whole, and no other.
func TestAttentionKeepsToWhatARowSees(t *testing.T) {
	const n, heads, dim, at = 150, 2, 24, 71
	d, r := open(t, 2), rand.New(rand.NewPCG(1, 2))
	var qkv [3][]float32
	for i := range qkv {
		qkv[i] = make([]float32, n*heads*dim)
		for c := range qkv[i] {
			qkv[i][c] = float32(r.NormFloat64())
		}
	}
	want := attend(t, d, n, heads, dim, qkv)
	for i := 1; i < 3; i++ {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			place := at*heads*dim + dim + 3 // in the second head
			kept := qkv[i][place]
			qkv[i][place] = float32(v)
			got := attend(t, d, n, heads, dim, qkv)
			qkv[i][place] = kept
			for c, g := range got {
				row, head, column := c/(heads*dim), c/dim%heads, c%dim
				switch {
				case row < at || head == 0 || i == 2 && column != 3:
					require.Equal(t, want[c], g, "row %d head %d column %d of %v in %d", row, head, column, v, i)
				case i == 2 || math.IsNaN(v):
					require.False(t, g-g == 0, "row %d head %d column %d of %v in %d", row, head, column, v, i)
				}
			}
		}
	}
}

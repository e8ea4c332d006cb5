package fallback_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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

// One row behind a context, as a layer of Llama models has it: bytes of keys and values a second.
func BenchmarkAttention(b *testing.B) {
	const context, page, dim = 2048, 64, 64
	for _, heads := range [][2]int{{32, 4}, {32, 8}, {12, 12}} {
		for _, kv := range []compute.DType{compute.F16, compute.Q8_0} {
			b.Run(fmt.Sprintf("h%d-%d/%v", heads[0], heads[1], kv), func(b *testing.B) {
				d, p := open(b, 0), compute.NewProgram("attention")
				p.VocabSize, p.PageSize, p.NumPages = 1, page, context/page
				query := make([]float32, heads[0]*dim)
				for i := range query {
					query[i] = float32(math.Sin(float64(i)))
				}
				table, err := d.NewBuffer(compute.BufferSpec{Name: "q", Usage: compute.UseWeights, Size: int64(4 * len(query)), DType: compute.F32, Rows: 1,
					Cols: len(query), Data: compute.Bytes(query)})
				require.NoError(b, err)
				q := p.Scratch("q", compute.PerToken(1), len(query))
				p.Add("embd", compute.Embed{Table: p.Declare(compute.Tensor{Name: "table", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(1),
					Cols: len(query), Buffer: table}), Out: q, Scale: 1})
				bytes, layers := 0, 512/(heads[1]*2*dim*context*2>>20) // half a gigabyte: no cache holds it
				for i := range layers {
					var cache [2]compute.Ref
					for j := range cache {
						t := compute.Tensor{Name: fmt.Sprint("cache", i, j), Role: compute.State, DType: kv, Rows: compute.Rows(context), Cols: heads[1] * dim}
						size, err := kv.Bytes(context, t.Cols)
						require.NoError(b, err)
						bytes += int(size)
						t.Buffer, err = d.NewBuffer(compute.BufferSpec{Name: t.Name, Usage: compute.UseState, Size: size, DType: kv, Rows: context, Cols: t.Cols})
						require.NoError(b, err)
						require.NoError(b, d.Upload(t.Buffer, 0, slices.Repeat([]byte{0, 0x20}, int(size)/2))) // numbers, and pages of their own
						cache[j] = p.Declare(t)
					}
					p.Add(fmt.Sprint("attention", i), compute.Attention{Q: q, K: cache[0], V: cache[1], Out: p.Scratch(fmt.Sprint("out", i), compute.PerToken(1), len(query)),
						NumHeads: heads[0], NumKVHeads: heads[1], HeadDim: dim, HeadDimV: dim, Scale: 0.125, Causal: true, Paged: true})
				}
				e, err := d.Compile(b.Context(), p, compute.Options{MaxTokens: 1, MaxPages: context / page, Math: compute.Fast})
				require.NoError(b, err)
				seq := compute.Seq{Count: 1, Len: context}
				for i := range context / page {
					seq.Pages = append(seq.Pages, int32(i))
				}
				call := &compute.Call{Step: &compute.Step{Tokens: []int32{0}, Pos: []int32{context - 1}, Seqs: []compute.Seq{seq}}}
				b.SetBytes(int64(bytes))
				for b.Loop() {
					if err := e.Run(b.Context(), call); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

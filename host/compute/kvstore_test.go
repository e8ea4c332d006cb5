package compute

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cacheProgram stores keys of two heads and attends to them.
func cacheProgram(k, v DType, dim, dimV int) *Program {
	p := NewProgram("cache")
	p.VocabSize, p.PageSize, p.NumPages = 9, 16, 4
	declare := func(name string, role Role, t DType, rows Extent, cols int) Ref {
		return p.Declare(Tensor{Name: name, Role: role, DType: t, Rows: rows, Cols: cols})
	}
	rows := Rows(64)
	q, x := declare("q", Scratch, F32, PerToken(1), 4*dim), declare("x", Scratch, F32, PerToken(1), 2*dim)
	y, out := declare("y", Scratch, F32, PerToken(1), 2*dimV), declare("out", Scratch, F32, PerToken(1), 4*dimV)
	kc, vc := declare("k", State, k, rows, 2*dim), declare("v", State, v, rows, 2*dimV)
	p.Add("store", KVStore{K: x, V: y, KCache: kc, VCache: vc})
	p.Add("attn", Attention{Q: q, K: kc, V: vc, Out: out, NumHeads: 4, NumKVHeads: 2, HeadDim: dim, HeadDimV: dimV, Scale: 1, Causal: true, Paged: true})
	return p
}

func TestCachesAreWholeBlocks(t *testing.T) {
	for _, c := range []struct {
		k, v      DType
		dim, dimV int
		op        int
		says      string
	}{
		{Q8_0, Q4_0, 64, 32, 0, ""}, {Q8_0, Q4_0, 64, 32, 1, ""}, {BF16, F16, 7, 5, 0, ""}, {BF16, F16, 7, 5, 1, ""},
		{Q8_0, F16, 40, 40, 0, "KCache: got rows of 80 elements in Q8_0, want a multiple of 32"},
		{F16, Q4_0, 40, 40, 0, "VCache: got rows of 80 elements in Q4_0, want a multiple of 32"},
		{Q8_0, F16, 48, 48, 0, ""}, // whole rows, but the second head begins within a block
		{Q8_0, F16, 48, 48, 1, "K: got heads of 48 elements in Q8_0, want a multiple of 32"},
		{F16, Q4_0, 64, 48, 1, "V: got heads of 48 elements in Q4_0, want a multiple of 32"},
		{Q4_1, F16, 64, 64, 0, "KCache: got k [64, 128] Q4_1, want [F32 F16 BF16 Q8_0 Q4_0]"},
	} {
		p := cacheProgram(c.k, c.v, c.dim, c.dimV)
		err := p.Instrs[c.op].Op.Check(p)
		if c.says == "" {
			assert.NoError(t, err, c)
		} else {
			assert.ErrorContains(t, err, c.says)
		}
	}
}

// What is stored and read of a cache is counted in its type's bytes.
func TestCostOfCaches(t *testing.T) {
	const dim, keys = 64, 50
	s := &Step{Tokens: []int32{1}, Pos: []int32{keys - 1}, Seqs: []Seq{{Count: 1, Len: keys, Pages: []int32{0, 1, 2, 3}}}}
	for _, c := range []struct {
		t   DType
		row int64
	}{{F32, 512}, {F16, 256}, {BF16, 256}, {Q8_0, 4 * 34}, {Q4_0, 4 * 18}} {
		p := cacheProgram(c.t, F16, dim, dim)
		store, attn := p.Instrs[0].Op.Cost(p, s), p.Instrs[1].Op.Cost(p, s)
		assert.Equal(t, 4*(2*dim+2*dim)+c.row+256, store.Bytes, c.t)
		assert.Equal(t, 4*(4*dim+4*dim)+keys*(c.row+256), attn.Bytes, c.t)
	}
	p := cacheProgram(Q8_0, Q4_0, dim, dim)
	require.Equal(t, "Q8_0/Q4_0 h4/2 d64", p.Instrs[1].Op.Shape(p))
	require.Equal(t, "Q8_0/Q4_0 128", p.Instrs[0].Op.Shape(p))
}

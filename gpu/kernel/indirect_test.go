package kernel

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

func TestIndirectLayoutIsThatOfTheShaders(t *testing.T) {
	got := glslConstants(t, "indirect.glsl", `\w+`)
	assert.Equal(t, map[string]int{"INDIRECT_WORDS": indirectWords, "INDIRECT_PIECES": int(IndirectPieces),
		"INDIRECT_COMBINE": int(IndirectCombine), "MAX_DECODE_ROWS": maxDecodeRows}, got)
}

// step is one whose sequences have so many rows, and so many keys.
func stepOf(rowsAndKeys ...[2]int) *compute.Step {
	s := new(compute.Step)
	for _, q := range rowsAndKeys {
		s.Seqs = append(s.Seqs, compute.Seq{First: len(s.Tokens), Count: q[0], Len: q[1], Pages: make([]int32, (q[1]+31)/32)})
		for i := range q[0] {
			s.Tokens, s.Pos = append(s.Tokens, 1), append(s.Pos, int32(q[1]-q[0]+i))
		}
	}
	return s
}

// The pieces of a context grow with it, up to the most that the plan has; one piece needs no second dispatch.
func TestPiecesFollowTheContext(t *testing.T) {
	p := Indirect{Kind: IndirectPieces, Most: 8, KVHeads: 2, Group: 4, Pairs: 4, Fold: 65535, Causal: true}
	c := p
	c.Kind = IndirectCombine
	for _, want := range []struct {
		s                *compute.Step
		pieces, combines [3]int
	}{
		{stepOf([2]int{1, 1}), [3]int{1, 2, 1}, [3]int{}},
		{stepOf([2]int{1, 127}), [3]int{1, 2, 1}, [3]int{}}, // less than two of 64
		{stepOf([2]int{1, 128}), [3]int{2, 2, 1}, [3]int{8, 1, 1}},
		{stepOf([2]int{1, 512}), [3]int{8, 2, 1}, [3]int{8, 1, 1}},
		{stepOf([2]int{1, 100000}), [3]int{8, 2, 1}, [3]int{8, 1, 1}},
		{stepOf([2]int{3, 200}), [3]int{3 * 3, 2, 1}, [3]int{8, 3, 1}},
		{stepOf([2]int{1, 20}, [2]int{1, 256}, [2]int{2, 9}), [3]int{4 * 2, 2, 3}, [3]int{8, 4, 1}},
		{stepOf([2]int{9, 5000}), [3]int{}, [3]int{}}, // not decoding
	} {
		assert.Equal(t, want.pieces, p.Counts(want.s), want.s.Seqs)
		assert.Equal(t, want.combines, c.Counts(want.s), want.s.Seqs)
	}
	p.Window = 100
	assert.Equal(t, [3]int{1, 2, 1}, p.Counts(stepOf([2]int{1, 5000})), "a window is what counts")
	p.Window, p.Chunk = 0, 1024
	assert.Equal(t, [3]int{1, 2, 1}, p.Counts(stepOf([2]int{1, 1025})), "a new chunk begins")
	for n := range 3000 {
		for _, most := range []int{1, 2, 8, 32} {
			count, length := pieceCount(n, most), pieceLength(n, most)
			require.True(t, count <= most && count*length >= n && (count == 1 || (count-1)*length < n), "%d keys in %d pieces of %d", n, count, length)
		}
	}
}

func TestEncodeStepWritesRecords(t *testing.T) {
	p := &compute.Program{PageSize: 32, NumPages: 100}
	o := compute.Options{MaxTokens: 3, MaxOutputs: 1, MaxSeqs: 2, MaxPages: 40}
	records := []Indirect{{Kind: IndirectPieces, Most: 4, KVHeads: 2, Group: 3, Pairs: 4, Fold: 65535, Causal: true, Window: 900, Chunk: 5000},
		{Kind: IndirectCombine, Most: 4, KVHeads: 2, Group: 3, Pairs: 4, Fold: 65535}}
	s := stepOf([2]int{1, 1000}, [2]int{1, 3})
	buf := make([]byte, StepBytes(o, len(records)))
	require.NoError(t, EncodeStep(buf, s, p, o, records))
	var words []int
	for i := RecordOffset(0); i < RecordOffset(len(records))+2*4*indirectWords; i += 4 {
		words = append(words, int(binary.LittleEndian.Uint32(buf[i:])))
	}
	assert.Equal(t, []int{4, 2, 2, 6, 2, 1, 1, 4, 2, 3, 4, 65535, 1, 900, 5000, 2, 4, 2, 3, 4, 65535, 0, 0, 0}, words)
	assert.Equal(t, 2, int(binary.LittleEndian.Uint32(buf[4*stepRecords:])))
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = EncodeStep(buf, s, p, o, records) }))
}

// Layers that are alike share their records.
func TestIndirectsAreListedOnce(t *testing.T) {
	a, b := Indirect{Kind: IndirectPieces, Most: 2}, Indirect{Kind: IndirectCombine, Most: 2}
	layer := Group{Dispatches: []Dispatch{{}, {Indirect: a}, {Indirect: b}}}
	assert.Equal(t, []Indirect{a, b}, Indirects([]Group{layer, {}, layer}))
}

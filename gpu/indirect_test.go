package gpu

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/host/compute"
)

// The records that a kernel makes on the device are those that the host makes.
func TestRecordsAreTheSameOnTheDevice(t *testing.T) {
	d := openLab(t)
	rng := rand.New(rand.NewPCG(3, 4))
	p := &compute.Program{PageSize: 32, NumPages: 1 << 20}
	o := compute.Options{MaxTokens: 24, MaxOutputs: 1, MaxSeqs: 6, MaxPages: 200}
	const records = 5
	s := scratchpad{d: d}
	step, err := s.alloc(memory.Step, uint64(kernel.StepBytes(o, records)), "step")
	require.NoError(t, err)
	b, err := d.newBench("indirect", 16, 8)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(append(b.close(), s.close()...)...)) })
	counted := map[uint32]bool{}
	for range 150 {
		var step1 compute.Step
		for range 1 + rng.IntN(o.MaxSeqs) {
			q := compute.Seq{First: len(step1.Tokens), Count: 1, Len: 1 + rng.IntN([]int{4, 150, 6000}[rng.IntN(3)])}
			if rng.IntN(3) == 0 {
				q.Count = min(q.Len, 1+rng.IntN(4))
			}
			q.Pages = make([]int32, (q.Len+31)/32)
			for i := range q.Count {
				step1.Tokens, step1.Pos = append(step1.Tokens, 1), append(step1.Pos, int32(q.Len-q.Count+i))
			}
			step1.Seqs = append(step1.Seqs, q)
		}
		list := make([]kernel.Indirect, records)
		for i := range list {
			list[i] = kernel.Indirect{Kind: kernel.IndirectKind(1 + i%2), Most: 1 + rng.IntN(32), KVHeads: 1 + rng.IntN(8), Group: 1 + rng.IntN(16),
				Pairs: 1 << rng.IntN(5), Fold: []int{3, 65535}[rng.IntN(2)], Causal: rng.IntN(4) > 0, Window: []int{0, 0, 1, 100, 1000}[rng.IntN(5)], Chunk: []int{0, 0, 512}[rng.IntN(3)]}
		}
		buf := step.Bytes()
		require.NoError(t, kernel.EncodeStep(buf, &step1, p, o, list))
		from, to := kernel.RecordOffset(0), kernel.RecordOffset(records)
		want := append([]byte(nil), buf[from:to]...)
		for i := from; i < to; i++ {
			buf[i] = 0xee
		}
		_, err = b.time(pack(step.Address(), step.Address()), [3]uint32{1, 1, 1}, 1)
		require.NoError(t, err)
		require.Equal(t, want, append([]byte(nil), buf[from:to]...), "%+v of %+v", list, step1.Seqs)
		for i := 0; i < len(want); i += 12 {
			counted[binary.LittleEndian.Uint32(want[i:])] = true
		}
	}
	assert.Greater(t, len(counted), 50, "steps of many kinds")
}

// What a recording launches is what the step's records say, not what they said when it was made.
func TestIndirectDispatchesFollowTheStep(t *testing.T) {
	d := openLab(t)
	p := compute.NewProgram("attention")
	p.PageSize, p.NumPages, p.VocabSize = 64, 8, 10
	cache, err := d.NewBuffer(compute.BufferSpec{Name: "cache", Usage: compute.UseState, Size: 8 * 64 * 16 * 4})
	require.NoError(t, err)
	table, err := d.NewBuffer(compute.BufferSpec{Name: "table", Usage: compute.UseWeights, Size: 10 * 16 * 4, DType: compute.F32, Rows: 10, Cols: 16})
	require.NoError(t, err)
	kv := p.Declare(compute.Tensor{Name: "kv", Role: compute.State, DType: compute.F32, Rows: compute.Rows(8 * 64), Cols: 16, Buffer: cache})
	w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(10), Cols: 16, Buffer: table})
	q := p.Scratch("q", compute.PerToken(1), 16)
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: 16})
	p.Add("embed", compute.Embed{Table: w, Out: q, Scale: 1})
	p.Add("attn", compute.Attention{Q: q, K: kv, V: kv, Out: out, NumHeads: 1, NumKVHeads: 1, HeadDim: 16, HeadDimV: 16, Scale: 1, Causal: true, Paged: true})
	ones := make([]byte, 8*64*16*4)
	for i := 0; i < len(ones); i += 4 {
		binary.LittleEndian.PutUint32(ones[i:], math.Float32bits(1))
	}
	require.NoError(t, d.Upload(cache, 0, ones))
	c, err := d.Compile(t.Context(), p, compute.Options{MaxTokens: 1, MaxSeqs: 1, MaxPages: 8, Variant: map[string]string{"attention": "attention_split"}})
	require.NoError(t, err)
	x := c.(*executable)
	defer func() { require.NoError(t, errors.Join(x.Close(), cache.Close(), table.Close())) }()
	require.Len(t, x.records, 2)
	v, err := x.Locate(out)
	require.NoError(t, err)
	run := func(keys int) float32 {
		require.NoError(t, d.Upload(v.Buffer, v.Offset, make([]byte, 64)))
		s := compute.Step{Tokens: []int32{1}, Pos: []int32{int32(keys - 1)}, Seqs: []compute.Seq{{Count: 1, Len: keys, Pages: []int32{0, 1, 2, 3, 4, 5, 6, 7}}}}
		require.NoError(t, x.Run(t.Context(), &compute.Call{Step: &s}))
		got := make([]byte, 64)
		require.NoError(t, d.Download(got, v.Buffer, v.Offset))
		return math.Float32frombits(binary.LittleEndian.Uint32(got))
	}
	for _, keys := range []int{500, 1, 64, 127, 128, 300, 512} {
		assert.InDelta(t, 1, run(keys), 1e-6, "%d keys", keys)
	}
	assert.Equal(t, 1, x.stats.Recordings)
	// Without pieces to combine nobody writes the result of many keys; that of few is there.
	combine := &x.records[1]
	require.Equal(t, kernel.IndirectCombine, combine.Kind)
	combine.Most = 1
	assert.Zero(t, run(500))
	assert.InDelta(t, 1, run(100), 1e-6)
	assert.Equal(t, 1, x.stats.Recordings)
}

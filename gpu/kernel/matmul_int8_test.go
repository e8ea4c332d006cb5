package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/shaders"
)

// dots is a device with fast dot products of packed bytes, and no matrix units.
func dots() Caps {
	c := ample
	c.IntegerDot, c.FastDot = true, true
	return c
}

func TestPlanInDotProducts(t *testing.T) {
	p := newLayer(t, compute.Q4_0).p
	o := compute.Options{Math: compute.Fast, MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 3, MaxPages: 8}
	groups, err := Plan(dots(), p, o)
	require.NoError(t, err)
	assert.Equal(t, `embed: embed_q4_0[7 1 1]
attn_norm+q+k+v+q_rope+k_rope+kvstore: rmsnorm_quantize[100 1 1] matmul_q4_0_int8_64[3 1 2] rope_kvstore[100 1 1]
attn: attention_prefill[2 2 7]
o+residual: quantize[4 1 1] matmul_q4_0_int8_64[1 1 2]
ffn_norm+gate+up+swiglu+down+residual2: rmsnorm_quantize[100 1 1] matmul_q4_0_int8_64[2 1 2] matmul_q4_0_int8_64[1 1 2]
take: takerows[1 1 1]
logits: matmul_q4_0_vec_1[18 1 1]
`, outline(p, groups, Shape{Tokens: 100, Outputs: 1, Seqs: 1}))

	// Asked for, few rows are multiplied there too; a matrix is read by one of the two for each number of rows.
	o.Variant = map[string]string{"matmul": "matmul_vec_int8"}
	groups, err = Plan(dots(), p, o)
	require.NoError(t, err)
	assert.Equal(t, `embed: embed_q4_0[1 1 1]
attn_norm+q+k+v+q_rope+k_rope+kvstore: rmsnorm_quantize[3 1 1] matmul_q4_0_vec_int8_4_rope[64 1 1]
attn: attention_decode_joined_8[8 2 3]
o+residual: quantize[1 1 1] matmul_q4_0_vec_int8_4[32 1 1]
ffn_norm+gate+up+swiglu+down+residual2: rmsnorm_quantize[3 1 1] matmul_q4_0_vec_int8_4[96 1 1] quantize[1 1 1] matmul_q4_0_vec_int8_4[32 1 1]
take:
logits:
`, outline(p, groups, Shape{Tokens: 3, Seqs: 3}))
}

// Activations are quantised in fast arithmetic only, on devices that gain, for formats of scaled integers; matrix units come first.
func TestWhoMultipliesInDotProducts(t *testing.T) {
	kernelOf := func(caps Caps, format compute.DType, k, rows int, o compute.Options) (string, string) {
		p := compute.NewProgram("one")
		x := p.Scratch("x", compute.PerToken(1), k)
		w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: format, Rows: compute.Rows(64), Cols: k, Buffer: fakeBuffer{}})
		p.Add("mul", compute.MatMul{X: x, W: w, Out: p.Scratch("out", compute.PerToken(1), 64)})
		o.MaxTokens = rows
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		d := groups[0].Dispatches
		return d[len(d)-1].Module, groups[0].Why
	}
	fast := compute.Options{Math: compute.Fast}
	few, slow, units := dots(), dots(), dots()
	few.FastDotFew = true
	slow.FastDot = false
	units.Float16, units.MemoryModel, units.CoopMat = true, true, []CoopMatShape{{Kind: CoopMatFloat, M: 16, N: 16, K: 16}}
	for _, c := range []struct {
		caps    Caps
		format  compute.DType
		k, rows int
		o       compute.Options
		want    string
	}{
		{dots(), compute.Q6_K, 512, 40, fast, "matmul_q6_k_int8"},
		{dots(), compute.Q6_K, 512, 40, compute.Options{}, "matmul_q6_k_tile"},
		{dots(), compute.F16, 512, 40, fast, "matmul_f16_tile"},
		{slow, compute.Q6_K, 512, 40, fast, "matmul_q6_k_tile"},
		{units, compute.Q6_K, 512, 40, fast, "matmul_q6_k_skinny"},
		{dots(), compute.Q4_K, 4096, 1, fast, "matmul_q4_k_vec"},
		{few, compute.Q4_K, 4096, 1, fast, "matmul_q4_k_vec_int8"},
		{few, compute.Q4_K, 4096, 1, compute.Options{}, "matmul_q4_k_vec"},
		{few, compute.Q4_K, 1024, 1, fast, "matmul_q4_k_vec"},        // too short to be worth a dispatch
		{few, compute.Q8_0, 4096, 1, fast, "matmul_q8_0_vec"},        // memory is the limit
		{few, compute.IQ2_S, 4096, 1, fast, "matmul_iq2_s_vec_int8"}, // points of a codebook are whole numbers
		{few, compute.IQ1_S, 4096, 1, fast, "matmul_iq1_s_vec_int8"}, // and eighths
	} {
		got, _ := kernelOf(c.caps, c.format, c.k, c.rows, c.o)
		assert.Equal(t, c.want, got, "%v of %d, %d rows, %v", c.format, c.k, c.rows, c.o.Math)
	}
	_, why := kernelOf(dots(), compute.F16, 512, 40, compute.Options{Math: compute.Fast, Variant: map[string]string{"matmul": "matmul_int8"}})
	assert.Contains(t, why, "not made for F16")

	// A tuned shape is for fast arithmetic alone.
	tuned := dots()
	tuned.Tuned = Tuned{AnyProduct: {"vec_int8", 4, 32}}
	got, _ := kernelOf(tuned, compute.Q8_0, 512, 1, fast)
	assert.Equal(t, "matmul_q8_0_vec_int8", got)
	got, _ = kernelOf(tuned, compute.Q8_0, 512, 1, compute.Options{})
	assert.Equal(t, "matmul_q8_0_vec", got)
	assert.Contains(t, Fews(dots(), compute.Fast), Few{"vec_int8", 4, 32})
	assert.NotContains(t, Fews(dots(), compute.Exact), Few{"vec_int8", 4, 32})
}

// The tiles' shared memory is what the shader declares, at most that of the smallest devices tested.
func TestSharedMemoryOfDotProducts(t *testing.T) {
	for _, tile := range []tile{int8Tile32, int8Tile64} {
		assert.LessOrEqual(t, int8Shared(tile, true), 32<<10)
		assert.Zero(t, tile.bk%int8Block)
	}
	assert.Contains(t, shaders.ByteFormats, "q8_0")
	assert.True(t, asBytes(compute.MXFP4))
	assert.False(t, asBytes(compute.BF16))
	assert.NotEmpty(t, int8Lacks(&ample))
}

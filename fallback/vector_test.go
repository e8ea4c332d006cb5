package fallback_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/fallback/quant"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// openPlain is the device that keeps to plain Go.
func openPlain(t testing.TB, threads int) *fallback.Device {
	d, err := fallback.New(fallback.Options{Threads: threads, Plain: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// multiplied runs a program of one multiplication of each kind and gives the bits of all results. Weights are random bytes, so that
// infinities and NaN are among them; every NaN counts as the same.
func multiplied(t *testing.T, d *fallback.Device, arithmetic compute.Math, format compute.DType, tokens, n, cols int) []uint32 {
	const matrices = 3
	r := rand.New(rand.NewPCG(uint64(tokens), uint64(n*cols)))
	p := compute.NewProgram("multiplications")
	p.VocabSize = tokens
	weight := func(name string, t2 compute.DType, rows, cols int, data []byte) compute.Ref {
		b, err := d.NewBuffer(compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: int64(len(data)), DType: t2, Rows: rows, Cols: cols, Data: data, Among: 2 << 20})
		require.NoError(t, err)
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: t2, Rows: compute.Rows(rows), Cols: cols, Buffer: b})
	}
	floats := func(rows, cols int) []byte {
		f := make([]float32, rows*cols)
		for i := range f {
			f[i] = float32(r.NormFloat64())
		}
		return compute.Bytes(f)
	}
	size, err := format.Bytes(matrices*n, cols)
	require.NoError(t, err)
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(r.Uint32())
	}
	w := weight("w", format, matrices*n, cols, bytes)
	table := weight("x", compute.F32, tokens, matrices*cols, floats(tokens, matrices*cols))
	narrow := weight("narrow", compute.F32, tokens, cols, floats(tokens, cols))
	ids := make([]float32, tokens*2)
	for i := range ids {
		ids[i] = float32(r.IntN(matrices))
	}
	idTable := weight("ids", compute.F32, tokens, 2, compute.Bytes(ids))

	x, xs, id := p.Scratch("xs", compute.PerToken(1), cols), p.Scratch("x", compute.PerToken(1), matrices*cols), p.Scratch("id", compute.PerToken(1), 2)
	p.Add("x", compute.Embed{Table: narrow, Out: x, Scale: 1})
	p.Add("xs", compute.Embed{Table: table, Out: xs, Scale: 1})
	p.Add("id", compute.Embed{Table: idTable, Out: id, Scale: 1})
	outs := map[compute.Ref]int{}
	out := func(name string, rows, cols int) compute.Ref {
		o := p.Declare(compute.Tensor{Name: name, Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(rows), Cols: cols})
		outs[o] = tokens * rows * cols
		return o
	}
	one, two, three := out("matmul", 1, matrices*n), out("experts", 2, n), out("heads", 1, matrices*n)
	p.Add("matmul", compute.MatMul{X: x, W: w, Bias: weight("bias", compute.F32, 1, matrices*n, floats(1, matrices*n)), Out: one})
	p.Add("experts", compute.MatMulExperts{X: x, W: w, Bias: weight("biases", compute.F32, matrices, n, floats(matrices, n)), IDs: id, NumExperts: matrices, Out: two})
	p.Add("heads", compute.MatMulHeads{X: xs, W: w, NumHeads: matrices, Out: three})

	e, err := d.Compile(t.Context(), p, compute.Options{Math: arithmetic, MaxTokens: tokens})
	require.NoError(t, err)
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(tokens)}))
	var bits []uint32
	for _, o := range []compute.Ref{one, two, three} {
		for _, f := range read(t, d, e, o, outs[o]) {
			if f != f {
				f = float32(math.NaN())
			}
			bits = append(bits, math.Float32bits(f))
		}
	}
	require.NoError(t, e.Close())
	return bits
}

// Exact arithmetic gives the same bits in vector instructions as in plain Go, and for any number of threads.
func TestVectorInstructionsGiveTheSameBits(t *testing.T) {
	plain, one, many := openPlain(t, 2), open(t, 1), open(t, 3)
	if one.Info().Driver == plain.Info().Driver {
		t.Skip("this processor has no vector instructions that are used")
	}
	for format := compute.DType(0); format < 64; format++ {
		if !quant.Supported(format) {
			continue
		}
		block := format.BlockLen()
		for i, tokens := range []int{1, 2, 3, 5, 8, 13, 40} {
			n, cols := []int{70, 15, 40, 17, 31, 33, 70}[i], (i%3+1)*256
			if block == 1 {
				cols = []int{1, 7, 511, 512, 513, 1027, 40}[i]
			}
			t.Run(fmt.Sprintf("%v/%d_%d_%d", format, tokens, n, cols), func(t *testing.T) {
				want := multiplied(t, plain, compute.Exact, format, tokens, n, cols)
				require.Equal(t, want, multiplied(t, one, compute.Exact, format, tokens, n, cols))
				require.Equal(t, want, multiplied(t, many, compute.Exact, format, tokens, n, cols))
			})
		}
	}
}

// Fast arithmetic gives the same bits for any number of threads, and what is no number, or none in exact arithmetic, is none there.
func TestFastMultiplicationsOfManyRows(t *testing.T) {
	plain, one, many := openPlain(t, 2), open(t, 1), open(t, 3)
	for _, format := range []compute.DType{compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0, compute.Q4_1, compute.Q5_0, compute.IQ4_NL, compute.Q2_K, compute.Q3_K,
		compute.Q4_K, compute.Q5_K, compute.Q6_K, compute.IQ4_XS, compute.TQ1_0, compute.TQ2_0} {
		for i, tokens := range []int{5, 16, 17, 33, 70} {
			n, cols := []int{70, 1, 33, 150, 16}[i], (i%3+1)*256
			if format.BlockLen() == 1 {
				cols = []int{1, 33, 511, 513, 40}[i]
			}
			t.Run(fmt.Sprintf("%v/%d_%d_%d", format, tokens, n, cols), func(t *testing.T) {
				got := multiplied(t, one, compute.Fast, format, tokens, n, cols)
				require.Equal(t, got, multiplied(t, many, compute.Fast, format, tokens, n, cols))
				for i, bits := range multiplied(t, plain, compute.Exact, format, tokens, n, cols) {
					want, have := math.Float32frombits(bits), math.Float32frombits(got[i])
					if format == compute.BF16 { // whose sums leave what float32 can hold
						continue
					}
					require.Equal(t, want != want, have != have, "result %d: got %v, want %v", i, have, want)
				}
			})
		}
	}
}

// The same of every op, over the cases of the conformance suite.
func TestVectorInstructionsGiveTheSameBitsInEveryOp(t *testing.T) {
	plain, vector := openPlain(t, 2), open(t, 3)
	n := 0
	for _, c := range conformance.Cases() {
		if c.Quick {
			require.NoError(t, c.Same(t.Context(), vector, plain, conformance.Options{}))
			n++
		}
	}
	require.Greater(t, n, 300)
}

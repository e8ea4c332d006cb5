package fallback_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Parts of weights whose rows are interleaved, wherever they begin and end within a group, are multiplied and looked up as those of plain
// weights are: in exact arithmetic to the same bits, in fast arithmetic to what rounding allows.
func TestPartsOfInterleavedWeights(t *testing.T) {
	for format, cols := range map[compute.DType]int{compute.Q4_0: 544, compute.Q8_0: 544, compute.IQ4_NL: 544, compute.MXFP4: 544, compute.Q4_K: 768, compute.Q6_K: 768, compute.TQ1_0: 768, compute.TQ2_0: 768} {
		t.Run(format.String(), func(t *testing.T) {
			if !quant.Interleaved(simd.Best(), format) {
				t.Skip("this processor does not multiply interleaved rows")
			}
			partsOf(t, format, cols)
		})
	}
}

func partsOf(t *testing.T, format compute.DType, cols int) {
	const rows = 96
	plain, vector := openPlain(t, 2), open(t, 2)
	r := rand.New(rand.NewPCG(13, 14))
	values := make([]float32, rows*cols)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	size, err := format.Bytes(rows, cols)
	require.NoError(t, err)
	data := make([]byte, size)
	scale, at := map[compute.DType][]byte{compute.IQ4_NL: {0, 0x24}, compute.MXFP4: {126}, compute.TQ1_0: {0, 0x38}, compute.TQ2_0: {0, 0x38}}[format], 0
	if format == compute.TQ1_0 || format == compute.TQ2_0 { // the block's end
		at = format.BlockBytes() - len(scale)
	}
	if scale == nil {
		require.NoError(t, quant.Fit(format, data, values))
	} else { // nothing writes these: any levels, of which most are some 1
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for i := 0; i < len(data); i += format.BlockBytes() {
			copy(data[i+at:], scale)
		}
	}
	for _, from := range []int{0, 16, 5, 24} {
		for i, tokens := range []int{1, 4, 7, 20} {
			n := []int{70, 33, 16, 3}[(i+from)%4]
			t.Run(fmt.Sprintf("%d_%d_%d", from, n, tokens), func(t *testing.T) {
				product := func(d *fallback.Device, m compute.Math) ([]float32, []float32) {
					return productOfPart(t, d, m, format, data, rows, cols, from, n, tokens)
				}
				want, wantRows := product(plain, compute.Exact)
				got, gotRows := product(vector, compute.Exact)
				require.Equal(t, want, got)
				require.Equal(t, wantRows, gotRows)
				got, gotRows = product(vector, compute.Fast)
				require.Equal(t, wantRows, gotRows)
				for i, v := range want {
					bound := 1e-2
					if tokens > 4 { // bfloat16 loses 2⁻⁹ of each factor, and there are 544 to 768 products of some 1
						bound = 0.25 + math.Abs(float64(v))/128
					}
					require.InDelta(t, v, got[i], bound, "result %d", i)
				}
			})
		}
	}
}

// productOfPart multiplies rows of X, of which row t is row t of the part itself, by n rows of weights from row from on; it gives the
// products and those rows.
func productOfPart(t *testing.T, d *fallback.Device, m compute.Math, format compute.DType, data []byte, all, cols, from, n, tokens int) (product, x []float32) {
	b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: int64(len(data)), DType: format, Rows: all, Cols: cols,
		Data: data, Among: 2 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	row, err := format.RowBytes(cols)
	require.NoError(t, err)
	p := compute.NewProgram("part")
	p.VocabSize = all
	part := func(name string, from, n int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: format, Rows: compute.Rows(n), Cols: cols, Buffer: b, Offset: int64(from) * row})
	}
	out := func(name string, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: cols})
	}
	w, table, taken, result := part("w", from, n), part("table", 0, all), out("taken", cols), out("result", n)
	p.Add("embed", compute.Embed{Table: table, Out: taken, Scale: 1})
	p.Add("matmul", compute.MatMul{X: taken, W: w, Out: result})
	e, err := d.Compile(t.Context(), p, compute.Options{Math: m, MaxTokens: tokens})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	step := rows(tokens)
	for i := range step.Tokens {
		step.Tokens[i] = int32((from + 7*i) % all)
	}
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: step}))
	return read(t, d, e, result, tokens*n), read(t, d, e, taken, tokens*cols)
}

// What is read of an interleaved buffer, at any place, is what was put into it, and it may be written to.
func TestInterleavedBuffersAreReadAndWritten(t *testing.T) {
	d := open(t, 2)
	for format, cols := range map[compute.DType]int{compute.Q4_0: 64, compute.Q8_0: 64, compute.IQ4_NL: 64, compute.MXFP4: 64, compute.Q4_K: 256, compute.Q6_K: 256, compute.TQ1_0: 256, compute.TQ2_0: 256} {
		t.Run(format.String(), func(t *testing.T) { readAndWritten(t, d, format, cols) })
	}
}

func readAndWritten(t *testing.T, d *fallback.Device, format compute.DType, cols int) {
	const rows = 32
	size, err := format.Bytes(rows, cols)
	require.NoError(t, err)
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: size, DType: format, Rows: rows, Cols: cols, Data: data, Among: 2 << 20})
	require.NoError(t, err)
	for _, at := range [][2]int64{{0, size}, {1, 35}, {size - 40, 40}, {36, 36}, {700, 0}} {
		got := make([]byte, at[1])
		require.NoError(t, d.Download(got, b, at[0]))
		assert.Equal(t, data[at[0]:at[0]+at[1]], got)
	}
	require.NoError(t, d.Upload(b, 100, []byte{1, 2, 3}))
	want := append([]byte(nil), data...)
	copy(want[100:], []byte{1, 2, 3})
	got := make([]byte, size)
	require.NoError(t, d.Download(got, b, 0))
	assert.Equal(t, want, got)
	require.NoError(t, b.Close())
	assert.Zero(t, d.Info().MemoryUsed)
}

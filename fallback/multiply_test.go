package fallback

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// One row of X by weights as they are stored, as in decoding, makes nothing once memory is there, in either arithmetic.
func TestOneRowAllocatesNothing(t *testing.T) {
	d, err := New(Options{Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	const n, cols = 208, 512
	bound := func(format compute.DType, rows compute.Extent, cols int) *tensor {
		size, err := format.Bytes(n, cols)
		require.NoError(t, err)
		b, err := d.NewBuffer(compute.BufferSpec{Name: "t", Usage: compute.UseState, Size: size})
		if rows.Fixed == n { // interleaved where that is what the format and the processor want
			b, err = d.NewBuffer(compute.BufferSpec{Name: "t", Usage: compute.UseWeights, Size: size, DType: format, Rows: n, Cols: cols, Data: make([]byte, size), Among: 2 << 20})
		}
		require.NoError(t, err)
		bound, err := d.bind(&compute.Tensor{Name: "t", DType: format, Rows: rows, Cols: cols}, b, 0)
		require.NoError(t, err)
		return bound
	}
	step := &compute.Step{Tokens: []int32{0}, Pos: []int32{0}, Seqs: []compute.Seq{{Count: 1, Len: 1}}}
	for _, format := range []compute.DType{compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0, compute.Q4_K, compute.Q6_K, compute.MXFP4, compute.IQ2_S} {
		for _, exact := range []bool{true, false} {
			k := &matmul{x: bound(compute.F32, compute.PerToken(1), cols), w: bound(format, compute.Rows(n), cols), out: bound(compute.F32, compute.PerToken(1), n),
				fast: !exact, a: activations{exact: exact, level: d.level, threads: 2, roundings: new(roundings)}}
			run := func() { require.NoError(t, d.pool.run(k, k.begin(step))) }
			for range 20 { // every worker has had its turn
				run()
			}
			assert.Zero(t, testing.AllocsPerRun(50, run), "%v exact %v", format, exact)
		}
	}
}

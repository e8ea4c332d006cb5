package gpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compute"
)

func TestForeignAndClosedBuffersAreRefused(t *testing.T) {
	a, b := openGPU(t, gpu.Options{}), openCPU(t)
	foreign, err := b.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: 16})
	require.NoError(t, err)
	assert.ErrorContains(t, a.Upload(foreign, 0, make([]byte, 4)), "foreign")
	own, err := a.NewBuffer(compute.BufferSpec{Name: "own", Usage: compute.UseState, Size: 16})
	require.NoError(t, err)
	assert.ErrorContains(t, a.Upload(own, 13, make([]byte, 4)), "want within 16")
	assert.ErrorContains(t, a.Download(make([]byte, 4), own, -1), "want within 16")
	got := []byte{1, 2, 3, 4}
	require.NoError(t, a.Download(got, own, 4))
	assert.Equal(t, make([]byte, 4), got, "fresh memory is zero")
	require.NoError(t, own.Close())
	require.NoError(t, own.Close())
	assert.ErrorContains(t, a.Upload(own, 0, make([]byte, 4)), "closed")
	_, err = a.NewBuffer(compute.BufferSpec{Name: "none", Usage: compute.UseState})
	assert.ErrorContains(t, err, "got 0 bytes")
}

// Weights come back as the host gave them, whatever their layout on the device; half rows are not written.
func TestWeightsKeepTheHostsForm(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	for _, dt := range []compute.DType{compute.F32, compute.F16, compute.Q8_0, compute.Q6_K, compute.MXFP4} {
		const rows = 7
		cols := max(dt.BlockLen(), 5)
		size, err := dt.Bytes(rows, cols)
		require.NoError(t, err)
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i*7 + 3)
		}
		b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: size, DType: dt, Rows: rows, Cols: cols, Data: data})
		require.NoError(t, err)
		row := size / rows
		for _, r := range [][2]int64{{0, size}, {1, size - 2}, {row, row}, {row - 1, 2}, {size - 1, 1}} {
			got := make([]byte, r[1])
			require.NoError(t, d.Download(got, b, r[0]))
			require.Equal(t, data[r[0]:r[0]+r[1]], got, "%v from byte %d", dt, r[0])
		}
		clear(data[2*row : 4*row])
		require.NoError(t, d.Upload(b, 2*row, data[2*row:4*row]))
		got := make([]byte, size)
		require.NoError(t, d.Download(got, b, 0))
		require.Equal(t, data, got, dt)
		if dt != compute.F32 {
			assert.ErrorContains(t, d.Upload(b, 1, data[:row]), "want a multiple of")
			assert.ErrorContains(t, d.Upload(b, 0, data[:row-1]), "want whole rows of")
		}
		require.NoError(t, b.Close())
	}
}

// A kernel that reads a packed format must be given a buffer that was made for it.
func TestWeightsOfAnotherLayoutAreRefused(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	for _, spec := range []compute.BufferSpec{
		{Name: "untyped", Usage: compute.UseWeights, Size: 2 * 34},
		{Name: "other type", Usage: compute.UseWeights, Size: 34, DType: compute.F16, Rows: 1, Cols: 17},
		{Name: "other rows", Usage: compute.UseWeights, Size: 2 * 34, DType: compute.Q8_0, Rows: 1, Cols: 64},
	} {
		b, err := d.NewBuffer(spec)
		require.NoError(t, err)
		p := compute.NewProgram(spec.Name)
		p.VocabSize = 1
		table := p.Declare(compute.Tensor{Name: "table", Role: compute.Weight, DType: compute.Q8_0, Rows: compute.Rows(1), Cols: 32, Buffer: b})
		out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: 32})
		p.Add("embed", compute.Embed{Table: table, Out: out, Scale: 1})
		_, err = d.Compile(t.Context(), p, compute.Options{MaxTokens: 1, MaxOutputs: 1, MaxSeqs: 1})
		assert.ErrorContains(t, err, "want the buffer made for them", spec.Name)
	}
}

package fallback

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

func TestWeightsThatTheCacheHoldsAreCopied(t *testing.T) {
	d, err := New(Options{Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	const size = 3<<20 + 5
	data := bytes.Repeat([]byte{1, 2, 3}, size/3+1)[:size]
	var taken atomic.Int64
	weights := func(among int64) *buffer {
		b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: size, Data: data, Among: among,
			Taken: func(lo, hi int64) { taken.Add(hi - lo) }})
		require.NoError(t, err)
		return b.(*buffer)
	}
	d.cache = 4 * size
	if hugePages(size) == nil {
		assert.True(t, weights(2*size).InPlace(), "no huge pages, no copy")
		return
	}
	var all []*buffer
	for range 3 { // of two models
		b := weights(2 * size)
		assert.False(t, b.InPlace())
		assert.Equal(t, data, b.data)
		_, err := compute.Float32s(b.data[:size&^3])
		require.NoError(t, err, "aligned")
		all = append(all, b)
	}
	assert.EqualValues(t, 3*size, d.Info().MemoryUsed)
	assert.EqualValues(t, 3*size, taken.Load(), "told of every byte once")
	all[1].data[0] = 9
	assert.EqualValues(t, 1, data[0])
	assert.EqualValues(t, 1, all[0].data[0])
	for _, b := range all {
		require.NoError(t, b.Close())
	}
	assert.Zero(t, d.Info().MemoryUsed)
	assert.Nil(t, d.regions.current)

	assert.True(t, weights(4*size+1).InPlace(), "more than the cache holds")
	assert.True(t, weights(0).InPlace(), "who knows how much")
	assert.EqualValues(t, 3*size, taken.Load(), "nothing else was copied")
	few, err := d.NewBuffer(compute.BufferSpec{Name: "few", Usage: compute.UseWeights, Size: 4096, Data: data[:4096], Among: 4*size + 1})
	require.NoError(t, err)
	assert.False(t, few.(*buffer).InPlace(), "their page brings others with it")
	require.NoError(t, few.Close())
	blocks := func(among int64) bool {
		b, err := d.NewBuffer(compute.BufferSpec{Name: "blocks", Usage: compute.UseWeights, Size: 34 << 12, Data: data[:34<<12], DType: compute.Q8_0, Rows: 1 << 12, Cols: 32, Among: among})
		require.NoError(t, err)
		return b.(*buffer).InPlace()
	}
	d.memory = 10 * size
	assert.False(t, blocks(5*size), "blocks, of half the memory")
	assert.True(t, blocks(5*size+1), "of more")
}

package engine_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
	"tuff/host/ember"
	"tuff/host/engine"
	"tuff/host/testkit"
	"tuff/host/weights"
)

// What a file is said to take of cache for a position, before it is loaded, is what its program declares.
func TestKVBytesAreThoseOfTheCaches(t *testing.T) {
	dev, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	defer dev.Close()
	configs, err := filepath.Glob(filepath.Join(testkit.Testdata(t, "oracle"), "*", "config.json"))
	require.NoError(t, err)
	require.NotEmpty(t, configs)
	for _, config := range configs {
		f, err := weights.Open(filepath.Dir(config))
		require.NoError(t, err, config)
		e, err := engine.New(t.Context(), dev, f, engine.Options{ContextLen: 64})
		require.NoError(t, err, config)
		var got int64
		for _, w := range e.Model.Program.Tensors {
			if w.Role == compute.State && strings.HasSuffix(w.Name, "_cache") {
				got += int64(w.Cols) * int64(w.DType.BlockBytes())
			}
		}
		assert.Equal(t, e.Model.Config.KVBytes(compute.F32, compute.F32), got, config)
		require.NoError(t, e.Close())
		require.NoError(t, f.Close())
	}
}

// The same holds for block types, whose bytes an element are no whole number, and for keys and values of two types.
func TestKVBytesOfBlocks(t *testing.T) {
	dev, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	defer dev.Close()
	f, err := weights.OpenBytes(ember.Name, ember.Model())
	require.NoError(t, err)
	defer f.Close()
	for _, types := range [][2]compute.DType{{compute.Q8_0, compute.Q4_0}, {compute.Q4_0, compute.BF16}, {compute.Q8_0, compute.Q8_0}} {
		e, err := engine.New(t.Context(), dev, f, engine.Options{ContextLen: 64, TypeK: types[0], TypeV: types[1]})
		require.NoError(t, err)
		assert.Equal(t, 64*e.Model.Config.KVBytes(types[0], types[1]), e.Model.StateBytes)
		const layers, cols = 4, 4 * 32
		want := int64(0)
		for _, d := range types {
			row, err := d.RowBytes(cols)
			require.NoError(t, err)
			want += layers * row
		}
		assert.Equal(t, want, e.Model.Config.KVBytes(types[0], types[1]))
		require.NoError(t, e.Close())
	}
	_, err = engine.New(t.Context(), dev, f, engine.Options{TypeK: compute.Q6_K})
	require.ErrorContains(t, err, "got a KV cache of Q6_K, want one of [F32 F16 BF16 Q8_0 Q4_0]")
}

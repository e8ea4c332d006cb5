package engine_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
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
		assert.Equal(t, e.Model.Config.KVBytes(compute.F32), got, config)
		require.NoError(t, e.Close())
		require.NoError(t, f.Close())
	}
}

package gpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/engine"
)

// Loading compiles what decoding needs; a prompt compiles what its length needs, once; what is told of it runs from none to all.
func TestKernelsAreCompiledWhenAStepNeedsThem(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	var batches []int // kernels of each
	last := -1
	e := newEngine(t, d, engine.Options{Compile: compute.Options{Progress: func(done, total int) {
		if done == 0 {
			batches = append(batches, total)
			last = -1
		}
		assert.Equal(t, last+1, done)
		assert.Equal(t, batches[len(batches)-1], total)
		last = done
	}}})
	require.Len(t, batches, 1)
	assert.Equal(t, batches[0], last, "kernels of decoding compiled by the time the model is loaded")

	s := e.NewSession()
	defer s.Close()
	for _, step := range []struct {
		tokens, batches int
	}{{1, 1}, {20, 2}, {20, 2}, {1, 2}} {
		err := s.Eval(t.Context(), make([]int32, step.tokens), engine.WantLast, nil)
		require.NoError(t, err)
		require.Len(t, batches, step.batches, "after %d tokens", step.tokens)
		assert.Equal(t, batches[len(batches)-1], last)
	}
	assert.NotZero(t, batches[1])
}

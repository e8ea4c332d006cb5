package gpu_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/vk"
	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/host/sampler"
)

// Loading compiles nothing; a step compiles what its number of tokens needs, once, and Prepare does so before it; what is told of it
// runs from none to all.
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
	require.Empty(t, batches, "kernels compiled by the time the model is loaded")
	_, decode := e.Executables()
	require.NoError(t, decode.(compute.Preparer).Prepare(t.Context(), 1))
	require.Len(t, batches, 1)
	assert.Equal(t, batches[0], last)

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

// Drivers for CPUs compile a kernel when they first launch it. Each is launched for no workgroup while kernels are made, so that progress is
// seen; hardware's drivers have nothing to do then.
func TestCPUDriversCompileWhileKernelsAreMade(t *testing.T) {
	h := new(vk.Hooks)
	d := openGPU(t, gpu.Options{Hooks: h})
	kernels := 0
	e := newEngine(t, d, engine.Options{Compile: compute.Options{Progress: func(done, total int) { kernels = total }}})
	_, decode := e.Executables()
	before := h.Counts()["vkQueueSubmit"]
	require.NoError(t, decode.(compute.Preparer).Prepare(t.Context(), 1))
	require.NotZero(t, kernels)
	want := 0
	if d.Info().Kind == compute.Software {
		want = kernels
	}
	assert.Equal(t, want, h.Counts()["vkQueueSubmit"]-before)
}

// Generate is done with the prompt's kernels when the first token is out; those of single tokens come behind it.
func TestTheFirstTokenWaitsForThePromptsKernelsAlone(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	batches, first := 0, 0
	e := newEngine(t, d, engine.Options{Compile: compute.Options{Progress: func(done, _ int) {
		if done == 0 {
			batches++
		}
	}}})
	s := e.NewSession()
	defer s.Close()
	sm, err := sampler.New(sampler.Params{TopP: 1, RepeatPenalty: 1}, e.Tokenizer.VocabSize())
	require.NoError(t, err)
	st, err := e.Generate(t.Context(), s, make([]int32, 20), sm, 2, func(engine.Token) bool {
		if first == 0 {
			first = batches
		}
		return true
	})
	require.NoError(t, err)
	require.Equal(t, 2, st.Tokens)
	assert.Equal(t, 1, first, "batches of kernels before the first token")
	assert.Equal(t, 2, batches)
}

// Kernels are compiled on several cores: no two of the first could otherwise be on their way at once.
func TestKernelsAreCompiledAtOnce(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one core")
	}
	var on atomic.Int32
	met := make(chan struct{})
	var once sync.Once
	d := openGPU(t, gpu.Options{Shader: func(string) []uint32 {
		if on.Add(1) == 2 {
			once.Do(func() { close(met) })
		}
		defer on.Add(-1)
		select {
		case <-met:
		case <-time.After(10 * time.Second):
			t.Error("one kernel waited 10 s for another to be compiled beside it")
			once.Do(func() { close(met) })
		}
		return nil
	}})
	e := newEngine(t, d, engine.Options{})
	s := e.NewSession()
	defer s.Close()
	require.NoError(t, s.Eval(t.Context(), []int32{0}, engine.WantLast, nil))
}

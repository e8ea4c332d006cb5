package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
	"tuff/host/engine"

	"tuff/host/ember"
	"tuff/host/weights"
)

// watched is a device whose ops may have so many FLOPs.
type watched struct {
	compute.Device
	max int64
}

func (d watched) MaxOp() int64 { return d.max }

// A prompt is cut into the steps that a watched device can do in time, fewer tokens the longer the context is, and says the same.
func TestChunksOfAWatchedDevice(t *testing.T) {
	d, err := fallback.New(fallback.Options{Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	ids := make([]int32, 300)
	for i := range ids {
		ids[i] = int32(6 + i*31%2000)
	}
	type result struct {
		logits []float32
		chunks []int
	}
	run := func(d compute.Device) (r result) {
		f, err := weights.OpenBytes(ember.Name, ember.Model())
		require.NoError(t, err)
		e, err := engine.New(t.Context(), d, f, engine.Options{Math: compute.Exact})
		require.NoError(t, err)
		defer func() { require.NoError(t, errors.Join(e.Close(), f.Close())) }()
		s := e.NewSession()
		defer s.Close()
		for at := 0; at < len(ids); {
			n := s.Chunk(len(ids) - at)
			require.NoError(t, s.Eval(t.Context(), ids[at:at+n], engine.WantLast, func(_ int, l []float32) error {
				r.logits = append(r.logits[:0], l...)
				return nil
			}))
			assert.Len(t, s.LastStep().Tokens, n, "one step")
			r.chunks = append(r.chunks, n)
			at += n
		}
		return r
	}
	want := run(d)
	assert.Equal(t, []int{256, 44}, want.chunks)
	assert.Equal(t, want, run(watched{d, 0}), "of any size")
	assert.Equal(t, want, run(watched{d, 1 << 40}), "large enough for all")
	// The products of 256 rows by 768 of weights have 100 MFLOP, attention of 128 tokens to 300 some 20.
	got := run(watched{d, 60e6})
	assert.Equal(t, want.logits, got.logits)
	assert.Equal(t, []int{128, 128, 44}, got.chunks)
	got = run(watched{d, 1})
	assert.Equal(t, want.logits, got.logits)
	assert.Equal(t, []int{32, 32, 32, 32, 32, 32, 32, 32, 32, 12}, got.chunks)
}

// Eval tells how far it is, before and behind each step.
func TestProgressOfAPrompt(t *testing.T) {
	d, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	f, err := weights.OpenBytes(ember.Name, ember.Model())
	require.NoError(t, err)
	e, err := engine.New(t.Context(), d, f, engine.Options{Chunk: 8})
	require.NoError(t, err)
	s := e.NewSession()
	var told [][2]int
	s.OnProgress(func(done, total int) { told = append(told, [2]int{done, total}) })
	require.NoError(t, s.Eval(t.Context(), make([]int32, 20), engine.WantLast, nil))
	assert.Equal(t, [][2]int{{0, 20}, {8, 20}, {16, 20}, {20, 20}}, told)
	s.OnProgress(nil)
	require.NoError(t, s.Eval(t.Context(), make([]int32, 2), engine.WantLast, nil))
	assert.Len(t, told, 4)
	s.Close()
	require.NoError(t, errors.Join(e.Close(), f.Close(), d.Close()))
}

package gpu_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/vk"
	"tuff/host/compute"
	"tuff/host/engine"
)

// prompt is so many tokens of the embedded model's vocabulary.
func prompt(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(6 + i*31%2000)
	}
	return ids
}

// logits are those behind a prompt and a token more.
func logits(t *testing.T, e *engine.Engine, s *engine.Session, ids []int32) []float32 {
	var out []float32
	require.NoError(t, s.Eval(t.Context(), ids, engine.WantLast, func(_ int, l []float32) error {
		out = append(out, l...)
		return nil
	}))
	next, err := s.Next(t.Context(), 262)
	require.NoError(t, err)
	return append(out, next...)
}

// Steps in many submissions are the steps in one, and a device that is known to be fast makes one of them.
func TestStepsInPieces(t *testing.T) {
	want := func() []float32 {
		e := newEngine(t, openGPU(t, gpu.Options{}), engine.Options{})
		s := e.NewSession()
		defer s.Close()
		return logits(t, e, s, prompt(40))
	}()
	hooks := new(vk.Hooks)
	e := newEngine(t, openGPU(t, gpu.Options{MaxWork: 1, Hooks: hooks}), engine.Options{})
	prefill, decode := e.Executables()
	for _, c := range []struct {
		name string
		took time.Duration // 0: nothing is known
	}{{"unknown", 0}, {"slow", time.Hour}, {"three", 300 * time.Millisecond}, {"fast", time.Millisecond}} {
		for _, x := range []compute.Executable{prefill, decode} {
			gpu.SetTook(x, c.took)
		}
		before, _ := gpu.StatsOf(prefill)
		submits := hooks.Counts()["vkQueueSubmit"]
		s := e.NewSession()
		require.True(t, slices.Equal(want, logits(t, e, s, prompt(40))), c.name)
		s.Close()
		after, _ := gpu.StatsOf(prefill)
		submits = hooks.Counts()["vkQueueSubmit"] - submits
		switch made := after.Submissions - before.Submissions; c.name {
		case "unknown", "slow":
			assert.Greater(t, made, 10, "of command buffers that end at every barrier, those together that have little work")
			assert.Greater(t, submits, made, "and those of the token behind it")
		case "three":
			assert.InDelta(t, 3, made, 1, c.name)
		case "fast":
			assert.Zero(t, made)
			assert.Equal(t, 2, submits)
		}
	}
}

// So are runs of several steps, whatever ends them.
func TestRunsInPieces(t *testing.T) {
	whole := newEngine(t, openGPU(t, gpu.Options{}), engine.Options{ContextLen: 72})
	d := openGPU(t, gpu.Options{MaxWork: 1, PieceTime: 1})
	pieces := newEngine(t, d, engine.Options{ContextLen: 72, Candidates: 100, Steps: 5})
	for _, stopAfter := range []int{0, 11} {
		want, wantStats, s := story(t, whole, loopSettings["usual"], 0, stopAfter)
		s.Close()
		got, stats, s := story(t, pieces, loopSettings["usual"], 0, stopAfter)
		s.Close()
		assert.Equal(t, want, got)
		assert.Equal(t, wantStats.Stop, stats.Stop)
	}
	x, err := pieces.Loop(t.Context())
	require.NoError(t, err)
	st, _ := gpu.StatsOf(x)
	assert.Greater(t, st.Submissions, 10*st.Runs)
}

// stopping is a context that ends after so many looks at it.
type stopping struct {
	context.Context
	looks int
}

func (c *stopping) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// A caller who stops in the middle of a step waits for what is queued only, and the session goes on as if the step had not been asked for.
func TestStopBetweenPieces(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{MaxWork: 1}), engine.Options{})
	prefill, _ := e.Executables()
	s := e.NewSession()
	defer s.Close()
	first := logits(t, e, s, prompt(40))
	gpu.SetTook(prefill, time.Hour)
	before, _ := gpu.StatsOf(prefill)
	err := s.Eval(&stopping{t.Context(), 6}, prompt(30), engine.WantLast, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "stopped at command buffer")
	after, _ := gpu.StatsOf(prefill)
	assert.Equal(t, 41, len(s.Tokens()))
	assert.Less(t, after.Submissions-before.Submissions, after.Barriers)
	assert.Positive(t, after.Submissions-before.Submissions)
	second := logits(t, e, s, prompt(30))
	s2 := e.NewSession()
	defer s2.Close()
	require.Equal(t, first, logits(t, e, s2, prompt(40)))
	require.Equal(t, second, logits(t, e, s2, prompt(30)))
}

// Timing covers all pieces.
func TestTimingOfPieces(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{MaxWork: 1}), engine.Options{})
	prefill, _ := e.Executables()
	s := e.NewSession()
	defer s.Close()
	var tm compute.Timing
	s.SetTiming(&tm)
	require.NoError(t, s.Eval(t.Context(), prompt(40), engine.WantLast, nil))
	st, _ := gpu.StatsOf(prefill)
	assert.Greater(t, st.Submissions, 10)
	for i, sp := range tm.Spans {
		assert.LessOrEqual(t, sp.Begin, sp.End)
		if i > 0 {
			assert.LessOrEqual(t, tm.Spans[i-1].Begin, sp.Begin)
		}
	}
	assert.LessOrEqual(t, tm.Encode+tm.Submit+tm.Wait, tm.Wall)
	assert.LessOrEqual(t, tm.Spans[len(tm.Spans)-1].End, tm.Wait+tm.Submit+tm.Deviation)
}

// A device that is lost between pieces is lost, be it while a kernel is made, and gives back everything.
func TestLostBetweenPieces(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("injected failures are not the driver's")
	}
	for name, made := range map[string]bool{"kernels": false, "pieces": true} {
		t.Run(name, func(t *testing.T) {
			hooks := new(vk.Hooks)
			e := newEngine(t, openGPU(t, gpu.Options{MaxWork: 1, Hooks: hooks}), engine.Options{})
			s := e.NewSession()
			defer s.Close()
			if made {
				logits(t, e, s, prompt(20))
				prefill, _ := e.Executables()
				gpu.SetTook(prefill, 0)
			}
			require.NoError(t, hooks.InjectError("vkQueueSubmit", hooks.Counts()["vkQueueSubmit"]+3, vk.ErrorDeviceLost))
			require.ErrorIs(t, s.Eval(t.Context(), prompt(20), engine.WantLast, nil), gpu.ErrDeviceLost)
		})
	}
}

package gpu_test

import (
	"errors"
	"fmt"
	"strings"
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

var loopSettings = map[string]sampler.Params{
	"greedy":    {Temp: 0, TopP: 1, RepeatPenalty: 1},
	"usual":     {Seed: 11, Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatLastN: 64, RepeatPenalty: 1},
	"penalties": {Seed: 5, Temp: 1.5, TopK: 20, TopP: 1, RepeatLastN: 12, RepeatPenalty: 1.2, PresencePenalty: 0.5, FrequencyPenalty: 0.1},
	"all back":  {Seed: 6, Temp: 1, TopK: 30, TopP: 0.9, RepeatLastN: -1, RepeatPenalty: 1.1},
}

// story is what a fresh session says.
func story(t *testing.T, e *engine.Engine, p sampler.Params, limit, stopAfter int) (ids []int32, st engine.Stats, s *engine.Session) {
	s = e.NewSession()
	ids, st = goOn(t, e, s, []int32{0, 570, 571}, p, limit, stopAfter)
	return ids, st, s
}

// goOn is what a session says to a prompt, up to a limit of tokens or, where stopAfter is not 0, until the caller stops it.
func goOn(t *testing.T, e *engine.Engine, s *engine.Session, prompt []int32, p sampler.Params, limit, stopAfter int) (ids []int32, st engine.Stats) {
	sm, err := sampler.New(p, e.Model.Width())
	require.NoError(t, err)
	st, err = e.Generate(t.Context(), s, prompt, sm, limit, func(tok engine.Token) bool {
		if tok.ID >= 0 {
			ids = append(ids, tok.ID)
		}
		return stopAfter == 0 || len(ids) < stopAfter
	})
	require.NoError(t, err)
	return ids, st
}

// Tokens, counts and what the session holds are the same however many steps a run takes, on the device and on the CPU, whatever ends
// the generation: the limit, the model, the context or the caller.
func TestStepsOfARunChangeNothing(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	engines := map[string]*engine.Engine{"1": newEngine(t, d, engine.Options{ContextLen: 72})}
	for _, n := range []int{5, 16} {
		engines[fmt.Sprint(n)] = newEngine(t, d, engine.Options{ContextLen: 72, Candidates: 100, Steps: n})
	}
	engines["cpu"] = newEngine(t, openCPU(t), engine.Options{ContextLen: 72})
	for name, p := range loopSettings {
		ends := []struct{ limit, stopAfter int }{{13, 0}}
		if name == "usual" { // the context too, beyond a page, and the caller
			ends = append(ends, []struct{ limit, stopAfter int }{{0, 0}, {0, 11}, {1, 0}, {0, 1}}...)
		}
		for _, c := range ends {
			want, wantStats, s := story(t, engines["1"], p, c.limit, c.stopAfter)
			held := append([]int32(nil), s.Tokens()...)
			s.Close()
			for steps, e := range engines {
				got, st, s := story(t, e, p, c.limit, c.stopAfter)
				where := fmt.Sprintf("%s, %+v, %s steps", name, c, steps)
				require.Equal(t, want, got, where)
				assert.Equal(t, wantStats.Stop, st.Stop, where)
				assert.Equal(t, wantStats.Tokens, st.Tokens, where)
				assert.Equal(t, held, s.Tokens(), where)
				s.Close()
			}
		}
	}
	for name, e := range engines {
		if x, err := e.Loop(t.Context()); assert.NoError(t, err) && e.Steps() > 1 {
			st, _ := gpu.StatsOf(x)
			assert.NotZero(t, st.Runs, name)
			assert.Equal(t, 1, st.Recordings, name)
		} else {
			assert.Nil(t, x, name)
		}
	}
}

// A state holds all tokens at once: wherever a caller stops in a run, the session goes on as if the rest of the run had not been.
func TestRunsOfModelsWithAState(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	random := sampler.Params{Seed: 3, Temp: 1.3, TopK: 40, TopP: 1, RepeatLastN: 32, RepeatPenalty: 1.1} // of random weights: it seldom repeats
	for _, arch := range []string{"mamba", "falcon-h1", "lfm2", "qwen3next"} {
		var told [2][][]int32
		for i, steps := range []int{1, 6} {
			e := synthetic(t, d, arch, "tiny", engine.Options{Candidates: 100, Steps: steps, ContextLen: 128, Compile: compute.Options{Variant: statesUnderValidation()}})
			require.Equal(t, steps, e.Steps(), arch)
			s := e.NewSession()
			for _, stopAfter := range []int{9, 1, 2, 0, 6, 4} {
				ids, _ := goOn(t, e, s, []int32{70, int32(71 + stopAfter)}, random, 12, stopAfter)
				told[i] = append(told[i], ids, append([]int32(nil), s.Tokens()...))
			}
			s.Truncate(0)
			ids, _ := goOn(t, e, s, []int32{70, 80}, random, 9, 0)
			told[i] = append(told[i], ids)
			s.Close()
		}
		assert.Equal(t, told[0], told[1], arch)
		longest := 0
		for _, ids := range told[0] {
			longest = max(longest, len(ids))
		}
		assert.Greater(t, longest, 30, "%s: what is told must be long enough to be stopped in", arch)
	}
}

// Decode takes the tokens of a greedy generation, and tells of the step of each.
func TestDecodeInRuns(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	want, _, told := story(t, newEngine(t, d, engine.Options{}), loopSettings["greedy"], 24, 0)
	e := newEngine(t, d, engine.Options{Candidates: 64, Steps: 7, ContextLen: 64})
	s := e.NewSession()
	defer s.Close()
	require.NoError(t, s.Eval(t.Context(), []int32{0, 570, 571}, engine.WantLast, nil))
	at := int32(3)
	require.NoError(t, s.Decode(t.Context(), want[0], 23, func(step *compute.Step) {
		assert.Equal(t, at, step.Pos[0])
		at++
		assert.Equal(t, int(at), step.Seqs[0].Len)
		assert.NoError(t, step.Check(e.Program(), compute.Options{}))
	}))
	assert.Equal(t, int32(26), at)
	assert.Equal(t, told.Tokens(), s.Tokens())
	told.Close()
	assert.ErrorContains(t, s.Decode(t.Context(), 1, 100, func(*compute.Step) {}), "context")
}

// A session goes on where it was stopped in the midst of a run.
func TestSessionGoesOnAfterAStop(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	var texts [2][]int32
	for i, o := range []engine.Options{{}, {Candidates: 64, Steps: 16}} {
		e := newEngine(t, d, o)
		_, _, s := story(t, e, loopSettings["usual"], 0, 20)
		sm, err := sampler.New(loopSettings["greedy"], e.Model.Width())
		require.NoError(t, err)
		_, err = e.Generate(t.Context(), s, []int32{300, 301}, sm, 30, func(tok engine.Token) bool { texts[i] = append(texts[i], tok.ID); return true })
		require.NoError(t, err)
		s.Close()
	}
	assert.Equal(t, texts[0], texts[1])
}

// runsOf asks a loop's executable for n steps behind a prompt.
func runsOf(t testing.TB, e *engine.Engine, s *engine.Session) (compute.Executable, *compute.Call) {
	x, err := e.Loop(t.Context())
	require.NoError(t, err)
	require.NotNil(t, x)
	call := &compute.Call{Step: new(compute.Step), Steps: e.Steps()}
	ids := make([]int32, e.Steps()) // makes room in the cache
	require.NoError(t, s.Step(call.Step, ids, []int32{0}))
	require.NoError(t, s.Step(call.Step, []int32{262}, []int32{0}))
	return x, call
}

// A run of several steps replays one recording with one submission and one wait, and allocates nothing.
func TestStepsRecordAndAllocateNothing(t *testing.T) {
	hooks := new(vk.Hooks)
	e := newEngine(t, openGPU(t, gpu.Options{Hooks: hooks}), engine.Options{Candidates: 64, Steps: 8})
	s := e.NewSession()
	defer s.Close()
	x, call := runsOf(t, e, s)
	require.NoError(t, x.Run(t.Context(), call))
	require.Len(t, call.Sampled, 8)
	before, _ := gpu.StatsOf(x)
	calls := hooks.Counts()
	const runs = 10
	assert.Zero(t, testing.AllocsPerRun(runs-1, func() {
		if err := x.Run(t.Context(), call); err != nil {
			t.Error(err)
		}
	}), "allocations in Go of one run")
	after, _ := gpu.StatsOf(x)
	assert.Equal(t, before.Recordings, after.Recordings)
	assert.Equal(t, before.Runs+runs, after.Runs)
	assert.Greater(t, after.Waited, before.Waited)
	for name, n := range hooks.Counts() {
		switch made := n - calls[name]; name {
		case "vkQueueSubmit", "vkWaitSemaphores":
			assert.Equal(t, runs, made, name)
		default:
			assert.Zero(t, made, name)
		}
	}
}

// A token that ends a generation ends the run: the tokens are those of a longer run up to there, and the steps behind are left out, or
// change nothing.
func TestStopsEndARun(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprintf("without conditional rendering %v", without), func(t *testing.T) { stopsEndARun(t, without) })
	}
}

func stopsEndARun(t *testing.T, without bool) {
	e := newEngine(t, openGPU(t, gpu.Options{NoConditions: without}), engine.Options{Candidates: 64, Steps: 8})
	s := e.NewSession()
	defer s.Close()
	x, call := runsOf(t, e, s)
	require.NoError(t, x.Run(t.Context(), call))
	all := append([]int32(nil), call.Sampled...)
	for n := range all {
		call.Step.Sampling.Stop = []int32{5, all[n], 7}
		require.NoError(t, x.Run(t.Context(), call))
		first := 0
		for all[first] != all[n] {
			first++
		}
		assert.Equal(t, all[:first+1], call.Sampled)
	}
	call.Step.Sampling.Stop, call.Steps = nil, 3
	require.NoError(t, x.Run(t.Context(), call))
	assert.Equal(t, all[:3], call.Sampled)
	call.Steps = 9
	assert.ErrorContains(t, x.Run(t.Context(), call), "got 9 steps in one run, want at most 8")
	call.Steps, call.Timing = 2, new(compute.Timing)
	assert.ErrorContains(t, x.Run(t.Context(), call), "exclude timing")
	call.Timing = nil
	call.Step.Seqs[0].Pages = call.Step.Seqs[0].Pages[:0]
	err := x.Run(t.Context(), call)
	assert.True(t, err != nil && !errors.Is(err, gpu.ErrDeviceLost), err)
}

// Beside its layers a token of a run takes a lookup at the start, and at the end three hops: the rows wanted, their norm and the projection
// to logits, the largest of these, and the choice, which also makes the step the next one.
func TestHopsOfTheTail(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{}), engine.Options{Candidates: 64, Steps: 8})
	x, err := e.Loop(t.Context())
	require.NoError(t, err)
	layers, tail := false, []string{}
	for _, g := range x.Placement() {
		inLayer := strings.HasPrefix(g.Label, "blk.")
		layers = layers || inLayer
		if layers && !inLayer {
			tail = append(tail, g.Label)
			assert.Equal(t, 1, g.Dispatches, g.Label)
			assert.Equal(t, 1, g.Barriers, g.Label)
		}
	}
	assert.LessOrEqual(t, len(tail), 3, tail)
	assert.Equal(t, "token", tail[len(tail)-1])
}

// BenchmarkHostOfAToken says what the host does for a decoded token beside waiting: choosing from all logits, from candidates, and with
// 16 steps to a run.
func BenchmarkHostOfAToken(b *testing.B) {
	for name, o := range map[string]engine.Options{"all logits": {Candidates: -1}, "candidates": {Candidates: 256}, "16 steps": {Candidates: 256, Steps: 16}} {
		b.Run(name, func(b *testing.B) {
			e := newEngine(b, openGPU(b, gpu.Options{}), o)
			p := sampler.Default()
			p.Seed = 1
			sm, err := sampler.New(p, e.Model.Width())
			require.NoError(b, err)
			x, err := e.Loop(b.Context())
			require.NoError(b, err)
			if x == nil {
				_, x = e.Executables()
			}
			tokens, host, decode := 0, time.Duration(0), time.Duration(0)
			for b.Loop() {
				s := e.NewSession()
				before, _ := gpu.StatsOf(x)
				st, err := e.Generate(b.Context(), s, []int32{0, 570, 571}, sm, 200, func(engine.Token) bool { return true })
				require.NoError(b, err)
				after, _ := gpu.StatsOf(x)
				if tokens += st.Tokens - 1; st.Tokens > 1 {
					host += st.Decode - (after.Waited - before.Waited)
					decode += st.Decode
				}
				s.Close()
			}
			b.ReportMetric(float64(decode.Nanoseconds())/float64(tokens), "ns/token")
			b.ReportMetric(float64(host.Nanoseconds())/float64(tokens), "host-ns/token")
		})
	}
}

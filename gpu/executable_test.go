package gpu_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/gpu/vk"
	"tuff/host/compute"
	"tuff/host/ember"
	"tuff/host/engine"
	"tuff/host/sampler"
	"tuff/host/weights"
)

// newEngine puts the embedded model on the device.
func newEngine(t testing.TB, d compute.Device, o engine.Options) *engine.Engine {
	t.Helper()
	f, err := weights.OpenBytes(ember.Name, ember.Model())
	require.NoError(t, err)
	e, err := engine.New(t.Context(), d, f, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(e.Close(), f.Close())) })
	return e
}

// A decoded token replays a recording: no command is recorded, nothing is allocated, neither in Go nor on the device.
func TestDecodeRecordsAndAllocatesNothing(t *testing.T) {
	for _, math := range []compute.Math{compute.Exact, compute.Fast} {
		t.Run(math.String(), func(t *testing.T) {
			hooks := new(vk.Hooks)
			d := openGPU(t, gpu.Options{Hooks: hooks})
			if d.Info().Emulated {
				t.Skip("the device itself allocates")
			}
			e := newEngine(t, d, engine.Options{Math: math})
			s := e.NewSession()
			defer s.Close()
			require.NoError(t, s.Eval(t.Context(), []int32{0, 570, 571}, engine.WantLast, nil))
			next := func() {
				if _, err := s.Next(t.Context(), 262); err != nil {
					t.Error(err)
				}
			}
			for range 5 {
				next()
			}
			_, decode := e.Executables()
			before, _ := gpu.StatsOf(decode)
			calls := hooks.Counts()
			used := d.Info().MemoryUsed
			const runs = 20
			allocs := testing.AllocsPerRun(runs-1, next) // and one to warm up
			assert.Zero(t, allocs, "allocations in Go of one decoded token")
			after, _ := gpu.StatsOf(decode)
			assert.Equal(t, before.Recordings, after.Recordings)
			assert.Equal(t, before.Runs+runs, after.Runs)
			assert.Equal(t, used, d.Info().MemoryUsed)
			now := hooks.Counts()
			for name, n := range now {
				switch made := n - calls[name]; name {
				case "vkQueueSubmit", "vkWaitSemaphores":
					assert.Equal(t, runs, made, name)
				case "vkGetPhysicalDeviceMemoryProperties2": // of Info above
				default:
					assert.Zero(t, made, name)
				}
			}
		})
	}
}

// A layer of the Llama family takes at most 6 barriered hops for a decoded token, and 9 for a batch.
func TestDispatchesAndBarriersOfALayer(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{}), engine.Options{})
	prefill, decode := e.Executables()
	for name, x := range map[string]compute.Executable{"prefill": prefill, "decode": decode} {
		dispatches, barriers := map[string]int{}, map[string]int{}
		total := 0
		for _, g := range x.Placement() {
			total += g.Dispatches
			if layer, _, ok := strings.Cut(strings.TrimPrefix(g.Label, "blk."), "."); ok {
				dispatches[layer] += g.Dispatches
				barriers[layer] += g.Barriers
			}
		}
		require.Len(t, dispatches, 4, name)
		for layer := range dispatches {
			most := map[string]int{"prefill": 9, "decode": 6}[name]
			assert.LessOrEqual(t, dispatches[layer], most, "%s of layer %s", name, layer)
			assert.LessOrEqual(t, barriers[layer], most, "%s of layer %s", name, layer)
			assert.GreaterOrEqual(t, dispatches[layer], 5)
		}
		t.Logf("%s: %d dispatches, a layer %d with %d barriers", name, total, dispatches["1"], barriers["1"])
	}
	s := e.NewSession()
	defer s.Close()
	require.NoError(t, s.Eval(t.Context(), []int32{0}, engine.WantLast, nil))
	st, ok := gpu.StatsOf(decode)
	require.True(t, ok)
	planned := 0
	for _, g := range decode.Placement() {
		planned += g.Dispatches
	}
	assert.Equal(t, planned, st.Dispatches, "what was recorded is what was planned")
	assert.Less(t, st.Barriers, st.Dispatches)
}

// The same step gives the same bits, whatever ran in between and however often recordings are thrown out.
func TestResultsAreDeterministic(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{}), engine.Options{})
	answer := func(n int) []float32 {
		s := e.NewSession()
		defer s.Close()
		var out []float32
		require.NoError(t, s.Eval(t.Context(), prompt(n), engine.WantLast, func(_ int, l []float32) error {
			out = append(out, l...)
			return nil
		}))
		return out
	}
	first := answer(11)
	for n := 1; n <= 20; n++ { // more shapes than recordings are kept
		answer(n)
	}
	assert.Equal(t, first, answer(11))
}

func TestBeforeAndAfterSeeEachGroup(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	e := newEngine(t, d, engine.Options{Compile: compute.Options{Keep: true}})
	_, decode := e.Executables()
	s := e.NewSession()
	defer s.Close()
	var step compute.Step
	require.NoError(t, s.Step(&step, []int32{570}, []int32{0}))
	var order []int
	groups := decode.Placement()
	plain := make([]byte, 4*e.Model.Config.VocabSize)
	read := func(dst []byte) {
		v, err := decode.Locate(e.Model.Logits)
		require.NoError(t, err)
		require.NoError(t, d.Download(dst, v.Buffer, v.Offset))
	}
	require.NoError(t, decode.Run(t.Context(), &compute.Call{Step: &step}))
	read(plain)
	require.NoError(t, decode.Run(t.Context(), &compute.Call{Step: &step,
		Before: func(g int) error { order = append(order, 2*g); return nil },
		After:  func(g int) error { order = append(order, 2*g+1); return nil }}))
	require.Len(t, order, 2*len(groups))
	for i, v := range order {
		assert.Equal(t, i, v)
	}
	again := make([]byte, len(plain))
	read(again)
	assert.Equal(t, plain, again, "group by group gives the same bits")

	// What Before writes is what the group reads.
	last := len(groups) - 1
	for groups[last].Ops[0] >= len(e.Model.Program.Instrs) { // hardware chooses the token too
		last--
	}
	op := e.Model.Program.Instrs[groups[last].Ops[0]].Op.(compute.TakeRows) // of the projection to logits
	v, err := decode.Locate(op.X)
	require.NoError(t, err)
	require.NoError(t, decode.Run(t.Context(), &compute.Call{Step: &step, Before: func(g int) error {
		if g == last {
			return d.Upload(v.Buffer, v.Offset, make([]byte, 4*e.Model.Config.HiddenDim))
		}
		return nil
	}}))
	read(again)
	for i := 0; i < len(again); i += 4 {
		require.Zero(t, math.Float32frombits(binary.LittleEndian.Uint32(again[i:])))
	}
	boom := errors.New("boom")
	assert.ErrorIs(t, decode.Run(t.Context(), &compute.Call{Step: &step, After: func(int) error { return boom }}), boom)
	assert.ErrorContains(t, decode.Run(t.Context(), &compute.Call{Step: &step, After: func(int) error { return nil }, Timing: new(compute.Timing)}), "exclude each other")
}

func TestTimingCoversEveryDispatch(t *testing.T) {
	e := newEngine(t, openGPU(t, gpu.Options{MaxDispatches: 7}), engine.Options{}) // several command buffers
	_, decode := e.Executables()
	s := e.NewSession()
	defer s.Close()
	var step compute.Step
	require.NoError(t, s.Step(&step, []int32{570}, []int32{0}))
	for range 3 {
		var tm compute.Timing
		require.NoError(t, decode.Run(t.Context(), &compute.Call{Step: &step, Timing: &tm}))
		planned := 0
		for _, g := range decode.Placement() {
			planned += g.Dispatches
		}
		require.Len(t, tm.Spans, planned)
		for i, sp := range tm.Spans {
			assert.LessOrEqual(t, sp.Begin, sp.End)
			assert.NotEmpty(t, sp.Kernel)
			if i > 0 {
				assert.GreaterOrEqual(t, sp.Group, tm.Spans[i-1].Group)
			}
		}
		assert.LessOrEqual(t, tm.Encode+tm.Submit+tm.Wait, tm.Wall)
		assert.LessOrEqual(t, tm.Spans[planned-1].End, tm.Wait+tm.Submit+tm.Deviation)
		assert.NotEmpty(t, tm.Clock)
	}
}

func TestPipelineCacheOnDisk(t *testing.T) {
	if openGPU(t, gpu.Options{}).Info().Emulated { // or skip
		t.Skip("nothing is kept of emulated devices")
	}
	dir := t.TempDir()
	run := func(t *testing.T) {
		d := openGPU(t, gpu.Options{CacheDir: dir})
		e := newEngine(t, d, engine.Options{})
		s := e.NewSession()
		defer s.Close()
		require.NoError(t, s.Eval(t.Context(), []int32{0}, engine.WantLast, nil))
	}
	t.Run("made", run)
	files, err := filepath.Glob(filepath.Join(dir, "pipelines-*.bin"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	before, err := os.Stat(files[0])
	require.NoError(t, err)
	t.Run("read", run)
	after, err := os.Stat(files[0])
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "a cache that did not change is not written again")
	require.NoError(t, os.WriteFile(files[0], []byte("damaged"), 0o600))
	t.Run("damaged", run)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.NotEqual(t, "damaged", string(b), "made anew")
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // no folder can be made there
	t.Run("nowhere", run)
}

// Whatever fails, the error says so and nothing stays behind.
func TestFailuresLeaveNothingBehind(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("injected failures are not the driver's, and the validation layer keeps its own count")
	}
	for _, c := range []struct {
		call   string
		from   int // index of the first call that fails, and the next nine: memory is asked for in several ways
		result vk.Result
		is     error
	}{
		{"vkAllocateMemory", 0, vk.ErrorOutOfDeviceMemory, vk.ErrOutOfDeviceMemory},
		{"vkAllocateMemory", 2, vk.ErrorOutOfDeviceMemory, vk.ErrOutOfDeviceMemory},
		{"vkCreateComputePipelines", 3, vk.ErrorOutOfHostMemory, vk.ErrOutOfHostMemory},
		{"vkBeginCommandBuffer", 1, vk.ErrorOutOfHostMemory, vk.ErrOutOfHostMemory},
		{"vkQueueSubmit", 1, vk.ErrorDeviceLost, gpu.ErrDeviceLost},
		{"vkWaitSemaphores", 1, vk.ErrorDeviceLost, gpu.ErrDeviceLost},
	} {
		t.Run(c.call, func(t *testing.T) {
			hooks := new(vk.Hooks)
			d := openGPU(t, gpu.Options{Hooks: hooks})
			hooks.Reset()
			for i := range 10 {
				require.NoError(t, hooks.InjectError(c.call, c.from+i, c.result))
			}
			f, err := weights.OpenBytes(ember.Name, ember.Model())
			require.NoError(t, err)
			e, err := engine.New(t.Context(), d, f, engine.Options{})
			if err == nil {
				s := e.NewSession()
				for i := 0; i < 3 && err == nil; i++ {
					err = s.Eval(t.Context(), []int32{0}, engine.WantLast, nil)
				}
				s.Close()
				closing := e.Close()
				assert.True(t, closing == nil || errors.Is(closing, c.is), "%v", closing)
			}
			require.ErrorIs(t, err, c.is)
			require.NoError(t, f.Close())
			closing := d.Close()
			assert.True(t, closing == nil || errors.Is(closing, c.is), "%v", closing)
			for name, n := range hooks.Live() {
				assert.Zero(t, n, "live %s", name)
			}
		})
	}
}

// What the device did not finish in time keeps its memory until it has.
func TestCloseKeepsWhatIsInUse(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("injected failures are not the driver's")
	}
	hooks := new(vk.Hooks)
	d := openGPU(t, gpu.Options{Hooks: hooks})
	f, err := weights.OpenBytes(ember.Name, ember.Model())
	require.NoError(t, err)
	e, err := engine.New(t.Context(), d, f, engine.Options{})
	require.NoError(t, err)
	session := e.NewSession()
	require.NoError(t, session.Eval(t.Context(), make([]int32, 9), engine.WantLast, nil))
	session.Close()
	prefill, _ := e.Executables()
	gpu.BehindScratch(t, d, 1<<20) // which the device is still filling
	live := hooks.Live()
	hooks.Reset()
	require.NoError(t, hooks.InjectError("vkWaitSemaphores", 0, vk.Timeout))
	require.ErrorIs(t, prefill.Close(), vk.ErrTimeout)
	assert.Equal(t, live, hooks.Live(), "nothing was given back")
	require.NoError(t, errors.Join(e.Close(), f.Close(), d.Close()))
	for name, n := range hooks.Live() {
		assert.Zero(t, n, "live %s", name)
	}
}

func TestMeasure(t *testing.T) {
	l, err := openGPU(t, gpu.Options{}).Measure(t.Context())
	require.NoError(t, err)
	assert.Greater(t, l.Bandwidth, 1e6)
	assert.Greater(t, l.FLOPs, 1e6)
	assert.Positive(t, l.Submit)
	assert.GreaterOrEqual(t, l.Dispatch.Nanoseconds(), int64(0))
	assert.False(t, l.Measured.IsZero())
}

// TestMeasureAll wants a figure for all that the device has, and none for what it lacks. How large they are is nobody's promise.
func TestMeasureAll(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	if d.Info().Emulated {
		t.Skip("times of emulated devices mean nothing")
	}
	l, err := d.MeasureAll(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Check())
	assert.True(t, l.Full)
	assert.Positive(t, l.Took)
	assert.Positive(t, l.Upload)
	assert.Positive(t, l.Download)
	caps := d.Caps()
	assert.Equal(t, caps.Float16, l.Half > 0)
	assert.Equal(t, caps.IntegerDot, l.Dot8 > 0)
	kinds := map[string]bool{}
	for _, s := range caps.CoopMat {
		kinds[s.Kind.String()] = true
	}
	assert.Len(t, l.Matrix, len(kinds))
	for _, p := range l.Matrix {
		assert.True(t, kinds[p.Types], p)
		assert.Positive(t, p.Rate, p)
	}
	sums, err := d.MeasureSums(t.Context())
	require.NoError(t, err)
	half, float := l.MatrixRate(kernel.CoopMatHalf.String()), l.MatrixRate(kernel.CoopMatFloat.String())
	assert.Equal(t, half > 0 && float > 0, len(sums) == 2, "the two that kernels choose between")
	d.UsePeaks(l.Matrix)
	assert.Equal(t, len(sums) == 2, strings.Contains(d.Caps().SumsWhy, "measured"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.MeasureAll(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// Logits that the device picks give the tokens that all logits give.
func TestCandidatesChangeNothing(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	engines := [2]*engine.Engine{newEngine(t, d, engine.Options{Candidates: -1}), newEngine(t, d, engine.Options{Candidates: 100})}
	for name, p := range map[string]sampler.Params{
		"greedy":       {Temp: 0, TopP: 1, RepeatPenalty: 1},
		"usual":        {Seed: 11, Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatLastN: 64, RepeatPenalty: 1},
		"penalties":    {Seed: 5, Temp: 1.5, TopK: 20, TopP: 1, RepeatLastN: -1, RepeatPenalty: 1.2, PresencePenalty: 0.5},
		"all of them":  {Seed: 5, Temp: 1, TopP: 1, RepeatPenalty: 1},
		"raised again": {Seed: 5, Temp: 1, TopK: 10, TopP: 1, RepeatLastN: 8, RepeatPenalty: 1, FrequencyPenalty: -0.5},
	} {
		t.Run(name, func(t *testing.T) {
			var texts [2][]int32
			for i, e := range engines {
				sm, err := sampler.New(p, e.Model.Width())
				require.NoError(t, err)
				s := e.NewSession()
				st, err := e.Generate(t.Context(), s, []int32{0, 570, 571}, sm, 40, func(tok engine.Token) bool {
					texts[i] = append(texts[i], tok.ID)
					return true
				})
				require.NoError(t, err)
				assert.NotZero(t, st.Tokens)
				s.Close()
			}
			assert.Equal(t, texts[0], texts[1])
		})
	}
}

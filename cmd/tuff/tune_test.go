package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/host/engine"
)

// tuned is tune of the embedded model with some shapes.
func tuned(t *testing.T, keep bool, stages ...stage) (*tuneReport, *gpu.Device) {
	t.Helper()
	return tunedOf(t, "", keep, 0, stages...)
}

func tunedOf(t *testing.T, model string, keep bool, budget time.Duration, stages ...stage) (*tuneReport, *gpu.Device) {
	t.Helper()
	c := &common{model: model, device: "gpu", math: "fast", untuned: true, out: new(bytes.Buffer), err: new(bytes.Buffer)}
	l, err := c.load(t.Context(), engine.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	dev := l.dev.(*gpu.Device)
	r, err := c.tune(t.Context(), l, dev, stages, 3, budget, keep)
	require.NoError(t, err)
	require.NoError(t, c.printTune(r, !keep))
	assert.Contains(t, c.out.(*bytes.Buffer).String(), "as planned")
	return r, dev
}

// A shape that is right is timed in every product; one that is wrong is refused and named. What is kept is what gained, and is used.
func TestTune(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	other := "lane" // the kernel that is not planned here: a broken one leaves the reference as it is
	if caps, _ := labDevice(t); caps.UniformLoads {
		other = "vec"
	}
	good := kernel.Few{Kernel: map[string]string{"lane": "vec", "vec": "lane"}[other], Rows: 2, Group: 16}
	breakShader(t, "matmul_q8_0_"+other)
	stages := fewStage([]kernel.Few{good, {Kernel: other, Rows: 1, Group: 8}})
	late, _ := tunedOf(t, "", false, time.Nanosecond, stages)
	assert.Equal(t, 1, late.Shapes, "what the budget does not reach is left out")
	assert.Equal(t, 1, late.Left)
	r, dev := tuned(t, true, stages)
	assert.Zero(t, r.Left)
	require.Len(t, r.Refused, 1)
	assert.Contains(t, r.Refused[0], other+" 1×8: ")
	assert.Equal(t, 2, r.Shapes)
	require.Len(t, r.Rows, 5)
	found := 0
	for _, row := range r.Rows {
		assert.Positive(t, row.Planned)
		assert.LessOrEqual(t, row.Best, row.Planned)
		assert.Contains(t, []int{1, 4}, row.Groups)
		if row.Shape != nil {
			found++
			assert.Equal(t, good, *row.Shape)
			assert.GreaterOrEqual(t, row.Gain, leastGain)
		}
	}
	kept := readTuned(dev.Info())
	require.Len(t, r.Steps, 1)
	if r.Steps[0].Kept {
		assert.Len(t, kept.few, found)
		assert.Less(t, r.Steps[0].Tuned, r.Steps[0].Planned)
	} else {
		assert.Zero(t, kept.count())
	}
}

// What wins is held against the CPU: a shape that fails there is named, and the next best takes its place.
func TestWinnersAreProven(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	breakShader(t, "matmul_q4_0_vec") // which the model, in Q8_0, has no use for
	c := &common{device: "gpu", math: "fast", untuned: true, out: new(bytes.Buffer), err: new(bytes.Buffer)}
	l, err := c.load(t.Context(), engine.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	tn := &tuner{l: l, dev: l.dev.(*gpu.Device), step: new(compute.Step), o: l.CompileOptions(1)}
	defer func() { require.NoError(t, tn.close()) }()
	some, err := tn.begin(t.Context())
	require.NoError(t, err)
	require.True(t, some)
	tn.cases = slices.DeleteFunc(conformance.Cases(), func(k conformance.Case) bool {
		return k.Op != "matmul" || k.Format != compute.Q4_0 || !k.Quick || !strings.Contains(k.Name, "_r1_")
	})[:1]
	wrong, right := kernel.Few{Kernel: "vec", Rows: 2, Group: 16}, kernel.Few{Kernel: "lane", Rows: 1, Group: 8}
	for _, f := range []kernel.Few{wrong, right} {
		refused, err := tn.try(t.Context(), shape{few: &f})
		require.NoError(t, errors.Join(refused, err))
	}
	require.NoError(t, tn.round(t.Context(), true))
	require.Len(t, tn.trials, 3)
	for i, tr := range tn.trials { // 1, 1/4 and 1/2 of a second: the wrong one wins
		for g := range tr.groups {
			tr.groups[g][0] = []float64{1, 0.25, 0.5}[i]
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	defer func(d time.Duration) { proofTime = d }(proofTime)
	proofTime = 0
	rows, f, refused, err := tn.proven(ended)
	require.NoError(t, err)
	assert.Empty(t, refused)
	assert.Zero(t, f.count(), "without time for a proof nothing wins")
	assert.NotEmpty(t, rows)
	for _, tr := range tn.trials {
		assert.Equal(t, tr.shape.few != nil, tr.unproven)
		tr.unproven = false
	}
	rows, f, refused, err = tn.proven(t.Context())
	require.NoError(t, err)
	require.Len(t, refused, 1)
	assert.Contains(t, refused[0], "vec 2×16: matmul")
	assert.Len(t, tn.trials, 2)
	require.NotEmpty(t, rows)
	for _, r := range rows {
		if assert.NotNil(t, r.Shape, r.Product) {
			assert.Equal(t, right, *r.Shape)
			assert.InDelta(t, 2, r.Gain, 1e-9)
		}
	}
	assert.Len(t, f.few, len(rows))
}

// A run goes on with what the one before left, because of its budget or an interruption, and keeps what it had found.
func TestTuneGoesOn(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	defer func(d time.Duration) { proofTime = d }(proofTime)
	proofTime = 10 * time.Minute
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	other, armed := "lane", false // the kernel that is not planned here: it is broken, so that its shapes lose
	if caps, _ := labDevice(t); caps.UniformLoads {
		other = "vec"
	}
	breakShader(t, "matmul_q8_0_"+other)
	broken := gpuOptions.Shader
	st := fewStage([]kernel.Few{{Kernel: other, Rows: 1, Group: 8}, {Kernel: map[string]string{"lane": "vec", "vec": "lane"}[other], Rows: 2, Group: 16}, {Kernel: other, Rows: 2, Group: 16}})
	var later []stage
	var info compute.Info
	run := func(budget time.Duration) (*tuneReport, *unfinished, string, error) {
		said := new(bytes.Buffer)
		c := &common{device: "gpu", math: "fast", untuned: true, out: new(bytes.Buffer), err: said, shader: func(module string) []uint32 {
			if armed && module == "matmul_q8_0_"+other {
				interrupt()
			}
			return broken(module)
		}}
		l, err := c.load(t.Context(), engine.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		r, err := c.tune(ctx, l, l.dev.(*gpu.Device), append([]stage{st}, later...), 3, budget, true)
		require.Len(t, r.Steps, 1, "what was tried is judged: %s", said)
		info = l.dev.Info()
		return r, readTunedFile(info).Unfinished, said.String(), err
	}
	r, left, said, err := run(time.Nanosecond)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, []int{r.Shapes, r.Left})
	require.NotNil(t, left)
	assert.False(t, left.Stages[0].Done)
	assert.NotContains(t, said, "goes on")
	assert.Equal(t, []string{st.shapes[0].String()}, left.Stages[0].Lost)

	i := slices.IndexFunc(kernel.Classes, func(c kernel.Class) bool { return c.Name == ", decode" })
	later = []stage{{class: &kernel.Classes[i], shapes: []shape{{many: &kernel.Many{Kernel: "attention_decode", Cols: 16, Group: 64}}}}}
	armed = true // the third ends the run, and would the first, were it tried again
	r, left, said, err = run(0)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []int{2, 2}, []int{r.Shapes, r.Left}, said)
	assert.Contains(t, said, "0 stages are done, of others 1 shapes were tried")
	assert.Contains(t, said, "interrupted: ")
	require.NotNil(t, left)
	won, tried := left.Stages[0].won(), st.shapes[1].String()
	assert.Equal(t, !names(won)[tried], slices.Contains(left.Stages[0].Lost, tried), "it won or it lost")
	assert.NotContains(t, left.Stages[0].Lost, st.shapes[2].String())
	assert.Equal(t, left.Stages[0].found().count(), readTuned(info).count(), "what gained is kept")

	armed, ctx, later = false, t.Context(), nil
	r, left, said, err = run(0)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 0}, []int{r.Shapes, r.Left}, said)
	assert.Len(t, r.Refused, 2)
	assert.Nil(t, left, "nothing is left: the next run begins anew")
}

// A stage that is done is not run again, and what it found is what the next ones are added to.
func TestTuneLeavesDoneStages(t *testing.T) {
	u := unfinished{}
	few := kernel.Few{Kernel: "vec", Rows: 1, Group: 8}
	u.set(stageDone{Stage: "one row", Shapes: 3, Lost: []string{"vec 2×8"}, Rows: []tuneRow{{Product: "p", Shape: &few}, {Product: "q"}}, Step: &tuneStep{Planned: 2, Tuned: 1}})
	u.set(stageDone{Stage: "decode"})
	u.set(stageDone{Stage: "decode", Done: true, Shapes: 4})
	stages, shapes := u.tried()
	assert.Equal(t, []int{1, 3}, []int{stages, shapes})
	d := u.of("one row")
	assert.Equal(t, kernel.Tuned{"p": few}, d.found().few)
	d.Step.Tuned = 3
	assert.Zero(t, d.found().count(), "slower together")
	list, first := fewStage([]kernel.Few{{Kernel: "vec", Rows: 2, Group: 8}, {Kernel: "vec", Rows: 4, Group: 8}, few}).without(d.Lost, names(d.won()))
	require.Len(t, list, 2)
	assert.Equal(t, few, *list[0].few, "what won is tried again, first: others are held against it")
	assert.Equal(t, 1, first)
	assert.False(t, past(time.Time{}), "no limit")
	assert.Equal(t, stageDone{Stage: "prefill"}, u.of("prefill"))
}

// What was found is used by what runs a model, and forgotten on demand.
func TestTunedIsUsed(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	info := dev.Info()
	require.NoError(t, dev.Close())
	writeCached(cachePath("tuned", info), tunedFile{cachedFor(info), kernel.Tuned{"Q8_0 2048×256 takerows rmsnorm": {Kernel: "vec", Rows: 1, Group: 8}}, nil, nil})
	const used = "tuned: vec 1×8"
	said := tuff(t, "run", "--device", "gpu", "-v", "-n", "1", "Once").ok(t).err
	assert.Contains(t, said, used)
	assert.Regexp(t, `kernels made when a step first needed them: [1-9][0-9]* in [0-9.]+m?s\n`, said)
	assert.Contains(t, tuff(t, "devices").ok(t).out, "1 kernels (tuff tune)")
	assert.Contains(t, tuff(t, "tune", "--forget").ok(t).err, "shapes forgotten: 1")
	assert.NotContains(t, tuff(t, "run", "--device", "gpu", "-v", "-n", "1", "Once").ok(t).err, used)

	foreign := cachedFor(info)
	foreign.Driver += " of another day"
	writeCached(cachePath("tuned", info), tunedFile{foreign, kernel.Tuned{kernel.AnyProduct: {Kernel: "vec", Rows: 1, Group: 8}}, nil, nil})
	assert.Zero(t, readTuned(info).count(), "of another driver")
	foreign = cachedFor(info)
	foreign.Shaders = strings.Repeat("0", len(foreign.Shaders))
	writeCached(cachePath("tuned", info), tunedFile{foreign, kernel.Tuned{kernel.AnyProduct: {Kernel: "vec", Rows: 1, Group: 8}}, nil, nil})
	assert.Zero(t, readTuned(info).count(), "of other shaders")
	assert.NotContains(t, tuff(t, "run", "--device", "gpu", "-v", "-n", "1", "Once").ok(t).err, "tuned: ")
}

// Attention, and tiles where the device multiplies in them, are tuned in steps of their own; what an interruption leaves is kept.
func TestTuneOfManyRows(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var stages []stage
	for _, tried := range []struct {
		class string
		many  kernel.Many
	}{{", kernel", kernel.Many{Kernel: "matmul_tile"}}, {", to 32 rows", kernel.Many{Kernel: "matmul_tile", Rows: 32, Cols: 64, Group: 128}},
		{", to 32 rows", kernel.Many{Kernel: "matmul_coop", Rows: 1, Cols: 1, Depth: 1, Group: 1}}, // which is none: passed over
		{", 5 to 8 rows", kernel.Many{Kernel: "matmul_lane", Rows: 1, Group: 16}},
		{", prefill", kernel.Many{Kernel: "attention_prefill", Rows: 8, Cols: 16, Group: 64}}, {", decode", kernel.Many{Kernel: "attention_decode", Cols: 16, Group: 64}}} {
		i := slices.IndexFunc(kernel.Classes, func(c kernel.Class) bool { return c.Name == tried.class })
		stages = append(stages, stage{class: &kernel.Classes[i], shapes: []shape{{many: &tried.many}}})
	}
	r, _ := tuned(t, false, stages...)
	assert.Empty(t, r.Refused)
	assert.LessOrEqual(t, r.Shapes, 5)
	assert.GreaterOrEqual(t, r.Shapes, 4)
	var classes []string
	for _, s := range r.Steps {
		classes = append(classes, s.Class)
		assert.Positive(t, s.Planned)
		assert.Positive(t, s.Tuned)
	}
	assert.Subset(t, classes, []string{"5 to 8 rows", "kernel", "prefill", "decode"})
	keys := map[string]bool{}
	for _, row := range r.Rows {
		keys[row.Product] = true
	}
	assert.True(t, keys["attention 8/4×32/32 F16 fast, prefill"], "%v", keys)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &common{device: "gpu", math: "fast", untuned: true, out: new(bytes.Buffer), err: new(bytes.Buffer)}
	l, err := c.load(t.Context(), engine.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	dev := l.dev.(*gpu.Device)
	f := found{kernel.Tuned{"a": {Kernel: "vec", Rows: 1, Group: 8}}, kernel.TunedMany{"b, decode": {Kernel: "attention_decode", Cols: 16, Group: 64}}}
	remember(dev.Info(), nil, f, nil, nil)
	_, err = c.tune(ctx, l, dev, stages, 3, 0, true)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, f, readTuned(dev.Info()))
	remember(dev.Info(), []tuneRow{{Product: "a"}}, found{}, map[string]bool{"vec 1×8": true}, nil)
	assert.Equal(t, f, readTuned(dev.Info()), "what was not tried again stays")
	remember(dev.Info(), []tuneRow{{Product: "a"}}, found{}, nil, nil)
	assert.Equal(t, found{kernel.Tuned{}, f.many}, readTuned(dev.Info()), "what no longer gains goes, and nothing else")
}

// Tiles of experts are tuned by the tokens of a step, with the gate's and the way back's products by themselves.
func TestTuneOfExperts(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	model := filepath.Join(t.TempDir(), "mixture.gguf")
	tuff(t, "synth", "--arch", "qwen3moe", "--preset", "tiny", "--type", "Q8_0", "-o", model).ok(t)
	i := slices.IndexFunc(kernel.Classes, func(c kernel.Class) bool { return c.Name == ", experts to 64 rows" })
	r, _ := tunedOf(t, model, false, 0, stage{class: &kernel.Classes[i], shapes: []shape{{many: &kernel.Many{Kernel: "matmul_experts_tile", Rows: 64, Cols: 32, Group: 128}},
		{many: &kernel.Many{Kernel: "matmul_experts_tile", Rows: 1, Cols: 1, Group: 1}}}}) // which is none: passed over
	assert.Empty(t, r.Refused)
	require.Len(t, r.Steps, 1)
	assert.Equal(t, 64, r.Steps[0].Rows)
	require.NotEmpty(t, r.Rows)
	for _, row := range r.Rows {
		assert.Regexp(t, `^experts Q8_0 \d+ of \d+, \d+×\d+.*, experts to 64 rows$`, row.Product)
	}
	if caps, _ := labDevice(t); caps.UniformLoads || len(caps.CoopMat) == 0 { // where experts are multiplied in float32
		assert.Equal(t, 1, r.Shapes)
	}
}

// The lab shows what a choice competes with, and why it is one.
func TestSourceOf(t *testing.T) {
	assert.Equal(t, "tuned", sourceOf("one row: registers; for one row tuned: vec 2×64"))
	assert.Equal(t, "tuned", sourceOf("one row; for one row as on other devices of AMD; tuned: matmul_vec 2×64"))
	assert.Equal(t, "vendor", sourceOf("one row; for one row as on other devices of AMD"))
	assert.Equal(t, "rule", sourceOf("one row"))
}

func TestBenchOfCandidates(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var rows []candidateRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--context", "70", "--rows", "1", "--candidates", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 6)
	choices := 0
	for i, r := range rows {
		if r.Choice != "" {
			choices++
			assert.Equal(t, "rule", r.Source)
			assert.Equal(t, "as planned", r.Candidate)
		}
		assert.True(t, i == 0 || r.Seconds >= rows[i-1].Seconds, "fastest first")
	}
	assert.Equal(t, 2, choices, "of either arithmetic")
	// Of more rows, every kernel that device and format allow.
	tiers := map[string]bool{"float32": true}
	_, variants := labDevice(t)
	for _, v := range variants {
		if v.Op == "matmul" && v.Lacks == "" {
			tiers[kernel.Tier(v.Name+"_")] = true
		}
	}
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "64", "--rows", "40", "--candidates", "-r", "1", "--json").ok(t).out), &rows))
	shown := map[string]bool{}
	for _, r := range rows {
		shown[r.Tier] = true
		stem, _, _ := strings.Cut(r.Candidate, " ")
		assert.True(t, r.Choice != "" || strings.Contains(r.Kernel, strings.TrimPrefix(stem, "matmul")+"_"), "%s is not %s", r.Kernel, r.Candidate)
	}
	assert.Equal(t, tiers, shown)
}

func TestTuneUsage(t *testing.T) {
	assert.Equal(t, exitUsage, tuff(t, "tune", "-r", "1").code)
	assert.Equal(t, exitUsage, tuff(t, "tune", "--device", "cpu").code)
	assert.Equal(t, exitUsage, tuff(t, "tune", "extra").code)
	assert.Equal(t, exitUsage, tuff(t, "tune", "--budget", "-1s").code)
	var f tunedFile
	require.NoError(t, json.Unmarshal([]byte(`{"device":"d","shapes":{"Q8_0 1×2":{"kernel":"vec","rows":2,"group":32}}}`), &f))
	assert.Equal(t, kernel.Tuned{"Q8_0 1×2": {Kernel: "vec", Rows: 2, Group: 32}}, f.Shapes)
}

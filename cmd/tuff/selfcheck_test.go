package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// The self-check sees the same faults.
func TestSelfCheckFailsOnABrokenShader(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	breakShader(t, "rmsnorm")
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	v, err := selfCheck(t.Context(), dev, 0, nil)
	require.NoError(t, err)
	require.NotEmpty(t, v.Failed)
	assert.Contains(t, v.String(), "FAILED")
	for _, f := range v.Failed {
		assert.Contains(t, f, "rmsnorm")
	}
	assert.NotZero(t, v.Passed)
	again, ok := readVerdict(verdictPath(dev.Info()), dev.Info())
	require.True(t, ok, "remembered")
	assert.Equal(t, v.Failed, again.Failed)
	require.NoError(t, dev.Close())
}

// A variant that computes wrongly is found by the first check, named, and replaced: with it left out, the model is right.
func TestSelfCheckReplacesABadVariant(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	breakShader(t, "matmul_q8_0_tile") // its first multiplication is SwiGLU's, which matmul_tile_split leaves to another kernel
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	// The first half of selfCheck, with what it runs in exact arithmetic.
	v := &verdict{cached: cachedFor(dev.Info()), Done: true}
	path := verdictPath(dev.Info())
	exact := slices.DeleteFunc(dev.Variants(), func(k kernel.Variant) bool { return k.Math() != compute.Exact })
	k, err := newChecker(dev, v, path)
	require.NoError(t, err)
	_, err = k.run(t.Context(), variantJobs(exact, dev.Info().Kind), 0)
	require.NoError(t, errors.Join(err, k.close(), dev.Close()))
	writeCached(path, v)

	var list []deviceReport
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "devices", "--json").ok(t).out), &list))
	require.True(t, strings.HasPrefix(list[0].SelfCheck, "passed"), list[0].SelfCheck)
	for _, v := range []string{"matmul_tile_32", "matmul_tile_64"} {
		assert.Contains(t, list[0].Refused[v], "matmul_swiglu", v)
		assert.Contains(t, list[0].SelfCheck, v)
	}
	assert.Len(t, list[0].Refused, 2, "the others are right")
	text := tuff(t, "devices").ok(t).out
	assert.Contains(t, text, "replaced")
	assert.Contains(t, text, "matmul_tile_64: matmul_swiglu")
	assert.Contains(t, tuff(t, "kernels", "list").ok(t).out, "by name only: matmul_swiglu")
	tuff(t, "compare", "-n", "2").ok(t) // which TestCompareNamesTheBrokenShader shows to fail otherwise
}

// While variants are checked, their file says so. Where the process ended there, the next check takes them one by one, and leaves out the one
// with which a process ends alone.
func TestSelfCheckLeavesOutWhatEndedIt(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	said, path := new(verdict), ""
	var info compute.Info
	var mu sync.Mutex
	gpuOptions = gpu.Options{Shader: func(module string) []uint32 {
		mu.Lock()
		defer mu.Unlock()
		if module == "attention_decode" {
			said, _ = readVerdict(path, info)
		}
		return nil
	}}
	t.Cleanup(func() { gpuOptions = gpu.Options{} })
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	defer dev.Close()
	info = dev.Info()
	path = verdictPath(info)
	variants := slices.DeleteFunc(dev.Variants(), func(v kernel.Variant) bool { return v.Name != "attention_split" && v.Name != "attention_decode" })
	check := func(running ...string) *verdict {
		v := &verdict{cached: cachedFor(info), Running: running}
		k, err := newChecker(dev, v, path)
		require.NoError(t, err)
		_, err = k.run(t.Context(), variantJobs(variants, info.Kind), 0)
		require.NoError(t, errors.Join(err, k.close()))
		assert.Positive(t, v.Passed)
		assert.Empty(t, v.Running)
		return v
	}
	assert.Equal(t, map[string]string{"attention_split": "its check did not come to an end"}, check("attention_split").Refused)
	assert.Equal(t, []string{"attention_decode"}, said.Running)
	assert.Empty(t, check("attention_split", "attention_decode").Refused)
	_, done := readVerdict(path, info)
	assert.False(t, done)
}

// A first start does not wait for everything: what its budget does not reach is left out, and checked at the next one.
func TestSelfCheckGoesOn(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	defer dev.Close()
	info := dev.Info()
	path := verdictPath(info)
	variants := slices.DeleteFunc(dev.Variants(), func(v kernel.Variant) bool { return v.Name != "attention_split" && v.Name != "attention_decode" })
	list := variantJobs(variants, info.Kind)
	start := func(v *verdict, budget time.Duration) []job {
		k, err := newChecker(dev, v, path)
		require.NoError(t, err)
		k.size = 1
		left, err := k.run(t.Context(), list, budget)
		require.NoError(t, errors.Join(err, k.close()))
		v.Left, v.Waiting = len(left), waiting(left)
		writeCached(path, v)
		return left
	}
	v := &verdict{cached: cachedFor(info)}
	left := start(v, 1)
	require.Len(t, left, len(list)-1)
	assert.Equal(t, 1, v.Passed)
	dev.Refuse(v.out())
	for _, k := range dev.Variants() {
		if k.Name == left[len(left)-1].variant {
			assert.Contains(t, k.Refused, "not checked yet")
		}
	}
	assert.Contains(t, tuff(t, "devices").ok(t).out, "left for the next start")
	again, whole := readVerdict(path, info)
	require.False(t, whole)
	assert.Empty(t, start(again, 0))
	assert.Equal(t, len(list), again.Passed, "none twice")
	assert.Empty(t, again.out())

	// What a model needs comes first.
	jobs := needed([]job{{c: conformance.Case{Format: compute.Q4_0}}, {c: conformance.Case{Format: compute.Q8_0}}, {}}, []compute.DType{compute.Q8_0})
	assert.Equal(t, []compute.DType{compute.Q8_0, compute.NoDType, compute.Q4_0}, []compute.DType{jobs[0].c.Format, jobs[1].c.Format, jobs[2].c.Format})
}

// On hardware the self-check runs the kernels of fast arithmetic, which are chosen by the number of rows.
func TestSelfCheckMeetsEveryNumberOfRows(t *testing.T) {
	for _, f := range []compute.DType{compute.F16, compute.Q4_K, compute.Q8_0} {
		var few, some, many int
		for _, c := range selfCheckCases(compute.Fast) {
			switch {
			case c.Op != "matmul" || c.Format != f:
			case c.Rows > 64:
				many++
			case c.Rows > 8:
				some++
			default:
				few++
			}
		}
		assert.True(t, few > 0 && some > 0 && many > 0, "%v: %d, %d and %d cases of few, some and many rows", f, few, some, many)
	}
}

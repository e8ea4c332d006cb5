package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compare"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/host/profile"
	"tuff/host/testkit"
	"tuff/shaders"
)

func TestComparePasses(t *testing.T) {
	needGPU(t)
	for _, math := range []string{"exact", "fast"} {
		for _, fusion := range []string{"--no-fuse=false", "--no-fuse"} {
			t.Run(math+fusion, func(t *testing.T) {
				var r compare.Report
				require.NoError(t, json.Unmarshal([]byte(tuff(t, "compare", "--math", math, fusion, "--json").ok(t).out), &r))
				assert.True(t, r.Pass)
				assert.Equal(t, 32, r.Greedy.Equal)
				assert.Equal(t, 1.0, r.Logits.Top1)
				phases := map[string]int{}
				for _, op := range r.Ops {
					phases[op.Phase]++
					assert.Equal(t, "ok", op.Verdict, op.Label)
					assert.Zero(t, op.Isolated.NaN+op.Isolated.Inf, op.Label)
				}
				assert.GreaterOrEqual(t, phases["prefill"], 4*12, "every tensor of four layers")
				if fusion == "--no-fuse" {
					assert.Equal(t, phases["prefill"], phases["decode"])
				}
				assert.GreaterOrEqual(t, phases["decode"], 4*7, "those that kernels for few rows leave in memory")
			})
		}
	}
}

// A model with a state has one row before a step and one behind it: both phases are compared, states included, on any two devices.
func TestCompareOfStates(t *testing.T) {
	for _, name := range []string{"mamba2", "jamba", "lfm2", "qwen3-next"} {
		var r compare.Report
		out := tuff(t, "compare", "-m", testkit.Testdata(t, "oracle", name), "--a", "cpu", "--math", "exact", "-n", "4", "--json").ok(t).out
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		assert.True(t, r.Pass)
		states := map[string]int{}
		for _, op := range r.Ops {
			assert.Zero(t, op.Isolated.NaN, op.Tensor)
			if strings.HasSuffix(op.Tensor, "_state") {
				assert.Equal(t, 1, op.Rows, op.Tensor)
				states[op.Phase]++
			}
		}
		assert.Positive(t, states["prefill"], name)
		assert.Equal(t, states["prefill"], states["decode"], name)
	}
}

// breakShader makes the first multiplication of a module an addition.
func breakShader(t *testing.T, module string) {
	t.Helper()
	t.Chdir(t.TempDir()) // where compare saves what it finds
	const opFAdd, opFMul, header = 129, 133, 5
	gpuOptions = gpu.Options{CacheDir: "-", Shader: func(name string) []uint32 {
		if name != module {
			return nil
		}
		code, err := shaders.Module(name)
		require.NoError(t, err)
		for i := header; i < len(code); i += int(code[i] >> 16) {
			if code[i]&0xffff == opFMul {
				code[i] = code[i]&^0xffff | opFAdd
				return code
			}
		}
		t.Fatalf("%s has no multiplication to break", name)
		return nil
	}}
	t.Cleanup(func() { gpuOptions = gpu.Options{} })
}

// A wrong kernel must be named by the first op that runs it.
func TestCompareNamesTheBrokenShader(t *testing.T) {
	needGPU(t)
	const projection = "blk.0.attn_norm+blk.0.attn_q+blk.0.attn_k+blk.0.attn_v+blk.0.attn_q_rope+blk.0.attn_k_rope+blk.0.kv_store"
	for module, first := range map[string]string{
		"embed_q8_0":        "token_embd",
		"rmsnorm":           projection,
		"matmul_q8_0_tile":  "blk.0.ffn_norm+blk.0.ffn_gate+blk.0.ffn_up+blk.0.ffn_act", // its first multiplication is SwiGLU's
		"rope_kvstore":      projection,
		"attention_prefill": "blk.0.attn",
		"attention_decode":  "blk.0.attn",
		"matmul_q8_0_vec":   projection,
	} {
		t.Run(module, func(t *testing.T) {
			lane := laneOr(t, module)
			if lane != module && module == "matmul_q8_0_tile" {
				t.Skip("lanes multiply any number of rows, as in place of matmul_q8_0_vec")
			}
			module = lane
			breakShader(t, module)
			r := tuff(t, "compare", "--json")
			assert.Equal(t, exitGate, r.code, r.err)
			var rep compare.Report
			require.NoError(t, json.Unmarshal([]byte(r.out), &rep))
			assert.False(t, rep.Pass)
			require.NotNil(t, rep.First)
			assert.Equal(t, first, rep.First.Label)
			assert.Contains(t, rep.First.Kernel, strings.TrimSuffix(module, "_q8_0"))
			assert.Contains(t, lastLine(r.err), first)
		})
	}
}

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

func TestProfileAddsUp(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		trace := filepath.Join(t.TempDir(), "trace.json")
		var r profile.Report
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "profile", "--device", device, "-p", "40", "-n", "6", "-r", "2", "--trace", trace, "--json").ok(t).out), &r))
		require.Len(t, r.Regions, 2)
		assert.Positive(t, r.Limits.Bandwidth)
		assert.Positive(t, r.Limits.FLOPs)
		for i, want := range []struct{ steps, tokens int }{{2, 80}, {12, 12}} {
			g := r.Regions[i]
			assert.Equal(t, want.steps, g.Steps)
			assert.Equal(t, want.tokens, g.Tokens)
			assert.InDelta(t, 1, g.Accounted, 0.02)
			share := 0.0
			for _, op := range g.Ops {
				share += op.Share
				assert.Positive(t, op.Calls)
				assert.NotEmpty(t, op.Kernel)
				if device == "cpu" {
					assert.Nil(t, op.Issued)
				} else if assert.NotNil(t, op.Issued) {
					assert.True(t, op.Issued.Bytes >= op.Cost.Bytes && op.Issued.FLOPs >= op.Cost.FLOPs, "%s %s", op.Stem, op.Kernel)
				}
			}
			assert.InDelta(t, 1, share, 0.02, "the ops make up the kernels' time")
		}
		b, err := os.ReadFile(trace)
		require.NoError(t, err)
		var events struct {
			TraceEvents []struct {
				Ph   string         `json:"ph"`
				Dur  float64        `json:"dur"`
				Args map[string]any `json:"args"`
			} `json:"traceEvents"`
		}
		require.NoError(t, json.Unmarshal(b, &events))
		kernels := 0
		for _, e := range events.TraceEvents {
			if e.Ph == "X" && e.Args["kernel"] != nil {
				kernels++
			}
		}
		assert.Equal(t, int(2*r.Regions[0].Dispatches+12*r.Regions[1].Dispatches), kernels)
		text := tuff(t, "profile", "--device", device, "-p", "8", "-n", "2", "-r", "1").ok(t).out
		for _, want := range []string{"prefill: 8 tokens", "decode: 2 tokens", "measured limits", "OF LIMIT", "kernels", "sum"} {
			assert.Contains(t, text, want)
		}
	})
}

func TestTilingLesson(t *testing.T) {
	needGPU(t)
	var rows []squareRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "--tile", "1,8,16,32", "--size", "128", "-r", "3", "--json").ok(t).out), &rows))
	require.Len(t, rows, 4)
	for i, tile := range []int{1, 8, 16, 32} {
		assert.Equal(t, tile, rows[i].Tile)
		assert.Equal(t, uint64(2*128*128*128/tile), rows[i].Loads, "2·S³/tile, counted by the kernel")
		assert.Equal(t, rows[i].Predicted, rows[i].LoadsPerResult)
		assert.Positive(t, rows[i].Seconds)
		assert.Positive(t, rows[i].OfFLOPs)
		assert.Positive(t, rows[i].OfBandwidth)
	}
	assert.Less(t, rows[3].Seconds, rows[0].Seconds, "time falls with the loads, 2 to 9 times on CPUs")
	// A size that no tile divides loads fewer than whole tiles would.
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "--tile", "1,16", "--size", "37", "-r", "1", "--json").ok(t).out), &rows))
	assert.Equal(t, uint64(2*37*37*37), rows[0].Loads)
	assert.Less(t, rows[1].Loads, rows[0].Loads/8)
	// Without any shape, kernels and tiles are shown one after the other.
	text := tuff(t, "kernels", "bench", "matmul", "-r", "1").ok(t).out
	for _, want := range []string{"Q8_0 2048×2048", "matmul_naive", "matmul_square_32", "33554432", "512.00"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, exitUsage, tuff(t, "kernels", "bench", "matmul", "--tile", "1", "--size", "0").code)
	assert.Equal(t, exitError, tuff(t, "kernels", "bench", "matmul", "--tile", "5").code)
}

func TestKernelsBench(t *testing.T) {
	needGPU(t)
	var rows []kernelRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "256", "--rows", "1,20", "--type", "q4_k", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Contains(t, rows[0].Kernel, laneOr(t, "matmul_q4_k_vec")) // of exact arithmetic
	assert.Contains(t, rows[1].Kernel, laneOr(t, "matmul_q4_k_tile"))
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--context", "70", "--rows", "1", "--variant", "attention_split", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Contains(t, rows[0].Kernel, "attention_combine")
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--context", "70", "--rows", "1", "--variant", "attention_joined", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, "attention_decode_joined_4", rows[0].Kernel)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "512", "--rows", "20", "--variant", "matmul_tile_32,matmul_tile_split", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Equal(t, "matmul_q8_0_tile_32", rows[0].Kernel)
	assert.Equal(t, "matmul_q8_0_tile_32_k3+matmul_join", rows[1].Kernel)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "256", "--rows", "1", "-r", "1", "--variant", "all", "--json").ok(t).out), &rows))
	names, chosen := map[string]bool{}, ""
	for _, r := range rows {
		assert.False(t, names[r.Kernel], "%s twice", r.Kernel)
		names[r.Kernel] = true
		assert.NotEmpty(t, r.Tier, r.Kernel)
		assert.Positive(t, r.OfLimit, r.Kernel)
		assert.GreaterOrEqual(t, r.OfLimit, r.OfBandwidth, r.Kernel)
		chosen += r.Chosen
	}
	assert.True(t, names[laneOr(t, "matmul_q8_0_vec")+"_1"] && names["matmul_q8_0_tile_32"], "%v", names)
	assert.Equal(t, 1, strings.Count(chosen, "exact"))
	assert.Equal(t, 1, strings.Count(chosen, "fast"))
	r := tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "250")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.err, "250")
	assert.Equal(t, exitUsage, tuff(t, "kernels", "bench", "matmul", "--type", "Q9").code)
}

func TestKernelsTest(t *testing.T) {
	needGPU(t)
	var rows []testRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", "rmsnorm", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Greater(t, rows[0].Passed, 20)
	assert.Empty(t, rows[0].Failed)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", "--variant", "attention_split", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, "attention", rows[0].Op)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "nosuch").code)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "--variant", "nosuch").code)
	breakShader(t, "rmsnorm")
	r := tuff(t, "kernels", "test", "rmsnorm")
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.out, "failed rmsnorm/")
}

func TestKernelsList(t *testing.T) {
	needGPU(t)
	out := tuff(t, "kernels", "list").ok(t).out
	for _, v := range []string{"matmul_vec", "matmul_tile_64", "attention_split", "rope_kvstore", "HERE"} {
		assert.Contains(t, out, v)
	}
	var rows []choiceRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "list", "-m", filepath.Join("..", "..", "testdata", "oracle", "mistral"), "--rows", "1,40", "--json").ok(t).out), &rows))
	seen := map[string]int{}
	for _, r := range rows {
		assert.NotEmpty(t, r.Kernels)
		assert.NotEmpty(t, r.Why)
		if strings.Contains(r.Op, "matmul") {
			seen[strings.Join(r.Kernels, " ")] += r.Groups
			assert.NotEmpty(t, r.Others)
		}
	}
	assert.Greater(t, len(seen), 3, "few rows and many run on other kernels: %v", seen)
	assert.Contains(t, tuff(t, "kernels", "list", "-m", filepath.Join("..", "..", "testdata", "oracle", "mistral"), "--rows", "40", "--why").ok(t).out, "not matmul_vec")
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

// needGLSLC skips where there is no compiler for shaders, which make shaders fetches; with TUFF_REQUIRE_GLSLC that is a failure. It gives the
// folder shaders.
func needGLSLC(t *testing.T) string {
	t.Helper()
	root := testkit.Root(t)
	glslc := filepath.Join(root, ".cache", "glslc", "glslc")
	if _, err := os.Stat(glslc); err != nil {
		if os.Getenv("TUFF_REQUIRE_GLSLC") != "" {
			t.Fatal("no glslc: make shaders fetches one")
		}
		t.Skip("no glslc: make shaders fetches one")
	}
	t.Setenv("GLSLC", glslc)
	return filepath.Join(root, "shaders")
}

// editedCopy is a copy of the shaders in which the one old in a file became text. Tests that need the compiler for it are skipped without one.
func editedCopy(t *testing.T, file, old, text string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shaders")
	require.NoError(t, os.CopyFS(dir, os.DirFS(needGLSLC(t))))
	editFile(t, filepath.Join(dir, file), old, text)
	return dir
}

// editFile replaces old, which the file has once.
func editFile(t *testing.T, path, old, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(b), old), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), old, text, 1)), 0o644))
}

// A few of the planted bugs of tuff kernels test --mutate, which finds them all.
func TestKernelsMutate(t *testing.T) {
	needGPU(t)
	dir := needGLSLC(t)
	for _, op := range []string{"add", "rmsnorm"} {
		var rows []mutantRow
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", op, "--mutate", "--shaders", dir, "--json").ok(t).out), &rows))
		require.NotEmpty(t, rows)
		for _, r := range rows {
			assert.True(t, r.Found, "%s: %s", r.Source, r.Old)
			assert.Contains(t, r.By, op)
		}
	}
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "nosuch", "--mutate", "--shaders", dir).code)
	assert.Equal(t, exitError, tuff(t, "kernels", "test", "--mutate", "--shaders", t.TempDir()).code)
}

// Either side may be any device with settings: two arithmetics of the CPU, one kernel against what is planned, a GPU as the reference.
func TestCompareOfSettings(t *testing.T) {
	run := func(args ...string) compare.Report {
		t.Helper()
		var r compare.Report
		require.NoError(t, json.Unmarshal([]byte(tuff(t, append([]string{"compare", "--json", "-n", "2", "--prompt", "Once upon"}, args...)...).ok(t).out), &r))
		return r
	}
	r := run("--a", "cpu", "--b", "cpu", "--math", "exact")
	assert.Zero(t, r.Logits.MaxAbs, "the same on both sides")
	r = run("--a", "cpu,math=fast", "--b", "cpu")
	assert.Positive(t, r.Logits.MaxAbs)
	assert.Equal(t, exitUsage, tuff(t, "compare", "--a", "cpu,nosuch=1").code)
	needGPU(t)
	r = run("--a", "gpu,variant=attention:attention_split", "--b", "gpu", "--math", "exact")
	split := false
	for _, op := range r.Ops {
		split = split || strings.Contains(op.Kernel, "attention_combine") || op.Phase == "decode" && strings.Contains(op.Kernel, "attention")
		assert.Zero(t, op.Isolated.Bound, "nothing is proven against a GPU")
	}
	assert.True(t, split)
}

// Prompts of few tokens run kernels that keep in registers what those of many leave in memory.
func TestCompareOfAShortPrompt(t *testing.T) {
	needGPU(t)
	var r compare.Report
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "compare", "--json", "-n", "1", "--prompt", "a", "--math", "exact").ok(t).out), &r))
	assert.Greater(t, len(r.Ops), 50)
	for _, op := range r.Ops {
		assert.Less(t, op.Isolated.NMSE, 1e-6, op.Tensor)
	}
}

// Exact arithmetic on the CPU gives the same bits however a prompt is divided; every device does for the same work.
func TestCompareDeterminism(t *testing.T) {
	for _, device := range []string{"cpu", "gpu"} {
		if device == "gpu" {
			needGPU(t)
		}
		var r compare.Report
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "compare", "--a", device, "--math", "exact", "-n", "1", "--determinism", "--json").ok(t).out), &r))
		assert.GreaterOrEqual(t, len(r.Stability), 7)
		assert.Equal(t, "in a batch of 4 sequences", r.Stability[len(r.Stability)-1].Name)
		for _, s := range r.Stability {
			assert.True(t, s.Equal || !s.Must && device == "gpu", "%s: %s", device, s.Name)
			assert.Positive(t, s.Runs)
		}
	}
}

// Groups of experts and of norms of heads keep to their bounds, which each product has.
func TestCompareOfExperts(t *testing.T) {
	needGPU(t)
	var r compare.Report
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "compare", "-m", testkit.Testdata(t, "oracle", "qwen3-moe-F32.gguf"), "-n", "1", "--math", "exact", "--json").ok(t).out), &r))
	for _, op := range r.Ops {
		if strings.HasSuffix(op.Tensor, "_exps") || strings.HasSuffix(op.Tensor, "_moe_act") || strings.HasSuffix(op.Tensor, "_norm") {
			assert.Positive(t, op.Isolated.Bound, op.Tensor)
			assert.Less(t, op.Isolated.Bound, 0.5, op.Tensor)
		}
	}
}

func TestComparePrompts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prompts.txt")
	require.NoError(t, os.WriteFile(file, []byte("Once upon a time\n\nThe little dog\nA fox was"), 0o644))
	args := []string{"compare", "--a", "cpu", "--math", "fast", "-n", "3", "--prompts", file}
	var r compare.Report
	require.NoError(t, json.Unmarshal([]byte(tuff(t, append(args, "--json")...).ok(t).out), &r))
	require.Len(t, r.Prompts, 3)
	positions := 0
	for _, p := range r.Prompts {
		assert.Positive(t, p.Tokens)
		assert.Equal(t, 3, p.Greedy.Tokens)
		positions += p.Logits.Positions
	}
	assert.Equal(t, positions, r.Logits.Positions)
	assert.Contains(t, tuff(t, args...).ok(t).out, "prompt 3")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o644))
	assert.Equal(t, exitError, tuff(t, args...).code)
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compare"
	"tuff/host/testkit"
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

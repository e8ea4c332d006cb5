package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

func TestKernelsListBuilt(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	model := testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf")
	r := tuff(t, "kernels", "list", "-m", model, "--built", "--rows", "1,16").ok(t)
	assert.Contains(t, r.out, "KERNEL")
	assert.Contains(t, r.out, "REGISTERS")
	var rows []builtRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "list", "-m", model, "--built", "--rows", "1,16", "--json").ok(t).out), &rows))
	require.NotEmpty(t, rows)
	seen := map[int]bool{}
	for _, b := range rows {
		assert.NotEmpty(t, b.Kernel)
		assert.NotEmpty(t, b.Rows)
		for _, n := range b.Rows {
			seen[n] = true
		}
		assert.Contains(t, r.out, b.Kernel)
	}
	assert.Equal(t, map[int]bool{1: true, 16: true}, seen)
	r = tuff(t, "kernels", "list", "--built")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.err, "--built: got no model, want one by -m")
}

// What models run keeps to the registers: on null hardware, which compiles for a GPU that is not there.
func TestNothingSpills(t *testing.T) {
	if os.Getenv("TUFF_NULL_HARDWARE") != "1" {
		t.Skip("TUFF_NULL_HARDWARE is not 1: no driver that only compiles")
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "model.gguf")
	built := func(t *testing.T, synth ...string) {
		tuff(t, append([]string{"synth", "--force", "-o", file}, synth...)...).ok(t)
		for _, math := range []string{"exact", "fast"} {
			var rows []builtRow
			r := tuff(t, "kernels", "list", "-m", file, "--device", "gpu", "--built", "--math", math, "--rows", "1,4,16,64,256", "--json").ok(t)
			require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
			require.NotEmpty(t, rows)
			for _, b := range rows {
				if assert.NotNil(t, b.Spills, "%s: %v", b.Kernel, b.Statistics) {
					assert.Zero(t, *b.Spills, "%s in %s arithmetic, rows %v", b.Kernel, math, b.Rows)
				}
				for _, s := range b.Statistics {
					if s.Name == "Scratch size" {
						assert.Zero(t, s.Value, "%s in %s arithmetic, rows %v: bytes of scratch", b.Kernel, math, b.Rows)
					}
				}
			}
		}
	}
	for _, arch := range []string{"llama", "gemma3", "gemma3n", "gpt-oss", "qwen3moe", "deepseek2", "mamba", "mamba2", "qwen3next", "falcon-h1", "bert"} {
		t.Run(arch, func(t *testing.T) { built(t, "--arch", arch, "--preset", "15M", "--type", "Q4_K_M") })
	}
	for _, format := range []string{"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q3_K", "Q5_K", "Q6_K", "IQ1_M", "IQ2_S", "IQ3_S", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "Q1_0"} {
		t.Run(format, func(t *testing.T) {
			built(t, "--pure", "--hidden", "2048", "--heads", "16", "--kv-heads", "4", "--head-dim", "128", "--ffn", "4096", "--vocab", "512", "--layers", "1", "--type", format)
		})
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compare"
	"tuff/host/testkit"
)

// Every op of models of all kinds can be saved and gives the same bits again on the device that it was found on.
func TestReplayOfEveryOp(t *testing.T) {
	for _, name := range []string{"kq-llama-Q4_K_M.gguf", "mamba2", "qwen3-next", "deepseek-v2", "mixtral-Q8_0.gguf", "gpt-oss-F32.gguf", "bert"} {
		t.Run(name, func(t *testing.T) {
			model := testkit.Testdata(t, "oracle", name)
			path := filepath.Join(t.TempDir(), "op.replay")
			var all compare.Report
			require.NoError(t, json.Unmarshal([]byte(tuff(t, "compare", "-m", model, "--a", "cpu", "--math", "exact", "-n", "1", "--json", "--prompt", "a b c").ok(t).out), &all))
			seen := map[string]bool{}
			for _, op := range all.Ops {
				if seen[op.Stem] {
					continue
				}
				seen[op.Stem] = true
				tuff(t, "compare", "-m", model, "--a", "cpu", "--math", "exact", "-n", "1", "--prompt", "a b c", "--op", op.Tensor, "--save", path, "--json").ok(t)
				var got replayReport
				require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "replay", path, "--device", "cpu", "--json").ok(t).out), &struct {
					Rows *[]compare.Op `json:"results"`
					Pass *bool         `json:"pass"`
				}{&got.Rows, &got.Pass}))
				assert.True(t, got.Pass, op.Stem)
				require.NotEmpty(t, got.Rows, op.Stem)
				for _, r := range got.Rows {
					assert.Zero(t, r.Isolated.MaxAbs, "%s: %s", op.Stem, r.Tensor)
				}
			}
			assert.Greater(t, len(seen), 5)
		})
	}
}

// The way from a model that answers wrongly to the kernel: compare finds and saves the op, replay shows the same fault with the kernel and none without.
func TestReplayOfAPlantedBug(t *testing.T) {
	needGPU(t)
	path := filepath.Join(t.TempDir(), "bad.replay")
	attention := laneOr(t, "attention_prefill")
	breakShader(t, attention)
	r := tuff(t, "compare", "--math", "exact", "-n", "2", "--save", path)
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.err, "tuff kernels replay "+path)
	r = tuff(t, "kernels", "replay", path)
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.err, attention)
	assert.Contains(t, r.out, "over the bound")
	gpuOptions.Shader = nil
	assert.Contains(t, tuff(t, "kernels", "replay", path).ok(t).out, attention)
	tuff(t, "kernels", "replay", path, "--device", "cpu").ok(t)
	assert.Equal(t, exitError, tuff(t, "kernels", "replay", path, "--variant", "attention:nosuch").code)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "replay", path, "--variant", "attention").code)
	comma := filepath.Join(t.TempDir(), "mine,kv=f16")
	assert.Contains(t, tuff(t, "kernels", "replay", path, "--shaders", comma).err, filepath.Join(comma, "manifest.json"), "a folder's name is no setting")
}

// The example of docs/compare.md: a window that is a key too long, from the model that answers wrongly to the line of the shader.
func TestCompareWorkedExample(t *testing.T) {
	needGPU(t)
	mine := editedCopy(t, filepath.Join("include", "pieces.glsl"), "pos + 1u - m.window", "pos - m.window")
	model, path := testkit.Testdata(t, "oracle", "mistral"), filepath.Join(t.TempDir(), "divergence.replay")

	r := tuff(t, "compare", "-m", model, "--a", "gpu,shaders="+mine, "--math", "exact", "-n", "2", "--prompt", "Once upon a time there was a dog", "--save", path)
	assert.Equal(t, exitGate, r.code, r.err)
	assert.Regexp(t, "first divergence: blk.0.attn, kernel "+laneOr(t, "attention_prefill")+"[_0-9]*, given B's inputs", r.out)
	assert.Contains(t, r.err, "tuff kernels replay "+path)
	r = tuff(t, "kernels", "replay", path, "--shaders", mine)
	assert.Equal(t, exitGate, r.code, r.err)
	assert.Contains(t, r.out, "over the bound")
	assert.Contains(t, tuff(t, "kernels", "replay", path).ok(t).out, "ok")
	// As the commands of the document have it.
	doc, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs", "compare.md"))
	require.NoError(t, err)
	assert.Contains(t, string(doc), "sed -i 's/pos + 1u - m.window/pos - m.window/' my-shaders/include/pieces.glsl")
	assert.Contains(t, string(doc), "first divergence: blk.0.attn, kernel attention_prefill, given B's inputs")
}

// A kernel that was forced is forced again where it was.
func TestReplayKeepsTheVariant(t *testing.T) {
	needGPU(t)
	path := filepath.Join(t.TempDir(), "op.replay")
	tuff(t, "compare", "--a", "gpu,variant=matmul:matmul_tile_64", "--math", "exact", "-n", "1", "--no-fuse", "--prompt", "a b c d", "--op", "blk.0.attn_output", "--save", path).ok(t)
	assert.Contains(t, tuff(t, "kernels", "replay", path).ok(t).out, "_tile_64")
	assert.Contains(t, tuff(t, "kernels", "replay", path, "--variant", "matmul:matmul_vec").ok(t).out, "_vec_")
	tuff(t, "kernels", "replay", path, "--device", "cpu").ok(t)
}

func TestReplayRefusesOtherFiles(t *testing.T) {
	assert.Equal(t, exitUsage, tuff(t, "kernels", "replay").code)
	path := filepath.Join(t.TempDir(), "x")
	for text, want := range map[string]string{"": "tuff compare --save", "PK\x03\x04junk": "tuff compare --save"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		r := tuff(t, "kernels", "replay", path, "--device", "cpu")
		assert.Equal(t, exitError, r.code)
		assert.Contains(t, r.err, want)
	}
	r := tuff(t, "compare", "--a", "cpu", "-n", "1", "--op", "nosuch")
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "nosuch")
}

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/quantize"
	"tuff/host/testkit"
)

func TestQuantizeWritesAModelThatRuns(t *testing.T) {
	in := testkit.Testdata(t, "oracle", "llama2-F16.gguf")
	dir := t.TempDir()
	first := filepath.Join(dir, "a.gguf")
	r := tuff(t, "quantize", in, first, "Q8_0").ok(t)
	assert.Regexp(t, `(?m)^Q8_0 +\d+ +\d+ `, r.out)
	assert.Contains(t, r.out, "bits a weight")
	assert.Contains(t, tuff(t, "run", "-m", first, "--device", "cpu", "--raw", "-n", "4", "--temp", "0", "a").ok(t).err, "4 generated")

	// The same again, beside the first: every tensor is as close, none is closer.
	var got struct {
		Bits  float64 `json:"bits_per_weight"`
		Types []struct {
			Type         string
			MSE          float64
			Shared       int     `json:"shared_tensors"`
			Ours, Theirs float64 `json:"-"`
			Worse        int     `json:"worse_tensors"`
		}
		Tensors []struct{ Name, From, To string }
	}
	r = tuff(t, "quantize", "-m", in, "-o", filepath.Join(dir, "b.gguf"), "--type", "q8_0", "--beside", first, "--json").ok(t)
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Greater(t, got.Bits, 8.0)
	for _, x := range got.Types {
		if x.Type == "Q8_0" {
			assert.Positive(t, x.Shared)
			assert.Positive(t, x.MSE)
		}
		assert.Zero(t, x.Worse)
	}
	assert.NotEmpty(t, got.Tensors)
}

func TestQuantizeRefusals(t *testing.T) {
	in := testkit.Testdata(t, "oracle", "llama2-F16.gguf")
	out := filepath.Join(t.TempDir(), "o.gguf")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{in, out}, exitUsage, "want IN, OUT and TYPE"},
		{[]string{in, out, "Q9"}, exitUsage, `got "Q9", want one of`},
		{[]string{in, out, "Q8_0", "x"}, exitUsage, "accepts at most 3"},
		{[]string{in, out, "Q8_0", "--type", "F16"}, exitUsage, "want one"},
		{[]string{in, in, "Q8_0", "--force"}, exitError, "it is the input"},
		{[]string{in + ".no", out, "Q8_0"}, exitError, "no such file"},
		{[]string{in, filepath.Join(out, "x"), "Q8_0"}, exitError, "no such file"},
	} {
		r := tuff(t, append([]string{"quantize"}, c.args...)...)
		assert.Equal(t, c.code, r.code, c.args)
		assert.Contains(t, r.err, c.want)
	}
}

// logitsOf is what a model says to some tokens.
func logitsOf(t *testing.T, model string) []float64 {
	t.Helper()
	r := tuffIn(t, `{"ids":[5,30,7,40,12,99,3,64,21]}`, "logits", "-m", model, "--device", "cpu", "--math", "exact").ok(t)
	var got struct {
		Logits []float64 `json:"logits_last"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	return got.Logits
}

// A folder becomes a GGUF file that says the same: rows in GGUF's order, vectors in float32, the vocabulary in GGUF's keys.
func TestQuantizeConvertsAFolder(t *testing.T) {
	folder := testkit.Testdata(t, "oracle", "llama2-bf16")
	out := filepath.Join(t.TempDir(), "o.gguf")
	r := tuff(t, "quantize", folder, out, "BF16").ok(t)
	assert.NotContains(t, r.err, "tokenizer.json")
	assert.Equal(t, logitsOf(t, folder), logitsOf(t, out))
	var got struct {
		Metadata map[string]any
		Tensors  []struct{ Name, Type string }
	}
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "inspect", out, "--json").ok(t).out), &got))
	for k := range got.Metadata {
		assert.NotContains(t, k, "tuff.")
	}
	assert.Equal(t, "llama", got.Metadata["tokenizer.ggml.model"])
	assert.Equal(t, true, got.Metadata["tokenizer.ggml.add_bos_token"])
	for _, x := range got.Tensors {
		want := "BF16"
		if strings.Contains(x.Name, "norm") {
			want = "F32"
		}
		assert.Equal(t, want, x.Type, x.Name)
	}
	for _, text := range []string{"Hello, world", " two  spaces\n", "1234 ünï"} {
		in := `{"text":` + strconv.Quote(text) + `,"add_special":true}`
		assert.Equal(t, tuffIn(t, in, "tokenize", "-m", folder).ok(t).out, tuffIn(t, in, "tokenize", "-m", out).ok(t).out)
	}
}

// Linear attention has its heads in another order in GGUF files, which say nothing of it, and states that are decoded from.
func TestQuantizeConvertsLinearAttention(t *testing.T) {
	for _, name := range []string{"qwen3-5", "qwen3-next"} {
		t.Run(name, func(t *testing.T) {
			folder := testkit.Testdata(t, "oracle", name)
			out := filepath.Join(t.TempDir(), "o.gguf")
			tuff(t, "quantize", folder, out, "F32").ok(t)
			assert.NotContains(t, tuff(t, "inspect", out, "--json").ok(t).out, "tuff.ssm")
			checkGolden(t, out, "cpu", readFolderGolden(t, folder).golden)
		})
	}
}

func TestQuantizeConvertsEveryFamily(t *testing.T) {
	for _, name := range []string{"llama3-a", "mixtral-a", "qwen2-moe-a", "qwen3-a", "gemma2-a", "gemma3-a", "phi-a", "phi3-a", "gpt-oss-mxfp4-a", "gpt2-a", "olmoe-a",
		"starcoder2-a", "cohere2-a", "stablelm-a", "granitemoe-a", "smollm3-a", "glm4-a", "falcon-a", "gpt-neox-a", "llama-rope-yarn-a"} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Dir(testkit.Shared(t, "oracle", name, "config.json"))
			out := filepath.Join(t.TempDir(), "o.gguf")
			tuff(t, "quantize", folder, out, "F32").ok(t)
			want, got := logitsOf(t, folder), logitsOf(t, out)
			require.Len(t, got, len(want))
			for i := range want {
				require.InDelta(t, want[i], got[i], 1e-3, "logit %d", i)
			}
		})
	}
}

// The same types for the same tensors as llama-quantize, and none farther from its weights. LLAMA_QUANTIZE is that program, or a command
// that ends with it.
func TestQuantizeBesideLlamaQuantize(t *testing.T) {
	peer := strings.Fields(os.Getenv("LLAMA_QUANTIZE"))
	if len(peer) == 0 {
		t.Skip("LLAMA_QUANTIZE is not set")
	}
	dir := t.TempDir()
	for _, arch := range []string{"llama", "falcon", "gpt2", "gemma2", "qwen3moe", "granitemoe"} {
		in := filepath.Join(dir, arch+".gguf")
		tuff(t, "synth", "--arch", arch, "--type", "F16", "--layers", "8", "-o", in).ok(t)
		for _, kind := range quantize.Names() {
			t.Run(arch+"/"+kind, func(t *testing.T) {
				theirs, ours := filepath.Join(dir, "theirs.gguf"), filepath.Join(dir, "ours.gguf")
				out, err := exec.CommandContext(t.Context(), peer[0], append(peer[1:], in, theirs, kind)...).CombinedOutput()
				require.NoError(t, err, string(out))
				r := tuff(t, "quantize", in, ours, kind, "--force", "--beside", theirs, "--json").ok(t)
				var got struct {
					Types []struct {
						Worse int `json:"worse_tensors"`
					}
					Tensors []struct {
						Name, To string
						Beside   string `json:"beside_type"`
					}
				}
				require.NoError(t, json.Unmarshal([]byte(r.out), &got))
				for _, x := range got.Types {
					assert.Zero(t, x.Worse)
				}
				for _, x := range got.Tensors {
					assert.Equal(t, x.Beside, x.To, x.Name)
				}
			})
		}
	}
}

package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// inspected is what inspect --json prints.
type inspected struct {
	File        string         `json:"file"`
	Version     int            `json:"version"`
	Bytes       int64          `json:"bytes"`
	Files       int            `json:"files"`
	Metadata    map[string]any `json:"metadata"`
	Tensors     []tensorInfo   `json:"tensors"`
	Config      map[string]any `json:"config"`
	Unsupported string         `json:"unsupported"`
}

func inspectJSON(t *testing.T, path string) inspected {
	t.Helper()
	r := tuff(t, "inspect", "--json", path).ok(t)
	assert.Empty(t, r.err, "no device is opened")
	var i inspected
	require.NoError(t, json.Unmarshal([]byte(r.out), &i))
	return i
}

func TestInspect(t *testing.T) {
	path := testkit.Testdata(t, "oracle", "kq-llama-Q4_K_M.gguf")
	i := inspectJSON(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, info.Size(), i.Bytes)
	assert.Equal(t, "kq-llama-Q4_K_M.gguf", i.File)
	assert.Equal(t, 1, i.Files)
	assert.Equal(t, "llama", i.Metadata["general.architecture"])
	assert.NotEmpty(t, i.Config)
	types := map[string]int{}
	var bytes int64
	for _, tensor := range i.Tensors {
		types[tensor.Type]++
		bytes += tensor.Bytes
		assert.NotEmpty(t, tensor.Shape)
	}
	assert.NotZero(t, types["Q4_K"])
	assert.NotZero(t, types["Q6_K"])
	assert.NotZero(t, types["F32"])
	assert.Less(t, bytes, i.Bytes)
	tokens := i.Metadata["tokenizer.ggml.tokens"].([]any)

	cut, all := tuff(t, "inspect", path).ok(t), tuff(t, "inspect", path, "--all").ok(t)
	assert.Empty(t, cut.err, "no device is opened")
	assert.Less(t, len(cut.out), len(all.out), "long arrays are cut")
	assert.Less(t, len(tuff(t, "inspect").ok(t).out), len(tuff(t, "inspect", "--all").ok(t).out)/4, "the longer the more")
	for _, line := range strings.Split(cut.out, "\n") {
		assert.Less(t, len([]rune(line)), 300, line)
	}
	assert.NotContains(t, all.out, " elements)")
	for _, want := range []string{"model ", "layers ", "heads ", "vocabulary ", "context ", "RoPE ", "tokenizer ", "chat template ", "parameters ", "METADATA", "TENSOR", "Q4_K: ", "token_embd.weight", " … ("} {
		assert.Contains(t, cut.out, want)
	}
	assert.NotEmpty(t, tokens)
	assert.Contains(t, cut.out, " tokens, begin ")
	assert.Equal(t, cut.out, tuff(t, "inspect", "-m", path).ok(t).out)
	assert.Contains(t, tuff(t, "inspect").ok(t).out, "ember-3m", "the embedded model")
}

func TestInspectSplitModel(t *testing.T) {
	dir := testkit.Shared(t, "real", "stories260K-gguf")
	whole := inspectJSON(t, filepath.Join(dir, "stories260K-F32.gguf"))
	split := inspectJSON(t, filepath.Join(dir, "stories260K-split-F32-00001-of-00003.gguf"))
	assert.Equal(t, 3, split.Files)
	assert.Equal(t, whole.Config, split.Config)
	assert.ElementsMatch(t, whole.Tensors, split.Tensors)
	assert.Contains(t, tuff(t, "inspect", filepath.Join(dir, "stories260K-split-F32-00001-of-00003.gguf")).ok(t).out, "in 3 files\n")
}

// A folder is described like a file: its tokenizer and template too, and an encoder has no cache to speak of.
func TestInspectFolder(t *testing.T) {
	out := tuff(t, "inspect", testkit.Shared(t, "oracle", "qwen3-a")).ok(t).out
	assert.Regexp(t, `tokenizer +tokenizer.json, [0-9.]+ KiB, \d+ tokens`, out)
	assert.Regexp(t, `chat template +\d+ characters`, out)
	out = tuff(t, "inspect", testkit.Shared(t, "oracle", "bert-a")).ok(t).out
	assert.Contains(t, out, "no KV cache, no text")
	assert.Regexp(t, `chat template +none`, out)
}

// A model says how it rotates only where it does.
func TestInspectRotation(t *testing.T) {
	for name, rotates := range map[string]bool{"gpt2-Q5_0.gguf": false, "llama2-F16.gguf": true, "bloom": false, "mpt": false, "opt": false, "mamba": false, "jamba": false,
		"granitemoehybrid": false, "falcon-h1": true, "bert": false, "nomic-bert": true, "t5-encoder": false, "deepseek-v2": true, "llama4": true, "lfm2": true, "gpt-neo": false, "falcon-alibi": false} {
		out := tuff(t, "inspect", testkit.Testdata(t, "oracle", name)).ok(t).out
		assert.Equal(t, rotates, strings.Contains(out, "\nRoPE "), name)
		assert.Equal(t, name == "mamba", strings.Contains(out, "none attends"), name)
	}
}

// A folder whose model is not supported is described as far as its files go, and says that it cannot be run.
func TestInspectUnsupportedFolder(t *testing.T) {
	from, dir := testkit.Testdata(t, "oracle", "mistral"), filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	path := filepath.Join(dir, "config.json")
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	config = []byte(strings.Replace(string(config), `"mistral"`, `"mistral77", "nested": {"list": [1, {"a": 0.5}, null], "none": null}`, 1))
	require.NoError(t, os.WriteFile(path, config, 0o644))

	out := tuff(t, "inspect", dir).ok(t).out
	for _, want := range []string{`not supported: model_type "mistral77"`, "folder of safetensors", "config.model_type", "model.layers.0.self_attn.q_proj.weight", `{\"a\":0.5}`} {
		assert.Contains(t, out, want)
	}
	assert.Regexp(t, `tokenizer +tokenizer.json, [0-9.]+ KiB, \d+ tokens, begin`, out)
	assert.NotContains(t, out, "RoPE")
	i, known := inspectJSON(t, dir), inspectJSON(t, from)
	assert.Contains(t, i.Unsupported, "mistral77")
	assert.Empty(t, i.Config)
	assert.Len(t, i.Tensors, len(known.Tensors))
	assert.Equal(t, known.Bytes, i.Bytes)
	assert.Equal(t, []any{1.0, `{"a":0.5}`, "null"}, i.Metadata["config.nested.list"])
	r := tuff(t, "run", "-m", dir, "hi")
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, `not supported: model_type "mistral77"`)

	require.NoError(t, os.Remove(filepath.Join(dir, "model.safetensors")))
	assert.Contains(t, tuff(t, "inspect", dir).ok(t).out, "0 in 0 tensors")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte("{"), 0o644))
	r = tuff(t, "inspect", dir)
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "tokenizer_config.json")
	require.NoError(t, os.Remove(path))
	r = tuff(t, "inspect", dir)
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "a folder without config.json")
}

// oddGGUF is a file without tensors whose metadata JSON cannot write as they are.
func oddGGUF() []byte {
	le := binary.LittleEndian
	b := append([]byte("GGUF"), le.AppendUint64(le.AppendUint64(le.AppendUint32(nil, 3), 0), 4)...)
	str := func(s string) { b = append(le.AppendUint64(b, uint64(len(s))), s...) }
	str("general.architecture")
	b = le.AppendUint32(b, 8)
	str("none")
	str("x.nan")
	b = le.AppendUint32(le.AppendUint32(b, 6), math.Float32bits(float32(math.NaN())))
	str("x.floats")
	b = le.AppendUint64(le.AppendUint32(le.AppendUint32(b, 9), 12), 2)
	b = le.AppendUint64(le.AppendUint64(b, math.Float64bits(math.Inf(-1))), math.Float64bits(0.5))
	str("x.bytes")
	b = append(le.AppendUint64(le.AppendUint32(le.AppendUint32(b, 9), 0), 3), 1, 2, 255)
	return append(b, make([]byte, 64)...)
}

func TestInspectOddMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd.gguf")
	require.NoError(t, os.WriteFile(path, oddGGUF(), 0o644))
	i := inspectJSON(t, path)
	assert.Equal(t, "NaN", i.Metadata["x.nan"])
	assert.Equal(t, []any{"-Inf", 0.5}, i.Metadata["x.floats"])
	assert.Equal(t, []any{1.0, 2.0, 255.0}, i.Metadata["x.bytes"])
	assert.Contains(t, i.Unsupported, `architecture "none"`)
	assert.NotNil(t, i.Tensors)
	out := tuff(t, "inspect", path).ok(t).out
	assert.Contains(t, out, "cannot run ")
	assert.Contains(t, out, "[-Inf 0.5]")
	assert.Regexp(t, `tokenizer +none in the file`, out)
}

func TestShortNeverPrintsControlCharacters(t *testing.T) {
	assert.Equal(t, `["a\n" "\x1b[2J"]`, short([]string{"a\n", "\x1b[2J"}, false))
	assert.Equal(t, "[1 2 3 4 5 6 7 8 … (9 elements)]", short([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, false))
	assert.Equal(t, "[1 2 3 4 5 6 7 8 9]", short([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, true))
	assert.Equal(t, `"`+strings.Repeat("é", 100)+`"… (101 characters)`, short(strings.Repeat("é", 101), false))
	assert.Equal(t, "true", short(true, false))
}

func TestInspectErrors(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf"))
	require.NoError(t, err)
	cut := filepath.Join(dir, "cut.gguf")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)/2], 0o644))
	shard := filepath.Join(dir, "x-00001-of-00002.gguf")
	require.NoError(t, os.WriteFile(shard, whole, 0o644))
	for path, says := range map[string]string{dir: "folder", cut: "byte 0x", filepath.Join(dir, "none.gguf"): "no such file", shard: "x-0000", "inspect_test.go": `magic: got "pack", want "GGUF"`} {
		r := tuff(t, "inspect", path)
		assert.Equal(t, exitError, r.code, path)
		assert.Contains(t, lastLine(r.err), says)
		assert.Empty(t, r.out)
	}
	assert.Equal(t, exitUsage, tuff(t, "inspect", "a", "b").code)
	both := tuff(t, "inspect", "a.gguf", "-m", "b.gguf")
	assert.Equal(t, exitUsage, both.code)
	assert.Contains(t, both.err, `got the models "b.gguf" and "a.gguf", want one`)
}

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/engine"
	"tuff/host/testkit"
	"tuff/host/weights"
)

// folderGolden is what the reference answers for a folder of safetensors.
type folderGolden struct {
	golden
	Type       string `json:"weights_dtype"`
	LayersFrom int    `json:"layers_prompt_index"`
	Layers     struct {
		Input goldenLayer   `json:"input_to_layer0"`
		After []goldenLayer `json:"after_layer"`
		Norm  goldenLayer   `json:"after_final_norm"`
	} `json:"layers"`
	Text []struct {
		Text string  `json:"text"`
		With []int32 `json:"ids_with_special"`
	} `json:"text"`
	Chat *struct {
		Messages            []engine.Message `json:"messages"`
		AddGenerationPrompt bool             `json:"add_generation_prompt"`
		IDs                 []int32          `json:"ids"`
	} `json:"chat"`
}

type goldenLayer struct {
	L2    float64   `json:"l2"`
	First []float64 `json:"first_token8"`
	Last  []float64 `json:"last_token8"`
}

func readFolderGolden(t *testing.T, dir string) (g folderGolden) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &g))
	return g
}

// checkLayers compares the residual stream with the reference's, from the embedding to the last norm.
func checkLayers(t *testing.T, model, device string, g folderGolden, flags ...string) {
	t.Helper()
	in, err := json.Marshal(logitsRequest{IDs: g.Prompts[g.LayersFrom].IDs, Layers: true})
	require.NoError(t, err)
	r := tuffIn(t, string(in), append([]string{"logits", "-m", model, "--device", device, "--math", "exact"}, flags...)...).ok(t)
	var a logitsAnswer
	require.NoError(t, json.Unmarshal([]byte(r.out), &a))
	want := append([]goldenLayer{g.Layers.Input}, g.Layers.After...)
	want = append(want, g.Layers.Norm)
	require.Len(t, a.Layers, len(want))
	for i, w := range want {
		got := a.Layers[i]
		assert.InEpsilon(t, w.L2, got.L2, 1e-4, "layer %d: norm", i)
		most := 1.0
		for _, v := range append(slices.Clone(w.First), w.Last...) {
			most = max(most, math.Abs(v))
		}
		for j := range w.First {
			assert.InDelta(t, w.First[j], got.First8[j], 1e-4*most, "layer %d: first row, element %d", i, j)
			assert.InDelta(t, w.Last[j], got.Last8[j], 1e-4*most, "layer %d: last row, element %d", i, j)
		}
	}
}

// checkText compares the folder's tokenizer and chat template.
func checkText(t *testing.T, dir string, g folderGolden) {
	t.Helper()
	f, err := weights.Open(dir)
	require.NoError(t, err)
	defer f.Close()
	tok, err := engine.TokenizerOf(f)
	require.NoError(t, err)
	tmpl, err := engine.TemplateOf(f)
	require.NoError(t, err)
	e := &engine.Engine{File: f, Tokenizer: tok, Template: tmpl}
	for _, c := range g.Text {
		ids, err := e.EncodeRaw(c.Text)
		require.NoError(t, err)
		assert.Equal(t, c.With, ids, "%q", c.Text)
	}
	if g.Chat != nil && g.Chat.AddGenerationPrompt {
		ids, err := e.EncodeChat(g.Chat.Messages)
		require.NoError(t, err)
		assert.Equal(t, g.Chat.IDs, ids)
	}
	var eos struct {
		IDs any `json:"eos_token_id"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "generation_config.json"))
	if os.IsNotExist(err) && g.Kind == "encoder" {
		return
	}
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &eos))
	list, ok := eos.IDs.([]any)
	if !ok {
		list = []any{eos.IDs}
	}
	for _, id := range list {
		assert.True(t, tok.IsEOG(int32(id.(float64))), "%v", id)
	}
}

// checkFolder compares all that is known of a folder; it returns the largest difference as a share of the logits' spread.
func checkFolder(t *testing.T, dir, device string) (worst float64) {
	t.Helper()
	g := readFolderGolden(t, dir)
	if g.Kind == "encoder" {
		worst = checkVectors(t, dir, device, g)
		checkLayers(t, dir, device, g)
		return worst
	}
	if strings.Contains(dir, "dynamic") {
		// The base grows with the sequence, and one table serves a whole context: a prompt longer than the model's is right in a
		// context of exactly its length.
		last := g.Prompts[len(g.Prompts)-1]
		checkLastLogits(t, dir, device, g, last)
		g.Prompts = g.Prompts[:len(g.Prompts)-1]
		worst = checkGolden(t, dir, device, g.golden)
		// The reference described the layers with the angles that its longest generation had left behind.
		checkLayers(t, dir, device, g, "-c", fmt.Sprint(len(last.IDs)+len(last.Greedy)-1))
		return worst
	}
	worst = checkGolden(t, dir, device, g.golden)
	checkLayers(t, dir, device, g)
	return worst
}

// checkVectors asks an encoder for the vectors of every prompt of g in one process.
func checkVectors(t *testing.T, model, device string, g folderGolden) (worst float64) {
	t.Helper()
	var in strings.Builder
	for _, p := range g.Prompts {
		line, err := json.Marshal(logitsRequest{IDs: p.IDs})
		require.NoError(t, err)
		fmt.Fprintf(&in, "%s\n", line)
	}
	r := tuffIn(t, in.String(), "logits", "-m", model, "--device", device, "--math", "exact").ok(t)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, len(g.Prompts))
	for i, p := range g.Prompts {
		var a vectorAnswer
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &a))
		require.Len(t, a.Mean, len(p.Mean))
		for c := range p.Mean {
			assert.InDelta(t, p.Mean[c], a.Mean[c], tolerance*p.Std, "prompt %d: mean, element %d", i, c)
			assert.InDelta(t, p.First[c], a.First[c], tolerance*p.Std, "prompt %d: first token, element %d", i, c)
			worst = max(worst, math.Abs(p.Mean[c]-float64(a.Mean[c]))/p.Std, math.Abs(p.First[c]-float64(a.First[c]))/p.Std)
		}
	}
	return worst
}

// checkLastLogits evaluates one prompt in a context of its length.
func checkLastLogits(t *testing.T, model, device string, g folderGolden, p goldenPrompt) {
	t.Helper()
	in, err := json.Marshal(logitsRequest{IDs: p.IDs})
	require.NoError(t, err)
	r := tuffIn(t, string(in), "logits", "-m", model, "--device", device, "--math", "exact", "-c", fmt.Sprint(len(p.IDs))).ok(t)
	var a logitsAnswer
	require.NoError(t, json.Unmarshal([]byte(r.out), &a))
	require.Len(t, a.Logits, len(p.Logits))
	for id, want := range p.Logits {
		assert.InDelta(t, want, a.Logits[id], tolerance*g.LogitsStd, "id %d", id)
	}
	assert.Equal(t, p.Argmax, a.Argmax)
}

// TestFoldersOfTestdata runs the folders that are part of the project: of each family that no GGUF file of testdata has, one.
func TestFoldersOfTestdata(t *testing.T) {
	configs, err := filepath.Glob(filepath.Join(testkit.Testdata(t, "oracle"), "*", "config.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(configs), 18)
	for _, config := range configs {
		dir := filepath.Dir(config)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if filepath.Base(dir) != "llama2-bf16" && testkit.HasShared() {
				t.Skip("TestFoldersOfOracle runs it")
			}
			onEach(t, func(t *testing.T, device string) { checkFolder(t, dir, device) })
			checkText(t, dir, readFolderGolden(t, dir))
		})
	}
}

// An encoder says so where text is asked for, and can be compared like any model.
func TestEncoder(t *testing.T) {
	dir := testkit.Testdata(t, "oracle", "bert")
	for _, args := range [][]string{{"run", "-m", dir, "--device", "cpu", "hi"}, {"perplexity", "-m", dir, "--device", "cpu", "-f", filepath.Join(dir, "config.json")}} {
		r := tuff(t, args...)
		assert.Equal(t, exitError, r.code)
		assert.Contains(t, r.err, "is an encoder (bert)")
	}
	r := tuffIn(t, `{"ids":[1,2],"greedy":3}`, "logits", "-m", dir, "--device", "cpu")
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "generates nothing")
	out := tuff(t, "compare", "-m", dir, "--a", "cpu", "--prompt", "a few words").ok(t).out
	assert.Contains(t, out, "vectors of ")
	assert.NotContains(t, out, "greedy")
	assert.Contains(t, tuff(t, "inspect", dir).ok(t).out, "a vector of 64 for each token")
	out = tuff(t, "bench", "-m", dir, "--device", "cpu", "-p", "16", "-n", "4", "-r", "1").ok(t).out
	assert.Contains(t, out, "pp16")
	assert.NotContains(t, out, "tg4")
	out = tuff(t, "profile", "-m", dir, "--device", "cpu", "-p", "100", "-n", "4", "-r", "1").ok(t).out
	assert.Contains(t, out, "prefill: 100 tokens")
	assert.NotContains(t, out, "decode:")
	for _, wrong := range []struct {
		args []string
		want string
	}{
		{[]string{"bench", "-p", "0", "-n", "4"}, "generates nothing"},
		{[]string{"bench", "-p", "16", "-n", "0", "-d", "8"}, "keeps no context"},
		{[]string{"profile", "-p", "128", "-n", "1"}, "got a context of 129, want at most the 128 positions"},
	} {
		r := tuff(t, append(wrong.args, "-m", dir, "--device", "cpu")...)
		assert.Equal(t, exitError, r.code, "%v", wrong.args)
		assert.Contains(t, r.err, wrong.want)
	}
}

// TestFoldersOfOracle runs every folder of the collection that can be read; the others must be refused by name, quickly.
func TestFoldersOfOracle(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle"), "*", "config.json"))
	require.NoError(t, err)
	seen, tested := 0, 0
	for _, config := range dirs {
		dir := filepath.Dir(config)
		name := filepath.Base(dir)
		g := readFolderGolden(t, dir)
		t.Run(name, func(t *testing.T) {
			seen++
			row := coverageRow{strings.TrimSuffix(name, "-a"), "folder", g.Type}
			r := tuffIn(t, `{"ids":[1]}`, "logits", "-m", dir, "--device", "cpu")
			if strings.Contains(r.err, "not supported") {
				assert.Equal(t, exitError, r.code)
				for _, device := range []string{"cpu", "gpu"} {
					covered.note(t, row, device, refused(r.err))
				}
				return
			}
			r.ok(t)
			tested++
			checkText(t, dir, g)
			onEach(t, func(t *testing.T, device string) {
				covered.note(t, row, device, passed(checkFolder(t, dir, device)))
			})
		})
	}
	if seen == len(dirs) { // unless the command line picked some
		assert.GreaterOrEqual(t, tested, 66)
	}
}

func TestFoldersEverywhere(t *testing.T) {
	dir := testkit.Testdata(t, "oracle", "llama2-bf16")
	r := tuff(t, "inspect", dir).ok(t)
	assert.Contains(t, r.out, "folder of safetensors")
	assert.Contains(t, r.out, "blk.0.attn_q.weight")
	assert.Contains(t, r.out, "tokenizer.json")
	var info struct {
		Config map[string]any `json:"config"`
	}
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "inspect", dir, "--json").ok(t).out), &info))
	assert.EqualValues(t, 64, info.Config["HiddenDim"])
	for _, args := range [][]string{{"run", "-m", dir, "--device", "cpu", "-n", "4", "--temp", "0", "hi"}, {"run", "-m", dir, "--device", "cpu", "-n", "4", "--raw", "hi"}} {
		assert.NotEmpty(t, tuff(t, args...).ok(t).out, fmt.Sprint(args))
	}
	assert.NotEmpty(t, tuffIn(t, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n", "template", "-m", dir).ok(t).out)
	assert.NotEmpty(t, tuffIn(t, "{\"text\":\"hi\"}\n", "tokenize", "-m", dir).ok(t).out)
}

// TestEncodersFromGGUF makes GGUF files of the encoders' folders: vectors as of the folders, and the same ids of a text.
func TestEncodersFromGGUF(t *testing.T) {
	for _, name := range []string{"bert", "roberta", "xlm-roberta", "distilbert", "nomic-bert", "modernbert", "t5-encoder"} {
		t.Run(name, func(t *testing.T) {
			dir := testkit.Testdata(t, "oracle", name)
			out := filepath.Join(t.TempDir(), "o.gguf")
			tuff(t, "quantize", dir, out, "F32").ok(t)
			checkVectors(t, out, "cpu", readFolderGolden(t, dir))
			const in = `{"text":"Hello world, 12 words","add_special":true}`
			var want, got encodeAnswer // of WordPiece GGUF spells the pieces otherwise
			require.NoError(t, json.Unmarshal([]byte(tuffIn(t, in, "tokenize", "-m", dir).ok(t).out), &want))
			require.NoError(t, json.Unmarshal([]byte(tuffIn(t, in, "tokenize", "-m", out).ok(t).out), &got))
			assert.Equal(t, want.IDs, got.IDs)
		})
	}
}

package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// score is what perplexity --json prints.
type score struct {
	Tokens     int     `json:"tokens"`
	NLL        float64 `json:"nll"`
	StdErr     float64 `json:"nll_stderr"`
	Perplexity float64 `json:"perplexity"`
	PPLStdErr  float64 `json:"perplexity_stderr"`
	Context    int     `json:"context"`
	Device     string  `json:"device"`
	Math       string  `json:"math"`
}

func scoreOf(t *testing.T, stdin string, args ...string) score {
	t.Helper()
	var s score
	require.NoError(t, json.Unmarshal([]byte(tuffIn(t, stdin, append([]string{"perplexity", "--json"}, args...)...).ok(t).out), &s))
	assert.InEpsilon(t, math.Exp(s.NLL), s.Perplexity, 1e-9)
	assert.InEpsilon(t, s.Perplexity*s.StdErr, s.PPLStdErr, 1e-9)
	return s
}

// storyText is the sample story of the reference losses, spelled out by the model's own vocabulary.
func storyText(t *testing.T, model string) (path string, predictions int) {
	t.Helper()
	b, err := os.ReadFile(testkit.Shared(t, "real", "stories260K-ref", "stories260K-eval-ids.json"))
	require.NoError(t, err)
	var ids []int32
	require.NoError(t, json.Unmarshal(b, &ids))
	in, err := json.Marshal(decodeRequest{IDs: ids, SkipSpecial: true})
	require.NoError(t, err)
	var text struct {
		Text string `json:"text"`
	}
	require.NoError(t, json.Unmarshal([]byte(tuffIn(t, string(in), "tokenize", "--decode", "-m", model).ok(t).out), &text))
	request, err := json.Marshal(encodeRequest{Text: &text.Text, AddSpecial: true})
	require.NoError(t, err)
	var again encodeAnswer
	require.NoError(t, json.Unmarshal([]byte(tuffIn(t, string(request), "tokenize", "-m", model).ok(t).out), &again))
	require.Equal(t, ids, again.IDs, "the text has the reference's tokens")
	path = filepath.Join(t.TempDir(), "story.txt")
	require.NoError(t, os.WriteFile(path, []byte(text.Text), 0o644))
	return path, len(ids) - 1
}

type perplexityCase struct {
	device, math string
	tolerance    float64 // nats
}

// The losses come from another implementation, computed on the dequantised weights. On a GPU the wide files (p256) take a
// software driver many seconds each: a few stand for the others there, whose formats the golden tests run, except under make
// oracle, which runs them all.
func TestPerplexityOfReference(t *testing.T) {
	folder := testkit.Shared(t, "real", "stories260K-gguf")
	story, predictions := storyText(t, filepath.Join(folder, "stories260K-F32.gguf"))
	paths, err := filepath.Glob(filepath.Join(folder, "stories260K-*.gguf"))
	require.NoError(t, err)
	// On GPUs some stand for the others, whose formats and layers have tests of their own: software drivers take seconds for each.
	stands := []string{"F32", "Q8_0", "ff192-Q5_0", "p256-hd32-Q4_K_M", "p256-hd32-moe4-MXFP4_MOE", "p256-hd32-pure-IQ3_S"}
	scored := 0
	for _, model := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(model), "stories260K-"), ".gguf")
		losses := strings.Replace(name, "split-F32-00001-of-00003", "F32", 1)
		if strings.HasPrefix(losses, "split-") {
			continue // the other shards of that file
		}
		scored++
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(testkit.Shared(t, "real", "stories260K-ref", "stories260K-"+losses+".json"))
			require.NoError(t, err)
			var ref struct {
				Numpy struct {
					Eval struct {
						NLL float64 `json:"mean_nll_nats"`
						N   int     `json:"n_predicted"`
					} `json:"eval"`
				} `json:"numpy_dequant_f32"`
			}
			require.NoError(t, json.Unmarshal(b, &ref))
			require.Equal(t, predictions, ref.Numpy.Eval.N)
			for _, c := range []perplexityCase{{"cpu", "exact", 0.002}, {"cpu", "fast", 0.02}, {"gpu", "exact", 0.002}, {"gpu", "fast", 0.02}} {
				t.Run(c.device+"/"+c.math, func(t *testing.T) {
					if c.device == "gpu" {
						needGPU(t)
						if !slices.Contains(stands, name) && os.Getenv("TUFF_EVERY_LOSS") == "" {
							t.Skip("make oracle runs it")
						}
					}
					s := scoreOf(t, "", "-m", model, "-f", story, "--device", c.device, "--math", c.math)
					assert.Equal(t, predictions, s.Tokens)
					assert.Equal(t, c.math, s.Math)
					assert.InDelta(t, ref.Numpy.Eval.NLL, s.NLL, c.tolerance)
				})
			}
		})
	}
	assert.GreaterOrEqual(t, scored, 26, "a folder with fewer files is not the one that was meant")
}

func TestPerplexityOfChunks(t *testing.T) {
	const text = "Once upon a time, there was a little girl who had a red ball."
	args := []string{"--device", "cpu", "--math", "exact", "-f", "-"}
	var a encodeAnswer
	require.NoError(t, json.Unmarshal([]byte(tuffIn(t, `{"text":"`+text+`"}`, "tokenize").ok(t).out), &a))
	whole := scoreOf(t, text, args...)
	assert.Equal(t, len(a.IDs), whole.Tokens, "the begin token lets the first token be scored")
	assert.Positive(t, whole.StdErr)
	// Each chunk of five positions has the begin token and four tokens of the text.
	small := scoreOf(t, text, append(args, "-c", "5")...)
	assert.Equal(t, whole.Tokens, small.Tokens)
	assert.Equal(t, 5, small.Context)
	assert.Greater(t, small.NLL, whole.NLL, "less is known before each token")
	// By hand: the first chunk alone, from the logits.
	first := scoreOf(t, text, append(args, "-c", "2")...)
	in, err := json.Marshal(logitsRequest{IDs: []int32{0}})
	require.NoError(t, err)
	var l logitsAnswer
	require.NoError(t, json.Unmarshal([]byte(tuffIn(t, string(in), "logits", "--device", "cpu", "--math", "exact").ok(t).out), &l))
	total, sum := 0.0, 0.0
	for _, v := range l.Logits {
		total += math.Exp(float64(v))
	}
	for _, id := range a.IDs {
		sum += math.Log(total) - float64(l.Logits[id])
	}
	assert.InDelta(t, sum/float64(len(a.IDs)), first.NLL, 1e-4, "every token after the begin token alone")
	file := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	r := tuff(t, "perplexity", "--device", "cpu", "--math", "exact", "-f", file).ok(t)
	assert.Regexp(t, `^\d+ tokens in chunks of 512: \d+\.\d{5} ± \d+\.\d{5} nats a token, perplexity \d+\.\d{4} ± \d+\.\d{4}\n$`, r.out)
	assert.Equal(t, whole, scoreOf(t, "", append(args[:4:4], "-f", file)...), "a file and stdin are the same")
}

func TestPerplexityErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "want -f FILE"},
		{[]string{"-f", empty}, exitError, "got 0 tokens, want at least 1"},
		{[]string{"-f", dir}, exitError, "is a directory"},
		{[]string{"-f", filepath.Join(dir, "none")}, exitError, "no such file"},
		{[]string{"-f", "perplexity_test.go", "-c", "1"}, exitError, "got a context of 1, want at least 2"},
		{[]string{"-f", "perplexity_test.go", "word"}, exitUsage, "word"},
	} {
		r := tuff(t, append([]string{"perplexity", "--device", "cpu"}, c.args...)...)
		assert.Equal(t, c.code, r.code, c.args)
		assert.Contains(t, lastLine(r.err), c.says)
		assert.Empty(t, r.out)
	}
}

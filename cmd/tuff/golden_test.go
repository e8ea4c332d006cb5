package main

import (
	"bytes"
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

	"tuff/host/compute"
	"tuff/host/testkit"
)

// golden is what an independent implementation answers.
type golden struct {
	Kind      string         `json:"kind"` // encoder, or anything else
	LogitsStd float64        `json:"logits_std"`
	Prompts   []goldenPrompt `json:"prompts"`
}

type goldenPrompt struct {
	IDs       []int32   `json:"ids"`
	Logits    []float64 `json:"logits_last"`
	Argmax    []int32   `json:"argmax"`
	Greedy    []int32   `json:"greedy"`
	MarginMin float64   `json:"greedy_margin_min"`
	Mean      []float64 `json:"mean_pooled"` // of an encoder, as the next two
	First     []float64 `json:"first_token"`
	Std       float64   `json:"std"`
}

// tolerance is the reference collection's own for float32, as a share of the logits' spread.
const tolerance = 3e-4

// checkGolden asks tuff logits for every prompt of g in one process. It returns the largest difference of a logit, as a share of
// the logits' spread.
func checkGolden(t *testing.T, model, device string, g golden) (worst float64) {
	t.Helper()
	var in bytes.Buffer
	for _, p := range g.Prompts {
		line, err := json.Marshal(logitsRequest{IDs: p.IDs, Greedy: len(p.Greedy)})
		require.NoError(t, err)
		in.Write(append(line, '\n'))
	}
	r := tuffIn(t, in.String(), "logits", "-m", model, "--device", device, "--math", "exact").ok(t)
	answers := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, answers, len(g.Prompts))
	for i, p := range g.Prompts {
		var a logitsAnswer
		require.NoError(t, json.Unmarshal([]byte(answers[i]), &a))
		require.Len(t, a.Logits, len(p.Logits))
		for id, want := range p.Logits {
			if d := math.Abs(float64(a.Logits[id])-want) / g.LogitsStd; !(d <= tolerance) {
				t.Fatalf("prompt %d: logit of id %d: got %g, want %g within %g of %g", i, id, a.Logits[id], want, tolerance, g.LogitsStd)
			} else {
				worst = max(worst, d)
			}
		}
		assert.Equal(t, p.Argmax, a.Argmax, "prompt %d", i)
		if p.MarginMin > 2*tolerance*g.LogitsStd {
			assert.Equal(t, p.Greedy, a.Greedy, "prompt %d", i)
		}
	}
	t.Logf("largest difference %.2g of the logits' spread", worst)
	return worst
}

func TestLogitsOfTestdata(t *testing.T) {
	models, err := filepath.Glob(filepath.Join(testkit.Root(t), "testdata", "oracle", "*.gguf"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(models), 25)
	for _, m := range models {
		t.Run(filepath.Base(m), func(t *testing.T) {
			b, err := os.ReadFile(strings.TrimSuffix(m, ".gguf") + ".json")
			require.NoError(t, err)
			var g golden
			require.NoError(t, json.Unmarshal(b, &g))
			require.GreaterOrEqual(t, len(g.Prompts), 4)
			if testkit.HasShared() && !strings.HasPrefix(filepath.Base(m), "llama2") {
				t.Skip("TestLogitsOfOracle runs it")
			}
			onEach(t, func(t *testing.T, device string) { checkGolden(t, m, device, g) })
		})
	}
}

// oracleFile is an entry of a case of the reference collection.
type oracleFile struct {
	File        string         `json:"file"`
	TensorTypes map[string]int `json:"tensor_types"`
	Shipped     *bool          `json:"shipped"`
	Dequant     *struct {
		Kind      string         `json:"kind"` // encoder, or anything else
		LogitsStd float64        `json:"logits_std"`
		Prompts   []goldenPrompt `json:"prompts"`
	} `json:"dequant_f32"`
}

// TestLogitsOfOracle runs every GGUF file of the whole collection.
func TestLogitsOfOracle(t *testing.T) {
	tested := map[string]int{}
	cases, err := os.ReadDir(testkit.Shared(t, "oracle", "gguf"))
	require.NoError(t, err)
	for _, entry := range cases {
		name := entry.Name()
		dir := testkit.Shared(t, "oracle", "gguf", name)
		if strings.HasPrefix(name, "blocks-") { // raw blocks, for fallback/quant
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
		require.NoError(t, err)
		var c struct {
			Prompts [][]int32             `json:"prompts"`
			Files   map[string]oracleFile `json:"files"`
			HF      golden                `json:"hf_f32"`
		}
		require.NoError(t, json.Unmarshal(b, &c))
		for key, f := range c.Files {
			path := filepath.Join(dir, f.File)
			if f.Shipped != nil && !*f.Shipped {
				continue
			}
			g := c.HF
			if f.Dequant != nil {
				g = golden(*f.Dequant)
			}
			g.Prompts = slices.Clone(g.Prompts)
			for i := range g.Prompts {
				g.Prompts[i].IDs = c.Prompts[i]
			}
			t.Run(name+"/"+key, func(t *testing.T) {
				row := coverageRow{strings.TrimSuffix(name, "-a"), "GGUF", key}
				onEach(t, func(t *testing.T, device string) {
					tested[device]++
					for typ := range f.TensorTypes {
						dtype, err := compute.ParseDType(typ)
						require.NoError(t, err)
						if device == "gpu" && !slices.Contains(compute.WeightFormats(), dtype) {
							r := tuffIn(t, `{"ids":[1]}`, "logits", "-m", path, "--device", device)
							assert.Equal(t, exitError, r.code)
							assert.Contains(t, r.err, "got weights of ")
							covered.note(t, row, device, refused(r.err))
							return
						}
					}
					covered.note(t, row, device, passed(checkGolden(t, path, device, g)))
				})
			})
		}
	}
	assert.GreaterOrEqual(t, tested["cpu"], 70)
}

// TestStoryOfReference is the text that the reference engine tells, token for token.
func TestStoryOfReference(t *testing.T) {
	model := testkit.Shared(t, "real", "stories260K-gguf", "stories260K-F32.gguf")
	b, err := os.ReadFile(testkit.Shared(t, "real", "stories260K-ref", "stories260K-F32.json"))
	require.NoError(t, err)
	var ref struct {
		LlamaCPP struct {
			Runs []struct {
				Prompt string  `json:"prompt"`
				Tokens []int32 `json:"tokens"`
			} `json:"runs"`
		} `json:"llama_cpp"`
	}
	require.NoError(t, json.Unmarshal(b, &ref))
	require.NotEmpty(t, ref.LlamaCPP.Runs)
	onEach(t, func(t *testing.T, device string) {
		for _, run := range ref.LlamaCPP.Runs {
			r := tuff(t, "run", "-m", model, "--raw", "--temp", "0", "-n", fmt.Sprint(len(run.Tokens)), "--device", device, "--math", "exact", "--json", run.Prompt).ok(t)
			var a struct {
				IDs []int32 `json:"ids"`
			}
			require.NoError(t, json.Unmarshal([]byte(r.out), &a))
			assert.Equal(t, run.Tokens[:len(a.IDs)], a.IDs, run.Prompt)
			assert.GreaterOrEqual(t, len(a.IDs), len(run.Tokens)-1, "the end token is not part of the text")
		}
	})
}

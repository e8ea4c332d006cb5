package gpu_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback/quant"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/host/model"
	"tuff/host/quantize"
	"tuff/host/synth"
	"tuff/host/weights"
)

// synthetic is a small model of an architecture with random weights in Q8_0.
func synthetic(t testing.TB, d compute.Device, arch, preset string, o engine.Options) *engine.Engine {
	t.Helper()
	size, err := synth.ParsePreset(preset)
	require.NoError(t, err)
	recipe, err := quantize.ParseRecipe("Q8_0")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err = synth.Run(t.Context(), path, synth.Spec{Arch: arch, Size: size, Recipe: recipe, Seed: 1, Name: preset}, quant.Decode, false, nil)
	require.NoError(t, err)
	f, err := weights.Open(path)
	require.NoError(t, err)
	e, err := engine.New(t.Context(), d, f, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(e.Close(), f.Close())) })
	return e
}

// hopsOf are the barriered hops of the second layer for a decoded token, all of them and those from the first group on whose label has from.
func hopsOf(e *engine.Engine, from string) (all, behind int) {
	_, decode := e.Executables()
	inside := false
	for _, g := range decode.Placement() {
		if !strings.HasPrefix(g.Label, "blk.1.") {
			continue
		}
		all += g.Barriers
		if inside = inside || strings.Contains(g.Label, from); inside {
			behind += g.Barriers
		}
	}
	return all, behind
}

// hopsOfLayers are the barriered hops of the first two layers for a decoded token in a split context.
func hopsOfLayers(e *engine.Engine) (hops [2]int) {
	_, decode := e.Executables()
	for _, g := range decode.Placement() {
		for i := range hops {
			if strings.HasPrefix(g.Label, fmt.Sprintf("blk.%d.", i)) {
				hops[i] += g.Barriers
			}
		}
	}
	return hops
}

// most is the rule: no layer takes more barriered hops for a decoded token, a mixture's no more either: five, where the layer is dense and
// of attention. The exceptions are named.
const most, mostOfDense = 6, 5

// Layers with more to do one after the other than attention and a feed-forward part have, by the hops of their first two layers.
var exceptions = map[string][2]int{
	"deepseek2": {8, 9},   // latent attention: queries by way of a vector, both products of heads; a mixture
	"gemma4":    {6, 7},   // and two multiplications of each layer's own embedding; of the first layer, the norm has its hop in front
	"gemma3n":   {10, 10}, // and streams that are mixed before and behind each layer, and gates against their mean, with a hop each
}

// Layers that take the sixth: of a mixture three for it (TestHopsOfAMixture), of Mamba with a feed-forward part four before that, and of
// attention beside a mixer the sum of both.
var sixth = []string{"llama4", "qwen2moe", "qwen3moe", "olmoe", "granitemoe", "gpt-oss", "glm4moe", "ernie4_5-moe", "phimoe", "qwen3next", "qwen35moe", "jamba", "falcon-h1"}

func TestHopsOfEveryFamily(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	seen := 0
	for _, arch := range model.Supported() {
		if synth.Encoder(arch) {
			continue
		}
		seen++
		e := synthetic(t, d, arch, "tiny", engine.Options{Compile: compute.Options{Variant: map[string]string{"attention": "attention_joined"}}})
		hops := hopsOfLayers(e)
		want, ok := exceptions[arch]
		switch {
		case ok:
			assert.Equal(t, want, hops, arch)
			assert.Greater(t, max(hops[0], hops[1]), most, "%s is no exception", arch)
		case slices.Contains(sixth, arch):
			assert.Equal(t, most, max(hops[0], hops[1]), arch)
		default:
			assert.LessOrEqual(t, max(hops[0], hops[1]), mostOfDense, arch)
		}
	}
	assert.Greater(t, seen, 50)
}

// A dense layer takes at most 5 barriered hops for a decoded token, 6 where the pieces of a context are combined by a dispatch of their
// own: the way into attention, with all that stands between its multiplications and the cache whatever that is made of; attention,
// which joins its pieces; and three multiplications, with the norms,
// functions and factors of a family behind them. Where attention and the feed-forward part stand beside each other it is one less.
func TestHopsOfADenseLayer(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	of := func(arch string, cache compute.DType, whole int) {
		for variant, most := range map[string]int{"attention_decode": whole, "attention_joined": whole, "attention_split": whole + 1} {
			e := synthetic(t, d, arch, "tiny", engine.Options{TypeK: cache, TypeV: cache, Compile: compute.Options{Variant: map[string]string{"attention": variant}}})
			all, _ := hopsOf(e, "")
			assert.Equal(t, most, all, "%s with a cache of %v, %s", arch, cache, variant)
		}
	}
	for _, cache := range []compute.DType{compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0} {
		of("llama", cache, 5)
		of("qwen3", cache, 5)
	}
	for _, arch := range []string{"qwen2", "phi3", "smollm3", "ernie4_5", "mistral3", "chatglm", "seed_oss", "lfm2",
		"gemma", "gemma2", "gemma3", "glm4", "exaone4", "olmo2", "granite", "hunyuan-dense", "arcee", "nemotron", "olmo", "stablelm",
		"gpt2", "gptneo", "opt", "bloom", "mpt", "starcoder", "starcoder2"} {
		of(arch, compute.Q8_0, 5)
	}
	for _, arch := range []string{"phi2", "gptj", "gptneox", "falcon", "command-r", "cohere2"} { // in parallel
		of(arch, compute.Q8_0, 4)
	}
	of("gpt2", compute.F16, 5) // keys that go to the cache as they are, pair by pair
}

// A mixture of experts takes three barriered hops for a decoded token, whatever shared experts, biases and gates a family has: the
// router, whose last workgroup chooses; the experts' gate and up; and their down with all that is added. With attention they are six.
func TestHopsOfAMixture(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	for _, arch := range []string{"llama4", "qwen3moe", "qwen2moe", "gpt-oss", "deepseek2", "glm4moe", "ernie4_5-moe", "phimoe", "qwen3next", "granitemoe", "olmoe"} {
		for _, cache := range []compute.DType{compute.F16, compute.Q8_0} {
			e := synthetic(t, d, arch, "tiny", engine.Options{TypeK: cache, TypeV: cache, Compile: compute.Options{Variant: map[string]string{"attention": "attention_joined"}}})
			all, mixture := hopsOf(e, "ffn_gate_inp")
			assert.Equal(t, 3, mixture, arch)
			if arch != "deepseek2" { // whose attention is latent
				assert.Equal(t, 6, all, "%s with a cache of %v", arch, cache)
			}
		}
	}
}

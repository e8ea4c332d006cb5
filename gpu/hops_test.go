package gpu_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback/quant"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/engine"
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

// A dense layer takes 5 barriered hops for a decoded token, 6 with a split context: the way into attention, with all that stands between
// its multiplications and the cache whatever that is made of; attention; its join; and three multiplications.
func TestHopsOfADenseLayer(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	of := func(arch string, cache compute.DType) {
		for variant, most := range map[string]int{"attention_decode": 5, "attention_split": 6} {
			e := synthetic(t, d, arch, "tiny", engine.Options{TypeK: cache, TypeV: cache, Compile: compute.Options{Variant: map[string]string{"attention": variant}}})
			all, _ := hopsOf(e, "")
			assert.Equal(t, most, all, "%s with a cache of %v, %s", arch, cache, variant)
		}
	}
	for _, cache := range []compute.DType{compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0} {
		of("llama", cache)
		of("qwen3", cache)
	}
	for _, arch := range []string{"qwen2", "phi3", "smollm3", "ernie4_5", "mistral3", "chatglm", "seed_oss", "lfm2"} {
		of(arch, compute.Q8_0)
	}
}

// A mixture of experts takes four barriered hops for a decoded token, whatever shared experts, biases and gates a family has: the
// router, the routing, the experts' gate and up, and their down with all that is added. With attention, split, they are eight.
func TestHopsOfAMixture(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	for _, arch := range []string{"qwen3moe", "qwen2moe", "gpt-oss", "deepseek2", "glm4moe", "ernie4_5-moe"} {
		for _, cache := range []compute.DType{compute.F16, compute.Q8_0} {
			e := synthetic(t, d, arch, "tiny", engine.Options{TypeK: cache, TypeV: cache, Compile: compute.Options{Variant: map[string]string{"attention": "attention_split"}}})
			all, mixture := hopsOf(e, "ffn_gate_inp")
			assert.Equal(t, 4, mixture, arch)
			if arch != "deepseek2" { // whose attention is latent
				assert.Equal(t, 8, all, "%s with a cache of %v", arch, cache)
			}
		}
	}
}

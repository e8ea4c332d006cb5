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
	"tuff/host/engine"
	"tuff/host/quantize"
	"tuff/host/synth"
	"tuff/host/weights"
)

// A mixture of experts takes four barriered hops for a decoded token, whatever shared experts, biases and gates a family has: the
// router, the routing, the experts' gate and up, and their down with all that is added.
func TestHopsOfAMixture(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	size, err := synth.ParsePreset("tiny")
	require.NoError(t, err)
	recipe, err := quantize.ParseRecipe("Q8_0")
	require.NoError(t, err)
	for _, arch := range []string{"qwen3moe", "qwen2moe", "gpt-oss", "deepseek2", "glm4moe"} {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.gguf")
			_, err := synth.Run(t.Context(), path, synth.Spec{Arch: arch, Size: size, Recipe: recipe, Seed: 1, Name: "tiny"}, quant.Decode, false, nil)
			require.NoError(t, err)
			f, err := weights.Open(path)
			require.NoError(t, err)
			e, err := engine.New(t.Context(), d, f, engine.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, errors.Join(e.Close(), f.Close())) }()
			_, decode := e.Executables()
			all, hops, inside := 0, 0, false
			for _, g := range decode.Placement() {
				if !strings.HasPrefix(g.Label, "blk.1.") {
					continue
				}
				all += g.Barriers
				inside = inside || strings.Contains(g.Label, "ffn_gate_inp")
				if inside {
					hops += g.Barriers
				}
			}
			assert.Equal(t, 4, hops)
			if arch != "deepseek2" {
				assert.LessOrEqual(t, all, 10, "of the whole layer")
			}
		})
	}
}

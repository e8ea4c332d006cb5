package gpu_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compare"
	"tuff/host/compute"
	"tuff/host/engine"
)

// The embedded model with activations in half precision, in int8 or sums of halves stays within the limit of its distance to exact
// arithmetic, for a prompt and for the few rows behind it.
func TestDivergenceOfFastArithmetic(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("kernels instrumented by the layer take minutes to compile")
	}
	d := openGPU(t, gpu.Options{})
	exact := logitsOf(t, newEngine(t, d, engine.Options{AllLogits: true}), promptRows)
	limits := map[string]float64{"matmul_half": 1e-3, "matmul_int8": 1e-3, "matmul_vec_int8": 1e-3, "matmul_coop": 1e-5, "matmul_coop_half": 1e-3, "matmul_skinny": 1e-5,
		"matmul_coop2": 1e-5, "matmul_coop2_half": 1e-3, "matmul_coop2_parts": 1e-5,
		"attention_coop": 1e-5}
	for _, v := range d.Variants() {
		limit := limits[v.Name]
		if v.Lacks != "" || limit == 0 {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			step := promptRows
			if v.Name == "matmul_skinny" { // which is for less at once
				step /= 2
			}
			variant := map[string]string{v.Op: v.Name}
			if v.Name == "attention_coop" {
				variant["matmul"] = "matmul_coop" // which it leaves halves for
			}
			got := logitsOf(t, newEngine(t, d, engine.Options{AllLogits: true, Math: compute.Fast, TypeK: compute.F32, TypeV: compute.F32,
				Compile: compute.Options{Variant: variant}}), step)
			var prompt, few float64
			for i := range got {
				if kl := compare.KL(exact[i], got[i]); i < promptRows {
					prompt += kl / promptRows
				} else {
					few += kl / float64(len(got)-promptRows)
				}
			}
			t.Logf("mean KL: prompt %.3g, rows behind it %.3g", prompt, few)
			assert.LessOrEqual(t, prompt, limit)
			assert.LessOrEqual(t, few, limit)
			assert.Greater(t, prompt, 1e-12, "what ran was exact")
		})
	}
}

// A prompt whose experts alone are multiplied on matrix units, in halves or as bytes, stays within the limit of its distance to exact arithmetic.
func TestDivergenceOfExperts(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("kernels instrumented by the layer take minutes to compile")
	}
	d := openGPU(t, gpu.Options{})
	logits := func(experts string, m compute.Math) [][]float32 {
		return logitsOf(t, synthetic(t, d, "qwen3moe", "tiny", engine.Options{AllLogits: true, Math: m, TypeK: compute.F32, TypeV: compute.F32,
			Compile: compute.Options{Variant: map[string]string{"matmul": "matmul_tile_32", "attention": "attention_prefill", "matmul_experts": experts}}}), promptRows)
	}
	exact := logits("matmul_experts_tile", compute.Exact)
	for kernel, limit := range map[string]float64{"matmul_experts_coop": 1e-5, "matmul_experts_half": 1e-3, "matmul_experts_int8": 1e-3} {
		t.Run(kernel, func(t *testing.T) {
			for _, v := range d.Variants() {
				if v.Name == kernel && v.Lacks != "" {
					t.Skip("the device lacks " + v.Lacks)
				}
			}
			fast, mean := logits(kernel, compute.Fast), 0.0
			for i := range exact {
				mean += compare.KL(exact[i], fast[i]) / float64(len(exact))
			}
			t.Logf("mean KL %.3g", mean)
			assert.LessOrEqual(t, mean, limit)
			assert.Greater(t, mean, 1e-14, "what ran was exact")
		})
	}
}

// promptRows are the tokens of a prompt long enough for the largest tiles.
const promptRows = 70

// No kernel writes behind its executable's memory, in either arithmetic, for many rows or few.
func TestNothingIsWrittenBehindScratch(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("kernels instrumented by the layer take minutes to compile")
	}
	d := openGPU(t, gpu.Options{})
	for _, arch := range []string{"llama", "gemma3n", "qwen3moe", "deepseek2", "gpt2", "mamba2", "qwen3next"} {
		for _, arithmetic := range []compute.Math{compute.Exact, compute.Fast} {
			if testing.Short() && arithmetic == compute.Exact && arch != "llama" {
				continue // whose kernels TestConformance runs, which looks behind each result
			}
			t.Run(arch+" "+arithmetic.String(), func(t *testing.T) {
				e := synthetic(t, d, arch, "15M", engine.Options{AllLogits: true, Chunk: promptRows, ContextLen: 128, Math: arithmetic})
				untouched := gpu.BehindScratch(t, d, 4<<20)
				logitsOf(t, e, promptRows)
				assert.True(t, untouched())
			})
		}
	}
}

// logitsOf are the logits of a prompt, step tokens at a time, of five rows behind it, and of one more.
func logitsOf(t testing.TB, e *engine.Engine, step int) [][]float32 {
	t.Helper()
	s := e.NewSession()
	defer s.Close()
	ids := make([]int32, promptRows+6)
	for i := range ids {
		ids[i] = int32(6 + i*131%min(2000, e.Program().VocabSize-6))
	}
	var all [][]float32
	parts := append(slices.Collect(slices.Chunk(ids[:promptRows], step)), ids[promptRows:promptRows+5], ids[promptRows+5:])
	for _, part := range parts {
		require.NoError(t, s.Eval(t.Context(), part, engine.WantAll, func(_ int, l []float32) error {
			all = append(all, slices.Clone(l))
			return nil
		}))
	}
	require.Len(t, all, len(ids))
	return all
}

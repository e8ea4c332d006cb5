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

// The embedded model with activations in int8 or sums of halves stays within the limit of its distance to exact arithmetic, for a prompt and for
// the few rows behind it.
func TestDivergenceOfFastArithmetic(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("kernels instrumented by the layer take minutes to compile")
	}
	d := openGPU(t, gpu.Options{})
	exact := logitsOf(t, d, engine.Options{})
	for _, v := range d.Variants() {
		if v.Lacks != "" || !slices.Contains([]string{"matmul_half", "matmul_int8", "matmul_vec_int8"}, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			got := logitsOf(t, d, engine.Options{Math: compute.Fast, TypeK: compute.F32, TypeV: compute.F32,
				Compile: compute.Options{Variant: map[string]string{"matmul": v.Name}}})
			var prompt, few float64
			for i := range got {
				if kl := compare.KL(exact[i], got[i]); i < promptRows {
					prompt += kl / promptRows
				} else {
					few += kl / float64(len(got)-promptRows)
				}
			}
			t.Logf("mean KL: prompt %.3g, rows behind it %.3g", prompt, few)
			assert.LessOrEqual(t, prompt, 1e-3)
			assert.LessOrEqual(t, few, 1e-3)
			assert.Greater(t, prompt, 1e-12, "what ran was exact")
		})
	}
}

// promptRows are the tokens of a prompt long enough for the largest tiles.
const promptRows = 70

// logitsOf are the logits of a prompt, of five rows behind it, and of one more.
func logitsOf(t testing.TB, d compute.Device, o engine.Options) [][]float32 {
	t.Helper()
	o.AllLogits = true
	e := newEngine(t, d, o)
	s := e.NewSession()
	defer s.Close()
	ids := make([]int32, promptRows+6)
	for i := range ids {
		ids[i] = int32(6 + i*131%2000)
	}
	var all [][]float32
	for _, part := range [][]int32{ids[:promptRows], ids[promptRows : promptRows+5], ids[promptRows+5:]} {
		require.NoError(t, s.Eval(t.Context(), part, engine.WantAll, func(_ int, l []float32) error {
			all = append(all, slices.Clone(l))
			return nil
		}))
	}
	require.Len(t, all, len(ids))
	return all
}

package synth_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback/quant"
	"tuff/host/compute"
	"tuff/host/model"
	"tuff/host/quantize"
	"tuff/host/synth"
	"tuff/host/weights"
)

func spec(t *testing.T, arch, kind string) synth.Spec {
	t.Helper()
	size, err := synth.ParsePreset("tiny")
	require.NoError(t, err)
	r, err := quantize.RecipeOf(kind)
	require.NoError(t, err)
	return synth.Spec{Arch: arch, Size: size, Recipe: r, Seed: 1, Name: "synth tiny"}
}

func makeFile(t *testing.T, s synth.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err := synth.Run(t.Context(), path, s, quant.Decode, false, nil)
	require.NoError(t, err)
	return path
}

// blockTypes are the types that are made of blocks and can be in files.
func blockTypes() (all []string) {
	for d := compute.F32; d.Valid(); d++ {
		if _, err := quantize.RecipeOf(d.String()); err == nil {
			all = append(all, d.String())
		}
	}
	return all
}

func TestEveryTypeIsFiniteAndOfTheSizeThatItShouldBe(t *testing.T) {
	require.Greater(t, len(blockTypes()), 25)
	for _, kind := range blockTypes() {
		t.Run(kind, func(t *testing.T) {
			s := spec(t, "llama", kind)
			s.Pure = true
			f, err := weights.Open(makeFile(t, s))
			require.NoError(t, err)
			defer f.Close()
			n := 0
			for _, x := range f.Tensors() {
				v := make([]float32, x.Rows*x.Cols)
				require.NoError(t, quant.Decode(x.DType, v, f.Data(x)))
				var sum, square float64
				for i, e := range v {
					if math.IsNaN(float64(e)) || math.IsInf(float64(e), 0) {
						t.Fatalf("%s element %d: %v", x.Name, i, e)
					}
					sum, square = sum+float64(e), square+float64(e)*float64(e)
				}
				if x.DType.Quantized() {
					n++
				}
				if x.Name == "blk.0.attn_q.weight" { // rows of 256: a deviation of 1/16
					assert.Equal(t, s.Recipe.Type, x.DType)
					assert.InEpsilon(t, 1./16, math.Sqrt(square/float64(len(v))), 0.45, "deviation") // scales of MXFP4 are powers of two
					assert.Less(t, math.Abs(sum/float64(len(v))), 0.02, "mean")
				}
			}
			if s.Recipe.Type.Quantized() {
				assert.Equal(t, 16, n, "matrices")
			}
		})
	}
}

func TestEveryArchitectureIsReadByItsFamily(t *testing.T) {
	for _, arch := range synth.Archs() {
		t.Run(arch, func(t *testing.T) {
			f, err := weights.Open(makeFile(t, spec(t, arch, "Q8_0")))
			require.NoError(t, err)
			defer f.Close()
			cfg, fam, err := model.ReadConfig(f)
			require.NoError(t, err)
			require.NotNil(t, fam)
			assert.Equal(t, 256, cfg.HiddenDim)
			assert.Equal(t, synth.HasExperts(arch), cfg.MoE.NumExperts > 0)
			tokens, ok := f.Strings("tokenizer.ggml.tokens")
			require.True(t, ok)
			seen := map[string]bool{}
			for _, s := range tokens {
				require.False(t, seen[s], s)
				seen[s] = true
			}
			assert.Len(t, tokens, cfg.VocabSize)
		})
	}
}

// TestMixersAreWhatModelsHave: states decay and steps are short, whatever the rest is, and the layers of a hybrid that attend have
// no mixer.
func TestMixersAreWhatModelsHave(t *testing.T) {
	for _, arch := range synth.Archs() {
		if !synth.Stateful(arch) {
			continue
		}
		t.Run(arch, func(t *testing.T) {
			s := spec(t, arch, "Q8_0")
			s.Size.Layers = 4
			f, err := weights.Open(makeFile(t, s))
			require.NoError(t, err)
			defer f.Close()
			mixers, attending := 0, 0
			kv, perLayer := f.Ints(arch + ".attention.head_count_kv")
			for i := range s.Size.Layers {
				name := func(n string) string { return fmt.Sprintf("blk.%d.%s", i, n) }
				_, ssm := f.Tensor(name("ssm_in.weight"))
				_, conv := f.Tensor(name("shortconv.in_proj.weight"))
				_, attends := f.Tensor(name("attn_q.weight"))
				_, rule := f.Tensor(name("attn_gate.weight"))
				if ssm || conv || rule {
					mixers++
				}
				if attends {
					attending++
				}
				assert.Equal(t, arch == "falcon-h1", (ssm || conv || rule) && attends, "both in layer %d", i)
				if perLayer {
					assert.Equal(t, attends, kv[i] > 0, "layer %d", i)
				}
				if !ssm && !rule {
					continue
				}
				least, most := between(t, f, name("ssm_a"))
				assert.True(t, most < -0.7 && least > -20.1 && least < -10, "rates %g to %g", least, most)
				least, most = between(t, f, name("ssm_dt.bias"))
				assert.True(t, least >= -6.91 && most <= -2.25 && most-least > 1, "steps of a thousandth to a tenth: %g to %g", least, most)
				if ssm {
					least, most = between(t, f, name("ssm_d"))
					assert.True(t, least > 0.89 && most < 1.11)
				}
			}
			assert.Positive(t, mixers)
			assert.Equal(t, arch != "mamba" && arch != "mamba2", attending > 0)
		})
	}
}

// between is the range of a tensor of float32.
func between(t *testing.T, f *weights.File, name string) (least, most float64) {
	t.Helper()
	x, ok := f.Tensor(name)
	require.True(t, ok, name)
	require.Equal(t, compute.F32, x.DType)
	v := make([]float32, x.Rows*x.Cols)
	require.NoError(t, quant.Decode(x.DType, v, f.Data(x)))
	least, most = math.Inf(1), math.Inf(-1)
	for _, e := range v {
		least, most = min(least, float64(e)), max(most, float64(e))
	}
	return least, most
}

func TestTheSameSeedMakesTheSameBytes(t *testing.T) {
	sum := func(s synth.Spec) string {
		b, err := os.ReadFile(makeFile(t, s))
		require.NoError(t, err)
		return fmt.Sprintf("%x", sha256.Sum256(b))
	}
	s := spec(t, "llama", "Q4_K_M")
	first := sum(s)
	old := runtime.GOMAXPROCS(1)
	alone := sum(s)
	runtime.GOMAXPROCS(old)
	assert.Equal(t, first, alone, "whatever the number of threads")
	s.Seed = 2
	assert.NotEqual(t, first, sum(s))
}

func TestSizesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		change func(*synth.Spec)
		want   string
	}{
		{func(s *synth.Spec) { s.Arch = "lama" }, `architecture: got "lama", want one of`},
		{func(s *synth.Spec) { s.Size.Layers = 0 }, "layers: got 0, want 1 to 1024"},
		{func(s *synth.Spec) { s.Size.Hidden = 1 << 30 }, "hidden: got"},
		{func(s *synth.Spec) { s.Size.Vocab = 100 }, "vocabulary: got 100, want at least 260"},
		{func(s *synth.Spec) { s.Size.KVHeads = 3 }, "KV heads: got 3 for 4 heads"},
		{func(s *synth.Spec) { s.Size.HeadDim = 7 }, "head size: got 7"},
		{func(s *synth.Spec) { s.Size.Experts = -1 }, "experts: got"},
		{func(s *synth.Spec) { s.Size.Experts, s.Size.Used = 4, 5 }, "experts: got 5 used of 4"},
		{func(s *synth.Spec) { s.Arch, s.Size.Experts, s.Size.Used = "gemma", 4, 2 }, "want none in gemma"},
	} {
		s := spec(t, "llama", "Q8_0")
		c.change(&s)
		dir := t.TempDir()
		_, err := synth.Run(t.Context(), filepath.Join(dir, "m.gguf"), s, quant.Decode, false, nil)
		assert.ErrorContains(t, err, c.want)
		left, _ := os.ReadDir(dir)
		assert.Empty(t, left)
	}
}

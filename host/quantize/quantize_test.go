package quantize_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback/quant"
	"tuff/host/compute"
	"tuff/host/quantize"
	"tuff/host/testkit"
	"tuff/host/weights"
)

var codec = quantize.Codec{Decode: quant.Decode, Fit: quant.Fit}

func open(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func recipe(t *testing.T, name string) quantize.Recipe {
	t.Helper()
	r, err := quantize.ParseRecipe(name)
	require.NoError(t, err)
	return r
}

// model writes an F32 file of the given matrices of rows of cols, all numbers from fill.
func model(t *testing.T, arch string, cols int, names []string, fill func(tensor string, i int) float32, keys ...weights.Key) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	keys = append([]weights.Key{{Name: "general.architecture", Value: arch}}, keys...)
	var shapes []weights.Shape
	for _, n := range names {
		shapes = append(shapes, weights.Shape{Name: n, DType: compute.F32, Dims: []int{cols, 2}})
	}
	w, err := weights.Create(path, keys, shapes, false)
	require.NoError(t, err)
	for _, n := range names {
		var b []byte
		for i := range 2 * cols {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(fill(n, i)))
		}
		_, err := w.Write(b)
		require.NoError(t, err)
	}
	require.NoError(t, w.Commit())
	return path
}

func wave(_ string, i int) float32 { return float32(math.Sin(float64(i) * 1.7)) }

func TestEveryRecipeWritesWhatItReports(t *testing.T) {
	in := open(t, testkit.Testdata(t, "oracle", "kq-llama-Q6_K.gguf"))
	for _, name := range quantize.Names() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.gguf")
			r := recipe(t, name)
			var done int64
			rep, err := quantize.Run(t.Context(), in, path, r, codec, quantize.Options{Threads: 3, Progress: func(n, total int64) {
				assert.Greater(t, n, done)
				assert.LessOrEqual(t, n, total)
				done = n
			}})
			require.NoError(t, err)
			out := open(t, path)
			v, _ := out.Uint("general.file_type")
			assert.Equal(t, uint64(r.FileType), v)
			assert.Equal(t, in.Value("tokenizer.ggml.tokens"), out.Value("tokenizer.ggml.tokens"))
			measured, err := quantize.Measure(t.Context(), in, out, codec, 2)
			require.NoError(t, err)
			require.Len(t, rep.Tensors, len(in.Tensors()))
			for _, x := range rep.Tensors {
				got, ok := out.Tensor(x.Name)
				require.True(t, ok)
				assert.Equal(t, x.To, got.DType, x.Name)
				assert.Equal(t, x.Bytes, got.Size)
				assert.InEpsilon(t, 1+x.Sum, 1+measured[x.Name].Sum, 1e-9, x.Name)
			}
			again := filepath.Join(t.TempDir(), "again.gguf")
			_, err = quantize.Run(t.Context(), in, again, r, codec, quantize.Options{Threads: 1})
			require.NoError(t, err)
			a, err := os.ReadFile(path)
			require.NoError(t, err)
			b, err := os.ReadFile(again)
			require.NoError(t, err)
			assert.Equal(t, a, b, "whatever the number of threads")
		})
	}
}

// What the mixtures give each tensor, as llama-quantize does for the same names.
func TestMixtures(t *testing.T) {
	names := []string{"token_embd.weight", "output.weight", "output_norm.weight", "token_types.weight"}
	for i := range 16 {
		for _, n := range []string{"attn_v.weight", "attn_q.weight", "ffn_down.weight", "attn_output.weight", "attn_norm.weight", "ffn_gate_inp.weight", "attn_v.bias"} {
			names = append(names, fmt.Sprintf("blk.%d.%s", i, n))
		}
	}
	more := map[int]bool{0: true, 1: true, 4: true, 7: true, 10: true, 13: true, 14: true, 15: true}
	f := open(t, model(t, "llama", 256, names, wave, weights.Key{Name: "llama.block_count", Value: uint32(16)}))
	types := func(name string) map[string]string {
		rep, err := quantize.Run(t.Context(), f, filepath.Join(t.TempDir(), "o.gguf"), recipe(t, name), codec, quantize.Options{})
		require.NoError(t, err)
		m := map[string]string{}
		for _, x := range rep.Tensors {
			m[x.Name] = x.To.String()
		}
		return m
	}
	m, s := types("Q4_K_M"), types("q4_k_s")
	for i := range 16 {
		at := func(n string) string { return fmt.Sprintf("blk.%d.%s", i, n) }
		want := "Q4_K"
		if more[i] {
			want = "Q6_K"
		}
		assert.Equal(t, want, m[at("attn_v.weight")], i)
		assert.Equal(t, want, m[at("ffn_down.weight")], i)
		assert.Equal(t, "Q4_K", m[at("attn_q.weight")])
		assert.Equal(t, map[bool]string{true: "Q5_K", false: "Q4_K"}[i < 4], s[at("attn_v.weight")])
		assert.Equal(t, map[bool]string{true: "Q5_K", false: "Q4_K"}[i < 2], s[at("ffn_down.weight")])
		for _, n := range []string{"attn_norm.weight", "ffn_gate_inp.weight", "attn_v.bias"} {
			assert.Equal(t, "F32", m[at(n)], n)
		}
	}
	assert.Equal(t, []string{"Q6_K", "Q4_K", "F32", "F32"}, []string{m["output.weight"], m["token_embd.weight"], m["output_norm.weight"], m["token_types.weight"]})
}

func TestRowsThatAreNoWholeBlocksGetAnotherType(t *testing.T) {
	for _, c := range []struct {
		cols         int
		recipe, want string
	}{{64, "Q4_K_M", "Q5_0"}, {64, "Q5_K_S", "Q5_1"}, {96, "Q6_K", "Q8_0"}, {40, "Q8_0", "F16"}, {40, "Q6_K", "F16"}, {256, "Q6_K", "Q6_K"}} {
		f := open(t, model(t, "llama", c.cols, []string{"blk.1.attn_q.weight"}, wave))
		rep, err := quantize.Run(t.Context(), f, filepath.Join(t.TempDir(), "o.gguf"), recipe(t, c.recipe), codec, quantize.Options{})
		require.NoError(t, err)
		assert.Equal(t, c.want, rep.Tensors[0].To.String(), "rows of %d in %s", c.cols, c.recipe)
		assert.Equal(t, recipe(t, c.recipe).Type, rep.Tensors[0].Wanted)
	}
}

func TestNumbersThatCannotBeAreRefusedByPlace(t *testing.T) {
	for _, c := range []struct {
		v      float64
		recipe string
		want   string
	}{
		{math.NaN(), "Q8_0", "got NaN, want a finite number"},
		{math.Inf(1), "F16", "got +Inf, want a finite number"},
		{math.Inf(-1), "BF16", "got -Inf, want a finite number"},
		{70000, "F16", "got 70000, want at most 65504 in magnitude for F16"},
		{-1e10, "Q4_K_M", "got -1e+10, want at most 65504 in magnitude for Q4_K"},
	} {
		f := open(t, model(t, "llama", 256, []string{"a.weight", "b.weight"}, func(tensor string, i int) float32 {
			if tensor == "b.weight" && i == 300 {
				return float32(c.v)
			}
			return wave("", i)
		}))
		dir := t.TempDir()
		_, err := quantize.Run(t.Context(), f, filepath.Join(dir, "o.gguf"), recipe(t, c.recipe), codec, quantize.Options{})
		assert.EqualError(t, err, `quantize: tensor "b.weight": element 300: `+c.want)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left, "nothing of it is left")
	}
	// BF16 has float32's range.
	f := open(t, model(t, "llama", 256, []string{"a.weight"}, func(string, int) float32 { return 1e30 }))
	_, err := quantize.Run(t.Context(), f, filepath.Join(t.TempDir(), "o.gguf"), recipe(t, "BF16"), codec, quantize.Options{})
	assert.NoError(t, err)
}

func TestTheInputAndFilesThatAreThereStay(t *testing.T) {
	path := model(t, "llama", 256, []string{"a.weight"}, wave)
	f := open(t, path)
	_, err := quantize.Run(t.Context(), f, path, recipe(t, "Q8_0"), codec, quantize.Options{Force: true})
	assert.ErrorContains(t, err, "it is the input")
	link := path + ".link"
	require.NoError(t, os.Link(path, link))
	_, err = quantize.Run(t.Context(), f, link, recipe(t, "Q8_0"), codec, quantize.Options{Force: true})
	assert.ErrorContains(t, err, "it is the input")
	other := filepath.Join(t.TempDir(), "o.gguf")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	_, err = quantize.Run(t.Context(), f, other, recipe(t, "Q8_0"), codec, quantize.Options{})
	assert.ErrorContains(t, err, "it exists")
	_, err = quantize.Run(t.Context(), f, other, recipe(t, "Q8_0"), codec, quantize.Options{Force: true})
	assert.NoError(t, err)
}

func TestParseRecipe(t *testing.T) {
	_, err := quantize.ParseRecipe("IQ2_S")
	assert.ErrorContains(t, err, `got "IQ2_S", want one of F32, F16`)
	assert.Equal(t, "Q4_K_M", recipe(t, "q4_k").Name)
}

// Vectors are widened whatever the file has them in: llama.cpp adds and multiplies by no others.
func TestVectorsBecomeFloat32(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	shapes := []weights.Shape{{Name: "blk.0.attn_norm.weight", DType: compute.BF16, Dims: []int{4}}, {Name: "enc.blk.3.ffn_down.weight", DType: compute.F16, Dims: []int{32, 2}},
		{Name: "x.bias", DType: compute.F16, Dims: []int{4}}, {Name: "ids.weight", DType: compute.I32, Dims: []int{4, 2}}}
	w, err := weights.Create(path, []weights.Key{{Name: "general.architecture", Value: "t5encoder"}}, shapes, false)
	require.NoError(t, err)
	for i := range shapes {
		n, err := shapes[i].Bytes()
		require.NoError(t, err)
		_, err = w.Write(make([]byte, n))
		require.NoError(t, err)
	}
	require.NoError(t, w.Commit())
	rep, err := quantize.Run(t.Context(), open(t, path), filepath.Join(t.TempDir(), "o.gguf"), recipe(t, "Q8_0"), codec, quantize.Options{})
	require.NoError(t, err)
	var got []string
	for _, x := range rep.Tensors {
		got = append(got, x.To.String())
	}
	assert.Equal(t, []string{"F32", "Q8_0", "F32", "I32"}, got)
}

// A distance that llama.cpp does not read is said aloud.
func TestReachOfT5(t *testing.T) {
	dir := testkit.Testdata(t, "oracle", "t5-encoder")
	rep, err := quantize.Run(t.Context(), open(t, dir), filepath.Join(t.TempDir(), "o.gguf"), recipe(t, "F32"), codec, quantize.Options{})
	require.NoError(t, err)
	assert.Contains(t, strings.Join(rep.Notes, "\n"), "distances differ up to 20, which GGUF cannot say")
}

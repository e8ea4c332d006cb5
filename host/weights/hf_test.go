package weights_test

import (
	"encoding/binary"
	"encoding/json"
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
	"tuff/host/testkit"
	"tuff/host/weights"
)

// values are a tensor's elements.
func values(t testing.TB, f *weights.File, x weights.Tensor) []float32 {
	t.Helper()
	out := make([]float32, x.Rows*x.Cols)
	require.NoError(t, quant.Decode(x.DType, out, f.Data(x)))
	return out
}

// TestFoldersAreWhatConvertersMake compares folders with GGUF files made of them by another program: keys, names, shapes and numbers.
func TestFoldersAreWhatConvertersMake(t *testing.T) {
	tested := 0
	dirs, err := os.ReadDir(testkit.Shared(t, "oracle", "gguf"))
	require.NoError(t, err)
	for _, d := range dirs {
		files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle", "gguf", d.Name()), "*-F32.gguf"))
		require.NoError(t, err)
		dir := filepath.Join(testkit.Shared(t, "oracle"), d.Name())
		if _, err := os.Stat(dir); err != nil || len(files) != 1 {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			g, err := weights.Open(files[0])
			require.NoError(t, err)
			defer g.Close()
			f, err := weights.Open(dir)
			if err != nil {
				require.ErrorContains(t, err, "not supported: model_type")
				return
			}
			defer f.Close()
			tested++
			compareFiles(t, g, f, filepath.Dir(files[0]))
		})
	}
	assert.GreaterOrEqual(t, tested, 17)
}

func compareFiles(t *testing.T, g, f *weights.File, source string) {
	arch, _ := g.String("general.architecture")
	own, _ := f.String("general.architecture")
	require.Equal(t, arch, own)
	_, err := os.Stat(filepath.Join(source, "config.json"))
	rebuilt := err == nil // of another configuration
	for _, k := range g.Keys() {
		if !strings.HasPrefix(k, arch+".") || rebuilt {
			continue
		}
		switch want := g.Value(k).(type) {
		case float32:
			got, ok := f.Float(k)
			assert.True(t, ok, k)
			assert.InEpsilon(t, want, got, 1e-6, k)
		case uint32:
			got, ok := f.Uint(k)
			assert.True(t, ok, k)
			assert.EqualValues(t, want, got, k)
		case string:
			if got, ok := f.String(k); ok || want != "none" {
				assert.Equal(t, want, got, k)
			}
		default:
			assert.Equal(t, want, f.Value(k), k)
		}
	}
	halves, _ := f.Bool("tuff.rope.halves")
	assert.Len(t, f.Tensors(), len(g.Tensors()))
	for _, want := range g.Tensors() {
		got, ok := f.Tensor(want.Name)
		if !assert.True(t, ok, want.Name) {
			continue
		}
		if want.Name == "blk.0.ffn_gate_inp_shexp.weight" || want.Name == "blk.1.ffn_gate_inp_shexp.weight" {
			want.Dims = append(want.Dims, 1) // a row, which the converter writes as a vector
		}
		assert.Equal(t, want.Dims, got.Dims, want.Name)
		assert.Equal(t, [2]int{want.Rows, want.Cols}, [2]int{got.Rows, got.Cols}, want.Name)
		if rebuilt || halves && (strings.Contains(want.Name, ".attn_q.") || strings.Contains(want.Name, ".attn_k.")) {
			continue // the converter permutes these rows
		}
		wv, gv := values(t, g, want), values(t, f, got)
		for i := range wv {
			if math.Abs(float64(wv[i]-gv[i])) > 1e-6*math.Abs(float64(wv[i])) {
				t.Fatalf("%s: element %d: got %g, want %g", want.Name, i, gv[i], wv[i])
			}
		}
	}
}

// rawTensor is an entry of a file that a test writes.
type rawTensor struct {
	name, dtype string
	shape       []int
	data        []byte
}

// writeFolder writes a Llama of hidden size 64 with one layer, of which these tensors are all.
func writeFolder(t *testing.T, config map[string]any, tensors ...rawTensor) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]any{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64,
		"max_position_embeddings": 16, "vocab_size": 4, "rms_norm_eps": 1e-5}
	for k, v := range config {
		all[k] = v
	}
	header, data := map[string]any{}, []byte(nil)
	for _, x := range tensors {
		header[x.name] = map[string]any{"dtype": x.dtype, "shape": x.shape, "data_offsets": []int{len(data), len(data) + len(x.data)}}
		data = append(data, x.data...)
	}
	head, err := json.Marshal(header)
	require.NoError(t, err)
	b, err := json.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), b, 0o600))
	b = binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.safetensors"), append(append(b, head...), data...), 0o600))
	return dir
}

func f32s(v ...float32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// plainE4M3 is the value of an 8-bit float by its definition: 4 bits of exponent with bias 7, 3 of mantissa.
func plainE4M3(b byte) float32 {
	exp, man := int(b>>3&15), float64(b&7)
	v := math.Pow(2, float64(exp-7)) * (1 + man/8)
	if exp == 0 {
		v = math.Pow(2, -6) * man / 8
	}
	if b&0x80 != 0 {
		v = -v
	}
	return float32(v)
}

func TestFP8(t *testing.T) {
	data := make([]byte, 96*64)
	for i := range data {
		if data[i] = byte(i * 37); data[i]&0x7f == 0x7f { // not a number
			data[i] = 0
		}
	}
	rows := make([]float32, 96)
	for i := range rows {
		rows[i] = 0.3 + float32(i)
	}
	blocks := []float32{0.1, 0.7, 3, 5, 7, 11} // 3 by 2 of [32, 32]
	for _, c := range []struct {
		name  string
		scale rawTensor
		at    func(row, col int) float32
		dtype compute.DType
	}{
		{"one", rawTensor{"_scale", "F32", []int{}, f32s(0.3)}, func(int, int) float32 { return 0.3 }, compute.F32},
		{"one of two", rawTensor{"_scale_inv", "F32", []int{1}, f32s(0.25)}, func(int, int) float32 { return 0.25 }, compute.BF16},
		{"rows", rawTensor{"_scale", "F32", []int{96, 1}, f32s(rows...)}, func(r, _ int) float32 { return rows[r] }, compute.F32},
		{"blocks", rawTensor{"_scale_inv", "F32", []int{3, 2}, f32s(blocks...)}, func(r, c int) float32 { return blocks[r/32*2+c/32] }, compute.F32},
	} {
		t.Run(c.name, func(t *testing.T) {
			const name = "model.layers.0.mlp.up_proj.weight"
			c.scale.name = name + c.scale.name
			f, err := weights.Open(writeFolder(t, map[string]any{"quantization_config": map[string]any{"quant_method": "fp8", "weight_block_size": []int{32, 32}}},
				rawTensor{name, "F8_E4M3", []int{96, 64}, data}, c.scale))
			require.NoError(t, err)
			defer f.Close()
			x, ok := f.Tensor("blk.0.ffn_up.weight")
			require.True(t, ok)
			assert.Equal(t, c.dtype, x.DType)
			for i, got := range values(t, f, x) {
				if want := plainE4M3(data[i]) * c.at(i/64, i%64); got != want {
					t.Fatalf("element %d: got %g, want %g", i, got, want)
				}
			}
			first := &f.Data(x)[0]
			assert.Same(t, first, &f.Data(x)[0], "made once")
			require.NoError(t, f.Release(x))
			part := make([]byte, 16)
			require.NoError(t, f.ReadInto(part, x, 32))
			assert.Equal(t, f.Data(x)[32:48], part)
		})
	}
	_, err := weights.Open(writeFolder(t, nil, rawTensor{"model.layers.0.mlp.up_proj.weight", "F8_E4M3", []int{96, 64}, data}))
	assert.ErrorContains(t, err, "without")
	_, err = weights.Open(writeFolder(t, nil, rawTensor{"model.layers.0.mlp.up_proj.weight", "F8_E5M2", []int{96, 64}, data}))
	assert.ErrorContains(t, err, "F8_E5M2")
}

// TestMXFP4 decodes a checkpoint's blocks by their definition and compares what the GGUF format's decoder makes of them.
func TestMXFP4(t *testing.T) {
	const experts, inter = 2, 32
	e2m1 := [8]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6}
	blocks, scales := make([]byte, experts*2*inter*2*16), make([]byte, experts*2*inter*2)
	for i := range blocks {
		blocks[i] = byte(i*73 + i/256)
	}
	for i := range scales {
		scales[i] = byte(120 + i%16)
	}
	at := func(row, col int) float32 {
		b := row*2 + col/32
		q := blocks[16*b+col%32/2] >> (4 * (col % 2)) & 15
		v := e2m1[q&7] * float32(math.Pow(2, float64(scales[b])-127))
		if q >= 8 {
			v = -v
		}
		return v
	}
	f, err := weights.Open(writeFolder(t, map[string]any{"model_type": "gpt_oss", "num_local_experts": experts, "num_experts_per_tok": 1, "intermediate_size": inter},
		rawTensor{"model.layers.0.mlp.experts.gate_up_proj_blocks", "U8", []int{experts, 2 * inter, 2, 16}, blocks},
		rawTensor{"model.layers.0.mlp.experts.gate_up_proj_scales", "U8", []int{experts, 2 * inter, 2}, scales}))
	require.NoError(t, err)
	defer f.Close()
	for first, name := range []string{"gate", "up"} {
		x, ok := f.Tensor("blk.0.ffn_" + name + "_exps.weight")
		require.True(t, ok)
		assert.Equal(t, compute.MXFP4, x.DType)
		assert.Equal(t, []int{64, inter, experts}, x.Dims)
		for i, got := range values(t, f, x) {
			require.Equal(t, at(i/64*2+first, i%64), got, "%s element %d", name, i)
		}
	}
}

// TestBothFlavoursSayTheSame: one configuration as versions 4 and 5 of transformers write it.
func TestBothFlavoursSayTheSame(t *testing.T) {
	norm := rawTensor{"model.norm.weight", "F32", []int{64}, f32s(make([]float32, 64)...)}
	yarn := map[string]any{"factor": 8.0, "beta_fast": 30, "original_max_position_embeddings": 4, "attention_factor": 1.5}
	with := func(more map[string]any) map[string]any {
		m := map[string]any{}
		for k, v := range yarn {
			m[k] = v
		}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	var said []string
	for _, config := range []map[string]any{
		{"torch_dtype": "float32", "rope_theta": 5e5, "rope_scaling": with(map[string]any{"type": "yarn"})},
		{"torch_dtype": "float32", "rope_theta": 5e5, "rope_scaling": with(map[string]any{"rope_type": "yarn"})},
		{"dtype": "float32", "rope_parameters": with(map[string]any{"rope_type": "yarn", "rope_theta": 5e5})},
	} {
		f, err := weights.Open(writeFolder(t, config, norm))
		require.NoError(t, err)
		var all []string
		for _, k := range f.Keys() {
			if k != "general.name" {
				all = append(all, fmt.Sprint(k, "=", f.Value(k)))
			}
		}
		said = append(said, strings.Join(all, "\n"))
		require.NoError(t, f.Close())
	}
	assert.Contains(t, said[0], "llama.rope.scaling.type=yarn")
	assert.Contains(t, said[0], "llama.rope.freq_base=500000")
	assert.Contains(t, said[0], "llama.rope.scaling.attn_factor=")
	assert.Equal(t, said[0], said[1])
	assert.Equal(t, said[0], said[2])
}

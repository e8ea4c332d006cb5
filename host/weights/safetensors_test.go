package weights

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// safetensors is a file of this header and n bytes of data.
func safetensors(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range n {
		b = append(b, byte(i*7))
	}
	return b
}

const smallConfig = `{"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4,
	"max_position_embeddings": 16, "vocab_size": 4, "rms_norm_eps": 1e-5}`

// smallFile is a valid file of about 1.5 KB.
func smallFile() []byte {
	var parts []string
	at := 0
	add := func(name, dtype, shape string, size int) {
		parts = append(parts, fmt.Sprintf(`"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, dtype, shape, at, at+size))
		at += size
	}
	add("model.embed_tokens.weight", "F32", "[4,4]", 64)
	add("model.norm.weight", "F16", "[4]", 8)
	for _, n := range []string{"q", "k", "v", "o"} {
		add("model.layers.0.self_attn."+n+"_proj.weight", "BF16", "[4,4]", 32)
	}
	for _, n := range []string{"gate", "up", "down"} {
		add("model.layers.0.mlp."+n+"_proj.weight", "F32", "[4,4]", 64)
	}
	add("model.layers.0.input_layernorm.weight", "F32", "[4]", 16)
	add("model.layers.0.post_attention_layernorm.weight", "F32", "[4]", 16)
	return safetensors(`{"__metadata__":{"format":"pt"},`+strings.Join(parts, ",")+"}   ", at)
}

// folder writes a checkpoint's files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600))
	}
	return dir
}

// requireTyped requires that an error says what is wrong in the package's own terms.
func requireTyped(t testing.TB, err error, what string) {
	t.Helper()
	if !typed(err) {
		t.Fatalf("%s: got %v, want a FormatError or an UnsupportedError", what, err)
	}
}

func TestSafetensorsOfEveryLengthAndByte(t *testing.T) {
	whole := smallFile()
	require.InDelta(t, 1500, len(whole), 500)
	list, err := decodeSafetensors("whole", whole)
	require.NoError(t, err)
	require.Len(t, list, 11)
	for n := range whole {
		_, err := decodeSafetensors("cut", whole[:n])
		requireTyped(t, err, fmt.Sprintf("%d bytes", n))
	}
	head := 8 + int(binary.LittleEndian.Uint64(whole))
	b := append([]byte{}, whole...)
	loaded := 0
	for i := range whole {
		for v := range 256 {
			if b[i] = byte(v); b[i] == whole[i] || i >= head && v > 1 {
				continue
			}
			list, err := decodeSafetensors("changed", b)
			if err != nil {
				requireTyped(t, err, fmt.Sprintf("byte %d as %#x", i, v))
				continue
			}
			loaded++
			end := int64(head) // what loads is whole: every byte belongs to one tensor, whose shape says how many it has
			for _, x := range list {
				require.LessOrEqual(t, x.off, int64(len(b)))
				require.Equal(t, int64(x.elements())*rawTypes[x.dtype], x.size)
				end += x.size
			}
			require.Equal(t, int64(len(b)), end, "byte %d as %#x", i, v)
		}
		b[i] = whole[i]
	}
	assert.Greater(t, loaded, len(whole)-head)
}

// TestFolderOfEveryByte opens whole folders, a change in each byte of the header; the tensors' bytes must be there too.
func TestFolderOfEveryByte(t *testing.T) {
	whole := smallFile()
	dir := folder(t, map[string]string{"config.json": smallConfig})
	path := filepath.Join(dir, "model.safetensors")
	head := 8 + int(binary.LittleEndian.Uint64(whole))
	for i := range head {
		for _, v := range []byte{0, '"', '9', 'x', whole[i] ^ 1} {
			b := append([]byte{}, whole...)
			b[i] = v
			require.NoError(t, os.WriteFile(path, b, 0o600))
			f, err := OpenWith(dir, OpenOptions{NoMmap: true})
			if err != nil {
				requireTyped(t, err, fmt.Sprintf("byte %d as %#x", i, v))
				continue
			}
			for _, x := range f.Tensors() {
				require.Len(t, f.Data(x), int(x.Size))
			}
			require.NoError(t, f.Close())
		}
	}
}

func TestMalformedSafetensors(t *testing.T) {
	one := func(entry string) string { return `{"a":` + entry + `}` }
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":             {nil, "header length"},
		"length of 2^63":      {binary.LittleEndian.AppendUint64(nil, 1<<63), "header length"},
		"length beyond":       {append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...), "header length"},
		"list":                {safetensors("[]", 0), `want "{"`},
		"space first":         {safetensors(` {}`, 0), `want "{"`},
		"key twice":           {safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `"a" twice`},
		"key twice, escaped":  {safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `"a" twice`},
		"field twice":         {safetensors(one(`{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}`), 1), `"dtype" twice`},
		"field in capitals":   {safetensors(one(`{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}`), 1), `"DTYPE"`},
		"unknown field":       {safetensors(one(`{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}`), 1), `"x"`},
		"unknown type":        {safetensors(one(`{"dtype":"F4","shape":[1],"data_offsets":[0,1]}`), 1), `"F4"`},
		"hole":                {safetensors(one(`{"dtype":"U8","shape":[1],"data_offsets":[1,2]}`), 2), "hole"},
		"overlap":             {safetensors(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "overlap"},
		"rest":                {safetensors(one(`{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`), 2), "belong to no tensor"},
		"beyond":              {safetensors(one(`{"dtype":"U8","shape":[9],"data_offsets":[0,9]}`), 2), "data_offsets"},
		"descending":          {safetensors(one(`{"dtype":"U8","shape":[0],"data_offsets":[2,1]}`), 2), "ascending"},
		"negative":            {safetensors(one(`{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}`), 1), "shape"},
		"other size":          {safetensors(one(`{"dtype":"F32","shape":[1],"data_offsets":[0,1]}`), 1), "want 4"},
		"product wraps":       {safetensors(one(`{"dtype":"U8","shape":[4194305,4194305,211106198978564],"data_offsets":[0,4]}`), 4), "elements"},
		"nine dimensions":     {safetensors(one(`{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}`), 1), "shape"},
		"metadata of numbers": {safetensors(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
		"deep":                {safetensors(`{"a":`+strings.Repeat("[", 1<<20)+"}", 0), "deep"},
		"many values":         {safetensors(`{"a":[`+strings.Repeat("0,", 3<<20)+"0]}", 0), "more than"},
		"control character":   {safetensors("{\"a\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "such a name"},
		"broken UTF-8":        {safetensors("{\"a\xff\":1}", 0), "UTF-8"},
		"NaN":                 {safetensors(one(`{"dtype":"U8","shape":[NaN],"data_offsets":[0,1]}`), 1), "a value"},
		"page":                {[]byte("<!DOCTYPE html><html></html>"), "web page"},
		"pointer":             {[]byte("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeSafetensors("x", c.data)
			requireTyped(t, err, name)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestMalformedFolders(t *testing.T) {
	ok := string(smallFile())
	config := func(old, new string) string { return strings.Replace(smallConfig, old, new, 1) }
	index := func(file string) string { return `{"weight_map":{"model.norm.weight":"` + file + `"}}` }
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"empty":             {nil, "config.json"},
		"no weights":        {map[string]string{"config.json": smallConfig}, "model.safetensors"},
		"pickle beside":     {map[string]string{"config.json": smallConfig, "pytorch_model.bin": "x"}, "model.safetensors"},
		"unknown model":     {map[string]string{"config.json": config(`"llama"`, `"nosuch"`), "model.safetensors": ok}, `model_type "nosuch"`},
		"no model":          {map[string]string{"config.json": `{}`}, "model_type"},
		"key twice":         {map[string]string{"config.json": `{"model_type":"llama","model_type":"gpt2"}`}, "twice"},
		"quantized":         {map[string]string{"config.json": config("{", `{"quantization_config":{"quant_method":"gptq"},`)}, `"gptq"`},
		"layers of text":    {map[string]string{"config.json": config(`"num_hidden_layers": 1`, `"num_hidden_layers": "1"`)}, "num_hidden_layers"},
		"too many layers":   {map[string]string{"config.json": config(`"num_hidden_layers": 1`, `"num_hidden_layers": 1000000`)}, "num_hidden_layers"},
		"no heads":          {map[string]string{"config.json": config(`"num_attention_heads": 1,`, ``)}, "num_attention_heads"},
		"unknown scaling":   {map[string]string{"config.json": config("{", `{"rope_scaling":{"type":"nosuch"},`)}, `"nosuch"`},
		"no factors":        {map[string]string{"config.json": config("{", `{"rope_scaling":{"type":"longrope","short_factor":[],"long_factor":[]},`), "model.safetensors": ok}, "rope_factors_long"},
		"unknown gate":      {map[string]string{"config.json": config("{", `{"hidden_act":"tanh",`)}, `"tanh"`},
		"path out":          {map[string]string{"config.json": smallConfig, "model.safetensors.index.json": index("../model.safetensors")}, "weight_map"},
		"absolute path":     {map[string]string{"config.json": smallConfig, "model.safetensors.index.json": index("/model.safetensors")}, "weight_map"},
		"drive":             {map[string]string{"config.json": smallConfig, "model.safetensors.index.json": index("c:model.safetensors")}, "weight_map"},
		"no safetensors":    {map[string]string{"config.json": smallConfig, "model.safetensors.index.json": index("model.bin")}, "weight_map"},
		"index without map": {map[string]string{"config.json": smallConfig, "model.safetensors.index.json": `{}`}, "weight_map"},
		"index lies": {map[string]string{"config.json": smallConfig, "model.safetensors": ok,
			"model.safetensors.index.json": `{"weight_map":{"nosuch":"model.safetensors"}}`}, `"nosuch"`},
		"unknown tensor": {map[string]string{"config.json": smallConfig, "model.safetensors": strings.Replace(ok, "self_attn.q_proj", "self_attn.x_proj", 1)}, "x_proj"},
		"eos of text":    {map[string]string{"config.json": smallConfig, "generation_config.json": `{"eos_token_id":["x"]}`}, "eos_token_id"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(folder(t, c.files))
			requireTyped(t, err, name)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(smallFile())
	f.Add(safetensors(`{}`, 0))
	f.Add(safetensors(`{"a":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decodeSafetensors("fuzz", data)
		if err != nil {
			requireTyped(t, err, "fuzz")
			return
		}
		for _, x := range list {
			if x.off < 8 || x.size < 0 || x.off+x.size > int64(len(data)) {
				t.Fatalf("tensor %q: bytes %d to %d of %d", x.name, x.off, x.off+x.size, len(data))
			}
		}
	})
}

func FuzzFolderConfig(f *testing.F) {
	f.Add([]byte(smallConfig))
	f.Add([]byte(`{"model_type":"gemma3","text_config":{"rope_parameters":{"full_attention":{"rope_theta":1e6,"rope_type":"yarn","factor":{"__float__":"Infinity"}}},"layer_types":["full_attention"],"num_hidden_layers":1,"hidden_size":8}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseJSON("config.json", data, 0, true)
		if err != nil {
			requireTyped(t, err, "fuzz")
			return
		}
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		c, err := newHFConfig("config.json", m, &File{values: map[string]any{}})
		if err == nil {
			err = c.translate()
		}
		if err != nil {
			requireTyped(t, err, "fuzz")
		}
	})
}

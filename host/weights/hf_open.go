package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Caps on the files beside the weights; the largest tokenizer.json in use are about 35 MB.
const (
	maxHFJSON      = 32 << 20
	maxHFTokenizer = 256 << 20
)

// openFolder reads a checkpoint as Hugging Face's transformers write it: config.json, safetensors and the tokenizer's files. Its
// metadata get GGUF's keys, its tensors GGUF's names, shapes and order of rows, so that readers of a File know one vocabulary.
// What GGUF has no key for stands under tuff.*:
//
//	tuff.rope.halves            bool     rotated pairs are the halves of a head whatever is usual in files of the architecture
//	tuff.rope.layers            bool[]   layers that rotate queries and keys, where not all do
//	tuff.ssm.grouped            bool     value heads of one head of keys lie side by side whatever is usual
//	tuff.tokenizer.json         string   the whole file
//	tuff.tokenizer.bos, .eos, .pad  string   tokens by name
//	tuff.tokenizer.eog          int32[]  ids that end a generation
func openFolder(path string, o OpenOptions) (_ *File, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("weights: open model: %w", err)
	}
	f := &File{Name: filepath.Base(abs), values: map[string]any{}, byName: map[string]int{}, computed: map[string]*computed{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	config, err := readObject(path, "config.json", maxHFJSON)
	switch {
	case err != nil:
		return nil, err
	case config == nil:
		return nil, &UnsupportedError{path, "a folder without config.json; want a .gguf file, or a folder with config.json and safetensors"}
	}
	c, err := newHFConfig(filepath.Join(path, "config.json"), config, f)
	if err != nil {
		return nil, err
	}
	if err := c.translate(); err != nil {
		return nil, err
	}
	if err := f.readTokenizer(path, c); err != nil {
		return nil, err
	}
	raws, err := f.openShards(path, o)
	if err != nil {
		return nil, err
	}
	if err := f.nameTensors(c, raws); err != nil {
		return f, err
	}
	if slices.Contains([]string{"jamba", "granitehybrid", "lfm2"}, c.fam.arch) {
		c.hybrid()
	}
	return f, nil
}

// newHFConfig finds the family; of a model of several parts the text's is read.
func newHFConfig(file string, m map[string]any, f *File) (*hfConfig, error) {
	kind, _ := m["model_type"].(string)
	if kind == "" {
		return nil, &FormatError{file, 0, "model_type", show(m["model_type"]), "a name"}
	}
	quant := m["quantization_config"]
	if text, ok := m["text_config"].(map[string]any); ok {
		for _, k := range []string{"tie_word_embeddings", "bos_token_id", "eos_token_id"} {
			if _, own := text[k]; !own && m[k] != nil {
				text[k] = m[k]
			}
		}
		if sub, ok := text["model_type"].(string); ok && hfFamilyOf(sub) != nil {
			kind = sub
		}
		m = text
	}
	fam := hfFamilyOf(kind)
	if fam == nil {
		return nil, &UnsupportedError{file, fmt.Sprintf("model_type %s, want one of %s", quote(kind), strings.Join(hfTypes(), ", "))}
	}
	c := &hfConfig{file: file, m: m, fam: fam, out: f, factors: map[string][]float32{}, block: [2]int{128, 128}}
	f.put("general.architecture", fam.arch)
	f.put("general.name", f.Name)
	return c, c.quantization(quant)
}

// quantization refuses formats by name before their tensors are met.
func (c *hfConfig) quantization(v any) error {
	q, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	method, _ := q["quant_method"].(string)
	known := []string{"fp8", "fbgemm_fp8", "mxfp4", "compressed-tensors", "modelopt"}
	if !slices.Contains(known, method) {
		return &UnsupportedError{c.file, fmt.Sprintf("quant_method %s, want one of %s", show(q["quant_method"]), strings.Join(known, ", "))}
	}
	if size, ok := wholes(q["weight_block_size"]); ok && len(size) == 2 && size[0] > 0 && size[1] > 0 && max(size[0], size[1]) < maxHFDim {
		c.block = [2]int{int(size[0]), int(size[1])}
	} else if q["weight_block_size"] != nil {
		return &FormatError{c.file, 0, "weight_block_size", show(q["weight_block_size"]), "two whole numbers"}
	}
	return nil
}

// readSmall reads a file of the folder of at most limit bytes; nil where there is none.
func readSmall(folder, name string, limit int64) ([]byte, error) {
	path := filepath.Join(folder, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("weights: open model: %w", err)
	case !info.Mode().IsRegular():
		return nil, &UnsupportedError{path, fmt.Sprintf("not a regular file (%s)", info.Mode().Type())}
	}
	h, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: open model: %w", err)
	}
	defer h.Close()
	data, err := io.ReadAll(io.LimitReader(h, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("weights: read %q: %w", path, err)
	case int64(len(data)) > limit:
		return nil, &FormatError{path, limit, "size", fmt.Sprintf("more than %d bytes", limit), "fewer"}
	case !utf8.Valid(data):
		return nil, &FormatError{path, 0, "text", "broken UTF-8", "UTF-8"}
	}
	return data, nil
}

// readObject reads a JSON object; nil where there is no such file.
func readObject(folder, name string, limit int64) (map[string]any, error) {
	data, err := readSmall(folder, name, limit)
	if err != nil || data == nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	v, err := parseJSON(path, data, 0, true)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &FormatError{path, 0, "JSON", show(v), "an object"}
	}
	return m, nil
}

// openShards opens the files that hold the tensors: those of the index, or model.safetensors.
func (f *File) openShards(folder string, o OpenOptions) (map[string]*rawTensor, error) {
	const index = "model.safetensors.index.json"
	list, err := readObject(folder, index, maxHFJSON)
	if err != nil {
		return nil, err
	}
	names, where := []string{"model.safetensors"}, map[string]string(nil)
	if list != nil {
		if names, where, err = shardsOf(filepath.Join(folder, index), list); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(filepath.Join(folder, names[0])); errors.Is(err, os.ErrNotExist) {
		return nil, &UnsupportedError{folder, "a folder without model.safetensors; other formats of weights are not read"}
	}
	all := map[string]*rawTensor{}
	for i, name := range names {
		path := filepath.Join(folder, name)
		content, err := openFile(path, o)
		if err != nil {
			return nil, err
		}
		f.shards = append(f.shards, content)
		tensors, err := decodeSafetensors(path, content.data)
		if err != nil {
			return nil, err
		}
		for j := range tensors {
			t := &tensors[j]
			t.shard = i
			if where != nil && where[t.name] != name {
				continue // the index says which of two counts, or leaves it out
			}
			all[t.name] = t
		}
	}
	for _, name := range sortedKeys(where) {
		if all[name] == nil {
			return nil, &FormatError{filepath.Join(folder, where[name]), 8, "tensor " + quote(name), "none", "one, as " + index + " says"}
		}
	}
	return all, nil
}

// shardsOf reads the index: the files in order and the file of each tensor. Files lie in the folder itself.
func shardsOf(path string, index map[string]any) (names []string, where map[string]string, err error) {
	m, ok := index["weight_map"].(map[string]any)
	if !ok || len(m) == 0 || len(m) > maxTensors {
		return nil, nil, &FormatError{path, 0, "weight_map", show(index["weight_map"]), "an object of tensors and files"}
	}
	where = map[string]string{}
	for _, tensor := range sortedKeys(m) {
		name, ok := m[tensor].(string)
		if !ok || !strings.HasSuffix(name, ".safetensors") || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\:\x00") {
			return nil, nil, &FormatError{path, 0, "weight_map: " + quote(tensor), show(m[tensor]), "the name of a .safetensors file in the folder"}
		}
		where[tensor] = name
		if !slices.Contains(names, name) {
			if len(names) == maxShards {
				return nil, nil, &FormatError{path, 0, "weight_map", fmt.Sprintf("more than %d files", maxShards), "fewer"}
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, where, nil
}

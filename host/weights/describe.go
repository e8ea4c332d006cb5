package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Described is what can be said of a folder whose model is not supported.
type Described struct {
	// File has the configuration's values, each under "config." and its own name, and what the tokenizer's files say; no tensors.
	File    *File
	Tensors []DescribedTensor // in the order of their names
	Files   int               // of weights
	Bytes   int64             // of them
	Why     error             // what is not supported
}

// DescribedTensor is a tensor under its checkpoint's name and type.
type DescribedTensor struct {
	Name, Type string
	Dims       []int // GGUF's order, innermost first
	Bytes      int64
}

// Describe reads of a folder that Open refuses what does not depend on knowing its model. why is Open's error, an UnsupportedError;
// broken files are errors here as there.
func Describe(path string, why error) (*Described, error) {
	config, err := readObject(path, "config.json", maxHFJSON)
	if err != nil || config == nil {
		return nil, errors.Join(why, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("weights: describe model: %w", err)
	}
	f := &File{Name: filepath.Base(abs), values: map[string]any{}, byName: map[string]int{}}
	f.putAll("config", config)
	text := config
	if m, ok := config["text_config"].(map[string]any); ok {
		text = m
	}
	if err := f.readTokenizer(path, &hfConfig{m: text}); err != nil {
		return nil, err
	}
	d := &Described{File: f, Why: why}
	raws, err := f.openShards(path, OpenOptions{})
	var unsupported *UnsupportedError
	if err != nil && !errors.As(err, &unsupported) { // weights of another format are no reason to say nothing
		return nil, errors.Join(err, f.Close())
	}
	for _, name := range sortedKeys(raws) {
		t := raws[name]
		dims := slices.Clone(t.shape)
		slices.Reverse(dims)
		d.Tensors = append(d.Tensors, DescribedTensor{name, t.dtype, dims, t.size})
	}
	d.Files, d.Bytes = len(f.shards), f.Size()
	return d, nil
}

// Close lets go of the files.
func (d *Described) Close() error { return d.File.Close() }

// putAll writes the members of a JSON object, those of objects in it behind their names.
func (f *File) putAll(prefix string, m map[string]any) {
	for _, k := range sortedKeys(m) {
		switch v := m[k].(type) {
		case nil:
		case map[string]any:
			f.putAll(prefix+"."+k, v)
		default:
			f.put(prefix+"."+k, plainJSON(v))
		}
	}
}

// plainJSON is a JSON value in Go's types; objects in lists are their text.
func plainJSON(v any) any {
	switch v := v.(type) {
	case number:
		if n, ok := v.whole(); ok {
			return n
		}
		if x, ok := v.float(); ok {
			return x
		}
		return string(v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			if out[i] = plainJSON(x); x == nil {
				out[i] = "null"
			}
		}
		return out
	case map[string]any:
		plain := make(map[string]any, len(v))
		for k, x := range v {
			plain[k] = plainJSON(x)
		}
		text, err := json.Marshal(plain)
		if err != nil { // a number that JSON has no word for
			return fmt.Sprint(plain)
		}
		return string(text)
	}
	return v
}

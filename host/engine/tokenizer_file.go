package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tuff/host/tokenizer"
	"tuff/host/weights"
)

// maxTokenizerFile bounds a tokenizer.json: the largest in use are about 35 MB.
const maxTokenizerFile = 256 << 20

// TokenizerFile reads a tokenizer that comes without weights: a tokenizer.json file, or a folder that holds one. ok is false
// where path is something else, such as a GGUF file.
func TokenizerFile(path string) (tok *tokenizer.Tokenizer, ok bool, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, false, nil // whoever opens it as a model says so
	case info.IsDir():
		path = filepath.Join(path, "tokenizer.json")
	case !strings.HasSuffix(path, ".json"):
		return nil, false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, true, fmt.Errorf("engine: read tokenizer: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTokenizerFile+1))
	switch {
	case err != nil:
		return nil, true, fmt.Errorf("engine: read tokenizer: %w", err)
	case len(data) > maxTokenizerFile:
		return nil, true, fmt.Errorf("engine: read tokenizer %q: got more than %d bytes", path, maxTokenizerFile)
	}
	if tok, err = tokenizer.FromJSON(data); err != nil {
		return nil, true, fmt.Errorf("engine: read tokenizer %q: %w", path, err)
	}
	return tok, true, nil
}

// tokenizerOfJSON makes the tokenizer of a folder of safetensors: its tokenizer.json with the ends that the files beside it name.
func tokenizerOfJSON(f *weights.File, raw string) (*tokenizer.Tokenizer, error) {
	t, err := tokenizer.FromJSON([]byte(raw))
	if err != nil {
		return nil, fmt.Errorf("engine: read tokenizer of %q: %w", f.Name, err)
	}
	bos, _ := f.String("tuff.tokenizer.bos")
	eos, _ := f.String("tuff.tokenizer.eos")
	// A folder without tokenizer_config.json still has the ids of the model's configuration.
	piece := func(name *string, key string) {
		if id, ok := f.Uint(key); ok && *name == "" && id < uint64(t.VocabSize()) {
			*name = t.Piece(int32(id))
		}
	}
	piece(&bos, "tokenizer.ggml.bos_token_id")
	piece(&eos, "tokenizer.ggml.eos_token_id")
	t.SetEnds(bos, eos)
	ids, _ := f.Ints("tuff.tokenizer.eog")
	for _, id := range ids {
		t.AddEOG(int32(id)) // weights has bounded them
	}
	return t, nil
}

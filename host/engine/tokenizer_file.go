package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tuff/host/tokenizer"
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

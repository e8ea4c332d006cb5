package quantize

import (
	"strings"

	"tuff/host/weights"
)

// quantizationVersion is GGUF's number of the block layouts as they are since 2023.
const quantizationVersion = 2

// outputOf is the metadata and the tensors of the file that is written: those of f, with what only folders and split files have
// made into what GGUF says.
func outputOf(f *weights.File, r Recipe) (keys []weights.Key, sources []source, err error) {
	set := func(name string, v any) {
		for i := range keys {
			if keys[i].Name == name {
				keys[i].Value = v
				return
			}
		}
		keys = append(keys, weights.Key{Name: name, Value: v})
	}
	for _, k := range f.Keys() {
		if !strings.HasPrefix(k, "split.") {
			set(k, f.Value(k))
		}
	}
	for _, t := range f.Tensors() {
		sources = append(sources, source{Tensor: t})
	}
	set("general.file_type", r.FileType)
	set("general.quantization_version", uint32(quantizationVersion))
	if f.Version == 0 {
		if keys, sources, err = fromFolder(f, keys, sources); err != nil {
			return nil, nil, err
		}
	}
	return keys, sources, nil
}

package quantize

import (
	"strings"

	"tuff/host/weights"
)

// quantizationVersion is GGUF's number of the block layouts as they are since 2023.
const quantizationVersion = 2

// outputOf is the metadata and the tensors of the file that is written: those of f, with what only folders and split files have
// made into what GGUF says.
func outputOf(f *weights.File, r Recipe) (*output, error) {
	o := &output{}
	for _, k := range f.Keys() {
		if !strings.HasPrefix(k, "split.") {
			o.set(k, f.Value(k))
		}
	}
	for _, t := range f.Tensors() {
		o.sources = append(o.sources, source{Tensor: t})
	}
	o.set("general.file_type", r.FileType)
	o.set("general.quantization_version", uint32(quantizationVersion))
	if f.Version == 0 {
		return o, o.fromFolder(f)
	}
	return o, nil
}

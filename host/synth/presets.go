package synth

import (
	"fmt"
	"strings"
)

// preset is a size that goes by a name.
type preset struct {
	name string
	size Size
	like string
}

var presets = []preset{
	{"tiny", Size{Layers: 2, Hidden: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64, Vocab: 512, Context: 512}, "for tests"},
	{"15M", Size{Layers: 6, Hidden: 288, FFN: 768, Heads: 6, KVHeads: 6, HeadDim: 48, Vocab: 32000, Context: 256}, "stories15M"},
	{"110M", Size{Layers: 12, Hidden: 768, FFN: 2048, Heads: 12, KVHeads: 12, HeadDim: 64, Vocab: 32000, Context: 1024}, "stories110M"},
	{"0.5B", Size{Layers: 24, Hidden: 1024, FFN: 4096, Heads: 16, KVHeads: 4, HeadDim: 64, Vocab: 65536, Context: 4096}, "half a billion"},
	{"1.1B", Size{Layers: 22, Hidden: 2048, FFN: 5632, Heads: 32, KVHeads: 4, HeadDim: 64, Vocab: 32000, Context: 2048}, "TinyLlama"},
	{"3B", Size{Layers: 28, Hidden: 3072, FFN: 8192, Heads: 24, KVHeads: 8, HeadDim: 128, Vocab: 128256, Context: 8192}, "Llama 3.2 3B"},
	{"7B", Size{Layers: 32, Hidden: 4096, FFN: 11008, Heads: 32, KVHeads: 32, HeadDim: 128, Vocab: 32000, Context: 4096}, "Llama 2 7B"},
	{"8B", Size{Layers: 32, Hidden: 4096, FFN: 14336, Heads: 32, KVHeads: 8, HeadDim: 128, Vocab: 128256, Context: 8192}, "Llama 3 8B"},
	{"14B", Size{Layers: 48, Hidden: 5120, FFN: 13824, Heads: 40, KVHeads: 8, HeadDim: 128, Vocab: 152064, Context: 8192}, "Qwen 2.5 14B"},
	{"70B", Size{Layers: 80, Hidden: 8192, FFN: 28672, Heads: 64, KVHeads: 8, HeadDim: 128, Vocab: 128256, Context: 8192}, "Llama 3 70B"},
}

// Presets lists the named sizes with the models that have them.
func Presets() string {
	var all []string
	for _, p := range presets {
		all = append(all, fmt.Sprintf("%s (%s)", p.name, p.like))
	}
	return strings.Join(all, ", ")
}

// ParsePreset finds a size by name, in capitals or not.
func ParsePreset(name string) (Size, error) {
	for _, p := range presets {
		if strings.EqualFold(p.name, name) {
			return p.size, nil
		}
	}
	return Size{}, fmt.Errorf("synth: preset: got %q, want one of %s", name, Presets())
}

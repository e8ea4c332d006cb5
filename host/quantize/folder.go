package quantize

import (
	"tuff/host/weights"
)

func fromFolder(f *weights.File, keys []weights.Key, sources []source) ([]weights.Key, []source, error) {
	return keys, sources, nil
}

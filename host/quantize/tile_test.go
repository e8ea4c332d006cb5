package quantize

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Six heads over two of keys: checkpoints have a0 a1 a2 b0 b1 b2, GGUF a0 b0 a1 b1 a2 b2.
func TestTiled(t *testing.T) {
	from := tiled(2, 6, 3, 2)
	var got []int
	for i := range 15 {
		got = append(got, from(i))
	}
	assert.Equal(t, []int{0, 1, 2, 3, 4, 9, 10, 5, 6, 11, 12, 7, 8, 13, 14}, got)
}

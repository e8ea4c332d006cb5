package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A workgroup of the tiled multiplication fills a subgroup and divides its tile.
func TestTileRows(t *testing.T) {
	for _, c := range []struct{ tile, subgroup, want int }{{8, 8, 1}, {16, 8, 1}, {32, 8, 1}, {8, 32, 4}, {16, 32, 2}, {32, 32, 1}, {8, 64, 8}, {32, 64, 2}, {8, 128, 8}, {8, 4, 1}} {
		got := tileRows(c.tile, c.subgroup)
		assert.Equal(t, c.want, got, "%+v", c)
		assert.Zero(t, c.tile%got, "%+v", c)
	}
}

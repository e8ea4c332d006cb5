package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A workgroup of the tiled multiplication fills a subgroup where its tile is large enough, and divides its tile.
func TestTileSides(t *testing.T) {
	for _, c := range []struct{ tile, subgroup, wide, high int }{{8, 8, 8, 1}, {16, 8, 8, 1}, {32, 8, 8, 1}, {8, 32, 8, 4}, {16, 32, 16, 2}, {32, 32, 32, 1}, {8, 64, 8, 8},
		{32, 64, 32, 2}, {8, 128, 8, 8}, {8, 4, 4, 1}, {32, 16, 16, 1}, {16, 0, 1, 1}} {
		wide, high := tileSides(c.tile, c.subgroup)
		assert.Equal(t, [2]int{c.wide, c.high}, [2]int{wide, high}, "%+v", c)
		assert.Zero(t, c.tile%wide+c.tile%high, "%+v", c)
	}
}

package kernel

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// Tiles of experts are taken for the tokens of their class, with a schedule of their own, and others keep what is planned.
func TestTunedExperts(t *testing.T) {
	p := mixture(t, 8, 2)
	const key = "experts Q8_0 2 of 8, 96×64"
	for _, c := range []struct {
		caps  Caps
		math  compute.Math
		class string
		tile  Many
		is    func(tokens int) bool
	}{
		{ample, compute.Exact, ", experts to 64 rows", tile{64, 32, 32, 4, 4}.many("matmul_experts_tile"), func(n int) bool { return n >= 12 && n <= 64 }},
		{ample, compute.Exact, ", experts of many rows", tile{32, 64, 32, 4, 4}.many("matmul_experts_tile"), func(n int) bool { return n > 64 }},
		{withEverything(), compute.Fast, " fast, experts of many rows", coopTile{64, 64, 32, 2, 4}.many(&Caps{SubgroupSize: 32}, "matmul_experts_coop"), func(n int) bool { return n > 64 }},
		{dots(), compute.Fast, " fast, experts to 64 rows", tile{64, 32, 32, 4, 4}.many("matmul_experts_int8"), func(n int) bool { return n >= 12 && n <= 64 }},
		{dots(), compute.Fast, " fast, experts of many rows", tile{64, 64, 32, 4, 4}.many("matmul_experts_coop"), func(int) bool { return false }},
		{ample, compute.Exact, ", experts of many rows", coopTile{64, 64, 32, 2, 4}.many(&Caps{SubgroupSize: 32}, "matmul_experts_coop"), func(int) bool { return false }},
		{ample, compute.Exact, ", experts of many rows", tile{16, 32, 32, 2, 4}.many("matmul_tile"), func(int) bool { return false }},
	} {
		o := compute.Options{MaxTokens: 512, Math: c.math}
		plain, err := Plan(c.caps, p, o)
		require.NoError(t, err)
		c.caps.TunedMany = TunedMany{key + c.class: c.tile}
		groups, err := Plan(c.caps, p, o)
		require.NoError(t, err)
		assert.Contains(t, groups[2].Many, key+c.class)
		for _, n := range []int{1, 11, 12, 64, 65, 200, 512} {
			s := Shape{Tokens: n}
			if !c.is(n) {
				assert.Equal(t, ran(p, plain, s), ran(p, groups, s), "%v, %d tokens", c.tile, n)
				continue
			}
			assert.Contains(t, groups[2].Why, "; tuned: "+c.tile.String())
			launched := ran(p, groups, s)
			assert.Contains(t, launched, fmt.Sprintf(" [%d %d %d", c.tile.Group, c.tile.Rows, c.tile.Cols), "%d tokens", n)
			assert.Contains(t, outline(p, groups[2:], s), fmt.Sprintf("matmul_experts_group_%d[1 1 1]", c.tile.Cols), "%d tokens", n)
		}
	}
	// Shapes with fewer slots than the schedule has room for are none.
	for _, kernel := range groupedExperts {
		for _, m := range expertShapes(&ample, kernel) {
			assert.GreaterOrEqual(t, m.Cols, tile32.bn)
		}
	}
}

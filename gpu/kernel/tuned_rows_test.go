package kernel

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// Shapes for 2 to 4 and for 5 to 8 rows are taken for these rows and no others.
func TestTunedSeveralRows(t *testing.T) {
	caps := withEverything()
	o := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 16}
	p := newLayer(t, compute.Q8_0).p
	plan := func() []Group {
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		return groups
	}
	plain := plan()
	const key = "Q8_0 64×96 add"
	for _, c := range []struct {
		class    string
		from, to int
	}{{", 2 to 4 rows", 2, 4}, {", 5 to 8 rows", 5, 8}} {
		m := Few{"lane", 1, 64}.several()
		require.NoError(t, m.check(&caps))
		caps.TunedMany = TunedMany{key + c.class: m}
		groups := plan()
		i := slices.IndexFunc(groups, func(g Group) bool { return slices.Contains(g.Taken, key+c.class) })
		require.GreaterOrEqual(t, i, 0)
		assert.Contains(t, groups[i].Why, "; tuned: matmul_lane 1×64")
		for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 600} {
			s := Shape{Tokens: n, Outputs: 1, Seqs: 1}
			var lanes []Dispatch
			for _, d := range groups[i].Dispatches {
				if d.Module == "matmul_q8_0_lane" && d.Grid(s) != [3]uint32{} {
					lanes = append(lanes, d)
				}
			}
			if n < c.from || n > c.to {
				assert.Empty(t, lanes, "%d rows", n)
				assert.Equal(t, ran(p, plain, s), ran(p, groups, s), "%d rows", n)
				continue
			}
			require.Len(t, lanes, 1, "%d rows", n)
			assert.Equal(t, []uint32{64, 1}, lanes[0].Spec[:2])
			assert.GreaterOrEqual(t, int(lanes[0].Spec[2]), n, "rows of X")
		}
	}
	// Packed dot products are fast arithmetic's, and have X in bytes first.
	caps.TunedMany = TunedMany{AnyProduct + ", 2 to 4 rows": Few{"vec_int8", 2, 64}.several()}
	for _, arithmetic := range []compute.Math{compute.Exact, compute.Fast} {
		o.Math = arithmetic
		n := 0
		for _, g := range plan() {
			for _, d := range g.Dispatches {
				n += int(flag(d.Module == "matmul_q8_0_vec_int8" && d.Grid(Shape{Tokens: 3, Outputs: 1, Seqs: 1}) != [3]uint32{}))
			}
		}
		assert.Equal(t, arithmetic == compute.Fast, n > 0, "%v", arithmetic)
	}
}

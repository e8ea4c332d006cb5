package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// On CPUs a row's heads go to workgroups together, as long as every core has one; of a prompt, so many that their values stay on the stack.
func TestAttentionByLanes(t *testing.T) {
	for _, c := range []struct {
		units             uint32
		heads, kvHeads    int
		dim               int
		decode, prefill   string
		decodes, prefills [3]uint32
	}{
		{2, 8, 2, 64, "attention_lane_4", "attention_lane_8", [3]uint32{1, 2, 1}, [3]uint32{8, 2, 2}},
		{2, 8, 1, 64, "attention_lane_4", "attention_lane_8", [3]uint32{2, 1, 1}, [3]uint32{16, 1, 2}},
		{16, 8, 1, 64, "attention_lane_1", "attention_lane_8", [3]uint32{8, 1, 1}, [3]uint32{16, 1, 2}},
		{1, 12, 1, 64, "attention_lane_8", "attention_lane_8", [3]uint32{2, 1, 1}, [3]uint32{24, 1, 2}},
		{2, 4, 4, 80, "attention_lane_1", "attention_lane_6", [3]uint32{1, 4, 1}, [3]uint32{3, 4, 2}},
		{1, 2, 1, 576, "attention_lane_1", "attention_lane_1", [3]uint32{2, 1, 1}, [3]uint32{32, 1, 2}},
	} {
		caps := ample
		caps.UniformLoads, caps.Units = true, c.units
		op := compute.Attention{NumHeads: c.heads, NumKVHeads: c.kvHeads, HeadDim: c.dim, HeadDimV: c.dim, Scale: 1}
		groups, err := Plan(caps, attentionOf(op, compute.F16), compute.Options{MaxTokens: 32, MaxSeqs: 1, MaxPages: 8})
		require.NoError(t, err)
		for _, want := range []struct {
			tokens int
			name   string
			grid   [3]uint32
		}{{1, c.decode, c.decodes}, {32, c.prefill, c.prefills}} {
			ran := 0
			for _, d := range groups[0].Dispatches {
				if grid := d.Grid(Shape{Tokens: want.tokens, Seqs: 1}); grid[0] > 0 {
					ran++
					assert.Equal(t, want.name, d.Name, "%v", c)
					assert.Equal(t, want.grid, grid, "%v", c)
				}
			}
			assert.Equal(t, 1, ran)
		}
	}
}

package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// newFeedForward is a feed-forward part of width columns.
func newFeedForward(t *testing.T, width int) *compute.Program {
	p := compute.NewProgram("feed forward")
	p.VocabSize = 16
	w := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.Q8_0, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	s := func(name string, cols int) compute.Ref { return p.Scratch(name, compute.PerToken(1), cols) }
	x, gate, up, act := s("x", 64), s("gate", width), s("up", width), s("act", width)
	p.Add("embed", compute.Embed{Table: w("table", 16, 64), Out: x, Scale: 1})
	p.Add("gate", compute.MatMul{X: x, W: w("wg", width, 64), Out: gate})
	p.Add("up", compute.MatMul{X: x, W: w("wu", width, 64), Out: up})
	p.Add("act", compute.SwiGLU{Gate: gate, Up: up, Out: act})
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: 64})
	p.Add("down", compute.MatMul{X: act, W: w("wd", 64, width), Out: out})
	require.NoError(t, p.Check())
	return p
}

// Both sides of a feed-forward part are one group where kernels on matrix units leave halves between them, and not on a CPU that has such
// units but multiplies by lanes: many rows of float32 would lie in the memory that few rows have there.
func TestFeedForwardOfLanes(t *testing.T) {
	o := compute.Options{MaxTokens: 512, MaxSeqs: 1, Math: compute.Fast}
	groups, err := Plan(matrices(), newFeedForward(t, 128), o)
	require.NoError(t, err)
	require.Len(t, groups, 2)
	assert.Equal(t, "SwiGLU in halves", groups[1].Temps[0].Name)

	cpu := matrices()
	cpu.UniformLoads, cpu.CPU = true, true
	groups, err = Plan(cpu, newFeedForward(t, 128), o)
	require.NoError(t, err)
	require.Len(t, groups, 3)
	for _, g := range groups {
		assert.Empty(t, g.Temps)
	}
}

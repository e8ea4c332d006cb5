package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/host/compute"
	"tuff/shaders"
)

// TestHave asks for every need of the manifest of a device that has nothing and of one that has all.
func TestHave(t *testing.T) {
	all := Caps{Float16: true, Int8: true, Storage16: true, Storage8: true, IntegerDot: true, MemoryModel: true, SubgroupArith: true,
		CoopMat: []CoopMatShape{{CoopMatFloat, 8, 8, 8}}, CoopPerElement: true, CoopTensors: true, CoopBlocks: true}
	for _, need := range []shaders.Need{shaders.Need16Bit, shaders.NeedSubgroup, shaders.NeedFloat16, shaders.NeedInt8, shaders.Need8Bit,
		shaders.NeedIntegerDot, shaders.NeedMemoryModel, shaders.NeedCoopMat, shaders.NeedCoopPerElement, shaders.NeedCoopTensors, shaders.NeedCoopBlocks} {
		assert.False(t, new(Caps).Have(need), need)
		assert.True(t, all.Have(need), need)
	}
	for _, m := range shaders.Manifest {
		for _, need := range m.Needs {
			assert.True(t, all.Have(need), "%s: %s", m.Name, need)
		}
	}
	assert.Panics(t, func() { all.Have("a need of nobody") })
}

// TestPlanRefusesMissingNeeds plans modules that a device cannot run.
func TestPlanRefusesMissingNeeds(t *testing.T) {
	for _, m := range shaders.Manifest {
		pl := &planner{p: &compute.Program{}, caps: Caps{MaxGrid: [3]uint32{1, 1, 1}}}
		g := Group{Dispatches: []Dispatch{{Module: m.Name, Name: m.Name, Spec: make([]uint32, len(m.Spec)), Issued: pl.once(nil), Grid: func(Shape) [3]uint32 { return [3]uint32{1, 1, 1} }}}}
		beyond := 0
		for _, need := range m.Needs {
			if need != shaders.NeedInt64 {
				beyond++
			}
		}
		if err := pl.check(&g); beyond == 0 {
			assert.NoError(t, err, m.Name)
		} else {
			u := new(compute.UnsupportedError)
			assert.ErrorAs(t, err, &u, m.Name)
			assert.ErrorContains(t, err, m.Name+" needs ")
		}
	}
}

func TestMatrix(t *testing.T) {
	c := Caps{CoopMat: []CoopMatShape{{CoopMatFloat, 16, 8, 8}, {CoopMatFloat, 16, 16, 16}, {CoopMatFloat, 16, 16, 16}, {CoopMatInt8, 16, 16, 32}}}
	got, ok := c.Matrix(CoopMatFloat)
	assert.True(t, ok)
	assert.Equal(t, c.CoopMat[1], got)
	assert.Equal(t, "16×16×16 half×half→float32", got.String())
	_, ok = c.Matrix(CoopMatHalf)
	assert.False(t, ok)
}

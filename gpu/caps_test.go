package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/gpu/kernel"
	"tuff/gpu/vk"
)

// TestCoopMats keeps the kinds that kernels are written for, whatever else a device lists.
func TestCoopMats(t *testing.T) {
	half, float, s8, s32 := vk.Float16, vk.Float32, vk.Sint8, vk.Sint32
	p := &vk.PhysicalInfo{CooperativeMatrices: []vk.CooperativeMatrix{
		{M: 16, N: 16, K: 16, A: half, B: half, C: float, Out: float, Scope: vk.ScopeSubgroup},
		{M: 16, N: 8, K: 16, A: half, B: half, C: half, Out: half, Scope: vk.ScopeSubgroup},
		{M: 16, N: 16, K: 32, A: s8, B: s8, C: s32, Out: s32, Scope: vk.ScopeSubgroup},
		{M: 16, N: 16, K: 32, A: s8, B: s8, C: s32, Out: s32, Scope: vk.ScopeSubgroup, Saturating: true},
		{M: 16, N: 16, K: 32, A: vk.Uint8, B: vk.Uint8, C: vk.Uint32, Out: vk.Uint32, Scope: vk.ScopeSubgroup},
		{M: 64, N: 64, K: 16, A: half, B: half, C: float, Out: float, Scope: vk.ScopeWorkgroup},
		{M: 16, N: 16, K: 16, A: half, B: half, C: float, Out: half, Scope: vk.ScopeSubgroup},
	}}
	all := vk.AllFeatures()
	assert.Equal(t, []kernel.CoopMatShape{{Kind: kernel.CoopMatFloat, M: 16, N: 16, K: 16}, {Kind: kernel.CoopMatHalf, M: 16, N: 8, K: 16},
		{Kind: kernel.CoopMatInt8, M: 16, N: 16, K: 32}}, coopMatsOf(p, all))
	bytesOnly := all
	bytesOnly.Float16 = false
	assert.Equal(t, []kernel.CoopMatShape{{Kind: kernel.CoopMatInt8, M: 16, N: 16, K: 32}}, coopMatsOf(p, bytesOnly))
	for _, off := range []func(*vk.Features){func(f *vk.Features) { f.CooperativeMatrix = false }, func(f *vk.Features) { f.MemoryModel = false }} {
		f := all
		off(&f)
		assert.Empty(t, coopMatsOf(p, f))
	}
}

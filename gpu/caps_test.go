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

// TestFlexibleMatrices keeps what matmul_coop2 is written for, and says of the tier how much of it there is.
func TestFlexibleMatrices(t *testing.T) {
	half, float, s8, s32 := vk.Float16, vk.Float32, vk.Sint8, vk.Sint32
	p := &vk.PhysicalInfo{APIVersion: vk.MakeVersion(1, 3, 0), MaxFlexibleDimension: 1024, FlexibleMatrices: []vk.FlexibleMatrix{
		{MGranularity: 32, NGranularity: 32, KGranularity: 16, A: half, B: half, C: float, Out: float, Scope: vk.ScopeWorkgroup, WorkgroupInvocations: 256},
		{MGranularity: 32, NGranularity: 16, KGranularity: 16, A: half, B: half, C: half, Out: half, Scope: vk.ScopeWorkgroup, WorkgroupInvocations: 128},
		{MGranularity: 8, NGranularity: 8, KGranularity: 8, A: half, B: half, C: float, Out: float, Scope: vk.ScopeSubgroup},
		{MGranularity: 32, NGranularity: 32, KGranularity: 32, A: s8, B: s8, C: s32, Out: s32, Scope: vk.ScopeWorkgroup, WorkgroupInvocations: 256},
		{MGranularity: 32, NGranularity: 32, KGranularity: 32, A: vk.BFloat16, B: vk.BFloat16, C: float, Out: float, Scope: vk.ScopeWorkgroup, WorkgroupInvocations: 256},
		{MGranularity: 8, NGranularity: 8, KGranularity: 8, A: half, B: half, C: float, Out: half, Scope: vk.ScopeSubgroup},
		{MGranularity: 8, NGranularity: 8, KGranularity: 8, A: half, B: half, C: float, Out: float, Scope: vk.ScopeSubgroup, Saturating: true},
	}}
	all := vk.AllFeatures()
	whole := []kernel.FlexMatShape{{Kind: kernel.CoopMatFloat, M: 32, N: 32, K: 16, Most: 1024, Invocations: 256}, {Kind: kernel.CoopMatHalf, M: 32, N: 16, K: 16, Most: 1024, Invocations: 128},
		{Kind: kernel.CoopMatFloat, M: 8, N: 8, K: 8, Most: 1024}}
	assert.Equal(t, whole, flexMatsOf(p, all))
	assert.Equal(t, "NV cooperative matrix 2", secondTier(all))
	subgroups := all
	subgroups.CooperativeMatrixWorkgroupScope = false
	assert.Equal(t, whole[2:], flexMatsOf(p, subgroups))
	assert.Equal(t, "parts of NV cooperative matrix 2", secondTier(subgroups))
	for _, off := range []func(*vk.Features){func(f *vk.Features) { f.CooperativeMatrix = false }, func(f *vk.Features) { f.MemoryModel = false }, func(f *vk.Features) { f.Float16 = false },
		func(f *vk.Features) { f.Maintenance4 = false }, func(f *vk.Features) { f.CooperativeMatrixFlexibleDimensions = false }} {
		f := all
		off(&f)
		assert.Empty(t, flexMatsOf(p, f))
	}
	assert.Empty(t, secondTier(vk.Features{}))
	p.APIVersion = vk.MakeVersion(1, 2, 0)
	assert.Empty(t, flexMatsOf(p, all), "modules for Vulkan 1.3")
}

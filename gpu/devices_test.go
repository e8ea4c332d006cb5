package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/gpu/vk"
	"tuff/host/compute"
)

func fakes() []Found {
	f := func(i int, name string, k compute.Kind, mem int64, unfit string) Found {
		return Found{Index: i, Info: compute.Info{Name: name, Kind: k, MemoryTotal: mem}, Unfit: unfit}
	}
	return []Found{f(0, "llvmpipe", compute.Software, 64, ""), f(1, "Intel Iris", compute.Integrated, 32, ""), f(2, "Old Radeon", compute.Discrete, 8, "it lacks 16-bit storage"),
		f(3, "Radeon small", compute.Discrete, 8, ""), f(4, "GeForce large", compute.Discrete, 24, ""), f(5, "Virtio", compute.Virtual, 99, "")}
}

func TestPreferDiscreteThenIntegratedThenSoftware(t *testing.T) {
	var order []int
	for _, f := range Prefer(fakes()) {
		order = append(order, f.Index)
	}
	assert.Equal(t, []int{4, 3, 1, 5, 0, 2}, order)
}

func TestChoose(t *testing.T) {
	for selector, want := range map[string]int{"gpu": 4, "gpu:0": 0, "gpu:3": 3, "radeon": 3, "LLVM": 0, "iris": 1} {
		got, err := Choose(fakes(), selector)
		assert.NoError(t, err)
		assert.Equal(t, want, got.Index, selector)
	}
	for selector, says := range map[string]string{"gpu:6": "want gpu:0 to gpu:5", "gpu:-1": "want gpu:0", "gpu:x": "want gpu:0", "nosuch": `no name holds "nosuch"; there are "llvmpipe"`,
		"gpu:2": `"Old Radeon" cannot run tuff: it lacks 16-bit storage`} {
		_, err := Choose(fakes(), selector)
		assert.ErrorContains(t, err, says, selector)
		assert.False(t, Absent(err))
	}
	_, err := Choose(nil, "gpu")
	assert.True(t, Absent(err))
	only := fakes()[:1]
	got, err := Choose(only, "gpu")
	assert.NoError(t, err, "a software driver that was asked for")
	assert.Equal(t, compute.Software, got.Info.Kind)
}

func TestUnfitNamesEverythingThatIsMissing(t *testing.T) {
	p := &vk.PhysicalInfo{}
	p.Features.BufferDeviceAddress, p.Features.TimelineSemaphore = true, true
	p.Features.ShaderInt64, p.Features.ShaderInt16 = true, true
	p.Limits.MaxComputeSharedMemorySize, p.Limits.MaxComputeWorkGroupInvocations, p.Limits.MaxPushConstantsSize = 16<<10, 128, 64
	assert.Equal(t, "it lacks 16-bit storage, 128 bytes of push constants", unfit(p))
	p.Features.Storage16, p.Limits.MaxPushConstantsSize = true, 128
	assert.Empty(t, unfit(p))
}

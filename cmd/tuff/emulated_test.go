package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An emulated GPU answers as the CPU does, without Vulkan on the machine, and leaves nothing behind.
func TestEmulatedDevice(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	args := []string{"--math", "exact", "--temp", "0", "-n", "4", "Once upon a time"}
	cpu := runJSON(t, append([]string{"--device", "cpu"}, args...)...)
	amd := runJSON(t, append([]string{"--device", "emulated:amd"}, args...)...)
	require.Len(t, cpu.IDs, 4)
	assert.Equal(t, cpu.IDs, amd.IDs)
	assert.Contains(t, tuff(t, "kernels", "test", "--device", "emulated:least", "rmsnorm").ok(t).err, "45 cases passed")
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Empty(t, left)
	for _, name := range []string{"emulated", "emulated:", "emulated:voodoo"} {
		r := tuff(t, "run", "--device", name, "Hello")
		assert.NotZero(t, r.code, name)
		assert.Contains(t, r.err, "want one of nvidia, nvidia-coop2, amd, amd-gcn, intel, intel-xe2, least", name)
	}
}

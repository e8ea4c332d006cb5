package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
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
	for _, timed := range []string{"tune", "gpu-report"} {
		r := tuff(t, timed, "--device", "emulated:amd")
		assert.Equal(t, exitUsage, r.code, timed)
		assert.Contains(t, r.err, "got the emulated AMD GPU of RDNA 3, want a device whose times mean something", timed)
	}
	for _, name := range []string{"emulated", "emulated:", "emulated:voodoo"} {
		r := tuff(t, "run", "--device", name, "Hello")
		assert.NotZero(t, r.code, name)
		assert.Contains(t, r.err, "want one of nvidia, nvidia-coop2, amd, amd-gcn, intel, intel-xe2, least", name)
	}
}

// TestEmulatedModels runs the models of the reference collection op by op, as a GPU of one kind would in fast arithmetic. TUFF_EMULATED asks
// for it: it takes minutes.
func TestEmulatedModels(t *testing.T) {
	if os.Getenv("TUFF_EMULATED") == "" {
		t.Skip("TUFF_EMULATED is not set")
	}
	kinds := []string{"nvidia", "amd", "intel"}
	folders, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle"), "*", "config.json"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	var tokens []string
	for i := range 30 { // more than the kernels for few rows take, and some models have room for no more
		tokens = append(tokens, strconv.Itoa(i+3))
	}
	for i, f := range folders {
		kind := kinds[i%len(kinds)]
		t.Run(filepath.Base(filepath.Dir(f))+" on "+kind, func(t *testing.T) {
			r := tuff(t, "compare", "--gate", "--math", "fast", "--a", "emulated:"+kind, "--b", "cpu", "-m", filepath.Dir(f), "--tokens", strings.Join(tokens, ",")).ok(t)
			assert.Contains(t, r.out, "results agree")
		})
	}
}

package gpu_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
)

// selector is the device under test.
func selector() string {
	if s := os.Getenv("TUFF_DEVICE"); s != "" {
		return s
	}
	return "gpu"
}

// openGPU opens the device under test. Without one the test is skipped, or with REQUIRE_GPU=1 fails. With TUFF_VALIDATION=1
// the validation layer watches and anything it says fails the test.
func openGPU(t testing.TB, o gpu.Options) *gpu.Device {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = "-"
	}
	o.Validation = os.Getenv("TUFF_VALIDATION") == "1"
	d, err := gpu.Open(selector(), o)
	if gpu.Absent(err) && os.Getenv("REQUIRE_GPU") != "1" {
		t.Skipf("no Vulkan device: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		messages := d.Messages()
		require.NoError(t, d.Close())
		require.Empty(t, messages, "what the validation layer said")
	})
	return d
}

func openCPU(t testing.TB) compute.Device {
	t.Helper()
	d, err := fallback.New(fallback.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

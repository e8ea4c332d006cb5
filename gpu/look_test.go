package gpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/vk"
)

// One look serves choosing and opening: drivers are loaded once. It opens one device and is spent.
func TestLookOnceThenOpen(t *testing.T) {
	openGPU(t, gpu.Options{}) // or skip
	hooks := new(vk.Hooks)
	m, err := gpu.Look(gpu.Options{Hooks: hooks, CacheDir: "-"})
	require.NoError(t, err)
	f, err := gpu.Choose(m.Found, selector())
	require.NoError(t, err)
	d, err := m.Open(f)
	require.NoError(t, err)
	assert.Equal(t, f.Info.Name, d.Info().Name)
	assert.Equal(t, 1, hooks.Counts()["vkCreateInstance"])
	_, err = m.Open(f)
	require.ErrorContains(t, err, "want a new one")
	require.NoError(t, m.Close(), "the device owns it all")
	require.NoError(t, d.Close())

	m, err = gpu.Look(gpu.Options{Hooks: hooks})
	require.NoError(t, err)
	require.NoError(t, m.Close())
	assert.Empty(t, hooks.Live())
}

package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/engine"
)

// tuned is tune of the embedded model with some shapes.
func tuned(t *testing.T, keep bool, shapes ...kernel.Few) (*tuneReport, *gpu.Device) {
	t.Helper()
	c := &common{device: "gpu", math: "fast", untuned: true, out: new(bytes.Buffer), err: new(bytes.Buffer)}
	l, err := c.load(t.Context(), engine.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	dev := l.dev.(*gpu.Device)
	r, err := c.tune(t.Context(), l, dev, shapes, 3, keep)
	require.NoError(t, err)
	require.NoError(t, c.printTune(r, !keep))
	assert.Contains(t, c.out.(*bytes.Buffer).String(), "as planned")
	return r, dev
}

// A shape that is right is timed in every product; one that is wrong is refused and named. What is kept is what gained, and is used.
func TestTune(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	other := "lane" // the kernel that is not planned here: a broken one leaves the reference as it is
	if list, err := gpu.Devices(gpuOptions); err == nil && len(list) > 0 {
		dev, err := gpu.Open("gpu", gpuOptions)
		require.NoError(t, err)
		if dev.Caps().UniformLoads {
			other = "vec"
		}
		require.NoError(t, dev.Close())
	}
	good := kernel.Few{Kernel: map[string]string{"lane": "vec", "vec": "lane"}[other], Rows: 2, Group: 16}
	breakShader(t, "matmul_q8_0_"+other)
	r, dev := tuned(t, true, good, kernel.Few{Kernel: other, Rows: 1, Group: 8})
	require.Len(t, r.Refused, 1)
	assert.Contains(t, r.Refused[0], other+" 1×8: ")
	assert.Equal(t, 2, r.Shapes)
	require.Len(t, r.Rows, 5)
	found := 0
	for _, row := range r.Rows {
		assert.Positive(t, row.Planned)
		assert.LessOrEqual(t, row.Best, row.Planned)
		assert.Contains(t, []int{1, 4}, row.Groups)
		if row.Shape != nil {
			found++
			assert.Equal(t, good, *row.Shape)
			assert.GreaterOrEqual(t, row.Gain, leastGain)
		}
	}
	kept := readTuned(dev.Info())
	if r.Kept {
		assert.Len(t, kept, found)
		assert.Less(t, r.Tuned, r.Planned)
	} else {
		assert.Empty(t, kept)
	}
}

// What was found is used by what runs a model, and forgotten on demand.
func TestTunedIsUsed(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	info := dev.Info()
	require.NoError(t, dev.Close())
	writeCached(cachePath("tuned", info), tunedFile{cachedFor(info), kernel.Tuned{"Q8_0 2048×256 rmsnorm": {Kernel: "vec", Rows: 1, Group: 8}}})
	const used = "tuned: vec 1×8"
	assert.Contains(t, tuff(t, "run", "--device", "gpu", "-v", "-n", "1", "Once").ok(t).err, used)
	assert.Contains(t, tuff(t, "devices").ok(t).out, "1 kernels of one row (tuff tune)")
	assert.Contains(t, tuff(t, "tune", "--forget").ok(t).err, "shapes forgotten: 1")
	assert.NotContains(t, tuff(t, "run", "--device", "gpu", "-v", "-n", "1", "Once").ok(t).err, used)

	foreign := cachedFor(info)
	foreign.Driver += " of another day"
	writeCached(cachePath("tuned", info), tunedFile{foreign, kernel.Tuned{kernel.AnyProduct: {Kernel: "vec", Rows: 1, Group: 8}}})
	assert.Empty(t, readTuned(info))
}

func TestTuneUsage(t *testing.T) {
	assert.Equal(t, exitUsage, tuff(t, "tune", "-r", "1").code)
	assert.Equal(t, exitUsage, tuff(t, "tune", "--device", "cpu").code)
	assert.Equal(t, exitUsage, tuff(t, "tune", "extra").code)
	var f tunedFile
	require.NoError(t, json.Unmarshal([]byte(`{"device":"d","shapes":{"Q8_0 1×2":{"kernel":"vec","rows":2,"group":32}}}`), &f))
	assert.Equal(t, kernel.Tuned{"Q8_0 1×2": {Kernel: "vec", Rows: 2, Group: 32}}, f.Shapes)
}

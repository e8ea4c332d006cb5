package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

func someLimits() compute.Limits {
	return compute.Limits{Bandwidth: 1e9, FLOPs: 2e9, Half: 3e9, Dot8: 4e9, Dispatch: 1500, Independent: 1200, Submit: time.Millisecond,
		Upload: 5e9, Download: 6e9, MappedWrite: 7e9, MappedRead: 8e9, Measured: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Second, Full: true,
		Matrix: []compute.MatrixPeak{{Types: "half×half→float32", M: 16, N: 16, K: 16, Rate: 9e12}, {Types: "int8×int8→int32", M: 16, N: 16, K: 32, Rate: 2e13}}}
}

// measurer is a device that only measures.
type measurer struct {
	compute.Device
	info  compute.Info
	times int
}

func (m *measurer) Info() compute.Info { return m.info }

func (m *measurer) Measure(context.Context) (compute.Limits, error) {
	m.times++
	return compute.Limits{Bandwidth: 7, FLOPs: 7}, nil
}

// TestLimitsAreRemembered: of this device, driver and program only; damaged files are as none.
func TestLimitsAreRemembered(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dev := &measurer{info: compute.Info{Name: "card", Driver: "driver 1", Kind: compute.Discrete, ID: "1-2-3"}}
	path := cachePath("limits", dev.info)
	got, err := limitsOf(t.Context(), dev)
	require.NoError(t, err)
	assert.Equal(t, 7.0, got.Bandwidth)
	assert.Equal(t, 1, dev.times, "nothing is remembered yet")
	_, err = limitsOf(t.Context(), dev)
	require.NoError(t, err)
	assert.Equal(t, 1, dev.times, "once in a process")
	other := &measurer{info: compute.Info{Name: "card", Driver: "driver 2", Kind: compute.Discrete, ID: "1-2-3"}}
	_, err = limitsOf(t.Context(), other)
	require.NoError(t, err)
	assert.Equal(t, 1, other.times, "but not for another driver")
	assert.NoFileExists(t, path, "what every report needs is not all")

	want := someLimits()
	writeCached(path, cachedLimits{cachedFor(dev.info), want})
	got, err = limitsOf(t.Context(), dev)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, 1, dev.times, "remembered ones are taken")
	_, ok := readLimits(compute.Info{Name: "card", Driver: "driver 2", Kind: compute.Discrete, ID: "1-2-3"})
	assert.False(t, ok, "another driver")
	_, ok = readLimits(compute.Info{Name: "cord", Driver: "driver 1", Kind: compute.Discrete, ID: "1-2-3"})
	assert.False(t, ok, "another device")
	_, ok = readLimits(compute.Info{Name: "card", Driver: "driver 1", Kind: compute.Host, ID: "1-2-3"})
	assert.False(t, ok, "a CPU")

	good, err := os.ReadFile(path)
	require.NoError(t, err)
	old, bad := cachedFor(dev.info), want
	old.Shaders = "of another program"
	bad.Half = -1
	for what, b := range map[string][]byte{
		"nothing":        nil,
		"half of it":     good[:len(good)/2],
		"no limits":      []byte(`{}`),
		"other types":    bytes.Replace(good, []byte(`"Bandwidth": `), []byte(`"Bandwidth": "x`), 1),
		"too long":       append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxCached)...),
		"old shaders":    encoded(t, cachedLimits{old, want}),
		"negative rates": encoded(t, cachedLimits{cachedFor(dev.info), bad}),
		"a huge number":  bytes.Replace(good, []byte("1000000000"), []byte("1e999"), 1),
	} {
		require.NoError(t, os.WriteFile(path, b, 0o644))
		_, ok := readLimits(dev.info)
		assert.False(t, ok, what)
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	_, ok = readLimits(dev.info)
	assert.False(t, ok, "a folder")
	writeCached(path, cachedLimits{cachedFor(dev.info), want})
	left, err := filepath.Glob(path + ".*")
	require.NoError(t, err)
	assert.Empty(t, left, "what could not be put in place is removed")
	writeCached("", want)
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// TestPrintLimits: a row for what was measured, none for what the device lacks.
func TestPrintLimits(t *testing.T) {
	show := func(l compute.Limits) string {
		var b bytes.Buffer
		w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		printLimits(w, &l)
		require.NoError(t, w.Flush())
		return b.String() + limitsLine(&l)
	}
	all := someLimits()
	text := show(all)
	rows := []string{"half  ", "packed int8  ", "matrix half×half→float32 16×16×16  ", "9 TFLOP/s", "20 TOP/s", "independent dispatch", "1.2µs", "host to device", "into mapped memory", "3 GFLOP/s half", "9 TFLOP/s matrix"}
	always := []string{"memory read", "1 GB/s", "float32", "2 GFLOP/s", "dependent dispatch", "1.5µs", "submit and wait", "1ms"}
	for _, want := range append(rows, always...) {
		assert.Contains(t, text, want)
	}
	text = show(compute.Limits{Bandwidth: 1e9, FLOPs: 2e9, Dispatch: 1500, Submit: time.Millisecond, Measured: all.Measured})
	for _, not := range rows {
		assert.NotContains(t, text, not)
	}
	for _, want := range always {
		assert.Contains(t, text, want)
	}
}

// TestDevicesMeasure measures the device, shows what it found, and then takes it from the file.
func TestDevicesMeasure(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	list := func(args ...string) []deviceReport {
		var l []deviceReport
		require.NoError(t, json.Unmarshal([]byte(tuff(t, append([]string{"devices", "--json"}, args...)...).ok(t).out), &l))
		return l
	}
	for _, r := range list() {
		assert.Nil(t, r.Measured, r.Name)
	}
	first := list("--measure")
	for _, r := range first {
		require.NotNil(t, r.Measured, r.Name)
		assert.NoError(t, r.Measured.Check(), r.Name)
		assert.False(t, math.IsInf(r.Measured.MatrixFLOPs(), 0))
		assert.Equal(t, r.Kind != "host", r.Measured.Full)
	}
	again := list()
	for i := range again[:len(again)-1] {
		assert.Equal(t, first[i].Measured, again[i].Measured)
	}
	assert.Nil(t, again[len(again)-1].Measured, "a CPU's are not kept")
	assert.Contains(t, tuff(t, "devices").ok(t).out, "independent dispatch")
	var rows []kernelRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "256", "--rows", "1", "-r", "1", "--json").ok(t).out), &rows))
	assert.Equal(t, rows[0].BytesPerSec/first[0].Measured.Bandwidth, rows[0].OfBandwidth, "a share of the remembered limit")
}

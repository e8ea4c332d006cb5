package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compute"
)

// fakeLlamaBench is a program that prints what llama-bench prints for one test of each kind.
func fakeLlamaBench(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "llama-bench")
	require.NoError(t, os.WriteFile(path, []byte(`#!/bin/sh
echo '[{"n_prompt":8,"n_gen":0,"n_depth":0,"avg_ts":1.5,"backends":"Vulkan","gpu_info":"card 2"},{"n_prompt":0,"n_gen":4,"n_depth":0,"avg_ts":0.001}]'
`), 0o755))
	return path
}

// fakePython is a program that prints what the script for cuBLAS prints.
func fakePython(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "python3")
	require.NoError(t, os.WriteFile(path, []byte(`#!/bin/sh
test "$3" = "[]" || test "$3 $4" = "[[64,256]] [1]" || exit 1
echo '[{"m":64,"n":1,"k":256,"device":"card","seconds":1e-6,"flop_s":2.9e11}]'
`), 0o755))
	return path
}

func TestGPUReport(t *testing.T) {
	needGPU(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	info := dev.Info()
	require.NoError(t, dev.Close())
	writeCached(verdictPath(info), &verdict{cached: cachedFor(info), Passed: 1}) // the check has tests of its own
	t.Run("everything runs", reportRuns)
	t.Run("a failed step is written down", reportGoesOn)
}

func reportRuns(t *testing.T) {
	dir := t.TempDir()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp) // to itself: a run beside this one makes models in the machine's
	r := tuff(t, "gpu-report", "-o", dir, "--op", "rmsnorm", "--quick", "--models", "tiny", "--types", "Q8_0", "--shapes", "64x256", "--formats", "Q8_0", "--rows", "1", "--contexts", "32",
		"-p", "8", "-n", "4", "-d", "0", "-r", "1", "--llama", fakeLlamaBench(t), "--python", fakePython(t)).ok(t)
	assert.Contains(t, r.err, "written: ")
	files, err := filepath.Glob(filepath.Join(dir, "gpu-*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	var rep gpuReport
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &rep))
	assert.NotEmpty(t, rep.Device)
	require.Len(t, rep.Steps, 9)
	for _, s := range rep.Steps {
		assert.Empty(t, s.Error, s.Command)
		assert.NotEmpty(t, s.Result, s.Command)
	}
	b, err = os.ReadFile(files[1])
	require.NoError(t, err)
	text := string(b)
	for _, want := range []string{"# " + rep.Device, "Self-check: passed", "| float32 |", "0 failed", "| matmul | Q8_0 64×256 | 1 |", "| attention |", "exact, fast",
		"on card", "| 64 | 1 | 256 | 1.0 | 290 |",
		"| tiny Q8_0 | pp8 |", "| 1.50 | card 2, Vulkan |", "shaders " + rep.Shaders[:12] + ", " + rep.Host + ": `tuff gpu-report --contexts=32 ", "| tiny Q8_0 | tg4 |"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "What did not run")
	left, err := filepath.Glob(filepath.Join(temp, "tuff-models*"))
	require.NoError(t, err)
	assert.Empty(t, left, "models are removed again")
}

func reportGoesOn(t *testing.T) {
	all := reportModels
	reportModels = append(slices.Clone(all), reportModel{"huge", nil, 1e15}) // which no memory holds
	defer func() { reportModels = all }()
	dir := t.TempDir()
	r := tuff(t, "gpu-report", "-o", dir, "--op", "add", "--quick", "--python", "/nowhere/python3", "--models", "tiny,huge", "--types", "F16,F77", "--shapes", "64x256", "--formats", "Q8_0", "--rows", "1", "--contexts", "32",
		"-p", "8", "-n", "4", "-d", "0", "-r", "1", "--llama", "/nowhere/llama-bench")
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.err, "steps failed, see ")
	files, err := filepath.Glob(filepath.Join(dir, "gpu-*.md"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(b), "## What did not run")
	require.True(t, ok)
	assert.Contains(t, after, "F77")
	assert.Contains(t, after, "huge F16")
	assert.Contains(t, after, "/nowhere/llama-bench")
	assert.Contains(t, after, "no /nowhere/python3 here")
	assert.Contains(t, string(b), "| tiny F16 | pp8 |")
	// Time that is up stops a step, or all that follow.
	short := []string{"gpu-report", "-o", dir, "--op", "add", "--quick", "--models", "tiny", "--types", "F16", "--shapes", "64x256", "--formats", "F16", "--rows", "1", "--contexts", "32",
		"-p", "8", "-n", "4", "-d", "0", "-r", "1", "--python", "", "--llama", "none"}
	r = tuff(t, append(short, "--step-time", "1ns")...)
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.err, "stopped after 1ns")
	tuff(t, append(short, "--time", "1ns")...).ok(t)
	b, err = os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Contains(t, string(b), "the report had taken 1ns by then")
	for _, args := range [][]string{{"--models", "9T"}, {"--time", "-1s"}, {"--shapes", "x"}, {"-r", "0"}, {"extra"}} {
		assert.Equal(t, exitUsage, tuff(t, append([]string{"gpu-report"}, args...)...).code, "%v", args)
	}
}

// A software driver is asked for less, as far as nobody said otherwise, and the report says what.
func TestGPUReportOfSoftware(t *testing.T) {
	flags := func(args ...string) *pflag.FlagSet {
		f := newGPUReport().Flags()
		require.NoError(t, f.Parse(args))
		return f
	}
	f := flags()
	said, err := shrink(compute.Discrete, f)
	require.NoError(t, err)
	assert.Empty(t, said)
	assert.Equal(t, "[1.1B,8B,30B-A3B]", f.Lookup("models").Value.String())
	f = flags("--models", "tiny", "-p", "32")
	said, err = shrink(compute.Software, f)
	require.NoError(t, err)
	assert.Contains(t, said, "--n-gen=32 ")
	assert.NotContains(t, said, "--n-prompt")
	assert.Equal(t, "[tiny]", f.Lookup("models").Value.String())
	assert.Equal(t, "[1,8,64]", f.Lookup("rows").Value.String())
	said, err = shrink(compute.Software, flags())
	require.NoError(t, err)
	assert.Equal(t, len(small), 1+strings.Count(said, " "))
	assert.Contains(t, said, "--cases=")
	r := gpuReport{Device: "cpu", Kind: compute.Software.String(), Small: said}
	assert.Contains(t, r.markdown(), "In the place of what hardware is asked for: `--cases=")
}

// A test of some cases takes them from all of an op's.
func TestEvenly(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	assert.Equal(t, list, evenly(list, 0))
	assert.Equal(t, list, evenly(list, 11))
	assert.Equal(t, []int{0, 3, 6}, evenly(list, 3))
	assert.Equal(t, []int{0}, evenly(list, 1))
	needGPU(t)
	var rows []testRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", "scale", "--cases", "3", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, 3, rows[0].Passed)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "--cases", "-1").code)
	assert.Equal(t, exitUsage, tuff(t, "gpu-report", "--cases", "-1").code)
}

// What was measured is held against what is wanted, and plans against the fastest kernel.
func TestGPUReportJudges(t *testing.T) {
	step := func(name, command string, rows any) reportStep {
		b, err := json.Marshal(rows)
		require.NoError(t, err)
		return reportStep{Name: name, Command: command, Result: b}
	}
	r := gpuReport{Device: "card", Steps: []reportStep{
		step("limits", "tuff devices", []map[string]any{{"name": "card", "measured": compute.Limits{Bandwidth: 2e12}}}),
		step("kernels", "", []kernelRow{
			{Op: "matmul", Shape: "F16 4096×4096", Rows: 4096, Kernel: "coop", Chosen: "fast", Seconds: 2e-3, OfMatrix: 0.55, OfLimit: 0.55},
			{Op: "matmul", Shape: "F16 4096×4096", Rows: 4096, Kernel: "half", Seconds: 1e-3, OfLimit: 0.7},
			{Op: "matmul", Shape: "F16 4096×4096", Rows: 1, Kernel: "vec", Chosen: "exact, fast", Seconds: 1e-5, OfLimit: 0.9},
			{Op: "matmul", Shape: "F16 4096×4096", Rows: 1, Kernel: "none", Error: "too large"},
			{Op: "attention", Shape: "h32", Rows: 1, Keys: 4096, Kernel: "split", Chosen: "fast", Seconds: 1e-5, OfBandwidth: 0.8},
		}),
		step("8B Q8_0", "tuff bench -m 8B", []benchRow{{Gen: 128, Median: 100, Bandwidth: 0.81}, {Prompt: 512, Median: 1200}, {Gen: 128, Depth: 4096, Median: 90, Bandwidth: 0.1}}),
		step("llama.cpp 8B Q8_0", "llama-bench", []benchRow{{Gen: 128, Rate: 80}, {Prompt: 512, Rate: 1000}}),
	}}
	text := r.markdown()
	for _, want := range []string{
		"| multiplication F16 4096×4096 by 4096 rows, of the matrix peak | 60 % | 55 % | **not met** |", "| attention of one row, 4096 keys, of bandwidth | 80 % | 80 % | met |",
		"| 8B Q8_0 tg128, of bandwidth | 80 % | 81 % | met |", "| 8B Q8_0 tg128, against llama.cpp | 1.15 × | 1.25 × | met |", "| 8B Q8_0 pp512, against llama.cpp | 1.30 × | 1.20 × | **not met** |",
		"| matmul | F16 4096×4096 | 4096 | 0 | coop | 2000.0 | half | 1000.0 | 2.00 |",
		"## Furthest from their limits\n\n| op | shape | rows | keys | chosen | µs | of limit |\n|---|---|---:|---:|---|---:|---:|\n| attention |",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, strings.Count(text, "| 2.00 |"))
	// A llama-bench that had no GPU is no peer.
	assert.NoError(t, onGPU([]byte(`[{"gpu_info":"card"},{}]`)))
	err := onGPU([]byte(`[{"gpu_info":"","backends":"Vulkan"}]`))
	require.ErrorContains(t, err, "ran on the CPU")
	r.Steps[len(r.Steps)-1].Error = err.Error()
	assert.Empty(t, r.peers())
	assert.NotContains(t, text, "d4096, of bandwidth")
	assert.NotContains(t, new(gpuReport).markdown(), "## Goals")
	free, ok := freeSpace(t.TempDir())
	assert.Equal(t, ok, free > 0)
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
)

// runAsTuff makes the program of these tests the command itself, for tests that run another build of it.
const runAsTuff = "TUFF_TEST_RUN"

// Tests keep their caches to themselves.
func TestMain(m *testing.M) {
	if os.Getenv(runAsTuff) != "" {
		main()
	}
	dir, err := os.MkdirTemp("", "tuff-test-")
	if err != nil {
		panic(err)
	}
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("MESA_SHADER_CACHE_DIR") == "" { // what drivers have compiled stays where it is
		if err := os.Setenv("MESA_SHADER_CACHE_DIR", filepath.Join(cache, "mesa_shader_cache")); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"XDG_CACHE_HOME", "LocalAppData"} {
		if err := os.Setenv(name, dir); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if path := os.Getenv("TUFF_COVERAGE"); path != "" && code == 0 {
		if err := covered.write(path); err != nil {
			fmt.Fprintln(os.Stderr, "coverage:", err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// result is what a user sees of one command.
type result struct {
	out, err string
	code     int
}

// tuffIn runs the command line with this on stdin.
func tuffIn(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errs)
	err := root.ExecuteContext(t.Context())
	code := exitCode(err, &errs)
	return result{out.String(), errs.String(), code}
}

func tuff(t *testing.T, args ...string) result {
	t.Helper()
	return tuffIn(t, "", args...)
}

// ok requires that the command succeeded.
func (r result) ok(t *testing.T) result {
	t.Helper()
	require.Equal(t, 0, r.code, "stderr: %s", r.err)
	return r
}

// needGPU skips where there is no Vulkan device; with REQUIRE_GPU=1 that is a failure.
func needGPU(t *testing.T) {
	t.Helper()
	list, err := gpu.Devices(gpu.Options{})
	if gpu.Absent(err) && os.Getenv("REQUIRE_GPU") != "1" {
		t.Skipf("no Vulkan device: %v", err)
	}
	require.NoError(t, err)
	require.NotEmpty(t, list)
}

// labDevice is the device that --device gpu takes: what it can do, and which variants it can run.
func labDevice(t *testing.T) (kernel.Caps, []kernel.Variant) {
	t.Helper()
	dev, err := gpu.Open("gpu", gpuOptions)
	require.NoError(t, err)
	defer func() { require.NoError(t, dev.Close()) }()
	return dev.Caps(), dev.Variants()
}

// laneOr is the module that plans take in the place of one: on a CPU whose driver reads once what all invocations read alike, that of lanes.
func laneOr(t *testing.T, module string) string {
	t.Helper()
	caps, _ := labDevice(t)
	switch {
	case caps.UniformLoads && strings.HasPrefix(module, "attention_"):
		return "attention_lane"
	case caps.UniformLoads && strings.HasPrefix(module, "matmul_"):
		return module[:strings.LastIndex(module, "_")] + "_lane"
	}
	return module
}

// onEach runs a test on the CPU and on the Vulkan device.
func onEach(t *testing.T, test func(t *testing.T, device string)) {
	t.Run("cpu", func(t *testing.T) { test(t, "cpu") })
	t.Run("gpu", func(t *testing.T) {
		needGPU(t)
		test(t, "gpu")
	})
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"nosuch"}, exitUsage, `unknown command "nosuch"`},
		{[]string{"run", "--nosuch"}, exitUsage, "unknown flag: --nosuch"},
		{[]string{"run", "a", "b"}, exitUsage, "accepts at most 1 arg(s), received 2"},
		{[]string{"run", "--device", "cpu", "--math", "maybe", "hi"}, exitUsage, `--math: got "maybe", want fast or exact`},
		{[]string{"run", "--device", "cpu", "-m", "nosuch.gguf", "hi"}, exitError, "nosuch.gguf"},
		{[]string{"run", "--device", "cpu", "-m", "main.go", "hi"}, exitError, "GGUF"},
		{[]string{"run", "--device", "cpu", "--repeat-penalty", "-1", "hi"}, exitUsage, "repeat"},
		{[]string{"kernels", "nosuch"}, exitUsage, "list, test, bench or replay"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			r := tuff(t, c.args...)
			assert.Equal(t, c.code, r.code)
			assert.Contains(t, r.err, c.says)
			assert.Equal(t, 1, strings.Count(strings.TrimSpace(lastLine(r.err)), "\n")+1)
			assert.True(t, strings.HasPrefix(lastLine(r.err), "tuff: "), r.err)
			assert.Empty(t, r.out)
		})
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	for _, c := range newRoot().Commands() {
		r := tuff(t, c.Name(), "--help").ok(t)
		assert.Contains(t, r.out, "Usage:", c.Name())
		if c.Runnable() && !c.HasSubCommands() {
			assert.NotEmpty(t, c.Example, c.Name())
		}
	}
}

func TestInterruptIsNoError(t *testing.T) {
	var errs bytes.Buffer
	assert.Equal(t, 130, exitCode(context.Canceled, &errs))
	assert.Equal(t, "tuff: interrupted\n", errs.String())
}

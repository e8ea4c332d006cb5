package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/vk"
	"tuff/host/compute"
	"tuff/host/testkit"
	"tuff/host/weights"
)

func fake(index int, name string, kind compute.Kind, memory int64, unfit string) gpu.Found {
	return gpu.Found{Index: index, Unfit: unfit, Info: compute.Info{Name: name, Kind: kind, MemoryTotal: memory, MemoryFree: memory}}
}

func TestAutoChoice(t *testing.T) {
	soft := fake(0, "llvmpipe", compute.Software, 64<<30, "")
	small := fake(1, "integrated", compute.Integrated, 16<<30, "")
	big := fake(2, "discrete", compute.Discrete, 8<<30, "")
	bigger := fake(3, "discrete with more", compute.Discrete, 24<<30, "")
	virtual := fake(4, "virtual", compute.Virtual, 80<<30, "")
	old := fake(5, "old card", compute.Discrete, 48<<30, "it lacks timeline semaphores")
	for _, c := range []struct {
		what string
		list []gpu.Found
		take string // or
		why  []string
	}{
		{"discrete before integrated", []gpu.Found{soft, small, big}, "discrete", nil},
		{"more memory among equals", []gpu.Found{big, bigger}, "discrete with more", nil},
		{"integrated before virtual", []gpu.Found{virtual, soft, small}, "integrated", nil},
		{"virtual before software", []gpu.Found{soft, virtual}, "virtual", nil},
		{"unfit is passed over", []gpu.Found{old, small}, "integrated", nil},
		{"software never", []gpu.Found{soft}, "", []string{"no hardware GPU", "llvmpipe is a software driver", "--device gpu takes it"}},
		{"unfit is named", []gpu.Found{old, soft}, "", []string{"old card cannot be used: it lacks timeline semaphores", "llvmpipe is a software driver"}},
		{"nothing", nil, "", []string{"no Vulkan device"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			for range 2 { // in both orders
				got, why := autoChoice(c.list)
				assert.Equal(t, c.take, got.Info.Name)
				assert.Equal(t, c.take == "", why != "")
				for _, s := range c.why {
					assert.Contains(t, why, s)
				}
				slices.Reverse(c.list)
			}
		})
	}
}

// Exactly one device is auto's, whatever the self-check says.
func TestMarkAuto(t *testing.T) {
	hard, soft := fake(0, "card", compute.Discrete, 8<<30, ""), fake(1, "llvmpipe", compute.Software, 8<<30, "")
	second := fake(1, "second card", compute.Discrete, 4<<30, "")
	for _, c := range []struct {
		what   string
		found  []gpu.Found
		checks []string
		absent string
		auto   int
		why    string
	}{
		{"passed", []gpu.Found{hard, soft}, []string{"passed, 88 cases", "passed, 88 cases"}, "", 0, "the best hardware GPU"},
		{"not yet", []gpu.Found{hard, soft}, []string{"not run yet", "not run yet"}, "", 0, "the best hardware GPU"},
		{"failed", []gpu.Found{hard, second}, []string{"FAILED: 3 of 88 cases, first x", "passed, 88 cases"}, "", 2, "card failed the self-check"},
		{"does not open", []gpu.Found{hard, soft}, []string{unopened + ": lost", "not run yet"}, "", 2, "card does not open"},
		{"software", []gpu.Found{{Index: 0, Info: soft.Info}}, []string{"passed, 88 cases"}, "", 1, "software driver"},
		{"no Vulkan", nil, nil, "no Vulkan here: no loader", 0, "no Vulkan here: no loader"},
	} {
		t.Run(c.what, func(t *testing.T) {
			list := make([]deviceReport, len(c.found)+1)
			for i, s := range c.checks {
				list[i].SelfCheck = s
			}
			markAuto(list, c.found, c.absent)
			for i, r := range list {
				assert.Equal(t, i == c.auto, r.Auto, i)
			}
			assert.Contains(t, list[c.auto].Why, c.why)
		})
	}
}

func TestDevicesListsTheCPU(t *testing.T) {
	var list []deviceReport
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "devices", "--json").ok(t).out), &list))
	require.NotEmpty(t, list)
	autos := 0
	for i, r := range list {
		last := i == len(list)-1
		assert.Equal(t, last, r.Selector == "cpu", "the CPU comes last")
		assert.Equal(t, last, r.Kind == "host")
		assert.NotEmpty(t, r.Name)
		assert.NotEmpty(t, r.SelfCheck)
		assert.NotNil(t, r.Tiers)
		if r.Auto {
			autos++
			assert.NotEqual(t, "software", r.Kind)
			assert.NotEmpty(t, r.Why)
		}
	}
	assert.Equal(t, 1, autos)
	cpu := list[len(list)-1]
	assert.Positive(t, cpu.Threads)
	assert.Positive(t, cpu.Memory)
	text := tuff(t, "devices").ok(t)
	assert.Equal(t, 1, strings.Count(text.out, "← auto takes this: "))
	for _, want := range []string{"cpu  ", "kind", "driver", "memory", "tiers", "self-check"} {
		assert.Contains(t, text.out, want)
	}
	assert.Empty(t, text.err)
	if len(list) > 1 {
		assert.Contains(t, tuff(t, "devices", "-v").ok(t).out, "maxComputeSharedMemorySize")
	}
	assert.Equal(t, exitUsage, tuff(t, "devices", "x").code)
}

// withoutVulkan makes the loader find no driver, on every call that a test makes.
func withoutVulkan(t *testing.T) {
	t.Helper()
	var h vk.Hooks
	for i := range 8 {
		require.NoError(t, h.InjectError("vkCreateInstance", i, vk.ErrorIncompatibleDriver))
	}
	gpuOptions = gpu.Options{Hooks: &h}
	t.Cleanup(func() { gpuOptions = gpu.Options{} })
}

func TestWithoutVulkan(t *testing.T) {
	withoutVulkan(t)
	var list []deviceReport
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "devices", "--json").ok(t).out), &list))
	require.Len(t, list, 1)
	assert.True(t, list[0].Auto)
	assert.Contains(t, list[0].Why, "no Vulkan")
	r := tuff(t, "run", "-n", "1", "hi").ok(t)
	assert.Contains(t, r.err, "device: CPU, ")
	assert.Contains(t, r.err, "no Vulkan")
	r = tuff(t, "run", "--device", "gpu", "-n", "1", "hi")
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, lastLine(r.err), "--device cpu always works")
	assert.Empty(t, r.out)
}

func TestDeviceSelectors(t *testing.T) {
	needGPU(t)
	list, err := gpu.Devices(gpu.Options{})
	require.NoError(t, err)
	name := list[0].Info.Name
	for _, selector := range []string{"gpu:0", strings.ToUpper(name[:4])} {
		r := tuffIn(t, "", "logits", "--device", selector).ok(t) // no ids: it only loads
		assert.Contains(t, r.err, "device: "+name)
		assert.Contains(t, r.err, "asked for "+selector)
	}
	for _, selector := range []string{"gpu:77", "gpu:-1", "gpu:x", "no such card"} {
		r := tuff(t, "run", "--device", selector, "-n", "1", "hi")
		assert.Equal(t, exitError, r.code)
		assert.Contains(t, lastLine(r.err), "choose device")
		assert.Empty(t, r.out)
	}
}

// What auto gives the GPU, the GPU can run; the rest is the CPU's.
func TestAutoKnowsTheTypesOfTheKernels(t *testing.T) {
	lacking := func(path string) []string {
		f, err := weights.Open(path)
		require.NoError(t, err)
		defer f.Close()
		return withoutKernels(f)
	}
	for _, name := range []string{"kq-llama-Q4_K_M.gguf", "kq-llama-Q6_K.gguf", "llama2-F16.gguf", "llama3-Q8_0.gguf"} {
		assert.Empty(t, lacking(testkit.Testdata(t, "oracle", name)), name)
	}
	needGPU(t)
	for _, name := range []string{"IQ3_S", "Q2_K", "Q6_K"} {
		path := testkit.Shared(t, "real", "stories260K-gguf", "stories260K-p256-hd32-pure-"+name+".gguf")
		types := lacking(path)
		r := tuff(t, "run", "-m", path, "--device", "gpu", "--raw", "-n", "1", "hi")
		assert.Equal(t, len(types) > 0, r.code != 0, "%s: auto says that the kernels lack %v, the kernels say %s", name, types, lastLine(r.err))
	}
}

func TestGPUErrorsStayOneLine(t *testing.T) {
	assert.Equal(t, "a b c", oneLine(errors.Join(errors.New("a\n  b"), errors.New("c"))))
}

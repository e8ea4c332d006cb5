package gpu_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// Devices whose invocations have few registers have tiles of their own for many rows, which no CPU plans by itself.
func TestConformanceWithFewRegisters(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" && os.Getenv("SANITIZER") != "false" {
		t.Skip("the layer reports where matrices are loaded from, wrongly: .ci/validated")
	}
	const registers = 128 // Intel's
	d, cpu := gpu.WithFewRegisters(openGPU(t, gpu.Options{}), registers), openCPU(t)
	if !d.Caps().Float16 {
		t.Skip("no half precision")
	}
	tested, two := 0, []compute.DType{compute.Q8_0, compute.F16}
	for _, c := range []struct {
		variant, op, match string
		formats            []compute.DType
	}{
		{"matmul_coop", "matmul", "matmul/", two}, {"matmul_coop", "matmul", "matmul_swiglu/", two}, {"matmul_half", "matmul", "matmul/", two},
		{"matmul_half", "matmul", "matmul_swiglu/", two}, {"matmul_int8", "matmul", "matmul/", two}, {"matmul_int8", "matmul", "matmul_swiglu/", two},
		{"matmul_experts_coop", "matmul_experts", "matmul_experts/", two}, {"matmul_experts_coop", "matmul_experts", "matmul_experts_swiglu/", nil},
		{"attention_coop", "attention", "attention/features_causal-true", nil},
	} {
		i := slices.IndexFunc(d.Variants(), func(v kernel.Variant) bool { return v.Name == c.variant })
		if i >= 0 && d.Variants()[i].Lacks == "" {
			tested++
			t.Run(c.variant+" "+c.match, func(t *testing.T) {
				conformance.Run(t, d, cpu, conformance.Options{Math: compute.Fast, Short: true, Match: c.match, Formats: c.formats, Variant: map[string]string{c.op: c.variant}})
			})
		}
	}
	require.GreaterOrEqual(t, tested, 2)
}

// So have devices whose subgroups have few others beside them.
func TestConformanceWithFewWaves(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("kernels instrumented by the layer take minutes to compile, and these differ in their tiles alone")
	}
	d, cpu := gpu.WithFewWaves(openGPU(t, gpu.Options{})), openCPU(t)
	if !d.Caps().Float16 {
		t.Skip("no half precision")
	}
	tested := 0
	for _, v := range d.Variants() {
		if (v.Name == "matmul_half" || v.Name == "matmul_int8") && v.Lacks == "" {
			tested++
			t.Run(v.Name, func(t *testing.T) {
				o := conformance.Options{Math: compute.Fast, Short: true, Formats: []compute.DType{compute.Q8_0}, Variant: map[string]string{"matmul": v.Name}}
				for _, o.Match = range []string{"matmul/Q8_0", "matmul_swiglu/"} {
					conformance.Run(t, d, cpu, o)
				}
			})
		}
	}
	require.Positive(t, tested)
}

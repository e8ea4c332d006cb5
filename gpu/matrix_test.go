package gpu_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// TestValidationOfMatrixUnits is for the validation layer: a few cases of each kernel on matrix units, which no plan takes by itself where
// the device is a CPU. TestConformanceOfVariants has these and more.
func TestValidationOfMatrixUnits(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") != "1" {
		t.Skip("other tests run these cases where no layer watches")
	}
	d, cpu := openGPU(t, gpu.Options{}), openCPU(t)
	for _, v := range d.Variants() {
		if !strings.Contains(v.Name, "_coop") && v.Name != "matmul_skinny" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			if strings.HasPrefix(v.Name, "matmul_coop2") && v.Lacks != "" {
				t.Skip("the device lacks " + v.Lacks) // as every CPU driver does, but for the parts
			}
			assert.Empty(t, v.Lacks)
			o := conformance.Options{Math: compute.Fast, Short: true, Variant: map[string]string{v.Op: v.Name}}
			for _, o.Match = range map[string][]string{
				"matmul":         {"matmul/rows0_Q8_0", "Q8_0_r65_n130_k64"},
				"attention":      {"attention/head_d16"},
				"matmul_experts": {"matmul_experts/ragged_Q8_0", "matmul_experts_swiglu/Q4_0"},
			}[v.Op] {
				conformance.Run(t, d, cpu, o)
			}
		})
	}
}

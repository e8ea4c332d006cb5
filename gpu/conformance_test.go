package gpu_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/shaders"
)

// The whole suite, judged by the suite's own formulas with the CPU as reference. TUFF_CASES keeps so many cases of each op.
func TestConformance(t *testing.T) {
	o := conformance.Options{Short: testing.Short()}
	if n := os.Getenv("TUFF_CASES"); n != "" {
		var err error
		o.Spread, err = strconv.Atoi(n)
		require.NoError(t, err)
	}
	o.Variant = statesUnderValidation()
	conformance.Run(t, openGPU(t, gpu.Options{}), openCPU(t), o)
}

// statesUnderValidation has the layer see states shared out as on hardware: the 128 unrolled elements of CPUs, instrumented, compile for minutes.
func statesUnderValidation() map[string]string {
	if os.Getenv("TUFF_VALIDATION") != "1" {
		return nil
	}
	return map[string]string{"ssm_scan": "ssm_scan_parts", "delta_rule": "delta_rule_parts"}
}

func TestConformanceOfFastArithmetic(t *testing.T) {
	conformance.Run(t, openGPU(t, gpu.Options{}), openCPU(t), conformance.Options{Math: compute.Fast, Short: true, Match: "program/"})
}

// Every variant that can be asked for runs the quick cases of its op; in short runs without head sizes, which are kernels of their own and
// run as planned in TestConformance, and tiles and experts in four formats, which the others decode the same way.
func TestConformanceOfVariants(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("plans reach every kernel by themselves; once more under the layer takes ten minutes")
	}
	d, cpu := openGPU(t, gpu.Options{}), openCPU(t)
	tested := 0
	for _, v := range d.Variants() {
		if !slices.Contains([]string{"matmul", "matmul_experts", "attention", "ssm_scan", "delta_rule"}, v.Op) || v.Lacks != "" {
			continue
		}
		if v.Name == "matmul_int8" {
			continue // which is what matmul_vec_int8 is beyond 8 rows
		}
		tested++
		t.Run(v.Name, func(t *testing.T) {
			o := conformance.Options{Math: v.Math(), Short: true, Match: v.Op + "/", Variant: map[string]string{v.Op: v.Name}}
			switch v.Name { // others decode every format the same way, and lavapipe compiles what is unrolled for seconds
			case "matmul_tile_split", "matmul_coop_split", "matmul_half":
				o.Formats = []compute.DType{compute.F16, compute.Q4_K, compute.Q8_0}
			case "matmul_int8_split":
				o.Formats = []compute.DType{compute.Q4_K, compute.Q8_0}
			case "matmul_half_split": // which has fused cases of many rows
				o.Formats = []compute.DType{compute.Q8_0}
			case "matmul_coop_half":
				o.Formats = []compute.DType{compute.F16}
			case "matmul_coop2_split":
				o.Formats = []compute.DType{compute.F16, compute.Q4_K, compute.Q8_0}
			case "matmul_coop2_half":
				o.Formats = formatsNamed(shaders.HalfFormats)
			case "matmul_coop2_parts": // some cases of each way of decoding
				o.Formats, o.Match = formatsNamed(shaders.PartFormats), "matmul/r"
			case "matmul_coop2_parts_half":
				o.Formats = []compute.DType{compute.F16}
			case "matmul_experts_half":
				o.Formats = []compute.DType{compute.F32, compute.Q8_0, compute.MXFP4}
			case "matmul_experts_int8": // one of each way of scaling
				o.Formats = []compute.DType{compute.Q8_0, compute.Q4_K, compute.Q6_K}
			case "matmul_experts_coop":
				o.Formats = []compute.DType{compute.F32, compute.F16, compute.Q8_0}
			case "matmul_skinny": // which has fused cases of Q4_1
				o.Formats = []compute.DType{compute.F16, compute.Q4_1}
			case "matmul_vec_int8": // which it reads in ways of its own
				o.Formats = formatsNamed(shaders.ByteFormats)
			}
			if v.Name == "attention_coop" { // every head size and pair of types is a kernel of its own: some of each kind
				for _, o.Match = range []string{"attention/features_causal-true", "attention/bias_reach7", "attention/rows_of_three", "attention/small_d64_h7-1_Q4_0",
					"attention/unseen_future", "attention/unseen_latent_F"} {
					conformance.Run(t, d, cpu, o)
				}
				o.Short = false // head sizes, one case each
				for _, o.Match = range []string{"d16_h8-1_F16_p32_q18", "d80_h4-1_F16_p64_q18", "d96_h2-1_F32_p1_q18", "d128_h4-1_F32_p16_q18", "d192_dv128_q19",
					"d256_h8-1_F32_p8_q18", "d576_dv512_h4-1_F32_q19"} {
					conformance.Run(t, d, cpu, o)
				}
				o.Short, o.Match, o.Variant["matmul"] = true, "attention_matmul", "matmul_coop" // which it leaves halves for
				conformance.Run(t, d, cpu, o)
				return
			}
			if testing.Short() {
				shorten(&o, v)
			}
			conformance.Run(t, d, cpu, o)
			with := map[string][]string{ // what it may finish itself
				"attention":      {"attention_activation/"},
				"matmul":         {"matmul_add/", "matmul_swiglu/", "matmul_matmul_matmul/"},
				"matmul_experts": {"matmul_experts_activation/", "matmul_experts_mix/", "matmul_experts_swiglu/", "mix_matmul_experts_swiglu_mix/"},
			}[v.Op]
			switch v.Name {
			case "matmul_vec": // which plans of CPUs leave to matmul_lane
				with = append(with, "rmsnorm_matmul_rope_kvstore/", "rmsnorm_matmul_rmsnorm_rope_kvstore/", "takerows_rmsnorm_matmul/")
			case "matmul_vec_int8": // which may have other forms of what comes before
				with = append(with, "attention_matmul/", "attention_matmul_add/", "rmsnorm_matmul/", "rmsnorm_matmul_conv1d/", "rmsnorm_matmul_rope_kvstore/", "rmsnorm_matmul_rmsnorm_rope_kvstore/",
					"rmsnorm_matmul_swiglu_matmul_add/")
				o.Formats = []compute.DType{compute.Q8_0, compute.Q4_1, compute.Q6_K}
			}
			if v.Name == "matmul_coop2_parts" {
				o.Formats, o.Match = []compute.DType{compute.Q4_0}, "matmul/bias"
				conformance.Run(t, d, cpu, o)
				o.Formats = []compute.DType{compute.Q5_1}
			}
			for _, o.Match = range with {
				conformance.Run(t, d, cpu, o)
			}
			if v.Name == "matmul_vec_int8" { // whose errors move values of a cache in Q4_0 to another level
				o.Formats, o.Match = []compute.DType{compute.Q4_K}, "rmsnorm_matmul_rmsnorm_rope_kvstore/Q4_K_Q4_0"
				conformance.Run(t, d, cpu, o)
			}
		})
	}
	require.GreaterOrEqual(t, tested, 7)
}

// shorten leaves cases out that stand for kernels more than for a variant.
func shorten(o *conformance.Options, v kernel.Variant) {
	if v.Op == "attention" {
		o.Skip = map[string]string{}
		for _, what := range []string{"head", "small", "value"} {
			o.Skip["attention/"+what+"_"] = "a long run has every head size"
		}
		return
	}
	if strings.HasPrefix(v.Name, "matmul_vec") {
		return
	}
	if o.Formats == nil {
		o.Formats = compute.WeightFormats()
	}
	o.Formats = slices.DeleteFunc(slices.Clone(o.Formats), func(f compute.DType) bool {
		return !slices.Contains([]compute.DType{compute.F16, compute.Q4_K, compute.Q8_0, compute.Q4_1}, f)
	})
}

// formatsNamed are weight formats by the names of their modules.
func formatsNamed(names []string) []compute.DType {
	return slices.DeleteFunc(compute.WeightFormats(), func(t compute.DType) bool { return !slices.Contains(names, strings.ToLower(t.String())) })
}

// What no hardware has run is not chosen on a device that no self-check has seen.
func TestDevicesBeginWithoutTheUnproven(t *testing.T) {
	d := openGPU(t, gpu.Options{})
	for _, v := range d.Variants() {
		assert.Equal(t, slices.Contains(kernel.Unproven, v.Name), v.Refused != "", v.Name)
	}
	d.Refuse(map[string]string{"matmul_vec": "it computes wrongly"})
	for _, v := range d.Variants() {
		assert.Equal(t, v.Name == "matmul_vec", v.Refused != "", v.Name)
	}
}

package main

import (
	"slices"

	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// variantCases are what variants are checked with, made to run by name, so that rows, tiles and pieces of each are reached: by stem of the op.
// Multiplications have short sums besides, with few rows or, for kernels of more, two numbers of them, and finish things themselves.
var variantCases = map[string][]string{
	"attention": {"rows_64_causal-true_h8-2_d32", "context_511_F32_q1", "head_d80_h4-4_F16_p256_q5", "queries_33_after_16", "rows_of_three_17_causal-true"},
	"matmul_experts": {"grouped_Q8_0_2_of_5_r63_n31_k64_even_perslot-true", "F16_2_of_7_r9_n5_k100_perslot-false", "Q4_K_1_of_4_r9_n1_k256_perslot-false",
		"grouped_Q4_K_2_of_2_r127_n1_k256_random_perslot-false"},
	"few rows":  {"F16_r2_n130_k64"},
	"many rows": {"Q8_0_r65_n130_k64", "Q4_1_r9_n130_k64"},
}

// softwareCases is how many of them software drivers run, of one format: they take a second to compile what hardware's take a tenth of.
const softwareCases = 2

// casesOf are the cases of a variant; none where its op has only one kernel, which the cases of ops run, or where plans never choose it.
func casesOf(v kernel.Variant, kind compute.Kind) (list []conformance.Case) {
	formats, rows := []compute.DType{compute.F16, compute.Q8_0, compute.Q4_K}, "many rows"
	few := slices.Contains([]string{"matmul_vec", "matmul_lane", "matmul_vec_int8"}, v.Name)
	if few {
		rows = "few rows"
	}
	named, finished := variantCases[v.Op], variantCases[rows]
	if kind == compute.Software {
		formats, named, finished = []compute.DType{compute.Q8_0}, named[:min(softwareCases, len(named))], finished[:1]
	}
	type key struct {
		format compute.DType
		many   bool
	}
	seen := map[key]bool{}
	if v.Used == kernel.TestsOnly {
		return nil
	}
	for _, c := range conformance.Cases() {
		k := key{c.Format, c.Rows > 64}
		switch {
		case !c.Quick || !c.In(v.Math()):
		case c.Op == v.Op && slices.Contains(named, c.Name), v.Op == "matmul" && (c.Op == "matmul_add" || c.Op == "matmul_swiglu") && slices.Contains(finished, c.Name):
			list = append(list, c)
		case v.Op == "matmul" && c.Op == v.Op && (c.Rows <= 8) == few && !seen[k] && slices.Contains(formats, c.Format):
			seen[k] = true
			list = append(list, c)
		}
	}
	return list
}

// variantJobs are the cases of variants that a device could use.
func variantJobs(variants []kernel.Variant, kind compute.Kind) (list []job) {
	for _, k := range variants {
		if k.Lacks != "" {
			continue
		}
		for _, c := range casesOf(k, kind) {
			list = append(list, job{variant: k.Name, stem: k.Op, c: c, math: k.Math()})
		}
	}
	return list
}

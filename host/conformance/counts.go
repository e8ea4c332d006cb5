package conformance

import (
	"fmt"
	"maps"
	"slices"
)

// Counts is how many cases the suite has for each op and fused form. A change of the lists changes it deliberately.
var Counts = map[string]int{
	"activation":                       333,
	"activation_conv1d_activation":     18,
	"add":                              142,
	"altup":                            56,
	"attention":                        1208,
	"attention_activation":             15,
	"attention_matmul":                 6,
	"attention_matmul_add":             9,
	"columns":                          35,
	"conv1d":                           168,
	"conv1d_delta_rule_rmsnorm_swiglu": 36,
	"conv1d_ssm_scan_swiglu":           32,
	"delta_rule":                       48,
	"embed":                            797,
	"kvstore":                          206,
	"layernorm":                        113,
	"matmul":                           2467,
	"matmul_add":                       82,
	"matmul_activation":                10,
	"matmul_activation_times":          10,
	"matmul_rmsnorm_add_scale":         10,
	"rmsnorm_matmul_columns_rmsnorm_rope_kvstore": 14,
	"rmsnorm_matmul_rmsnorm_rope_kvstore_values":  14,
	"rmsnorm_matmul_rmsnorm_rope":                 14,
	"rmsnorm_matmul_latent":                       14,
	"matmul_add_layernorm":                        10,
	"matmul_experts":                              197,
	"matmul_experts_activation":                   13,
	"matmul_experts_mix":                          47,
	"matmul_experts_swiglu":                       18,
	"matmul_matmul_activation":                    10,
	"matmul_rmsnorm":                              10,
	"matmul_rmsnorm_add":                          10,
	"matmul_rmsnorm_add_add":                      10,
	"matmul_scale_add":                            10,
	"matmul_matmul_matmul":                        80,
	"matmul_swiglu":                               82,
	"matmul_heads":                                140,
	"mix":                                         52,
	"mix_matmul_experts_swiglu_mix":               5,
	"program":                                     20,
	"rmsnorm":                                     203,
	"rmsnorm_matmul":                              80,
	"rmsnorm_matmul_conv1d":                       5,
	"rmsnorm_matmul_kvstore":                      8,
	"rmsnorm_matmul_ssm_scan_swiglu":              7,
	"rmsnorm_matmul_rope_rmsnorm_kvstore":         8,
	"rmsnorm_matmul_rmsnorm_rope_kvstore":         29,
	"rmsnorm_matmul_rope_kvstore":                 83,
	"rmsnorm_matmul_route":                        10,
	"rmsnorm_matmul_route_matmul_swiglu":          42,
	"matmul_route":                                42,
	"layernorm_matmul":                            12,
	"layernorm_matmul_activation":                 12,
	"layernorm_matmul_kvstore":                    3,
	"layernorm_matmul_rope_kvstore":               9,
	"rmsnorm_matmul_swiglu":                       60,
	"rmsnorm_matmul_swiglu_matmul_add":            39,
	"rope":                                        243,
	"rope_kvstore":                                62,
	"route":                                       170,
	"sample":                                      120,
	"scale":                                       32,
	"sparse_gate":                                 87,
	"ssm_scan":                                    48,
	"swiglu":                                      118,
	"takerows":                                    90,
	"takerows_rmsnorm_matmul":                     25,
	"topk":                                        91,
}

// CheckCounts compares cases with Counts.
func CheckCounts(cases []Case) error {
	got := make(map[string]int)
	for _, c := range cases {
		got[c.Op]++
	}
	if maps.Equal(got, Counts) {
		return nil
	}
	for _, op := range slices.Sorted(maps.Keys(got)) {
		if got[op] != Counts[op] {
			return fmt.Errorf("conformance: count cases of %s: got %d, want %d", op, got[op], Counts[op])
		}
	}
	return fmt.Errorf("conformance: count cases: got %d ops, want %d", len(got), len(Counts))
}

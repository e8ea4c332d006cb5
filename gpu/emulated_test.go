package gpu_test

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// Every kind of GPU that can be emulated runs some cases of each op as it would plan them, in both arithmetics, and some of each variant, with
// every access checked: subgroups of 32 and 64 and matrices of 16 by 16 are in no driver for CPUs. TUFF_EMULATED is how many cases; without it
// two kinds run one of each op. All cases on one kind are what TUFF_DEVICE=emulated:KIND go test ./gpu -run TestConformance runs.
func TestEmulatedKinds(t *testing.T) {
	if os.Getenv("TUFF_VALIDATION") == "1" {
		t.Skip("no driver has a part in it")
	}
	cases, kinds, n := 1, []string{"nvidia", "amd"}, os.Getenv("TUFF_EMULATED")
	if n != "" {
		var err error
		cases, err = strconv.Atoi(n)
		require.NoError(t, err)
		kinds = gpu.EmulatedKinds()
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d, err := gpu.Open("emulated:"+kind, gpu.Options{})
			require.NoError(t, err)
			defer func() {
				messages := d.Messages()
				require.NoError(t, d.Close())
				require.Empty(t, messages)
			}()
			cpu := openCPU(t)
			for _, m := range []compute.Math{compute.Fast, compute.Exact} {
				if n == "" && m == compute.Exact {
					return
				}
				t.Run(m.String(), func(t *testing.T) {
					conformance.Run(t, d, cpu, conformance.Options{Math: m, Short: true, Spread: cases})
				})
			}
			for _, v := range d.Variants() {
				if v.Lacks == "" && slices.Contains([]string{"matmul", "matmul_experts", "attention", "ssm_scan", "delta_rule"}, v.Op) {
					t.Run(v.Name, func(t *testing.T) {
						conformance.Run(t, d, cpu, conformance.Options{Math: v.Math(), Short: true, Match: v.Op, Spread: cases, Variant: map[string]string{v.Op: v.Name}})
					})
				}
			}
		})
	}
}

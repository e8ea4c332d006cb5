package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTier(t *testing.T) {
	for name, want := range map[string]string{
		"matmul_q8_0_vec_1": "float32", "attention_prefill": "float32", "matmul_halves+matmul_f16_coop_64x64": "matrix units", "matmul_halves+matmul_q4_k_skinny_16x32": "matrix units",
		"matmul_halves+matmul_f16_coop_half_64x64": "matrix units, half sums", "matmul_halves+matmul_f16_coop2_half_64x64": "matrix units, half sums", "matmul_halves+matmul_f16_coop2_64x64": "matrix units",
		"quantize+matmul_q8_0_int8_32": "packed int8", "quantize+matmul_q8_0_vec_int8_1": "packed int8", "matmul_halves+matmul_f16_half_64": "half",
	} {
		assert.Equal(t, want, Tier(name), name)
	}
}

package weights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// TestHybridsAreLaidOutAsInGGUF: what llama.cpp reads of models with a state: KV heads by layer, what passes by a state as a vector or a
// column, and the names of norms.
func TestHybridsAreLaidOutAsInGGUF(t *testing.T) {
	for _, c := range []struct {
		name, arch, norm string
		dims             int // of ssm_d
	}{
		{"mamba", "mamba", "output_norm.weight", 1},
		{"mamba2", "mamba2", "output_norm.weight", 2},
		{"jamba", "jamba", "output_norm.weight", 1},
		{"granitemoehybrid", "granitehybrid", "output_norm.weight", 2},
		{"falcon-h1", "falcon-h1", "blk.0.ffn_norm", 2},
		{"lfm2", "lfm2", "token_embd_norm.weight", 0},
	} {
		f, err := Open(testkit.Testdata(t, "oracle", c.name))
		require.NoError(t, err)
		_, ok := f.Tensor(c.norm)
		assert.True(t, ok, "%s of %s", c.norm, c.name)
		layers, _ := f.Uint(c.arch + ".block_count")
		kv, perLayer := f.Ints(c.arch + ".attention.head_count_kv")
		assert.Equal(t, c.name == "jamba" || c.name == "granitemoehybrid" || c.name == "lfm2", perLayer && len(kv) == int(layers), c.name)
		seen := 0
		for i, n := range kv {
			_, attends := f.Tensor("blk." + string(rune('0'+i)) + ".attn_q.weight")
			assert.Equal(t, attends, n > 0, "%s: layer %d", c.name, i)
		}
		for _, x := range f.Tensors() {
			if x.Name == "blk.0.ssm_d" || x.Name == "blk.1.ssm_d" {
				seen = len(x.Dims)
			}
		}
		assert.Equal(t, c.dims, seen, c.name)
		require.NoError(t, f.Close())
	}
}

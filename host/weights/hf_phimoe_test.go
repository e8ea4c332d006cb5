package weights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPhiMoEKeys: the published model's LongRoPE has a temperature of its own, other than what its factor would give; one for short
// and another for long sequences is refused.
func TestPhiMoEKeys(t *testing.T) {
	read := func(long number) *hfConfig {
		c := &hfConfig{fam: hfFamilyOf("phimoe"), out: &File{values: map[string]any{}}, m: map[string]any{"rms_norm_eps": number("1e-6"),
			"rope_scaling": map[string]any{"type": "longrope", "short_mscale": number("1.25"), "long_mscale": long}}}
		phiMoEKeys(c)
		return c
	}
	c := read("1.25")
	require.NoError(t, c.err)
	for key, want := range map[string]float32{"rope.scaling.attn_factor": 1.25, "expert_jitter": 0.01, "attention.layer_norm_rms_epsilon": 1e-6} {
		assert.Equal(t, want, c.out.values["phimoe."+key], key)
	}
	var unsupported *UnsupportedError
	assert.ErrorAs(t, read("1.5").err, &unsupported)
}

package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/synth"
)

func TestSynthMakesModelsThatRun(t *testing.T) {
	for _, arch := range synth.Archs() {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.gguf")
			tuff(t, "synth", "--arch", arch, "--type", "Q4_K_M", "-o", path).ok(t)
			r := tuffIn(t, `{"ids":[5,300,7,400]}`, "logits", "-m", path, "--device", "cpu").ok(t)
			var got struct {
				Logits []float64 `json:"logits_last"`
				Pooled []float64 `json:"mean_pooled"`
			}
			require.NoError(t, json.Unmarshal([]byte(r.out), &got))
			v, n := got.Logits, 512
			if synth.Encoder(arch) {
				v, n = got.Pooled, 256
			}
			require.Len(t, v, n)
			var square float64
			for _, x := range v {
				square += x * x
			}
			deviation := math.Sqrt(square / float64(n))
			assert.Greater(t, deviation, 0.005)
			assert.Less(t, deviation, 50.0, "activations stay sane")
		})
	}
}

func TestSynthFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	r := tuff(t, "synth", "--layers", "3", "--type", "iq2_s", "--json", "-o", path).ok(t)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Equal(t, "IQ2_S", got["type"])
	out := tuff(t, "inspect", path).ok(t).out
	assert.Contains(t, out, "blk.2.attn_q.weight")
	assert.False(t, strings.Contains(out, "blk.3."))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-o", path}, exitError, "exist"},
		{nil, exitUsage, "want -o FILE"},
		{[]string{"-o", path + "x", "--type", "Q8_K"}, exitUsage, `got "Q8_K"`},
		{[]string{"-o", path + "x", "--preset", "9T"}, exitUsage, `preset: got "9T", want one of tiny`},
		{[]string{"-o", path + "x", "--arch", "x"}, exitError, `architecture: got "x"`},
	} {
		r := tuff(t, append([]string{"synth"}, c.args...)...)
		assert.Equal(t, c.code, r.code, c.args)
		assert.Contains(t, r.err, c.want)
	}
}

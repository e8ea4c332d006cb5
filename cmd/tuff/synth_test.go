package main

import (
	"encoding/json"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/engine"
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

// TestSynthCarriesStates: what tokens leave behind one by one is what they leave behind together, and matters. It is as much in a cache
// that several layers read.
func TestSynthCarriesStates(t *testing.T) {
	ids := []int32{5, 300, 7, 400, 401, 9, 310, 44, 12, 300, 301, 302}
	for _, arch := range synth.Archs() {
		args := []string{"--layers", "3"}
		switch {
		case arch == "gemma4": // layers that read what others keep, and experts
			args = []string{"--layers", "6", "--experts", "4", "--used", "2"}
		case !synth.Stateful(arch):
			continue
		}
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.gguf")
			tuff(t, append([]string{"synth", "--arch", arch, "--type", "Q8_0", "-o", path}, args...)...).ok(t)
			if arch == "gemma4" {
				t.Run("compare", func(t *testing.T) {
					needGPU(t)
					tuff(t, "compare", "-m", path, "-n", "8").ok(t)
				})
			}
			c := common{model: path, device: "cpu", math: "exact", out: io.Discard, err: io.Discard}
			l, err := c.load(t.Context(), engine.Options{Chunk: 5, NumSeqs: 3}) // two whole pieces and a rest
			require.NoError(t, err)
			last := func(s *engine.Session, ids []int32) (v []float32) {
				require.NoError(t, s.Eval(t.Context(), ids, engine.WantLast, func(_ int, row []float32) error { v = slices.Clone(row); return nil }))
				return v
			}
			whole, single, fresh := l.NewSession(), l.NewSession(), l.NewSession()
			want := last(whole, ids)
			var got []float32
			for _, id := range ids {
				got = last(single, []int32{id})
			}
			most, moved := 0.0, 0.0
			without := last(fresh, ids[len(ids)-4:])
			for i := range want {
				require.False(t, math.IsNaN(float64(want[i])) || math.IsInf(float64(want[i]), 0))
				most, moved = max(most, math.Abs(float64(got[i]-want[i]))), max(moved, math.Abs(float64(without[i]-want[i])))
			}
			assert.Less(t, most, 1e-4)
			assert.Greater(t, moved, 1e-2, "what came before the last four matters")
			for _, s := range []*engine.Session{whole, single, fresh} {
				s.Close()
			}
			require.NoError(t, l.Close())
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

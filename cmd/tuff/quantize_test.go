package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

func TestQuantizeWritesAModelThatRuns(t *testing.T) {
	in := testkit.Testdata(t, "oracle", "llama2-F16.gguf")
	dir := t.TempDir()
	first := filepath.Join(dir, "a.gguf")
	r := tuff(t, "quantize", in, first, "Q8_0").ok(t)
	assert.Regexp(t, `(?m)^Q8_0 +\d+ +\d+ `, r.out)
	assert.Contains(t, r.out, "bits a weight")
	assert.Contains(t, tuff(t, "run", "-m", first, "--device", "cpu", "--raw", "-n", "4", "--temp", "0", "a").ok(t).err, "4 generated")

	// The same again, beside the first: every tensor is as close, none is closer.
	var got struct {
		Bits  float64 `json:"bits_per_weight"`
		Types []struct {
			Type         string
			MSE          float64
			Shared       int     `json:"shared_tensors"`
			Ours, Theirs float64 `json:"-"`
			Worse        int     `json:"worse_tensors"`
		}
		Tensors []struct{ Name, From, To string }
	}
	r = tuff(t, "quantize", "-m", in, "-o", filepath.Join(dir, "b.gguf"), "--type", "q8_0", "--beside", first, "--json").ok(t)
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Greater(t, got.Bits, 8.0)
	for _, x := range got.Types {
		if x.Type == "Q8_0" {
			assert.Positive(t, x.Shared)
			assert.Positive(t, x.MSE)
		}
		assert.Zero(t, x.Worse)
	}
	assert.NotEmpty(t, got.Tensors)
}

func TestQuantizeRefusals(t *testing.T) {
	in := testkit.Testdata(t, "oracle", "llama2-F16.gguf")
	out := filepath.Join(t.TempDir(), "o.gguf")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{in, out}, exitUsage, "want IN, OUT and TYPE"},
		{[]string{in, out, "Q9"}, exitUsage, `got "Q9", want one of`},
		{[]string{in, out, "Q8_0", "x"}, exitUsage, "accepts at most 3"},
		{[]string{in, out, "Q8_0", "--type", "F16"}, exitUsage, "want one"},
		{[]string{in, in, "Q8_0", "--force"}, exitError, "it is the input"},
		{[]string{in + ".no", out, "Q8_0"}, exitError, "no such file"},
		{[]string{in, filepath.Join(out, "x"), "Q8_0"}, exitError, "no such file"},
	} {
		r := tuff(t, append([]string{"quantize"}, c.args...)...)
		assert.Equal(t, c.code, r.code, c.args)
		assert.Contains(t, r.err, c.want)
	}
}

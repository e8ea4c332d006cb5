package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compare"
	"tuff/host/testkit"
)

// tale is in the words that the embedded model knows.
const tale = `There once was a shy girl called Emma. She had a little orange hat that she took everywhere. One sunny day, Emma went to the
kitchen. Emma and another boy named Noah found a hidden path. "Is it magic?" asked Noah. Inside was a little orange hat and a note. The
note said, "Make a wish." So they shared it all day. It was the best day they ever had. And Emma never forgot that it is better to tell
the truth.`

// A smaller cache costs little. Rounding moves an element by at most half a step of its type, relative to a root mean square of a
// third of the largest element of a block: 2⁻¹², 2⁻⁹, 3/254 and 3/16 for F16, BF16, Q8_0 and Q4_0. These errors are independent over
// the 32 elements of a head and the keys of a context, and a token's log-probability is hardly moved by a score that is a little off:
// the mean over a text stays within a tenth of one element's. It must move, too, or nothing was rounded; and it must be the same on
// both devices but for the few elements that lie in the middle between two levels, and float32 sums.
func TestCacheTypesAndPerplexity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tale.txt")
	require.NoError(t, os.WriteFile(file, []byte(tale), 0o644))
	score := func(device, kind string) float64 {
		return scoreOf(t, "", "-f", file, "-c", "256", "--device", device, "--math", "exact", "--cache-type-k", kind, "--cache-type-v", kind).NLL
	}
	want := score("cpu", "f32")
	for _, c := range []struct {
		kind string
		half float64 // step, relative to an element
	}{{"f16", 0x1p-12}, {"bf16", 0x1p-9}, {"q8_0", 3. / 254}, {"q4_0", 3. / 16}} {
		t.Run(c.kind, func(t *testing.T) {
			got := score("cpu", c.kind)
			assert.InDelta(t, want, got, c.half/10)
			assert.Greater(t, math.Abs(want-got), c.half/10000, "the cache is not rounded at all")
			if c.kind[0] == 'q' {
				t.Run("gpu", func(t *testing.T) {
					needGPU(t)
					assert.InDelta(t, got, score("gpu", c.kind), c.half/1000+1e-5)
				})
			}
		})
	}
}

func TestCompareOfCacheTypes(t *testing.T) {
	needGPU(t)
	for _, kinds := range [][2]string{{"q8_0", "q4_0"}, {"bf16", "q8_0"}} {
		t.Run(fmt.Sprint(kinds), func(t *testing.T) {
			var r compare.Report
			out := tuff(t, "compare", "--math", "exact", "-n", "8", "--cache-type-k", kinds[0], "--cache-type-v", kinds[1], "--json").ok(t).out
			require.NoError(t, json.Unmarshal([]byte(out), &r))
			assert.True(t, r.Pass)
			assert.Equal(t, 8, r.Greedy.Equal)
		})
	}
}

func TestCacheTypeFlags(t *testing.T) {
	for _, c := range []struct{ args, k, v string }{
		{"--math=fast", "f16", "f16"}, {"--math=exact", "f32", "f32"}, {"--cache-type-k=q8_0", "q8_0", "f16"}, {"--cache-type-v=Q4_0", "f16", "q4_0"},
	} {
		var rows []map[string]any
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "bench", "--device", "cpu", "-p", "2", "-n", "0", "-r", "1", "-o", "json", c.args).ok(t).out), &rows))
		assert.Equal(t, c.k, rows[0]["type_k"], c.args)
		assert.Equal(t, c.v, rows[0]["type_v"], c.args)
	}
	latent, narrow := testkit.Testdata(t, "oracle", "deepseek-v2"), testkit.Testdata(t, "oracle", "gemma4")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, `--cache-type-k: got "q5_1", want f32, f16, bf16, q8_0 or q4_0`, []string{"--cache-type-k", "q5_1"}},
		{exitUsage, `--cache-type-v: got "none", want f32`, []string{"--cache-type-v", "none"}},
		{exitError, "got a KV cache of Q8_0 for keys of 16 elements a head, want a multiple of 32", []string{"-m", narrow, "--cache-type-k", "q8_0"}},
		{exitError, "got a KV cache of Q4_0 for values of 16 elements a head, want a multiple of 32", []string{"-m", narrow, "--cache-type-v", "q4_0"}},
		{exitError, "got a KV cache of F16 values, want BF16 like the keys", []string{"-m", latent, "--cache-type-k", "bf16", "--cache-type-v", "f16"}},
		{exitError, "which take", []string{"--ctx", "2000000000", "--cache-type-k", "q8_0", "--cache-type-v", "q8_0"}},
	} {
		r := tuff(t, append([]string{"run", "--device", "cpu", "--raw", "-n", "1", "hi"}, c.args...)...)
		assert.Equal(t, c.code, r.code, r.err)
		assert.Contains(t, lastLine(r.err), c.says)
	}
	// The keys' type is that of the values they hold.
	tuff(t, "run", "--device", "cpu", "--raw", "-n", "1", "-m", latent, "--cache-type-k", "bf16", "hi").ok(t)
}

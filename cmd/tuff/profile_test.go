package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/profile"
)

func TestProfileFormats(t *testing.T) {
	dir := t.TempDir()
	pb, trace := filepath.Join(dir, "p.pb.gz"), filepath.Join(dir, "t.json")
	md := tuff(t, "profile", "--device", "cpu", "-p", "8", "-n", "2", "-r", "1", "-o", "md", "--pprof", pb, "--trace", trace).ok(t).out
	assert.Contains(t, md, "### decode")
	assert.Contains(t, md, "| matmul |")
	for _, f := range []string{pb, trace} {
		info, err := os.Stat(f)
		require.NoError(t, err)
		assert.Positive(t, info.Size())
	}
	csv := tuff(t, "profile", "--device", "cpu", "-p", "8", "-n", "2", "-r", "1", "-o", "csv").ok(t).out
	assert.True(t, strings.HasPrefix(csv, "phase,op,shape,kernel,calls"), csv)
	assert.Equal(t, exitUsage, tuff(t, "profile", "-o", "yaml").code)
	assert.Equal(t, exitError, tuff(t, "profile", "--device", "cpu", "-p", "2", "-n", "1", "-r", "1", "--html", filepath.Join(dir, "none", "x.html")).code)
}

// A profile says what timing costs, from runs without it.
func TestProfileOverhead(t *testing.T) {
	var r profile.Report
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "profile", "--device", "cpu", "-p", "8", "-n", "2", "-r", "2", "--json").ok(t).out), &r))
	for _, g := range r.Regions {
		assert.Positive(t, g.Untimed)
		assert.Len(t, g.Runs, 2)
	}
	assert.Len(t, r.Memory, 4, "after each phase of each run")
}

func TestProfileDiff(t *testing.T) {
	write := func(name string, rate, op float64) string {
		r := profile.Report{Regions: []profile.Region{{Name: "decode", Steps: 1}}}
		g := &r.Regions[0]
		o := profile.Op{Stem: "matmul", Shape: "Q8_0 8×8", Kernel: "k"}
		for i := range 7 {
			noise := 1 + 0.002*float64(i-3)
			g.Runs, o.Runs = append(g.Runs, rate*noise), append(o.Runs, op*noise)
		}
		g.Ops = []profile.Op{o}
		b, err := json.Marshal(r)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, b, 0o644))
		return path
	}
	a, b := write("a.json", 100, 5000), write("b.json", 90, 6000)
	r := tuff(t, "profile", "--diff", a, b)
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.out, "B is slower by 11.1 %")
	assert.Contains(t, r.out, "slower")
	assert.Contains(t, r.err, "want at most 2.0 % more")
	r = tuff(t, "profile", "--diff", b, a)
	assert.Zero(t, r.code)
	assert.Contains(t, r.out, "B is faster by 10.0 %")
	assert.Contains(t, tuff(t, "profile", "--diff", a, a).ok(t).out, "no evidence")
	assert.Zero(t, tuff(t, "profile", "--diff", "--max-regress", "0.2", a, b).code)
	assert.Equal(t, exitUsage, tuff(t, "profile", "--diff", a).code)
	assert.Equal(t, exitUsage, tuff(t, "profile", "--diff", a, "cpu").code)
	assert.Equal(t, exitUsage, tuff(t, "profile", "--diff", "cpu", "cpu,nosuch=1").code)
	junk := filepath.Join(t.TempDir(), "junk")
	require.NoError(t, os.WriteFile(junk, []byte("{}"), 0o644))
	assert.Equal(t, exitError, tuff(t, "profile", "--diff", a, junk).code)
}

// Two settings run in turns in one process.
func TestProfileDiffOfSettings(t *testing.T) {
	r := tuff(t, "profile", "--diff", "--max-regress", "1000", "-p", "8", "-n", "2", "-r", "5", "--json", "cpu", "cpu,math=exact").ok(t)
	var d profile.Diff
	require.NoError(t, json.Unmarshal([]byte(r.out), &d))
	require.Len(t, d.Phases, 2)
	assert.Equal(t, "cpu,math=exact", d.B)
	assert.NotEmpty(t, d.Phases[0].Ops)
}

// An edited shader is compiled, runs in B alone, and its errors are the compiler's.
func TestProfileDiffOfAnEditedShader(t *testing.T) {
	needGPU(t)
	dir := filepath.Join(t.TempDir(), "shaders")
	require.NoError(t, os.CopyFS(dir, os.DirFS(needGLSLC(t))))
	setting := "gpu,shaders=" + dir
	r := tuff(t, "profile", "--diff", "gpu", setting)
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "edited one")
	edit := func(old, text string) { editFile(t, filepath.Join(dir, "embed.comp"), old, text) }
	edit("void main() {", "void main() { // edited")
	args := []string{"profile", "--diff", "--max-regress", "1000", "-p", "4", "-n", "1", "-r", "5", "gpu", setting}
	assert.Contains(t, tuff(t, args...).ok(t).out, "embed")
	edit("// edited", "nonsense;")
	r = tuff(t, args...)
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "embed.comp")
	assert.Contains(t, r.err, "nonsense")
}

// TestProfileWorkedExample is that of docs/profile.md with a fault that no noise hides: every weight of a key is taken anew by every
// invocation, 1000 times over. The results stay the same to the bit.
func TestProfileWorkedExample(t *testing.T) {
	needGPU(t)
	const fast = "float p = sp[r * (BC + 1u) + j];"
	slow := editedCopy(t, filepath.Join("include", "attention.glsl"), fast, fast+"\nfor (uint i = 0; i < 1000u; i++) p = tanh(p + float(i)) > 2.0 ? 0.0 : p;")

	tuff(t, "kernels", "bench", "attention", "--heads", "8", "--kv-heads", "4", "--head-dim", "32", "--context", "64", "--rows", "1", "-r", "1", "--a", "shaders="+slow).ok(t)
	args := []string{"profile", "--diff", "-p", "8", "-n", "4", "-r", "5", "--max-regress", "0.05"}
	side := "gpu"
	if laneOr(t, "attention_decode") != "attention_decode" {
		side += ",variant=attention:attention_decode"
	}
	r := tuff(t, append(args, side, side+",shaders="+slow)...)
	assert.Equal(t, exitGate, r.code, r.err)
	assert.Regexp(t, `decode: .* B is slower by`, r.out)
	assert.Regexp(t, `attention_decode .* slower\n`, r.out)
	assert.Regexp(t, `attention_decode .* faster\n`, tuff(t, append(args, side+",shaders="+slow, side)...).ok(t).out)
}

func TestProfileAddsUp(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		trace := filepath.Join(t.TempDir(), "trace.json")
		var r profile.Report
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "profile", "--device", device, "-p", "40", "-n", "6", "-r", "2", "--trace", trace, "--json").ok(t).out), &r))
		require.Len(t, r.Regions, 2)
		assert.Positive(t, r.Limits.Bandwidth)
		assert.Positive(t, r.Limits.FLOPs)
		for i, want := range []struct{ steps, tokens int }{{2, 80}, {12, 12}} {
			g := r.Regions[i]
			assert.Equal(t, want.steps, g.Steps)
			assert.Equal(t, want.tokens, g.Tokens)
			assert.InDelta(t, 1, g.Accounted, 0.02)
			share := 0.0
			for _, op := range g.Ops {
				share += op.Share
				assert.Positive(t, op.Calls)
				assert.NotEmpty(t, op.Kernel)
				if device == "cpu" {
					assert.Nil(t, op.Issued)
				} else if assert.NotNil(t, op.Issued) {
					assert.True(t, op.Issued.Bytes >= op.Cost.Bytes && op.Issued.FLOPs >= op.Cost.FLOPs, "%s %s", op.Stem, op.Kernel)
				}
			}
			assert.InDelta(t, 1, share, 0.02, "the ops make up the kernels' time")
		}
		b, err := os.ReadFile(trace)
		require.NoError(t, err)
		var events struct {
			TraceEvents []struct {
				Ph   string         `json:"ph"`
				Dur  float64        `json:"dur"`
				Args map[string]any `json:"args"`
			} `json:"traceEvents"`
		}
		require.NoError(t, json.Unmarshal(b, &events))
		kernels := 0
		for _, e := range events.TraceEvents {
			if e.Ph == "X" && e.Args["kernel"] != nil {
				kernels++
			}
		}
		assert.Equal(t, int(2*r.Regions[0].Dispatches+12*r.Regions[1].Dispatches), kernels)
		text := tuff(t, "profile", "--device", device, "-p", "8", "-n", "2", "-r", "1").ok(t).out
		for _, want := range []string{"prefill: 8 tokens", "decode: 2 tokens", "measured limits", "OF LIMIT", "kernels", "sum"} {
			assert.Contains(t, text, want)
		}
	})
}

package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compare"
	"tuff/host/dump"
	"tuff/host/testkit"
)

// compared is a report in JSON. Values that are not finite are null in it, and zero here.
func compared(t *testing.T, code int, args ...string) (r compare.Report) {
	t.Helper()
	out := tuff(t, append([]string{"compare", "--json", "-n", "3", "--save", filepath.Join(t.TempDir(), "x")}, args...)...)
	require.Equal(t, code, out.code, "stderr: %s", out.err)
	require.NoError(t, json.Unmarshal([]byte(out.out), &r))
	return r
}

// record runs one side and gives the file.
func record(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.safetensors")
	tuff(t, append([]string{"compare", "--record", path, "-n", "3"}, args...)...).ok(t)
	return path
}

// A prompt may fill the context: two sequences of it live at a time.
func TestCompareFillsTheContext(t *testing.T) {
	var tokens []string
	for i := range 63 {
		tokens = append(tokens, strconv.Itoa(i+300))
	}
	r := tuff(t, "compare", "--gate", "-c", "64", "--a", "cpu,math=fast", "--b", "cpu", "--tokens", strings.Join(tokens, ",")).ok(t)
	assert.Contains(t, r.out, "results agree")
}

// A run that was recorded is the side that it was: the same numbers as with both at hand, bounds included, whichever side it is.
func TestCompareOfARecording(t *testing.T) {
	for _, model := range []string{"", testkit.Testdata(t, "oracle", "jamba"), testkit.Testdata(t, "oracle", "deepseek-v2")} {
		flags := []string{"--math", "fast"}
		if model != "" {
			flags = append(flags, "-m", model)
		}
		live := compared(t, 0, append(flags, "--a", "cpu")...)
		b := record(t, append(flags, "--a", "cpu", "--math", "exact", "--no-fuse")...)
		a := record(t, append(flags, "--a", "cpu")...)
		assert.Equal(t, live.Ops, compared(t, 0, append(flags, "--a", "cpu", "--b", b)...).Ops)
		r := compared(t, 0, append(flags, "--a", a, "--b", "cpu")...)
		assert.Equal(t, live.Logits, r.Logits)
		assert.Equal(t, live.Greedy, r.Greedy)
		require.Len(t, r.Ops, len(live.Ops))
		bounds := false
		for i, op := range r.Ops {
			assert.Equal(t, live.Ops[i].Carried, op.Carried, op.Tensor)
			assert.Equal(t, live.Ops[i].Kernel, op.Kernel, "of the recording")
			assert.Equal(t, "ok", op.Verdict)
			bounds = bounds || op.Isolated.Bound > 0
		}
		assert.True(t, bounds, "B is what they are proven against")
		r = compared(t, 0, append(flags, "--a", a, "--b", b, "--max-nmse", "10")...) // errors add up, and other experts are chosen
		assert.True(t, r.Carried)
		assert.Equal(t, live.Logits, r.Logits)
		assert.Equal(t, live.Greedy, r.Greedy)
		for i, op := range r.Ops {
			assert.Equal(t, live.Ops[i].Carried, op.Carried, op.Tensor)
			assert.Zero(t, op.Isolated.Count)
		}
	}
}

// Prompts come from the recording; others are refused, and so is what is no recording.
func TestCompareRefusesOtherRecordings(t *testing.T) {
	prompts := filepath.Join(t.TempDir(), "p")
	require.NoError(t, os.WriteFile(prompts, []byte("Once upon\na time there\n"), 0o600))
	b := record(t, "--a", "cpu", "--math", "exact", "--no-fuse", "--prompts", prompts)
	r := compared(t, 0, "--a", "cpu", "--b", b)
	require.Len(t, r.Prompts, 2)
	assert.Equal(t, compared(t, 0, "--a", "cpu", "--prompts", prompts).Prompts, r.Prompts)
	for want, args := range map[string][]string{
		"that of the other side": {"--a", "cpu", "--b", b, "--prompt", "another one"},
		"without prompt 3":       {"--a", "cpu", "--b", b, "--tokens", "x"},
		"no such file":           {"--a", "cpu", "--b", filepath.Join(t.TempDir(), "nosuch.safetensors")},
		"another kind of file":   {"--a", "cpu", "--b", prompts},
		"compare --record":       {"--a", "cpu", "--b", "build:" + prompts},
		"FROM=TO":                {"--a", "cpu", "--b", b, "--map", "x"},
		".safetensors":           {"--a", "cpu", "--record", prompts},
	} {
		if want == "without prompt 3" {
			require.NoError(t, os.WriteFile(prompts+"3", []byte("Once upon\na time there\nwas\n"), 0o600))
			args = []string{"--a", "cpu", "--b", b, "--prompts", prompts + "3"}
		}
		out := tuff(t, append([]string{"compare"}, args...)...)
		assert.NotZero(t, out.code, want)
		assert.Contains(t, out.err, want)
	}
	// The same shapes of another file: a note, no refusal.
	other := tuff(t, "compare", "-m", testkit.Testdata(t, "oracle", "mistral"), "--a", "cpu", "--b", b)
	assert.Equal(t, exitError, other.code)
	assert.Contains(t, other.err, "another model file")
	assert.Contains(t, other.err, "want")
}

// Another build is run to record; here it is this one, as a program.
func TestCompareOfABuild(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(runAsTuff, "1")
	live := compared(t, 0, "--a", "cpu", "--prompt", "a few words")
	assert.Equal(t, live.Ops, compared(t, 0, "--a", "cpu", "--b", "build:"+self, "--prompt", "a few words").Ops)
	r := compared(t, 0, "--a", "build:"+self+",device=cpu,math=exact", "--b", "cpu", "--tokens", "5,6,7")
	assert.Zero(t, r.Logits.MaxAbs)
	assert.Equal(t, 4, r.Logits.Positions)
}

// dumped writes what a recording has of the prompt as arrays of NumPy, by names of another engine, and its tokens.
func dumped(t *testing.T, recording string, names map[string]string, change func(name string, v []float32)) string {
	t.Helper()
	set, err := dump.Open(recording)
	require.NoError(t, err)
	defer set.Close()
	dir := t.TempDir()
	save := func(name, descr, shape string, data []byte) {
		head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
		b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".npy"), append(append(b, head...), data...), 0o600))
	}
	for _, a := range set.Tensors {
		own, ok := strings.CutPrefix(a.Name, "prefill.")
		if name := names[regexp.MustCompile(`^blk\.\d+\.`).ReplaceAllString(own, "")]; ok && name != "" {
			if layer := regexp.MustCompile(`^blk\.(\d+)\.`).FindStringSubmatch(own); layer != nil {
				name += "-" + layer[1]
			}
			v, err := a.Floats()
			require.NoError(t, err)
			if change != nil {
				change(name, v)
			}
			data, err := binary.Append(nil, binary.LittleEndian, v)
			require.NoError(t, err)
			save(name, "<f4", fmt.Sprintf("(1, %d, %d)", a.Shape[0], a.Shape[1]), data)
		}
	}
	var info compare.RunInfo
	require.NoError(t, json.Unmarshal([]byte(set.Meta["tuff.run"]), &info))
	data, err := binary.Append(nil, binary.LittleEndian, info.Prompts[0].Tokens)
	require.NoError(t, err)
	save("tokens", "<i4", fmt.Sprintf("(%d,)", len(info.Prompts[0].Tokens)), data)
	return dir
}

// layersOf are the names that llama.cpp gives to the outputs of layers.
var layersOf = map[string]string{"ffn_residual": "l_out", "output": "result_output"}

// Tensors of another engine: found by its names, fed where they are known, and where they are not its own.
func TestCompareOfADump(t *testing.T) {
	run := record(t, "--a", "cpu", "--math", "exact", "--no-fuse")
	dir := dumped(t, run, layersOf, nil)
	r := compared(t, 0, "--a", "cpu", "--math", "fast", "--b", dir)
	var tensors []string
	for _, op := range r.Ops {
		tensors = append(tensors, op.Tensor)
		assert.Positive(t, op.Isolated.NMSE)
	}
	assert.Equal(t, []string{"blk.0.ffn_residual", "blk.1.ffn_residual", "blk.2.ffn_residual", "blk.3.ffn_residual", "output"}, tensors)
	assert.Equal(t, 10, r.Logits.Positions)
	assert.Empty(t, r.Unmatched)
	assert.Contains(t, r.Unknown, "blk.0.attn")
	assert.Less(t, r.Ops[3].Isolated.NMSE, r.Ops[3].Carried.NMSE, "fed with the layer in front")

	// The other engine is off in a layer: no kernel is to blame, and later layers are right.
	bad := dumped(t, run, layersOf, func(name string, v []float32) {
		if name == "l_out-2" {
			for i := range v {
				v[i] *= 1.5
			}
		}
	})
	r = compared(t, exitGate, "--a", "cpu", "--math", "fast", "--b", bad)
	require.NotNil(t, r.First)
	assert.Equal(t, "blk.2.ffn_residual", r.First.Tensor)
	require.NotNil(t, r.Bisection)
	assert.Equal(t, "b", r.Bisection.Blame)
	assert.Equal(t, []string{"ok", "ok", "NMSE"}, []string{r.Ops[0].Verdict, r.Ops[1].Verdict, r.Ops[2].Verdict})
	r = compared(t, 0, "--a", "cpu", "--math", "fast", "--b", bad, "--map", "l_out-2=")
	assert.Len(t, r.Ops, 4)

	// Rows of another prompt.
	require.NoError(t, os.Remove(filepath.Join(dir, "tokens.npy")))
	out := tuff(t, "compare", "--a", "cpu", "--b", dir, "--tokens", "1,2,3")
	assert.Equal(t, exitError, out.code)
	assert.Contains(t, out.err, "got shape [1 10 256], want 3×256")
}

// Where layers or logits alone are known, halving names the kernel, and the op is saved.
func TestCompareBisects(t *testing.T) {
	needGPU(t)
	run := record(t, "--a", "cpu", "--math", "exact", "--no-fuse")
	for name, names := range map[string]map[string]string{"layers": layersOf, "logits": {"output": "result_output"}} {
		t.Run(name, func(t *testing.T) {
			dir := dumped(t, run, names, nil)
			attention := laneOr(t, "attention_prefill")
			breakShader(t, attention)
			path := filepath.Join(t.TempDir(), "found.replay")
			out := tuff(t, "compare", "--json", "-n", "0", "--b", dir, "--save", path, "--math", "exact")
			assert.Equal(t, exitGate, out.code, out.err)
			var r compare.Report
			require.NoError(t, json.Unmarshal([]byte(out.out), &r))
			require.NotNil(t, r.Bisection)
			assert.Equal(t, "a", r.Bisection.Blame)
			assert.Equal(t, "blk.0.attn", r.Bisection.Op)
			assert.Contains(t, r.Bisection.Kernel, attention)
			assert.LessOrEqual(t, r.Bisection.Runs, 9, "halved, not tried one by one")
			assert.Equal(t, exitGate, tuff(t, "kernels", "replay", path).code)
			gpuOptions.Shader = nil
			tuff(t, "kernels", "replay", path).ok(t)
		})
	}
}

// --gate is for CI: a line, and the exit code.
func TestCompareGate(t *testing.T) {
	r := tuff(t, "compare", "--gate", "--a", "cpu", "-n", "2").ok(t)
	assert.Regexp(t, `^pass: \d+ results agree\n$`, r.out)
	r = tuff(t, "compare", "--gate", "--a", "cpu", "-n", "2", "--max-nmse", "1e-30", "--save", "")
	assert.Equal(t, exitGate, r.code)
	assert.Regexp(t, `^FAIL: .*NMSE\n$`, r.out)
}

func TestComparePrintsForIssuesAndSpreadsheets(t *testing.T) {
	args := []string{"compare", "--a", "cpu,math=fast", "--b", "cpu", "-n", "1", "--prompt", "a"}
	md := tuff(t, append(args, "-o", "md")...).ok(t).out
	assert.Contains(t, md, "**pass: ")
	assert.Contains(t, tuff(t, "compare", "--a", "cpu,math=fast,kv=q8_0", "--b", "cpu,kv=q8_0", "-n", "1", "--prompt", "a", "-o", "md").out, ": CPU, kv=q8_0 (tuff fallback")
	assert.Contains(t, md, "those closest to a limit first")
	csv := tuff(t, append(args, "-o", "csv")...).ok(t).out
	assert.Regexp(t, `(?m)^decode,output,`, csv)
	assert.Equal(t, exitUsage, tuff(t, append(args, "-o", "xml")...).code)
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

func runJSON(t *testing.T, args ...string) answered {
	t.Helper()
	var a answered
	require.NoError(t, json.Unmarshal([]byte(tuff(t, append([]string{"run", "--json"}, args...)...).ok(t).out), &a))
	return a
}

func TestRunPrintsTheAnswerAndNothingElseOnStdout(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		args := []string{"--device", device, "--temp", "0", "-n", "6", "Tell me a story about a fox."}
		a := runJSON(t, args...)
		assert.Len(t, a.IDs, 6)
		assert.Equal(t, 6, a.Tokens)
		assert.Equal(t, "length", a.Stop)
		assert.Equal(t, "fast", a.Math)
		assert.Greater(t, a.PromptTokens, 5)
		assert.Positive(t, a.PromptPerSec)
		assert.Positive(t, a.DecodePerSec)
		assert.NotEmpty(t, a.Device)
		r := tuff(t, append([]string{"run"}, args...)...).ok(t)
		assert.Equal(t, a.Text+"\n", r.out, "greedy is the same every time")
		assert.Regexp(t, `^device: .*: asked for `+device+"\n", strings.Replace(r.err, "asked for\n", "asked for cpu\n", 1))
		assert.Regexp(t, fmt.Sprintf(`(?m)^%d prompt tokens at [0-9.]+ tokens/s, 6 generated at [0-9.]+ tokens/s, stopped: length$`, a.PromptTokens), r.err)
	})
}

func TestRunSeed(t *testing.T) {
	args := func(seed string) []string {
		return []string{"--device", "cpu", "--temp", "1.5", "--top-k", "0", "--top-p", "1", "--min-p", "0", "-n", "12", "--raw", "--seed", seed, "Once"}
	}
	first := runJSON(t, args("7")...)
	assert.Equal(t, first.IDs, runJSON(t, args("7")...).IDs)
	assert.NotEqual(t, first.IDs, runJSON(t, args("8")...).IDs)
	// At this temperature two seeds of chance agree on twelve tokens about never.
	assert.NotEqual(t, runJSON(t, args("-1")...).IDs, runJSON(t, args("-1")...).IDs)
}

func TestRunRawSkipsTheTemplate(t *testing.T) {
	const prompt = "Once upon a time"
	ids := func(request string) int {
		var a encodeAnswer
		require.NoError(t, json.Unmarshal([]byte(tuffIn(t, request, "tokenize").ok(t).out), &a))
		return len(a.IDs)
	}
	base := []string{"--device", "cpu", "-n", "1", "--temp", "0"}
	raw := runJSON(t, append(base, "--raw", prompt)...).PromptTokens
	assert.Equal(t, ids(`{"text":"`+prompt+`","add_special":true}`), raw)
	chat := runJSON(t, append(base, prompt)...).PromptTokens
	assert.GreaterOrEqual(t, chat, raw+3, "who speaks, the end of it, and who answers")
	assert.Greater(t, runJSON(t, append(base, "--system", "Be short.", prompt)...).PromptTokens, chat+3)
	// Text that the writer of a raw prompt spells out is the same as what the template writes.
	assert.Equal(t, ids(`{"text":"<|user|>x<|end|>","add_special":true,"parse_special":true}`), runJSON(t, append(base, "--raw", "<|user|>x<|end|>")...).PromptTokens)
	assert.Equal(t, 4, ids(`{"text":"<|user|>x<|end|>","add_special":true,"parse_special":true}`))
}

func TestRunReadsThePromptFromStdin(t *testing.T) {
	args := []string{"run", "--device", "cpu", "--temp", "0", "-n", "5"}
	want := tuff(t, append(args, "What is 3 plus 4?")...).ok(t).out
	assert.Equal(t, want, tuffIn(t, "What is 3 plus 4?\n", args...).ok(t).out, "one line break at the end is the shell's")
	r := tuffIn(t, strings.Repeat("x", 16<<20+1), args...)
	assert.Equal(t, exitError, r.code)
	assert.Contains(t, r.err, "more than 16.0 MiB")
}

func TestRunEmptyPrompt(t *testing.T) {
	for _, args := range [][]string{{""}, {"--raw", ""}} {
		r := tuff(t, append([]string{"run", "--device", "cpu", "-n", "2", "--temp", "0"}, args...)...).ok(t)
		assert.NotEmpty(t, r.out)
	}
}

func TestRunOfNoTokensEvaluatesThePrompt(t *testing.T) {
	a := runJSON(t, "--device", "cpu", "-n", "0", "hi")
	assert.Empty(t, a.Text)
	assert.NotNil(t, a.IDs, "an empty list, not null")
	assert.Zero(t, a.Tokens)
	assert.Positive(t, a.PromptTokens)
	assert.Positive(t, a.PromptPerSec)
	assert.Empty(t, tuff(t, "run", "--device", "cpu", "-n", "0", "hi").ok(t).out)
}

func TestRunAndTheContext(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		r := tuff(t, "run", "--device", device, "-c", "4", "this does not fit")
		assert.Equal(t, exitError, r.code)
		assert.Empty(t, r.out)
		assert.Regexp(t, `got \d+ tokens, want at most the context's 4; -c sets a larger context`, lastLine(r.err))
		a := runJSON(t, "--device", device, "-c", "12", "--temp", "0", "--raw", "Once upon a time")
		assert.Equal(t, "context", a.Stop)
		assert.Equal(t, 12+1, a.PromptTokens+a.Tokens, "the last token is sampled, but needs no place")
	})
	for _, c := range []struct {
		ctx, says string
		code      int
	}{
		{"-1", "--ctx: got -1, want", exitUsage},
		{"1000000000", "--ctx: got 1000000000 positions, which take", exitError},
		{"9223372036854775807", "want at most the", exitError},
	} {
		for _, command := range []string{"run", "chat", "logits", "perplexity", "bench"} {
			args := []string{command, "--device", "cpu", "-c", c.ctx}
			if command == "perplexity" {
				args = append(args, "-f", "run_test.go")
			}
			r := tuffIn(t, "hi", args...)
			assert.Equal(t, c.code, r.code, "%v: %s", args, r.err)
			assert.Contains(t, lastLine(r.err), c.says, command)
		}
	}
	assert.Contains(t, tuff(t, "run", "--device", "cpu", "-c", "600", "-n", "1", "hi").ok(t).err, "warning: a context of 600 positions, but the model was made for 512\n")
}

// chunks keeps every write on its own.
type chunks []string

func (c *chunks) Write(p []byte) (int, error) {
	*c = append(*c, string(p))
	return len(p), nil
}

// A model of random weights with a byte-level vocabulary says bytes in any order.
func TestRunNeverSplitsACharacter(t *testing.T) {
	writes, replaced := 0, 0
	for seed := range 12 {
		args := []string{"run", "--device", "cpu", "-m", testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf"), "--raw", "--temp", "3", "--top-k", "0", "--top-p", "1",
			"--min-p", "0", "--seed", fmt.Sprint(seed), "-n", "100", "é世🙂"}
		var out chunks
		root := newRoot()
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(io.Discard)
		require.NoError(t, root.ExecuteContext(t.Context()))
		for i, c := range out {
			assert.True(t, utf8.ValidString(c), "write %d: %q", i, c)
		}
		whole := strings.Join(out, "")
		assert.Equal(t, strings.TrimSuffix(whole, "\n"), runJSON(t, args[1:]...).Text)
		writes, replaced = writes+len(out), replaced+strings.Count(whole, "\uFFFD")
	}
	assert.Greater(t, writes, 100, "it streams")
	assert.Positive(t, replaced, "the model did say bytes that are no character")
}

// gone is a reader that went away.
type gone struct{ writes int }

func (g *gone) Write([]byte) (int, error) {
	g.writes++
	return 0, io.ErrClosedPipe
}

func TestRunStopsWhenNobodyReads(t *testing.T) {
	var out gone
	var errs chunks
	root := newRoot()
	root.SetArgs([]string{"run", "--device", "cpu", "--temp", "0", "--raw", "Once upon a time"})
	root.SetOut(&out)
	root.SetErr(&errs)
	require.NoError(t, root.ExecuteContext(t.Context()))
	assert.LessOrEqual(t, out.writes, 2)
	assert.Contains(t, strings.Join(errs, ""), "stopped: caller")
}

// TestAsProcess is the program itself, for tests that need a process.
func TestAsProcess(t *testing.T) {
	args := os.Getenv("TUFF_TEST_ARGS")
	if args == "" {
		t.Skip("only for other tests")
	}
	root := newRoot()
	root.SetArgs(strings.Split(args, "\x1f"))
	os.Exit(exitCode(root.ExecuteContext(t.Context()), os.Stderr))
}

// process prepares the program with these arguments.
func process(t *testing.T, args ...string) (*exec.Cmd, *strings.Builder) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsProcess$")
	cmd.Env = append(os.Environ(), "TUFF_TEST_ARGS="+strings.Join(args, "\x1f"))
	var errs strings.Builder
	cmd.Stderr = &errs
	return cmd, &errs
}

func TestRunIntoAClosedPipeEndsQuietly(t *testing.T) {
	cmd, errs := process(t, "run", "--device", "cpu", "--temp", "0", "--raw", "-n", "400", "Once upon a time")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	start := time.Now()
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, out.Close())
	_ = cmd.Wait() // of the signal or in order
	assert.Less(t, time.Since(start), 20*time.Second)
	assert.NotContains(t, errs.String(), "tuff:")
	assert.NotContains(t, errs.String(), "panic")
	assert.NotContains(t, errs.String(), "400 generated")
}

func TestRunErrors(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf"))
	require.NoError(t, err)
	file := func(name string, b []byte) string {
		path := dir + "/" + name
		require.NoError(t, os.WriteFile(path, b, 0o644))
		return path
	}
	other := strings.Replace(string(whole), "general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llama", "general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llamb", 1)
	require.NotEqual(t, string(whole), other)
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"a folder", []string{"-m", dir}, exitError, []string{dir}},
		{"no file", []string{"-m", dir + "/none.gguf"}, exitError, []string{"none.gguf", "no such file"}},
		{"empty file", []string{"-m", file("empty.gguf", nil)}, exitError, []string{"empty.gguf"}},
		{"header cut", []string{"-m", file("header.gguf", whole[:1000])}, exitError, []string{"header.gguf", "byte 0x", "got", "want"}},
		{"weights cut", []string{"-m", file("cut.gguf", whole[:len(whole)-5000])}, exitError, []string{"cut.gguf", "byte 0x", "got", "want"}},
		{"architecture", []string{"-m", file("llamb.gguf", []byte(other))}, exitError, []string{"llamb.gguf", `not supported: architecture "llamb", want`}},
		{"no device", []string{"--device", ""}, exitUsage, []string{"--device: got nothing, want auto, cpu, gpu"}},
		{"top-p", []string{"--top-p", "1.5"}, exitUsage, []string{"top-p: got 1.5, want 0 to 1"}},
		{"min-p", []string{"--min-p", "-1"}, exitUsage, []string{"min-p: got -1, want 0 to 1"}},
		{"temp", []string{"--temp", "NaN"}, exitUsage, []string{"temperature: got NaN"}},
		{"seed", []string{"--seed", "-2"}, exitUsage, []string{"seed: got -2, want at least -1"}},
		{"n", []string{"-n", "-2"}, exitUsage, []string{"-n: got -2, want"}},
		{"system and raw", []string{"--raw", "--system", "x"}, exitUsage, []string{"--system with --raw"}},
		{"threads", []string{"-t", "-1"}, exitError, []string{"got -1 threads, want"}},
		{"n is no number", []string{"-n", "many"}, exitUsage, []string{"many"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"run", "--device", "cpu"}, c.args...)
			r := tuff(t, append(args, "hi")...)
			assert.Equal(t, c.code, r.code, r.err)
			assert.Empty(t, r.out)
			for _, s := range c.says {
				assert.Contains(t, lastLine(r.err), s)
			}
			assert.NotContains(t, r.err, "goroutine")
		})
	}
}

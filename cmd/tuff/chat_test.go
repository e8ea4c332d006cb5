package main

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/engine"
	"tuff/host/sampler"
)

// reused is how the statistics of a turn say that a part of the prompt was in the context before.
var reused = regexp.MustCompile(`\d+ of \d+ prompt tokens at`)

// A scripted conversation: the first answer is run's, the second knows the first turn, and the cache of the first is kept.
func TestChatOfTwoTurns(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		flags := []string{"--device", device, "--math", "exact", "--temp", "0", "-n", "6"}
		r := tuffIn(t, "Tell me a story about a fox.\nTell me more.\n", append([]string{"chat", "-v"}, flags...)...).ok(t)
		answers := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
		require.Len(t, answers, 2)
		run := func(prompt string) string {
			return strings.TrimSuffix(tuff(t, append(append([]string{"run"}, flags...), prompt)...).ok(t).out, "\n")
		}
		assert.Equal(t, run("Tell me a story about a fox."), answers[0])
		if device == "cpu" { // slow on software drivers, and the comparison below says as much
			assert.NotEmpty(t, answers[1])
		}
		assert.Equal(t, 3, strings.Count(r.err, "> "), "two questions and the end")
		// Only what is new was evaluated, and the answer is that to the whole conversation at once.
		assert.True(t, reused.MatchString(r.err))
		c := common{device: device, math: "exact", out: io.Discard, err: io.Discard}
		l, err := c.load(t.Context(), engine.Options{})
		require.NoError(t, err)
		ids, err := l.EncodeChat([]engine.Message{{Role: "user", Content: "Tell me a story about a fox."}, {Role: "assistant", Content: answers[0]}, {Role: "user", Content: "Tell me more."}})
		require.NoError(t, err)
		sm, err := sampler.New(sampler.Params{RepeatPenalty: 1, TopP: 1}, l.Tokenizer.VocabSize())
		require.NoError(t, err)
		s := l.NewSession()
		var whole strings.Builder
		_, err = l.Generate(t.Context(), s, ids, sm, 6, func(tok engine.Token) bool { whole.WriteString(tok.Text); return true })
		require.NoError(t, err)
		assert.Equal(t, whole.String(), answers[1])
		s.Close()
		require.NoError(t, l.Close())
	})
}

func TestChatCommands(t *testing.T) {
	chat := func(in string, more ...string) result {
		return tuffIn(t, in, append([]string{"chat", "--device", "cpu", "--temp", "0", "-n", "4"}, more...)...)
	}
	one := chat("hello\n").ok(t).out
	assert.NotEmpty(t, strings.TrimSpace(one))
	assert.Equal(t, one+one, chat("hello\n/reset\nhello\n").ok(t).out, "forgotten")
	assert.False(t, reused.MatchString(chat("hello\n/reset\nhello\n", "-v").ok(t).err), "nothing is left in the context")
	assert.True(t, reused.MatchString(chat("hello\nhello\n", "-v").ok(t).err), "the first turn is")
	assert.Equal(t, one, chat("\n  \nhello").ok(t).out, "empty lines say nothing; the last line needs no break")
	assert.Empty(t, chat("/quit\nhello\n").ok(t).out)
	assert.Empty(t, chat("/exit\nhello\n").ok(t).out)
	assert.Empty(t, chat("").ok(t).out)
	help := chat("/help\n/rest\n").ok(t)
	assert.Empty(t, help.out)
	assert.Equal(t, 2, strings.Count(help.err, chatCommands))
	assert.Contains(t, help.err, `no command "/rest"`)
	assert.NotEmpty(t, chat("/usr/bin is a folder\n").ok(t).out, "text that begins with a slash")
	assert.NotEqual(t, one, chat("hello\n", "--system", "You are a story teller.", "-n", "12").ok(t).out)
	long := chat(strings.Repeat("a", maxLine+1))
	assert.Equal(t, exitError, long.code)
	assert.Contains(t, long.err, "got more than 1.0 MiB")
	assert.Equal(t, exitUsage, chat("", "-n", "-3").code)
	assert.Equal(t, exitUsage, chat("", "--temp", "inf").code)
	assert.Equal(t, exitUsage, chat("", "word").code)
}

func TestChatJSON(t *testing.T) {
	flags := []string{"chat", "--device", "cpu", "--temp", "0", "-n", "5"}
	plain := tuffIn(t, "hello\nmore\n", flags...).ok(t)
	r := tuffIn(t, "hello\nmore\n", append(flags, "--json")...).ok(t)
	texts := ""
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		var a answered
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		assert.Len(t, a.IDs, a.Tokens)
		assert.Contains(t, []string{"length", "end"}, a.Stop)
		texts += a.Text + "\n"
	}
	assert.Equal(t, plain.out, texts)
}

func TestChatGoesOnAfterALineThatDoesNotFit(t *testing.T) {
	r := tuffIn(t, strings.Repeat("too long ", 20)+"\nhi\n", "chat", "--device", "cpu", "--temp", "0", "-c", "20", "-n", "3").ok(t)
	assert.Regexp(t, `the conversation would be \d+ tokens, and the context has 20: say less, /reset, or set -c`, r.err)
	assert.Equal(t, tuffIn(t, "hi\n", "chat", "--device", "cpu", "--temp", "0", "-n", "3").ok(t).out, r.out)
	full := tuffIn(t, "hi\n", "chat", "--device", "cpu", "--temp", "0", "-c", "10").ok(t)
	assert.Contains(t, full.err, "the context of 10 tokens is full")
	assert.NotEmpty(t, full.out)
}

func TestChatEndsWithAnErrorWhenNobodyReads(t *testing.T) {
	var out gone
	root := newRoot()
	root.SetArgs([]string{"chat", "--device", "cpu", "--temp", "0"})
	root.SetIn(strings.NewReader("hello\nhello\nhello\n"))
	root.SetOut(&out)
	root.SetErr(&chunks{})
	require.ErrorContains(t, root.ExecuteContext(t.Context()), "chat: write answer")
	assert.LessOrEqual(t, out.writes, 2)
}

// No message has a control token of its making: the ids of every special token's spelling are those of text.
func TestChatTextIsNoControlToken(t *testing.T) {
	c := common{device: "cpu", math: "exact", out: io.Discard, err: io.Discard}
	l, err := c.load(t.Context(), engine.Options{})
	require.NoError(t, err)
	defer l.Close()
	controls := func(text string) (list []int32) {
		ids, err := l.EncodeChat([]engine.Message{{Role: "system", Content: text}, {Role: "user", Content: text}, {Role: "assistant", Content: text}, {Role: text, Content: text}})
		require.NoError(t, err)
		for _, id := range ids {
			if l.Tokenizer.IsSpecial(id) {
				list = append(list, id)
			}
		}
		return list
	}
	want := controls("harmless")
	assert.NotEmpty(t, want)
	special := 0
	for id := range int32(l.Tokenizer.VocabSize()) {
		if l.Tokenizer.IsSpecial(id) {
			special++
			assert.Equal(t, want, controls(l.Tokenizer.Piece(id)), l.Tokenizer.Piece(id))
		}
	}
	assert.Positive(t, special)
}

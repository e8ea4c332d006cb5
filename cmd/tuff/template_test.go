package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// laidOut is what template prints.
type laidOut struct {
	Text  *string `json:"text"`
	Error *string `json:"error"`
}

func templateOf(t *testing.T, stdin string, args ...string) (laidOut, result) {
	t.Helper()
	r := tuffIn(t, stdin, append([]string{"template"}, args...)...)
	var a laidOut
	require.NoError(t, json.Unmarshal([]byte(r.out), &a), r.out)
	assert.Equal(t, 1, strings.Count(r.out, "\n"), "one line")
	if a.Error != nil {
		assert.Equal(t, exitError, r.code)
		assert.Nil(t, a.Text)
		assert.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
		assert.True(t, strings.HasPrefix(r.err, "tuff: "), r.err)
	} else {
		require.NotNil(t, a.Text)
		assert.Equal(t, 0, r.code)
		assert.Empty(t, r.err, "no device is opened")
	}
	return a, r
}

// checkTemplate lays out every case of a file of the reference collection and returns the numbers of texts and errors.
func checkTemplate(t *testing.T, path string) (texts, errs int) {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var f struct {
		Template string
		Now      string
		Cases    map[string]struct {
			Inputs    map[string]json.RawMessage // whose objects keep their order
			Expected  *string
			Error     string
			ErrorType string `json:"error_type"`
		}
	}
	require.NoError(t, json.Unmarshal(b, &f))
	file := filepath.Join(t.TempDir(), "chat.jinja")
	require.NoError(t, os.WriteFile(file, []byte(f.Template), 0o644))
	for name, c := range f.Cases {
		c.Inputs["now"] = json.RawMessage(strconv.Quote(f.Now))
		in, err := json.Marshal(c.Inputs)
		require.NoError(t, err)
		a, r := templateOf(t, string(in), "--template", file)
		switch {
		case c.Expected != nil:
			texts++
			if assert.NotNil(t, a.Text, "%s: %s", name, r.out) {
				assert.Equal(t, *c.Expected, *a.Text, name)
			}
		default:
			errs++
			if assert.NotNil(t, a.Error, "%s: %s", name, r.out) && c.ErrorType == "TemplateError" {
				assert.Equal(t, c.Error, *a.Error, name)
				assert.Contains(t, r.err, "raised by the template: "+c.Error)
			}
		}
	}
	return texts, errs
}

func TestTemplateOfTestdata(t *testing.T) {
	for _, name := range []string{"mistral-v1", "llama3-tools"} {
		t.Run(name, func(t *testing.T) {
			texts, errs := checkTemplate(t, testkit.Testdata(t, "template", name+".json"))
			assert.Positive(t, texts)
			assert.Positive(t, errs)
		})
	}
}

func TestTemplateOfOracle(t *testing.T) {
	for _, name := range []string{"gemma2", "qwen25-tools"} {
		t.Run(name, func(t *testing.T) {
			texts, errs := checkTemplate(t, testkit.Shared(t, "oracle", "chat", name+".json"))
			assert.Greater(t, texts+errs, 5)
		})
	}
}

const hi = `{"messages":[{"role":"user","content":"Hi <b>"}],"add_generation_prompt":true}`

func TestTemplateOfModels(t *testing.T) {
	a, r := templateOf(t, hi)
	assert.Equal(t, "<|user|>Hi <b><|end|><|assistant|>", *a.Text)
	assert.Contains(t, r.out, "<b>", "as it is, without \\u003c")
	a, _ = templateOf(t, `{"messages":[]}`)
	assert.Empty(t, *a.Text)

	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("tokenizer_config.json", `{"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":"{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}`)
	a, _ = templateOf(t, hi, "-m", dir)
	assert.Equal(t, "<s>Hi <b></s>", *a.Text)
	a, _ = templateOf(t, strings.Replace(hi, "{", `{"special_tokens":{"bos_token":"B","eos_token":"E"},`, 1), "-m", dir)
	assert.Equal(t, "BHi <b>E", *a.Text, "the request's own special tokens")
	a, _ = templateOf(t, strings.Replace(hi, "{", `{"special_tokens":{"eos_token":null,"bos_token":"B"},`, 1), "-m", dir)
	assert.Equal(t, "BHi <b>", *a.Text, "null is none")
	a, _ = templateOf(t, strings.Replace(hi, "{", `{"special_tokens":{"bos_token":"B"},`, 1), "-m", dir)
	assert.Equal(t, "BHi <b></s>", *a.Text, "the others are the model's")
	write("t.jinja", "{{ eos_token }}!")
	a, _ = templateOf(t, hi, "-m", dir, "--template", filepath.Join(dir, "t.jinja"))
	assert.Equal(t, "</s>!", *a.Text, "a file with the model's special tokens")
	write("tokenizer_config.json", `{"chat_template":[{"name":"tool_use","template":"tools"},{"name":"default","template":"the default"}]}`)
	a, _ = templateOf(t, hi, "-m", dir)
	assert.Equal(t, "the default", *a.Text)
	a, _ = templateOf(t, `{"messages":[],"tools":[]}`, "-m", dir)
	assert.Equal(t, "tools", *a.Text)
	a, _ = templateOf(t, `{"messages":[],"tools":null}`, "-m", dir)
	assert.Equal(t, "the default", *a.Text)
	write("chat_template.jinja", "a file: {{ messages|length }}")
	a, _ = templateOf(t, hi, "-m", dir)
	assert.Equal(t, "a file: 1", *a.Text, "the file goes first")
}

func TestTemplateOfOracleFolders(t *testing.T) {
	for _, name := range []string{"llama3-a", "arcee-a", "exaone4-a"} {
		dir := testkit.Shared(t, "oracle", name)
		b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
		require.NoError(t, err)
		var g struct {
			Chat struct {
				Messages json.RawMessage `json:"messages"`
				Rendered string          `json:"rendered"`
				Add      bool            `json:"add_generation_prompt"`
			} `json:"chat"`
		}
		require.NoError(t, json.Unmarshal(b, &g))
		require.NotEmpty(t, g.Chat.Rendered)
		in, err := json.Marshal(templateRequest{Messages: g.Chat.Messages, AddGenerationPrompt: g.Chat.Add})
		require.NoError(t, err)
		a, r := templateOf(t, string(in), "-m", dir)
		if assert.NotNil(t, a.Text, r.out) {
			assert.Equal(t, g.Chat.Rendered, *a.Text)
		}
	}
}

func TestTemplateNow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "now.jinja")
	require.NoError(t, os.WriteFile(file, []byte(`{{ strftime_now("%Y-%m-%d %H:%M") }}`), 0o644))
	for now, want := range map[string]string{"2024-07-26T09:05:03": "2024-07-26 09:05", "2024-07-26T09:05:03Z": "2024-07-26 09:05", "2024-07-26 09:05:03": "2024-07-26 09:05", "2024-07-26": "2024-07-26 00:00"} {
		a, _ := templateOf(t, `{"messages":[],"now":"`+now+`"}`, "--template", file)
		assert.Equal(t, want, *a.Text)
	}
}

func TestTemplateErrors(t *testing.T) {
	dir := t.TempDir()
	bad, raises := filepath.Join(dir, "bad.jinja"), filepath.Join(dir, "raises.jinja")
	require.NoError(t, os.WriteFile(bad, []byte("line one\n{% for %}"), 0o644))
	require.NoError(t, os.WriteFile(raises, []byte(`{{ raise_exception("no\nway <b>") }}`), 0o644))
	for _, c := range []struct {
		in   string
		args []string
		says string
	}{
		{``, nil, "template: read stdin: got nothing, want one JSON object"},
		{`nope`, nil, "broken JSON at byte 2"},
		{`[]`, nil, "the whole: got a JSON array, want an object"},
		{`{}`, nil, "messages: got nothing, want a list"},
		{`{"messages":null}`, nil, "messages: got null, want a list"},
		{`{"messages":"hi"}`, nil, `messages: got "hi", want a list`},
		{`{"messages":[],"add_generation_prompt":1}`, nil, "add_generation_prompt: got a JSON number, want true or false"},
		{`{"messages":[]} x`, nil, "broken JSON at byte"},
		{`{"messages":[],"extra":{"tools":[]}}`, nil, "read extra variables: got tools, which has a place of its own"},
		{`{"messages":[],"special_tokens":{"bos_token":1}}`, nil, "special_tokens: bos_token: got 1, want text or null"},
		{`{"messages":[],"now":"yesterday"}`, nil, `read now: got "yesterday", want a time like`},
		{hi, []string{"--template", bad}, "line 2"},
		{hi, []string{"--template", filepath.Join(dir, "none")}, "no such file"},
		{hi, []string{"--template", dir}, "is a directory"},
		{hi, []string{"--template", raises}, "no\nway <b>"},
		{hi, []string{"-m", dir}, "has no chat template; want chat_template.jinja or"},
		{hi, []string{"-m", filepath.Join(dir, "none")}, "no such file"},
		{hi, []string{"-m", testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf"), "--template", bad}, "line 2"},
	} {
		a, r := templateOf(t, c.in, c.args...)
		require.NotNil(t, a.Error, r.out)
		assert.Contains(t, *a.Error, c.says)
	}
	_, r := templateOf(t, hi, "--template", raises)
	assert.Equal(t, "tuff: template: raised by the template: no way <b>\n", r.err)
	assert.Equal(t, exitUsage, tuff(t, "template", "x").code)
}

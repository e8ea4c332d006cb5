package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// jsonLines sends requests as JSON lines to one process and decodes its answers in order.
func jsonLines[T any](t *testing.T, requests []any, args ...string) []T {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, r := range requests {
		require.NoError(t, enc.Encode(r))
	}
	r := tuffIn(t, in.String(), args...).ok(t)
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	require.Len(t, lines, len(requests))
	answers := make([]T, len(lines))
	for i, l := range lines {
		require.NoError(t, json.Unmarshal([]byte(l), &answers[i]))
	}
	return answers
}

// tokenVectors is what the reference tokenizer answers.
type tokenVectors struct {
	Strings []struct {
		Text    string   `json:"text"`
		IDs     []int32  `json:"ids"`
		Special []int32  `json:"ids_with_special"`
		AsText  []int32  `json:"ids_specials_as_text"`
		Tokens  []string `json:"tokens"`
		Decode  *string  `json:"decode"`
		Skip    *string  `json:"decode_skip_special"`
	} `json:"strings"`
	DecodeOnly []struct {
		IDs    []int32 `json:"ids"`
		Decode string  `json:"decode"`
		Skip   string  `json:"decode_skip_special"`
	} `json:"decode_only"`
}

type decoded struct {
	Text string `json:"text"`
}

func checkTokenize(t *testing.T, folder string, every int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	require.NoError(t, err)
	var v tokenVectors
	require.NoError(t, json.Unmarshal(raw, &v))
	require.NotEmpty(t, v.Strings)
	var texts, ids []any
	var wantIDs [][]int32
	var wantPieces [][]string
	var wantText []string
	encode := func(text string, special, parse bool, want []int32, pieces []string) {
		texts = append(texts, encodeRequest{&text, special, parse})
		wantIDs, wantPieces = append(wantIDs, want), append(wantPieces, pieces)
	}
	decode := func(list []int32, skip bool, want string) {
		ids, wantText = append(ids, decodeRequest{append([]int32{}, list...), skip}), append(wantText, want)
	}
	for i := 0; i < len(v.Strings); i += every {
		s := v.Strings[i]
		encode(s.Text, false, true, s.IDs, s.Tokens)
		encode(s.Text, true, true, s.Special, nil)
		if s.AsText != nil {
			encode(s.Text, false, false, s.AsText, nil)
		} else {
			encode(s.Text, false, false, s.IDs, s.Tokens)
		}
		if s.Decode != nil && s.Skip != nil {
			decode(s.Special, false, *s.Decode)
			decode(s.Special, true, *s.Skip)
		}
	}
	for _, d := range v.DecodeOnly {
		decode(d.IDs, false, d.Decode)
		decode(d.IDs, true, d.Skip)
	}
	for i, a := range jsonLines[encodeAnswer](t, texts, "tokenize", "-m", folder) {
		assert.NotNil(t, a.IDs)
		assert.Equal(t, append([]int32{}, wantIDs[i]...), a.IDs, "%q", *texts[i].(encodeRequest).Text)
		assert.Len(t, a.Pieces, len(a.IDs))
		if wantPieces[i] != nil {
			assert.Equal(t, wantPieces[i], a.Pieces, "%q", *texts[i].(encodeRequest).Text)
		}
	}
	for i, a := range jsonLines[decoded](t, ids, "tokenize", "--decode", "-m", folder) {
		assert.Equal(t, wantText[i], a.Text, "%v", ids[i])
	}
}

func TestTokenizeOfTestdata(t *testing.T) {
	for _, name := range []string{"llama3-a", "llama2-spm-a"} {
		t.Run(name, func(t *testing.T) { checkTokenize(t, testkit.Testdata(t, "tokenizer", name), 3) })
	}
}

func TestTokenizeOfOracle(t *testing.T) {
	for _, name := range []string{"llama3-a", "llama2-metaspace-a", "llama2-spm-a"} {
		t.Run(name, func(t *testing.T) { checkTokenize(t, testkit.Shared(t, "oracle", "tokenizers", name), 1) })
	}
}

// The embedded model and those of testdata give every text back.
func TestTokenizeRoundTrip(t *testing.T) {
	texts := []string{"", "Hello world", "  two  spaces ", "Ünïcødé 世界 🙂", "line\nbreak\ttab", "<|user|>", "1234567", "a\u0000b", "</s><s>"}
	for _, model := range [][]string{nil, {"-m", testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf")}, {"-m", testkit.Testdata(t, "tokenizer", "llama3-a", "tokenizer.json")}} {
		for _, parse := range []bool{false, true} {
			var in, back []any
			for i := range texts {
				in = append(in, encodeRequest{Text: &texts[i], ParseSpecial: parse})
			}
			for _, a := range jsonLines[encodeAnswer](t, in, append([]string{"tokenize"}, model...)...) {
				back = append(back, decodeRequest{IDs: a.IDs})
			}
			for i, a := range jsonLines[decoded](t, back, append([]string{"tokenize", "--decode"}, model...)...) {
				assert.Equal(t, texts[i], a.Text, "%v, parse %v", model, parse)
			}
		}
	}
	// A control token is one id when asked for, else text.
	text := "<|user|>"
	both := jsonLines[encodeAnswer](t, []any{encodeRequest{Text: &text, ParseSpecial: true}, encodeRequest{Text: &text}, encodeRequest{Text: &text, AddSpecial: true, ParseSpecial: true}}, "tokenize")
	assert.Equal(t, []string{"<|user|>"}, both[0].Pieces)
	assert.Greater(t, len(both[1].IDs), 1)
	assert.Equal(t, []string{"<|begin|>", "<|user|>"}, both[2].Pieces)
}

func TestTokenizeReadsLinesAsTheyCome(t *testing.T) {
	r := tuffIn(t, "{\"text\":\"a\"}\n\n  \r\n{\"text\":\"b\",\"more\":1}", "tokenize").ok(t)
	assert.Equal(t, 2, strings.Count(r.out, "\n"), "empty lines are none, and the last needs no break")
	assert.Empty(t, tuffIn(t, "", "tokenize").ok(t).out)
	assert.Empty(t, r.err, "no device is opened")
	// What came before an error has been answered.
	r = tuffIn(t, "{\"text\":\"a\"}\nnope\n{\"text\":\"b\"}\n", "tokenize")
	assert.Equal(t, exitError, r.code)
	assert.Equal(t, 1, strings.Count(r.out, "\n"))
	assert.Contains(t, r.err, "tokenize: line 2: got broken JSON at byte 2")
}

func TestTokenizeErrors(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.json"), []byte(`{"model":{"type":"Unknown"}}`), 0o644))
	for _, c := range []struct {
		in, says string
		args     []string
	}{
		{`{"text":1}`, "line 1: text: got a JSON number, want a string", nil},
		{`[]`, "line 1: the whole: got a JSON array, want an object", nil},
		{`{"txet":"x"}`, `line 1: got no "text", want a string`, nil},
		{`{"ids":[1]}`, `--decode takes "ids"`, nil},
		{`{"text":"a","add_special":"yes"}`, "add_special: got a JSON string, want true or false", nil},
		{`{"text":"a"} {"text":"b"}`, "got broken JSON at byte 14", nil},
		{`{"text":"a`, "got broken JSON", nil},
		{`{"text":"x"}`, `got no "ids", want a list of token ids`, []string{"--decode"}},
		{`{"ids":[1,2048]}`, "ids[1]: got 2048, want 0 to 2047", []string{"--decode"}},
		{`{"ids":[-1]}`, "ids[0]: got -1, want 0 to 2047", []string{"--decode"}},
		{`{"ids":[1.5]}`, "ids: got a JSON number 1.5, want", []string{"--decode"}},
		{`{"ids":[99999999999]}`, "ids: got a JSON number 99999999999, want", []string{"--decode"}},
		{``, "no such file", []string{"-m", dir + "/none"}},
		{``, "tokenizer.json: no such file", []string{"-m", dir}},
		{``, "bad.json", []string{"-m", dir + "/bad.json"}},
		{``, `magic: got "pack", want "GGUF"`, []string{"-m", "tokenize_test.go"}},
	} {
		r := tuffIn(t, c.in, append([]string{"tokenize"}, c.args...)...)
		assert.Equal(t, exitError, r.code, c.in)
		assert.Contains(t, lastLine(r.err), c.says)
		assert.NotContains(t, r.err, "Go ", "words of JSON")
		assert.Empty(t, r.out)
	}
	assert.Equal(t, exitUsage, tuff(t, "tokenize", "hello").code)
}

// Requests of logits go the same way.
func TestLogitsErrors(t *testing.T) {
	for in, says := range map[string]string{
		`{"ids":[]}`:                    `line 1: got no "ids", want at least one`,
		`{}`:                            `line 1: got no "ids", want at least one`,
		`{"ids":[1,99999]}`:             "ids[1]: got 99999, want 0 to 2047",
		`{"ids":[-1]}`:                  "ids[0]: got -1, want 0 to 2047",
		`{"ids":[1],"greedy":-1}`:       "greedy: got -1, want at least 0",
		`{"ids":[1,2],"greedy":512}`:    "got 513 tokens, want at most the context's 512; -c sets",
		`{"ids":"x"}`:                   "ids: got a JSON string, want a list",
		`{"ids":[1],"layers":"please"}`: "layers: got a JSON string, want true or false",
	} {
		r := tuffIn(t, in, "logits", "--device", "cpu")
		assert.Equal(t, exitError, r.code, in)
		assert.Contains(t, lastLine(r.err), says)
		assert.Empty(t, r.out)
	}
	full := jsonLines[logitsAnswer](t, []any{logitsRequest{IDs: []int32{1, 2}, Greedy: 7}, logitsRequest{IDs: []int32{3}, Layers: true}}, "logits", "--device", "cpu", "-c", "8")
	assert.Len(t, full[0].Greedy, 7, "the last one needs no place")
	assert.Nil(t, full[0].Layers)
	assert.Len(t, full[1].Layers, 4+2, "before the first layer, after each, after the norm")
	assert.Len(t, full[1].Logits, 2048)
}

package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
	"tuff/host/tokenizer"
)

// controlForms are what control tokens look like in templates and their output.
var controlForms = regexp.MustCompile(`<[|｜][^<>\s]{1,60}[|｜]>|</?[A-Za-z_][\w:.|-]{0,40}>|\[/?[A-Z_]{2,30}\]|<[^<>\s'"{}]{1,40}>|\]~!?b[\[\]]|\[e~\[|<\|[a-z_]+`)

// commonTokens are control tokens of families that a template may not mention itself.
var commonTokens = []string{"<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>",
	"<|start_header_id|>", "<|end|>", "<|user|>", "<|system|>", "<|assistant|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "[TOOL_CALLS]",
	"<|start|>", "<|message|>", "<|channel|>", "<|call|>", "<|return|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<｜User｜>", "<｜end▁of▁sentence｜>"}

// published are all templates of the collections, with the special tokens that they are given.
func published(t testing.TB) map[string]vector {
	all := map[string]vector{}
	for _, v := range slices.Concat(renderings(t), hfjs(t)) {
		if strings.HasPrefix(v.name, "hf ") {
			all[strings.Fields(v.name)[1]] = v
		} else if strings.HasPrefix(v.name, "hfjs-chat ") {
			v.special = map[string]string{"bos_token": "<s>", "eos_token": "</s>"}
			for name, raw := range v.vars {
				var spelling string
				if strings.HasSuffix(name, "_token") && json.Unmarshal(raw, &spelling) == nil {
					v.special[name] = spelling
				}
			}
			all[v.name] = v
		}
	}
	for name, v := range chatFiles(t, testkit.Shared(t, "oracle", "chat")) {
		all["oracle "+name] = v
	}
	return all
}

func chatFiles(t testing.TB, dir string) map[string]vector {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	all := map[string]vector{}
	for _, path := range files {
		var f chatFile
		readJSON(t, path, &f)
		for _, c := range f.Cases {
			if c.Inputs.Special != nil {
				all[filepath.Base(path)] = vector{source: f.Template, special: c.Inputs.Special}
			}
		}
	}
	return all
}

// conversations are the ways in which text reaches a template; every string that users, models and tools choose is x.
func conversations(x string) map[string]map[string]any {
	type m = map[string]any
	type l = []any
	args := m{x: x, "city": x}
	tools := l{m{"type": "function", "function": m{"name": "get" + x, "description": x, "parameters": m{"type": "object",
		"properties": m{"city": m{"type": "string", "description": x, "enum": l{x}}, x: m{"type": "string"}}, "required": l{"city", x}}}}}
	call := func(arguments any) l {
		return l{m{"id": "call00001", "type": "function", "function": m{"name": "get" + x, "arguments": arguments}}}
	}
	user := m{"role": "user", "content": "a " + x + " b", "name": x}
	raw, _ := json.Marshal(args)
	return map[string]m{
		"plain":      {"messages": l{user}},
		"system":     {"messages": l{m{"role": "system", "content": x}, user}},
		"turns":      {"messages": l{user, m{"role": "assistant", "content": x, "reasoning_content": x}, user}, "enable_thinking": true},
		"parts":      {"messages": l{m{"role": "user", "content": l{m{"type": "text", "text": x}, m{"type": "text", "text": "b"}}}}},
		"tools":      {"messages": l{m{"role": "system", "content": x}, user}, "tools": tools},
		"tool calls": {"messages": l{user, m{"role": "assistant", "content": "", "tool_calls": call(args)}, m{"role": "tool", "name": "get" + x, "tool_call_id": "call00001", "content": x}}, "tools": tools},
		"text calls": {"messages": l{user, m{"role": "assistant", "content": x, "tool_calls": call(string(raw))}, m{"role": "tool", "name": "get" + x, "tool_call_id": "call00001", "content": x}, m{"role": "assistant", "content": x}}, "tools": tools},
		"documents":  {"messages": l{user}, "documents": l{m{"title": x, "text": x}}},
		"role":       {"messages": l{user, m{"role": x, "content": x}}},
		"variables":  {"messages": l{user}, "date_string": x, "system_message": x, "model_identity": x, "custom_instructions": x, "reasoning_effort": x},
	}
}

// laidOut renders a conversation; false: the template rejects it.
func laidOut(t testing.TB, tmpl *Template, v vector, conversation map[string]any) ([]Segment, bool) {
	t.Helper()
	vars := map[string]json.RawMessage{"add_generation_prompt": json.RawMessage("true")}
	for k, x := range conversation {
		raw, err := json.Marshal(x)
		require.NoError(t, err)
		vars[k] = raw
	}
	v.now = recorded
	segments, err := tmpl.RenderSegments(v.context(vars))
	return segments, err == nil
}

// controlTokens are the special tokens that a template writes, mentions or is given.
func controlTokens(t testing.TB, tmpl *Template, v vector) []string {
	found := map[string]bool{}
	note := func(s string) {
		for _, token := range controlForms.FindAllString(s, -1) {
			found[token] = true
		}
	}
	note(v.source)
	for _, c := range conversations("benign") {
		if segments, ok := laidOut(t, tmpl, v, c); ok {
			note(joinSegments(segments))
		}
	}
	for _, s := range v.special {
		if s != "" {
			found[s] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func joinSegments(segments []Segment) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(s.Text)
	}
	return b.String()
}

// byteTokenizer has a token for every byte, and the given control tokens.
func byteTokenizer(t testing.TB, control []string) *tokenizer.Tokenizer {
	type added struct {
		ID      int    `json:"id"`
		Content string `json:"content"`
		Special bool   `json:"special"`
	}
	vocab := map[string]int{}
	next := rune(256)
	for b := range rune(256) { // GPT-2's letters for bytes
		r := b
		if b < '!' || b > '~' && b < '¡' || b > '¬' && b < '®' {
			r = next
			next++
		}
		vocab[string(r)] = int(b)
	}
	var tokens []added
	for i, s := range control {
		tokens = append(tokens, added{256 + i, s, true})
	}
	raw, err := json.Marshal(map[string]any{"added_tokens": tokens, "model": map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}, "decoder": map[string]any{"type": "ByteLevel"}})
	require.NoError(t, err)
	tok, err := tokenizer.FromJSON(raw)
	require.NoError(t, err)
	return tok
}

// controls are the control tokens among the ids of what a template laid out, in order.
func controls(t testing.TB, tok *tokenizer.Tokenizer, segments []Segment, trustAll bool) (list []string) {
	t.Helper()
	var in []tokenizer.Segment
	for _, s := range segments {
		in = append(in, tokenizer.Segment{Text: s.Text, ParseSpecial: s.Trusted || trustAll})
	}
	ids, err := tok.EncodeSegments(in, false)
	require.NoError(t, err)
	for _, id := range ids {
		if tok.IsSpecial(id) {
			list = append(list, tok.Piece(id))
		}
	}
	return list
}

// checkSmuggling tries every control token of a template, and the common ones, in every place of a conversation.
func checkSmuggling(t *testing.T, v vector) (tried int) {
	tmpl, err := Parse(v.source)
	require.NoError(t, err)
	own := controlTokens(t, tmpl, v)
	all := slices.Clone(own)
	for _, token := range commonTokens {
		if !slices.Contains(all, token) {
			all = append(all, token)
		}
	}
	// Tokens that the template does not know are tried at once.
	return smuggle(t, v, byteTokenizer(t, all), append(own, strings.Join(all[len(own):], " ")))
}

// smuggle tries texts in every place of a conversation and returns how many there were.
func smuggle(t *testing.T, v vector, tok *tokenizer.Tokenizer, texts []string) (tried int) {
	tmpl, err := Parse(v.source)
	require.NoError(t, err)
	benign := map[string][]string{}
	for name, c := range conversations("benign") {
		if segments, ok := laidOut(t, tmpl, v, c); ok {
			benign[name] = controls(t, tok, segments, false)
			// What the template builds of parts, roles among them, is as whole as if all were its own.
			assert.Equal(t, controls(t, tok, segments, true), benign[name], "%s: the template's own control tokens", name)
		}
	}
	for _, token := range texts {
		for name, c := range conversations(token) {
			segments, ok := laidOut(t, tmpl, v, c)
			if !ok {
				continue
			}
			tried++
			got := controls(t, tok, segments, false)
			want, ok := benign[name]
			if !ok || slices.Equal(got, want) {
				continue
			}
			assert.Fail(t, fmt.Sprintf("%s in %s", token, name), "got %v\nwant %v\n%q", got, benign[name], segments)
		}
	}
	return tried
}

// For every published template, every special token, and every place of a conversation: what is laid out has the control
// tokens that it has with harmless text there, no more, no fewer, in the same order.
func TestNothingSmugglesAControlToken(t *testing.T) {
	all := published(t)
	assert.Greater(t, len(all), 150)
	tried := 0
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if underRace && i%20 > 0 {
			continue
		}
		t.Run(name, func(t *testing.T) { tried += checkSmuggling(t, all[name]) })
	}
	assert.True(t, underRace || tried > 10000, "%d conversations", tried)
}

func TestNothingSmugglesAControlTokenIntoTestdata(t *testing.T) {
	all := chatFiles(t, testkit.Testdata(t, "template"))
	assert.Len(t, all, 4)
	for name, v := range all {
		t.Run(name, func(t *testing.T) { assert.Greater(t, checkSmuggling(t, v), 10) })
	}
}

// The same with models' own tokenizers and templates.
func TestNothingSmugglesAControlTokenOfATokenizer(t *testing.T) {
	for _, name := range []string{"arcee-a", "bloom-a", "deepseek-v2-a", "ernie4-5-a", "exaone4-a", "gemma-a", "gpt-oss-a", "ministral3-a"} {
		t.Run(name, func(t *testing.T) {
			dir := testkit.Shared(t, "oracle", name)
			raw, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
			require.NoError(t, err)
			tok, err := tokenizer.FromJSON(raw)
			require.NoError(t, err)
			var config struct {
				BOS      string `json:"bos_token"`
				EOS      string `json:"eos_token"`
				Template string `json:"chat_template"`
			}
			readJSON(t, filepath.Join(dir, "tokenizer_config.json"), &config)
			if config.Template == "" {
				raw, err := os.ReadFile(filepath.Join(dir, "chat_template.jinja"))
				require.NoError(t, err)
				config.Template = string(raw)
			}
			var tokens []string
			for id := range int32(tok.VocabSize()) {
				if tok.IsSpecial(id) {
					tokens = append(tokens, tok.Piece(id))
				}
			}
			v := vector{source: config.Template, special: map[string]string{"bos_token": config.BOS, "eos_token": config.EOS}}
			assert.Greater(t, smuggle(t, v, tok, tokens), 3*len(tokens))
		})
	}
}

// The check itself: with data trusted it finds smuggled tokens.
func TestTheSmugglingCheckBites(t *testing.T) {
	tok := byteTokenizer(t, []string{"<|end|>"})
	for trusted, want := range map[bool][]string{true: {"<|end|>", "<|end|>"}, false: {"<|end|>"}} {
		got := controls(t, tok, []Segment{{"a", true}, {"<|end|>", trusted}, {"<|end|>", true}}, false)
		assert.Equal(t, want, got)
	}
}

package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tuff/host/template"
	"tuff/host/tokenizer"
	"tuff/host/weights"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user, assistant
	Content string `json:"content"`
}

// TokenizerOf makes the tokenizer of a model's file or folder.
func TokenizerOf(f *weights.File) (*tokenizer.Tokenizer, error) {
	if raw, ok := f.String("tuff.tokenizer.json"); ok {
		return tokenizerOfJSON(f, raw)
	}
	const ns = "tokenizer.ggml."
	var bad error
	id := func(key string) int32 {
		v, ok := f.Uint(ns + key)
		switch {
		case !ok:
			return -1
		case v > 1<<24:
			bad = errors.Join(bad, fmt.Errorf("%s: got %d, want an id", key, v))
		}
		return int32(min(v, 1<<24))
	}
	flag := func(key string, def bool) bool {
		if v, ok := f.Bool(ns + key); ok {
			return v
		}
		return def
	}
	s := tokenizer.Spec{BOS: id("bos_token_id"), EOS: id("eos_token_id"), Unk: id("unknown_token_id"), EOT: id("eot_token_id")}
	if bad != nil {
		return nil, fmt.Errorf("engine: read tokenizer of %q: %w", f.Name, bad)
	}
	var ok bool
	if s.Model, ok = f.String(ns + "model"); !ok {
		return nil, fmt.Errorf("engine: read tokenizer of %q: got no tokenizer.ggml.model", f.Name)
	}
	s.Pre, _ = f.String(ns + "pre")
	s.Tokens, _ = f.Strings(ns + "tokens")
	s.Merges, _ = f.Strings(ns + "merges")
	s.Scores, _ = f.Floats(ns + "scores")
	types, _ := f.Ints(ns + "token_type")
	for _, t := range types {
		s.Types = append(s.Types, int32(min(max(t, 0), 1<<30)))
	}
	if v, ok := f.Value(ns + "precompiled_charsmap").([]uint8); ok {
		s.CharsMap = v
	}
	bos, eos := tokenizer.AddsByDefault(s.Model, s.Pre)
	s.AddBOS, s.AddEOS = flag("add_bos_token", bos), flag("add_eos_token", eos)
	s.AddSpacePrefix = flag("add_space_prefix", true)
	t, err := tokenizer.New(s)
	if err != nil {
		return nil, fmt.Errorf("engine: read tokenizer of %q: %w", f.Name, err)
	}
	return t, nil
}

// TemplateOf parses the chat template of a GGUF file; nil when it has none.
func TemplateOf(f *weights.File) (*template.Template, error) {
	src, ok := f.String("tokenizer.chat_template")
	if !ok {
		if f.Value("tokenizer.chat_template") != nil {
			return nil, fmt.Errorf("engine: read chat template of %q: tokenizer.chat_template: got another type, want text", f.Name)
		}
		return nil, nil
	}
	t, err := template.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("engine: read chat template of %q: %w", f.Name, err)
	}
	return t, nil
}

// EncodeText turns plain text into ids: no begin token, and special tokens in it are text.
func (e *Engine) EncodeText(text string) ([]int32, error) {
	return e.Tokenizer.Encode(text, tokenizer.Options{})
}

// EncodeRaw turns a prompt that its writer spelled out in full into ids: with the begin token, special tokens parsed.
func (e *Engine) EncodeRaw(text string) ([]int32, error) {
	return e.prompt(e.Tokenizer.Encode(text, tokenizer.Options{AddSpecial: true, ParseSpecial: true}))
}

// EncodeChat lays messages out by the model's chat template, ending where the assistant's answer begins. Text of the
// messages never becomes a control token. A model without a template gets the messages' contents one after another.
func (e *Engine) EncodeChat(messages []Message) ([]int32, error) {
	if e.Template == nil {
		var parts []string
		for _, m := range messages {
			parts = append(parts, m.Content)
		}
		return e.prompt(e.Tokenizer.Encode(strings.Join(parts, "\n"), tokenizer.Options{AddSpecial: true}))
	}
	segments, err := e.Template.RenderSegments(e.chatContext(messages))
	if err != nil {
		return nil, fmt.Errorf("engine: lay out chat: %w", err)
	}
	var in []tokenizer.Segment
	for _, s := range segments {
		in = append(in, tokenizer.Segment{Text: s.Text, ParseSpecial: s.Trusted})
	}
	// A template that writes the begin token itself must not get a second one, and that of a folder has the last word: GGUF files
	// are made for programs that add the token, folders for those that do not. Text of a user that starts with the token's spelling is not the token.
	own := e.File.Version == 0 || len(segments) > 0 && segments[0].Trusted && e.Tokenizer.BOS() >= 0 &&
		strings.HasPrefix(segments[0].Text, e.Tokenizer.Piece(e.Tokenizer.BOS()))
	return e.prompt(e.Tokenizer.EncodeSegments(in, !own))
}

// prompt refuses an empty prompt: there would be nothing to continue.
func (e *Engine) prompt(ids []int32, err error) ([]int32, error) {
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 && e.Tokenizer.BOS() >= 0 {
		ids = []int32{e.Tokenizer.BOS()}
	}
	if len(ids) == 0 {
		return nil, errors.New("engine: encode prompt: got no text")
	}
	return ids, nil
}

func (e *Engine) chatContext(messages []Message) template.Context {
	return template.Context{Messages: template.Messages(messagePairs(messages)), AddGenerationPrompt: true, Now: time.Now(), Special: e.specialTokens()}
}

// specialTokens are the spellings that templates refer to by name.
func (e *Engine) specialTokens() map[string]string {
	m := map[string]string{}
	if id := e.Tokenizer.BOS(); id >= 0 {
		m["bos_token"] = e.Tokenizer.Piece(id)
	}
	if id := e.Tokenizer.EOS(); id >= 0 {
		m["eos_token"] = e.Tokenizer.Piece(id)
	}
	return m
}

func messagePairs(messages []Message) [][2]string {
	out := make([][2]string, len(messages))
	for i, m := range messages {
		out[i] = [2]string{m.Role, m.Content}
	}
	return out
}

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tuff/host/template"
)

// templateRequest is the input of tuff template.
type templateRequest struct {
	Messages            json.RawMessage            `json:"messages"`
	Tools               json.RawMessage            `json:"tools"`
	Documents           json.RawMessage            `json:"documents"`
	AddGenerationPrompt bool                       `json:"add_generation_prompt"`
	Extra               map[string]json.RawMessage `json:"extra"`
	Special             map[string]json.RawMessage `json:"special_tokens"`
	Now                 string                     `json:"now"`
}

func newTemplate() *cobra.Command {
	var c common
	var file string
	cmd := &cobra.Command{
		Use:   "template [-m MODEL | --template FILE]",
		Short: "Lay out a conversation by a chat template",
		Long: `Reads one JSON object from stdin: {"messages":[…],"tools":…,"documents":…,"add_generation_prompt":true,
"extra":{…},"special_tokens":{"bos_token":"<s>"},"now":"2026-01-31T12:00:00Z"}, of which only messages is needed, and
prints {"text":…}, or {"error":…} with exit code 1. Special tokens that are left out are the model's, and those that are null
are none. MODEL may be a .gguf file or a folder with chat_template.jinja or tokenizer_config.json; of several templates the one
named tool_use is taken when there are tools, and otherwise the default. With both flags only the special tokens are MODEL's.`,
		Example: `  echo '{"messages":[{"role":"user","content":"Hi"}],"add_generation_prompt":true}' | tuff template
  tuff template --template chat.jinja < conversation.json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := c.template(cmd.InOrStdin(), file)
			if err != nil {
				what := err.Error()
				var raised *template.Error
				if errors.As(err, &raised) && raised.Raised { // what the template's writer says, to the letter, in the answer only
					err = fmt.Errorf("template: raised by the template: %s", oneLine(err))
				}
				return errors.Join(err, c.printLine(map[string]string{"error": what}))
			}
			return c.printLine(map[string]string{"text": text})
		},
	}
	c.modelFlags(cmd)
	c.idleFlags(cmd)
	cmd.Flags().Lookup("model").Usage = "model: a .gguf file, or a folder with a chat template (default: the embedded model)"
	cmd.Flags().StringVar(&file, "template", "", "a file with a Jinja template instead of the model's")
	return cmd
}

// maxTemplate bounds templates and conversations.
const maxTemplate = 64 << 20

func (c *common) template(in io.Reader, file string) (string, error) {
	data, err := readBounded(in, "stdin")
	if err != nil {
		return "", err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return "", errors.New("template: read stdin: got nothing, want one JSON object")
	}
	var r templateRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return "", fmt.Errorf("template: read stdin: want one JSON object: %w", jsonError(err))
	}
	if m := bytes.TrimSpace(r.Messages); len(m) == 0 || m[0] != '[' {
		return "", fmt.Errorf("template: read stdin: messages: got %s, want a list", cmp.Or(string(m[:min(len(m), 20)]), "nothing"))
	}
	x := template.Context{Messages: r.Messages, Tools: r.Tools, Documents: r.Documents, AddGenerationPrompt: r.AddGenerationPrompt,
		Extra: r.Extra, Now: time.Now()}
	if r.Now != "" {
		if x.Now, err = parseTime(r.Now); err != nil {
			return "", err
		}
	}
	src := ""
	if file != "" {
		b, err := readFileBounded(file)
		if err != nil {
			return "", err
		}
		src = string(b)
	}
	if file == "" || c.model != "" {
		own, err := c.modelTemplate(&x)
		if err != nil && (file == "" || !errors.Is(err, errNoTemplate)) {
			return "", err
		}
		if file == "" {
			src = own
		}
	}
	if err := r.special(&x); err != nil {
		return "", err
	}
	t, err := template.Parse(src)
	if err != nil {
		return "", err
	}
	return t.Render(x)
}

// special puts the request's special tokens in place of the model's.
func (r *templateRequest) special(x *template.Context) error {
	for name, raw := range r.Special {
		var spelling *string
		switch err := json.Unmarshal(raw, &spelling); {
		case err != nil:
			return fmt.Errorf("template: read stdin: special_tokens: %s: got %.40s, want text or null", name, raw)
		case spelling == nil:
			delete(x.Special, name)
		case x.Special == nil:
			x.Special = map[string]string{name: *spelling}
		default:
			x.Special[name] = *spelling
		}
	}
	return nil
}

// errNoTemplate is a model without a template.
var errNoTemplate = errors.New("has no chat template")

// wanted are the names of the templates to look for, in order: "" is a template without a name.
func wanted(x *template.Context) []string {
	if t := bytes.TrimSpace(x.Tools); len(t) > 0 && string(t) != "null" {
		return []string{"tool_use", "", "default"}
	}
	return []string{"", "default"}
}

// readBounded reads all of r, up to maxTemplate bytes.
func readBounded(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTemplate+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("template: read %s: %w", name, err)
	case len(b) > maxTemplate:
		return nil, fmt.Errorf("template: read %s: got more than %s", name, size(maxTemplate))
	}
	return b, nil
}

func readFileBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	defer f.Close()
	return readBounded(f, strconv.Quote(path))
}

// folderTemplate is the template of a folder in Hugging Face's layout: chat_template.jinja, with others by name in
// additional_chat_templates, or the key chat_template of tokenizer_config.json, which is a string or a list of named ones.
func folderTemplate(dir string, x *template.Context) (string, error) {
	path := filepath.Join(dir, "tokenizer_config.json")
	raw := map[string]json.RawMessage{}
	b, err := readFileBounded(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(b, &raw); err != nil {
			return "", fmt.Errorf("template: read %q: %w", path, jsonError(err))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	x.Special = map[string]string{}
	for key, v := range raw {
		var spelling string
		var token struct {
			Content string `json:"content"`
		}
		if !strings.HasSuffix(key, "_token") {
			continue
		}
		if json.Unmarshal(v, &spelling) == nil && spelling != "" {
			x.Special[key] = spelling
		} else if json.Unmarshal(v, &token) == nil && token.Content != "" {
			x.Special[key] = token.Content
		}
	}
	templates := map[string]string{}
	var src string
	var named []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if v, ok := raw["chat_template"]; ok {
		if json.Unmarshal(v, &src) == nil && src != "" {
			templates[""] = src
		} else if json.Unmarshal(v, &named) == nil {
			for _, n := range named {
				templates[n.Name] = n.Template
			}
		}
	}
	for name, file := range map[string]string{"": "chat_template.jinja", "tool_use": filepath.Join("additional_chat_templates", "tool_use.jinja")} {
		b, err := readFileBounded(filepath.Join(dir, file))
		switch {
		case err == nil:
			templates[name] = string(b)
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	for _, name := range wanted(x) {
		if src, ok := templates[name]; ok {
			return src, nil
		}
	}
	return "", fmt.Errorf("template: %q %w; want chat_template.jinja or tokenizer_config.json with one, or give one with --template", dir, errNoTemplate)
}

// modelTemplate is the model's template; the special tokens become the model's.
func (c *common) modelTemplate(x *template.Context) (string, error) {
	if info, err := os.Stat(c.model); c.model != "" && err == nil && info.IsDir() {
		return folderTemplate(c.model, x)
	}
	f, err := c.openFile()
	if err != nil {
		return "", err
	}
	defer f.Close()
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	x.Special = map[string]string{}
	for name, key := range map[string]string{"bos_token": "bos_token_id", "eos_token": "eos_token_id", "unk_token": "unknown_token_id", "pad_token": "padding_token_id",
		"sep_token": "seperator_token_id", "cls_token": "cls_token_id", "mask_token": "mask_token_id"} { // the format spells it so
		if id, ok := f.Uint("tokenizer.ggml." + key); ok && id < uint64(len(tokens)) {
			x.Special[name] = tokens[id]
		}
	}
	for _, name := range wanted(x) {
		key := "tokenizer.chat_template"
		if name != "" {
			key += "." + name
		}
		if src, ok := f.String(key); ok {
			return src, nil
		}
	}
	return "", fmt.Errorf("template: %s %w; give one with --template", f.Name, errNoTemplate)
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("template: read now: got %q, want a time like 2026-01-31T12:00:00Z", s)
}

// printLine writes v as one line of JSON.
func (c *common) printLine(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

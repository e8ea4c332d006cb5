package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
	Special             map[string]string          `json:"special_tokens"`
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
prints {"text":…}, or {"error":…} with exit code 1. Special tokens default to the model's.`,
		Example: `  echo '{"messages":[{"role":"user","content":"Hi"}],"add_generation_prompt":true}' | tuff template
  tuff template --template chat.jinja < conversation.json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := c.template(cmd.InOrStdin(), file)
			if err != nil {
				return errors.Join(err, c.printLine(map[string]string{"error": err.Error()}))
			}
			return c.printLine(map[string]string{"text": text})
		},
	}
	c.modelFlags(cmd)
	cmd.Flags().StringVar(&file, "template", "", "a file with a Jinja template instead of the model's")
	return cmd
}

// maxTemplate bounds templates and conversations.
const maxTemplate = 64 << 20

func (c *common) template(in io.Reader, file string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxTemplate))
	if err != nil {
		return "", fmt.Errorf("template: read stdin: %w", err)
	}
	var r templateRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return "", fmt.Errorf("template: read stdin: want one JSON object: %w", err)
	}
	x := template.Context{Messages: r.Messages, Tools: r.Tools, Documents: r.Documents, AddGenerationPrompt: r.AddGenerationPrompt,
		Extra: r.Extra, Special: r.Special, Now: time.Now()}
	if r.Now != "" {
		if x.Now, err = parseTime(r.Now); err != nil {
			return "", err
		}
	}
	src := ""
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("template: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxTemplate))
		if err != nil {
			return "", fmt.Errorf("template: read %q: %w", file, err)
		}
		src = string(b)
	} else if src, err = c.modelTemplate(&x); err != nil {
		return "", err
	}
	t, err := template.Parse(src)
	if err != nil {
		return "", err
	}
	return t.Render(x)
}

// modelTemplate is the model's template; special tokens that the request leaves out become the model's.
func (c *common) modelTemplate(x *template.Context) (string, error) {
	f, err := c.openFile()
	if err != nil {
		return "", err
	}
	defer f.Close()
	src, ok := f.String("tokenizer.chat_template")
	if !ok {
		return "", fmt.Errorf("template: %s has no chat template; give one with --template", f.Name)
	}
	if x.Special == nil {
		tokens, _ := f.Strings("tokenizer.ggml.tokens")
		x.Special = map[string]string{}
		for name, key := range map[string]string{"bos_token": "bos_token_id", "eos_token": "eos_token_id"} {
			if id, ok := f.Uint("tokenizer.ggml." + key); ok && id < uint64(len(tokens)) {
				x.Special[name] = tokens[id]
			}
		}
	}
	return src, nil
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

// Package template lays out conversations by the Jinja templates that models bring along. It is an interpreter of the part
// of Jinja that chat templates use, with Python's values and spelling, bounded in steps, depth and output. Templates come
// from model files and are hostile: there is no access to anything but the data given. What came from data is told apart
// from the template's own text, so that a message cannot spell a control token.
//
// The package must not know models or tokenizers. Source: the Jinja 3.1 template designer documentation.
package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of one rendering.
const (
	maxSteps  = 1 << 20
	maxOutput = 1 << 20
	maxCalls  = 100
)

// Template is a parsed template, safe for concurrent use.
type Template struct{ body []node }

// Segment is a run of output. Trusted text was written in the template; the rest is, or derives from, data.
type Segment struct {
	Text    string
	Trusted bool
}

// Parse reads a template.
func Parse(src string) (*Template, error) {
	if len(src) > 1<<20 {
		return nil, &SyntaxError{0, fmt.Sprintf("got %d bytes, want at most 1 MiB", len(src))}
	}
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	body, _, err := p.body()
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Context is what a template may see.
type Context struct {
	Messages            json.RawMessage // a list of objects; key order is kept
	Tools, Documents    json.RawMessage // absent: None
	AddGenerationPrompt bool
	Special             map[string]string // bos_token, eos_token, …
	Extra               map[string]json.RawMessage
	Now                 time.Time // of strftime_now
}

// Messages spells pairs of role and content as JSON.
func Messages(pairs [][2]string) json.RawMessage {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	list := make([]message, len(pairs))
	for i, p := range pairs {
		list[i] = message{p[0], p[1]}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(list) // strings always encode
	return b.Bytes()
}

// Error is a failure while rendering; Raised says that the template itself called raise_exception.
type Error struct {
	What   string
	Raised bool
}

func (e *Error) Error() string {
	if e.Raised {
		return e.What
	}
	return "template: render: " + e.What
}

func failf(format string, args ...any) error { return &Error{What: fmt.Sprintf(format, args...)} }

// Render lays out the context.
func (t *Template) Render(c Context) (string, error) {
	segments, err := t.RenderSegments(c)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(s.Text)
	}
	return b.String(), nil
}

// RenderSegments lays out the context and tells the template's text from data. Neighbours differ in trust.
func (t *Template) RenderSegments(c Context) ([]Segment, error) {
	vars := newDict()
	for k, raw := range map[string]json.RawMessage{"messages": c.Messages, "tools": c.Tools, "documents": c.Documents} {
		v, err := fromJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("template: read %s: %w", k, err)
		}
		if k == "messages" {
			trustRoles(v)
		}
		vars.set(k, v)
	}
	vars.set("add_generation_prompt", c.AddGenerationPrompt)
	for k, v := range c.Special {
		vars.set(k, trusted(v))
	}
	for k, raw := range c.Extra {
		v, err := fromJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("template: read %s: %w", k, err)
		}
		if k == "messages" {
			trustRoles(v)
		}
		vars.set(k, v)
	}
	s := &state{now: c.Now, scopes: []*dict{globals(), vars}}
	s.push()
	err := s.run(t.body)
	if errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		err = failf("break or continue outside a loop")
	}
	if err != nil {
		return nil, err
	}
	var out []Segment
	for _, p := range s.out.parts {
		switch {
		case p.Text == "":
		case len(out) > 0 && out[len(out)-1].Trusted == p.Trusted:
			out[len(out)-1].Text += p.Text
		default:
			out = append(out, p)
		}
	}
	return out, nil
}

// roles are the speakers that chat templates know.
var roles = map[string]bool{"system": true, "developer": true, "user": true, "human": true, "assistant": true, "model": true, "tool": true,
	"function": true, "ipython": true, "environment": true, "observation": true}

// trustRoles makes the known roles of messages the template's own text: templates build control tokens of them, such as
// '<|' + message.role + '|>'. Other roles stay data, so that none can spell a control token of its own.
func trustRoles(messages any) {
	l, ok := messages.(*list)
	if !ok {
		return
	}
	for _, m := range l.items {
		if d, ok := m.(*dict); ok {
			if role, ok := d.values["role"].(text); ok && roles[role.String()] {
				d.values["role"] = trusted(role.String())
			}
		}
	}
}

// fromJSON decodes data; its strings are not trusted, and objects keep their order.
func fromJSON(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("got more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("got nesting deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			l := &list{}
			for d.More() {
				v, err := decodeValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				l.items = append(l.items, v)
			}
			_, err = d.Token()
			return l, err
		}
		m := newDict()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			m.set(k.(string), v)
		}
		_, err = d.Token()
		return m, err
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n, nil
		}
		return t.Float64()
	case string:
		return untrusted(t), nil
	}
	return t, nil
}

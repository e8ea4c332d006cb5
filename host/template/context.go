package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Context is what a template may see.
type Context struct {
	Messages            json.RawMessage // a list of objects; key order is kept
	Tools, Documents    json.RawMessage // absent: None
	AddGenerationPrompt bool
	Special             map[string]string          // bos_token, eos_token, …: the template's own text
	Extra               map[string]json.RawMessage // further variables; none of the above
	Now                 time.Time                  // of strftime_now, as the clock on the wall shows it
	Limits              Limits
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

// variables are a context's, and the bytes of data that it brings.
func (c Context) variables() (vars map[string]any, size int, err error) {
	vars = map[string]any{"add_generation_prompt": c.AddGenerationPrompt}
	read := func(name string, raw json.RawMessage) error {
		v, err := fromJSON(raw)
		if err != nil {
			return fmt.Errorf("template: read %s: %w", name, err)
		}
		if name == "messages" {
			trustRoles(v)
		}
		size += len(raw)
		vars[name] = v
		return nil
	}
	err = errors.Join(read("messages", c.Messages), read("tools", c.Tools), read("documents", c.Documents))
	for k, v := range c.Special {
		vars[k] = trusted(v)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Extra)) {
		if slices.Contains([]string{"messages", "tools", "documents", "add_generation_prompt"}, k) {
			err = errors.Join(err, fmt.Errorf("template: read extra variables: got %s, which has a place of its own", k))
			continue
		}
		err = errors.Join(err, read(k, c.Extra[k]))
	}
	return vars, size, err
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
		d, ok := m.(*dict)
		if !ok {
			continue
		}
		if v, _ := d.get("role"); v != nil {
			if role, ok := v.(text); ok && roles[role.s] {
				d.set(trusted("role"), trusted(role.s))
			}
		}
	}
}

// fromJSON decodes data; its strings are not trusted, and objects keep their order.
func fromJSON(raw json.RawMessage) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("got more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("got nesting deeper than %d", maxNesting)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			l := newList()
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
			m.set(untrusted(k.(string)), v)
		}
		_, err = d.Token()
		return m, err
	case json.Number:
		return decodeNumber(t.String())
	case string:
		return untrusted(t), nil
	}
	return t, nil
}

// decodeNumber is Python's: with a point or an exponent it is a float, which may be infinite.
func decodeNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, err
		}
		return f, nil
	}
	if len(s) > 4300 {
		return nil, fmt.Errorf("got a number of %d digits, want at most 4300", len(s))
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("got number %.40q", s)
	}
	return whole(n)
}

package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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

package weights

import (
	"fmt"
	"path/filepath"
)

// readTokenizer puts the tokenizer's files into metadata, so that the File needs nothing beside it.
func (f *File) readTokenizer(folder string, c *hfConfig) error {
	raw, err := readSmall(folder, "tokenizer.json", maxHFTokenizer)
	if err != nil {
		return err
	}
	if raw != nil {
		f.put("tuff.tokenizer.json", string(raw))
	}
	tc, err := readObject(folder, "tokenizer_config.json", maxHFJSON)
	if err != nil {
		return err
	}
	for _, end := range []string{"bos", "eos", "pad"} {
		if s := tokenName(tc[end+"_token"]); s != "" {
			f.put("tuff.tokenizer."+end, s)
		}
		if v, ok := tc["add_"+end+"_token"].(bool); ok {
			f.put("tokenizer.ggml.add_"+end+"_token", v)
		}
	}
	gc, err := readObject(folder, "generation_config.json", maxHFJSON)
	if err != nil {
		return err
	}
	var eog []int32
	for _, from := range []struct {
		file string
		m    map[string]any
	}{{"generation_config.json", gc}, {"config.json", c.m}} {
		ids, err := tokenIDs(filepath.Join(folder, from.file), "eos_token_id", from.m["eos_token_id"])
		if err != nil {
			return err
		}
		if len(ids) > 0 && f.values["tokenizer.ggml.eos_token_id"] == nil {
			f.put("tokenizer.ggml.eos_token_id", uint32(ids[0]))
		}
		eog = append(eog, ids...)
		if ids, err = tokenIDs(filepath.Join(folder, from.file), "bos_token_id", from.m["bos_token_id"]); err != nil {
			return err
		}
		if len(ids) > 0 && f.values["tokenizer.ggml.bos_token_id"] == nil {
			f.put("tokenizer.ggml.bos_token_id", uint32(ids[0]))
		}
	}
	if len(eog) > 0 {
		f.put("tuff.tokenizer.eog", eog)
	}
	return f.readTemplate(folder, tc)
}

// readTemplate takes the chat template of its own file, else the one in tokenizer_config.json: a text, or a list of named ones.
func (f *File) readTemplate(folder string, tc map[string]any) error {
	raw, err := readSmall(folder, "chat_template.jinja", maxHFJSON)
	if err != nil {
		return err
	}
	if raw != nil {
		f.put("tokenizer.chat_template", string(raw))
		return nil
	}
	switch v := tc["chat_template"].(type) {
	case string:
		f.put("tokenizer.chat_template", v)
	case []any:
		for _, x := range v {
			m, _ := x.(map[string]any)
			if s, ok := m["template"].(string); ok && m["name"] == "default" {
				f.put("tokenizer.chat_template", s)
			}
		}
	}
	return nil
}

// tokenName is a token written as a text or as an object with its content.
func tokenName(v any) string {
	if m, ok := v.(map[string]any); ok {
		v = m["content"]
	}
	s, _ := v.(string)
	return s
}

// tokenIDs is an id or a list of them.
func tokenIDs(file, key string, v any) ([]int32, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) > 1<<10 {
		return nil, &FormatError{file, 0, key, fmt.Sprintf("%d ids", len(list)), fmt.Sprintf("at most %d", 1<<10)}
	}
	var ids []int32
	for _, x := range list {
		n, _ := x.(number)
		w, ok := n.whole()
		if !ok || w > 1<<24 {
			return nil, &FormatError{file, 0, key, show(x), "an id or a list of ids"}
		}
		ids = append(ids, int32(w))
	}
	return ids, nil
}

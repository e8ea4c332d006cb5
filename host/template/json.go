package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
)

// tojson spells a value as Python's json.dumps does, with ensure_ascii off by default, as in chat templates.
func tojson(s *state, v any, a args) (any, error) {
	p, err := a.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?")
	if err != nil {
		return nil, err
	}
	w := jsonWriter{s: s, b: s.build(), ascii: truth(or(p[0], false)), sort: truth(or(p[3], false)), comma: trusted(", "), colon: trusted(": ")}
	switch n := or(p[1], nil).(type) {
	case nil:
	case text:
		w.lines, w.pad = true, n
	default:
		width, err := asInt(n)
		if err != nil {
			return nil, err
		}
		pad, err := s.repeat(trusted(" "), width)
		if err != nil {
			return nil, err
		}
		w.lines, w.pad = true, pad.(text)
	}
	if w.lines {
		w.comma = trusted(",")
	}
	if x := or(p[2], nil); x != nil {
		parts, err := s.iterate(x)
		if err != nil {
			return nil, err
		}
		if len(parts) != 2 {
			return nil, valueError("separators: got %d, want 2", len(parts))
		}
		if w.comma, err = asText(parts[0]); err == nil {
			w.colon, err = asText(parts[1])
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return s.done(w.b)
}

// jsonWriter writes JSON in the form that tojson was asked for. What came from data stays data, quotes and commas do not.
type jsonWriter struct {
	s            *state
	b            *builder
	ascii, sort  bool
	lines        bool // every item on its own
	pad          text
	comma, colon text
}

func (w *jsonWriter) value(v any, depth int) error {
	if depth > maxNesting {
		return limitError("levels of values", maxNesting)
	}
	if err := w.s.step(1); err != nil || w.b.over {
		return err
	}
	switch v := v.(type) {
	case nil:
		w.b.own("null")
	case bool:
		w.b.own(strconv.FormatBool(v))
	case int64:
		w.b.own(strconv.FormatInt(v, 10))
	case *big.Int:
		w.b.own(v.String())
	case float64:
		w.b.own(jsonFloat(v))
	case text:
		w.text(v)
	case *list:
		if v.kind > isTuple {
			return typeError("Object of type %s is not JSON serializable", typeName(v))
		}
		return w.items('[', ']', len(v.items), depth, func(i int) error { return w.value(v.items[i], depth+1) })
	case *dict:
		return w.dict(v, depth)
	default:
		return typeError("Object of type %s is not JSON serializable", typeName(v))
	}
	return nil
}

func (w *jsonWriter) dict(d *dict, depth int) error {
	pairs := d.pairs()
	if w.sort {
		var err error
		if pairs, err = w.s.sorted(pairs, func(x any) (any, error) { return x.(*list).items[0], nil }, false); err != nil {
			return err
		}
	}
	return w.items('{', '}', len(pairs), depth, func(i int) error {
		pair := pairs[i].(*list).items
		switch k := pair[0].(type) {
		case text:
			w.text(k)
		case nil:
			w.b.own(`"null"`)
		case bool:
			w.b.own(strconv.Quote(strconv.FormatBool(k)))
		case float64:
			w.b.own(strconv.Quote(jsonFloat(k)))
		case int64, *big.Int:
			w.b.own(fmt.Sprintf(`"%v"`, k))
		default:
			return typeError("keys must be str, int, float, bool or None, not %s", typeName(k))
		}
		w.b.addText(w.colon)
		return w.value(pair[1], depth+1)
	})
}

// items writes n members between brackets, on lines of their own when there is an indent.
func (w *jsonWriter) items(open, shut byte, n, depth int, item func(i int) error) error {
	line := func(depth int) {
		if !w.lines {
			return
		}
		w.b.own("\n")
		for range depth {
			w.b.addText(w.pad)
		}
	}
	w.b.own(string(open))
	for i := range n {
		if i > 0 {
			w.b.addText(w.comma)
		}
		line(depth + 1)
		if err := item(i); err != nil || w.b.over {
			return err
		}
	}
	if n > 0 {
		line(depth)
	}
	w.b.own(string(shut))
	return nil
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0]
	}
	return floatText(f)
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}

func (w *jsonWriter) text(t text) {
	w.b.own(`"`)
	if !w.ascii && strings.IndexFunc(t.s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) < 0 {
		w.b.addText(t)
		w.b.own(`"`)
		return
	}
	for c := range t.chars {
		e, ok := jsonEscapes[c.r]
		switch {
		case ok:
		case c.r < ' ' || w.ascii && c.r >= 0x7f && c.r < 0x10000:
			e = fmt.Sprintf(`\u%04x`, c.r)
		case w.ascii && c.r >= 0x10000:
			hi, lo := utf16.EncodeRune(c.r)
			e = fmt.Sprintf(`\u%04x\u%04x`, hi, lo)
		default:
			e = c.raw
		}
		w.b.add(e, c.data)
	}
	w.b.own(`"`)
}

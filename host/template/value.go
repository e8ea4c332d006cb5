package template

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Values are Python's: nil, bool, int64, float64, text, *list, *dict, function, and undefined.
type (
	// text is a string that remembers which of its parts came from the template and which from data.
	text struct{ parts []Segment }
	list struct{ items []any }
	// dict keeps its keys in the order they came in.
	dict struct {
		keys   []string
		values map[string]any
	}
	// namespace is a dict that set may write to.
	namespace struct{ dict }
	function  func(s *state, args []any, kw map[string]any) (any, error)
	undefined struct{ name string }
)

func trusted(s string) text   { return text{[]Segment{{s, true}}} }
func untrusted(s string) text { return text{[]Segment{{s, false}}} }

func (t text) String() string {
	if len(t.parts) == 1 {
		return t.parts[0].Text
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// trusted reports whether no part came from data.
func (t text) trusted() bool {
	for _, p := range t.parts {
		if !p.Trusted && p.Text != "" {
			return false
		}
	}
	return true
}

// like makes a string derived from t: data if any of t is.
func (t text) like(s string) text { return text{[]Segment{{s, t.trusted()}}} }

func (t text) join(o text) text {
	return text{append(append([]Segment(nil), t.parts...), o.parts...)}
}

// cut is the bytes from lo to hi, each part keeping its origin.
func (t text) cut(lo, hi int) text {
	var out text
	at := 0
	for _, p := range t.parts {
		a, b := max(lo-at, 0), min(hi-at, len(p.Text))
		if a < b {
			out.parts = append(out.parts, Segment{p.Text[a:b], p.Trusted})
		}
		at += len(p.Text)
	}
	return out
}

func newDict() *dict { return &dict{values: map[string]any{}} }

func (d *dict) set(k string, v any) {
	if _, ok := d.values[k]; !ok {
		d.keys = append(d.keys, k)
	}
	d.values[k] = v
}

// truth is Python's.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case text:
		for _, p := range v.parts {
			if p.Text != "" {
				return true
			}
		}
		return false
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// equal is Python's ==.
func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case text:
		y, ok := b.(text)
		return ok && x.String() == y.String()
	case *list:
		y, ok := b.(*list)
		if !ok || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !equal(x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case *dict:
		y, ok := b.(*dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for _, k := range x.keys {
			v, ok := y.values[k]
			if !ok || !equal(x.values[k], v) {
				return false
			}
		}
		return true
	}
	return false
}

// number is a value as a float; booleans are numbers in Python.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// toText is Python's str().
func toText(v any) text {
	switch v := v.(type) {
	case text:
		return v
	case undefined:
		return text{}
	}
	return text{[]Segment{{repr(v), !fromData(v)}}}
}

// fromData reports whether a value holds a string that came from data.
func fromData(v any) bool {
	switch v := v.(type) {
	case text:
		return !v.trusted()
	case *list:
		for _, x := range v.items {
			if fromData(x) {
				return true
			}
		}
	case *dict:
		return len(v.keys) > 0 // keys are plain strings, so their origin is not known
	}
	return false
}

// repr is Python's repr().
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case undefined:
		return "Undefined"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatText(v)
	case text:
		return quote(v.String())
	case *list:
		parts := make([]string, len(v.items))
		for i, x := range v.items {
			parts[i] = repr(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *dict:
		parts := make([]string, len(v.keys))
		for i, k := range v.keys {
			parts[i] = quote(k) + ": " + repr(v.values[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("<%T>", v)
}

// floatText spells a float as Python does: the shortest that reads back, with a point or an exponent.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		return s
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quote is Python's repr of a string.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

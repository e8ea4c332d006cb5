package template

import (
	"maps"
	"math"
	"slices"
)

type filter func(s *state, v any, a args) (any, error)

var refusedFilters = []string{"filesizeformat", "pprint", "random", "striptags", "urlencode", "urlize", "xmlattr"}

var filters map[string]filter

func init() { // not in the declaration, which would be a cycle: map applies filters by name
	filters = map[string]filter{}
	for _, some := range []map[string]filter{textFilters, listFilters, valueFilters} {
		maps.Copy(filters, some)
	}
}

// valueFilters are those of any value, and of numbers.
var valueFilters = map[string]filter{
	"abs":     absolute,
	"attr":    attrFilter,
	"count":   lengthFilter,
	"length":  lengthFilter,
	"d":       defaultFilter,
	"default": defaultFilter,
	"float":   floatFilter,
	"int":     intFilter,
	"round":   roundFilter,
	"tojson":  tojson,
	"string": func(s *state, v any, a args) (any, error) {
		if t, ok := v.(text); ok {
			return t, nil
		}
		return s.str(v)
	},
}

func lengthFilter(_ *state, v any, a args) (any, error) {
	if _, err := a.bind("length"); err != nil {
		return nil, err
	}
	n, err := length(v)
	return int64(n), err
}

func absolute(_ *state, v any, _ args) (any, error) {
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	i, ok := integer(v)
	if !ok {
		return nil, typeError("bad operand type for abs(): '%s'", typeName(v))
	}
	return whole(i.Abs(i))
}

func defaultFilter(_ *state, v any, a args) (any, error) {
	p, err := a.bind("default", "default_value?", "boolean?")
	if err != nil {
		return nil, err
	}
	if _, missing := v.(undefined); missing || truth(or(p[1], false)) && !truth(v) {
		return or(p[0], text{}), nil
	}
	return v, nil
}

// attrFilter is an attribute alone, never an item.
func attrFilter(_ *state, v any, a args) (any, error) {
	p, err := a.bind("attr", "name")
	if err != nil {
		return nil, err
	}
	name, err := asText(p[0])
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, u.fail()
	}
	if x, ok := attribute(v, name.s); ok {
		return x, nil
	}
	return undefined{name: name.s, of: objectName(v)}, nil
}

func intFilter(_ *state, v any, a args) (any, error) {
	p, err := a.bind("int", "default?", "base?")
	if err != nil {
		return nil, err
	}
	base, err := asInt(or(p[1], int64(10)))
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, u.fail()
	}
	if t, ok := v.(text); ok {
		if n, ok := parseInt(t.s, base); ok {
			return n, nil
		}
		if f, ok := parseFloat(t.s); ok {
			v = f
		}
	}
	if n, ok := integer(v); ok {
		return whole(n)
	}
	if f, ok := v.(float64); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return truncated(f)
	}
	return or(p[0], int64(0)), nil
}

func floatFilter(_ *state, v any, a args) (any, error) {
	p, err := a.bind("float", "default?")
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case undefined:
		return nil, v.fail()
	case text:
		if f, ok := parseFloat(v.s); ok {
			return f, nil
		}
	}
	if f, ok := number(v); ok {
		return f, nil
	}
	return or(p[0], 0.0), nil
}

func roundFilter(_ *state, v any, a args) (any, error) {
	p, err := a.bind("round", "precision?", "method?")
	if err != nil {
		return nil, err
	}
	digits, err := asInt(or(p[0], int64(0)))
	if err != nil {
		return nil, err
	}
	method, err := asText(or(p[1], trusted("common")))
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok && method.s != "common" {
		return nil, u.fail()
	}
	f, ok := number(v)
	if !ok {
		return nil, typeError("type %s doesn't define __round__ method", typeName(v))
	}
	scale := math.Pow(10, float64(digits))
	switch method.s {
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	case "common":
	default:
		return nil, failure("FilterArgumentError", "method must be common, ceil or floor")
	}
	if n, ok := integer(v); ok {
		if digits >= 0 {
			return whole(n)
		}
		return truncated(roundFloat(f, digits))
	}
	return roundFloat(f, digits), nil
}

// textFilters are those that make texts of texts.
var textFilters = map[string]filter{
	"capitalize":  onText("capitalize", text.capitalized),
	"lower":       onText("lower", text.lower),
	"upper":       onText("upper", text.upper),
	"title":       onText("title", text.wordsTitled),
	"e":           onText("escape", text.escaped),
	"escape":      onText("escape", text.escaped),
	"forceescape": onText("forceescape", func(t text) text { return t.plain().escaped() }),
	"safe": onText("safe", func(t text) text {
		t.safe = true
		return t
	}),
	"trim": func(s *state, v any, a args) (any, error) {
		p, err := a.bind("trim", "chars?")
		if err != nil {
			return nil, err
		}
		t, err := s.soft(v)
		if err != nil {
			return nil, err
		}
		return t.strip(p[0], true, true)
	},
	"replace":   replaceFilter,
	"center":    centerFilter,
	"format":    formatFilter,
	"indent":    indent,
	"truncate":  truncate,
	"wordcount": wordCount,
	"wordwrap":  wordWrap,
}

// soft is str() that leaves Markup as it is.
func (s *state) soft(v any) (text, error) {
	if t, ok := v.(text); ok {
		return t, nil
	}
	return s.str(v)
}

// onText makes a filter of a change to text.
func onText(name string, f func(text) text) filter {
	return func(s *state, v any, a args) (any, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		t, err := s.soft(v)
		if err != nil {
			return nil, err
		}
		return f(t), s.charge(len(t.s))
	}
}

func replaceFilter(s *state, v any, a args) (any, error) {
	p, err := a.bind("replace", "old", "new", "count?")
	if err != nil {
		return nil, err
	}
	var t [3]text
	for i, x := range []any{v, p[0], p[1]} {
		if t[i], err = s.str(x); err != nil {
			return nil, err
		}
	}
	n := -1
	if c := or(p[2], nil); c != nil {
		if n, err = asInt(c); err != nil {
			return nil, err
		}
	}
	return s.replace(t[0], t[1].s, t[2], n)
}

func centerFilter(s *state, v any, a args) (any, error) {
	p, err := a.bind("center", "width?")
	if err != nil {
		return nil, err
	}
	width, err := asInt(or(p[0], int64(80)))
	if err != nil {
		return nil, err
	}
	t, err := s.soft(v)
	if err != nil {
		return nil, err
	}
	return s.pad("center", t, width, trusted(" "))
}

// indent puts width spaces, or a text, before each line; the first and blank ones only if asked.
func indent(s *state, v any, a args) (any, error) {
	p, err := a.bind("indent", "width?", "first?", "blank?")
	if err != nil {
		return nil, err
	}
	t, err := asLines(v)
	if err != nil {
		return nil, err
	}
	pad, ok := or(p[0], int64(4)).(text)
	if !ok {
		n, err := asInt(or(p[0], int64(4)))
		if err != nil {
			return nil, err
		}
		v, err := s.repeat(trusted(" "), n)
		if err != nil {
			return nil, err
		}
		pad = v.(text)
	}
	b := s.build()
	// Python adds a line break first, so that a last empty line counts.
	ranges := lines(t.s+"\n", false)
	for i, r := range ranges {
		if i > 0 {
			b.own("\n")
		}
		if i == 0 && truth(or(p[1], false)) || i > 0 && (truth(or(p[2], false)) || r[0] < r[1]) {
			b.addText(pad)
		}
		b.addCut(t, r[0], r[1])
	}
	return s.done(b)
}

// asLines wants a str that has lines.
func asLines(v any) (text, error) {
	t, err := asText(v)
	if l, ok := v.(*list); ok && l.kind == isList {
		err = failure("AttributeError", "'list' object has no attribute 'splitlines'")
	}
	return t, err
}

func truncate(s *state, v any, a args) (any, error) {
	p, err := a.bind("truncate", "length?", "killwords?", "end?", "leeway?")
	if err != nil {
		return nil, err
	}
	n, err := asInt(or(p[0], int64(255)))
	if err != nil {
		return nil, err
	}
	end, err := asText(or(p[2], trusted("...")))
	if err != nil {
		return nil, err
	}
	leeway := 5
	if x := or(p[3], nil); x != nil {
		if leeway, err = asInt(x); err != nil {
			return nil, err
		}
	}
	size, err := length(v)
	t, isText := v.(text)
	switch {
	case n < end.len() || leeway < 0:
		return nil, failure("AssertionError", "expected length >= %d, got %d", end.len(), n)
	case err != nil:
		return nil, err
	case size <= n+leeway:
		return v, nil
	case !isText:
		return nil, failure("AttributeError", "'%s' object has no attribute 'rsplit'", typeName(v))
	}
	cut := t.cut(0, t.byteAt(n-end.len()))
	if !truth(or(p[1], false)) {
		if parts := splits(cut.s, " ", 1, true); len(parts) > 1 {
			cut = cut.cut(parts[0][0], parts[0][1])
		}
	}
	return s.join(cut, end)
}

func wordCount(s *state, v any, a args) (any, error) {
	if _, err := a.bind("wordcount"); err != nil {
		return nil, err
	}
	t, err := s.soft(v)
	if err != nil {
		return nil, err
	}
	n, in := int64(0), false
	for _, r := range t.s {
		if isWord(r) && !in {
			n++
		}
		in = isWord(r)
	}
	return n, s.work(len(t.s))
}

// isWord is \w of regular expressions.
func isWord(r rune) bool { return r == '_' || isAlnum(r) }

// isOne says whether name is a filter.
func isOne(name string) bool {
	return filters[name] != nil || slices.Contains(refusedFilters, name)
}

package template

import (
	"strings"
	"unicode/utf8"
)

// strip takes white space, or the characters of set, off the ends.
func (t text) strip(set any, left, right bool) (text, error) {
	in := isSpace
	if set = or(set, nil); set != nil {
		chars, err := asText(set)
		if err != nil {
			return text{}, err
		}
		in = func(r rune) bool { return strings.ContainsRune(chars.s, r) }
	}
	lo, hi := 0, len(t.s)
	if left {
		lo = hi - len(strings.TrimLeftFunc(t.s, in))
	}
	if right {
		hi = lo + len(strings.TrimRightFunc(t.s[lo:], in))
	}
	return t.cut(lo, hi), nil
}

func stripMethod(name string, left, right bool) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		v, err := a.bind(name, "chars?")
		if err != nil {
			return nil, err
		}
		return t.strip(v[0], left, right)
	}
}

// affixMethod tests a prefix or suffix, or any of a tuple of them.
func affixMethod(name string, test func(s, affix string) bool) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		v, err := a.bind(name, "affix", "start?", "end?")
		if err != nil {
			return nil, err
		}
		str, err := t.within(v[1], v[2])
		if err != nil {
			return nil, err
		}
		several := []any{v[0]}
		if l, ok := v[0].(*list); ok && l.kind == isTuple {
			several = l.items
		}
		for _, x := range several {
			affix, ok := x.(text)
			if !ok {
				return nil, typeError("%s first arg must be str or a tuple of str, not %s", name, typeName(x))
			}
			if test(str.s, affix.s) {
				return true, nil
			}
		}
		return false, nil
	}
}

// within is the part of t between two characters, either of which may be absent.
func (t text) within(start, stop any) (text, error) {
	if or(start, nil) == nil && or(stop, nil) == nil {
		return t, nil
	}
	lo, hi, err := span(start, stop, t.len())
	if err != nil {
		return text{}, err
	}
	return t.cut(t.byteAt(lo), t.byteAt(hi)), nil
}

func removeMethod(name string) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		v, err := a.bind(name, "affix")
		if err != nil {
			return nil, err
		}
		affix, err := asText(v[0])
		switch {
		case err != nil:
			return nil, err
		case name == "removeprefix" && strings.HasPrefix(t.s, affix.s):
			return t.cut(len(affix.s), len(t.s)), nil
		case name == "removesuffix" && strings.HasSuffix(t.s, affix.s):
			return t.cut(0, len(t.s)-len(affix.s)), nil
		}
		return t, nil
	}
}

// findMethod is find, rfind, index, rindex and count, in characters.
func findMethod(name string) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		v, err := a.bind(name, "sub", "start?", "end?")
		if err != nil {
			return nil, err
		}
		sub, err := asText(v[0])
		if err != nil {
			return nil, err
		}
		offset := 0
		part := t
		if or(v[1], nil) != nil || or(v[2], nil) != nil {
			if offset, _, err = span(v[1], v[2], t.len()); err == nil {
				part, err = t.within(v[1], v[2])
			}
			if err != nil {
				return nil, err
			}
		}
		i := 0
		switch name {
		case "count":
			return int64(strings.Count(part.s, sub.s)), nil
		case "find", "index":
			i = strings.Index(part.s, sub.s)
		default:
			i = strings.LastIndex(part.s, sub.s)
		}
		if i >= 0 {
			return int64(offset + utf8.RuneCountInString(part.s[:i])), nil
		}
		if strings.HasSuffix(name, "index") {
			return nil, valueError("substring not found")
		}
		return int64(-1), nil
	}
}

// padMethod is center, ljust, rjust and zfill.
func padMethod(name string) textMethod {
	return func(s *state, t text, a args) (any, error) {
		params := []string{"width", "fillchar?"}
		if name == "zfill" {
			params = params[:1]
		}
		v, err := a.bind(name, params...)
		if err != nil {
			return nil, err
		}
		width, err := asInt(v[0])
		if err != nil {
			return nil, err
		}
		fill := trusted(" ")
		if name == "zfill" {
			fill = trusted("0")
		} else if fill, err = asText(or(v[1], fill)); err != nil {
			return nil, err
		}
		if fill.len() != 1 {
			return nil, typeError("the fill character must be exactly one character long")
		}
		return s.pad(name, t, width, fill)
	}
}

func (s *state) pad(name string, t text, width int, fill text) (any, error) {
	n := max(width-t.len(), 0)
	if n > s.limits.Output {
		return nil, limitError("bytes of text", s.limits.Output)
	}
	b := s.build()
	left := 0
	switch name {
	case "center":
		left = n/2 + n&width&1
	case "rjust":
		left = n
	case "zfill":
		left = n
		if t.s != "" && (t.s[0] == '-' || t.s[0] == '+') {
			b.addCut(t, 0, 1)
			t = t.cut(1, len(t.s))
		}
	}
	for range left {
		b.addText(fill)
	}
	b.addText(t)
	for range n - left {
		b.addText(fill)
	}
	return s.done(b)
}

// replace puts to in place of from, n times at most (−1: always). In place of data it is data: else whoever chooses the data
// would choose where the template's text goes, and could have a control token put there.
func (s *state) replace(t text, from string, to text, n int) (any, error) {
	if n == 0 || from == to.s && from != "" && to.ends == nil && !to.data {
		return t, nil
	}
	b := s.build()
	at := 0
	asData := to
	if fromData(t) {
		asData = untrusted(to.s)
	}
	for n != 0 && !b.over {
		i, width := strings.Index(t.s[at:], from), len(from)
		if from == "" { // between all characters
			if at > len(t.s) {
				break
			}
			i = 0
			_, width = utf8.DecodeRuneInString(t.s[at:])
			b.addText(asData)
			b.addCut(t, at, at+width)
			if n--; at == len(t.s) {
				at++
				break
			}
			at += width
			continue
		}
		if i < 0 {
			break
		}
		b.addCut(t, at, at+i)
		if fromData(t.cut(at+i, at+i+width)) {
			b.addText(asData)
		} else {
			b.addText(to)
		}
		at += i + width
		n--
	}
	if at < len(t.s) {
		b.addCut(t, at, len(t.s))
	}
	out, err := s.done(b)
	out.safe = t.safe
	return out, err
}

// joined puts sep between texts.
func (s *state) joined(sep text, items []any) (any, error) {
	b := s.build()
	for i, x := range items {
		if i > 0 {
			b.addText(sep)
		}
		t, err := s.str(x)
		if err != nil {
			return nil, err
		}
		b.addText(t)
		if b.over {
			break
		}
	}
	return s.done(b)
}

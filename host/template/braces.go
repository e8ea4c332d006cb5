package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// formatMethod is str.format.
func formatMethod(s *state, t text, a args) (any, error) { return s.braces(t, a.pos, keywords(a)) }

// braces writes t with its {fields} replaced by values: {} {0} {name} {a.b[0]}, with !r or !s, and :spec.
func (s *state) braces(t text, given []any, named *dict) (any, error) {
	b := s.build()
	next := 0
	for at := 0; at < len(t.s); {
		n := strings.IndexAny(t.s[at:], "{}")
		if n < 0 {
			b.addCut(t, at, len(t.s))
			break
		}
		b.addCut(t, at, at+n)
		at += n
		if strings.HasPrefix(t.s[at:], "{{") || strings.HasPrefix(t.s[at:], "}}") {
			b.addCut(t, at, at+1)
			at += 2
			continue
		}
		end := strings.IndexByte(t.s[at:], '}')
		switch {
		case t.s[at] == '}':
			return nil, valueError("single '}' encountered in format string")
		case end < 0:
			return nil, valueError("expected '}' before end of string")
		case strings.IndexByte(t.s[at+1:at+end], '{') >= 0:
			return nil, &UnsupportedError{What: "a field inside a field of str.format"}
		}
		if err := s.field(b, t.s[at+1:at+end], &next, given, named); err != nil {
			return nil, err
		}
		at += end + 1
	}
	out, err := s.done(b)
	out.safe = t.safe
	return out, err
}

// field writes one field.
func (s *state) field(b *builder, field string, next *int, given []any, named *dict) error {
	name, form, _ := strings.Cut(field, ":")
	name, conversion, converts := strings.Cut(name, "!")
	first := name
	if i := strings.IndexAny(name, ".["); i >= 0 {
		first = name[:i]
	}
	v, err := fieldValue(first, next, given, named)
	for rest := name[len(first):]; rest != "" && err == nil; {
		dot := rest[0] == '.'
		rest = rest[1:]
		end := strings.IndexAny(rest, ".[")
		if !dot {
			end = strings.IndexByte(rest, ']')
		}
		if end < 0 {
			end = len(rest)
		}
		key := rest[:end]
		rest = rest[end:]
		if dot {
			v, err = s.getattr(v, key)
			continue
		}
		rest = strings.TrimPrefix(rest, "]")
		var at any = trusted(key)
		if n, convErr := strconv.Atoi(key); convErr == nil {
			at = int64(n)
		}
		v, err = s.getitem(v, at)
	}
	if err == nil && converts {
		switch conversion {
		case "r", "a":
			v, err = s.repr(v)
		case "s":
			v, err = s.str(v)
		default:
			err = valueError("unknown conversion specifier %.10q", conversion)
		}
	}
	if err != nil {
		return err
	}
	return s.formatValue(b, v, form)
}

func fieldValue(name string, next *int, given []any, named *dict) (any, error) {
	n, err := strconv.Atoi(name)
	switch {
	case name == "":
		n = *next
		*next++
	case err != nil:
		if v, ok := named.get(name); ok {
			return v, nil
		}
		return nil, failure("KeyError", "'%s'", name)
	}
	if n < 0 || n >= len(given) {
		return nil, failure("IndexError", "Replacement index %d out of range for positional args tuple", n)
	}
	return given[n], nil
}

// formatValue is Python's format(v, form): [[fill]align][sign][#][0][width][,_][.precision][type].
func (s *state) formatValue(b *builder, v any, form string) error {
	sp := spec{fill: " ", precision: -1}
	rest := form
	if _, n := utf8.DecodeRuneInString(rest); n > 0 && len(rest) > n && strings.IndexByte("<>=^", rest[n]) >= 0 {
		sp.fill, sp.align, rest = rest[:n], rest[n], rest[n+1:]
	} else if rest != "" && strings.IndexByte("<>=^", rest[0]) >= 0 {
		sp.align, rest = rest[0], rest[1:]
	}
	if rest != "" && strings.IndexByte("+- ", rest[0]) >= 0 {
		sp.sign, rest = rest[0], rest[1:]
	}
	sp.alternate = strings.HasPrefix(rest, "#")
	rest = strings.TrimPrefix(rest, "#")
	if strings.HasPrefix(rest, "0") {
		if sp.fill == " " {
			sp.fill = "0"
		}
		if sp.align == 0 {
			sp.align = '='
		}
		rest = rest[1:]
	}
	number := func() (n int) {
		for rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			n = min(10*n+int(rest[0]-'0'), maxWidth+1)
			rest = rest[1:]
		}
		return n
	}
	sp.width = number()
	if rest != "" && (rest[0] == ',' || rest[0] == '_') {
		sp.group, rest = rest[0], rest[1:]
	}
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		sp.precision = number()
	}
	if len(rest) == 1 {
		sp.verb = rest[0]
	}
	switch {
	case len(rest) > 1:
		return valueError("invalid format specifier '%.40s'", form)
	case sp.width > maxWidth || sp.precision > maxWidth:
		return limitError("characters of a field", maxWidth)
	case form == "":
		t, err := s.str(v)
		b.addText(t)
		return err
	}
	return s.writeSpec(b, v, sp)
}

func (s *state) writeSpec(b *builder, v any, sp spec) error {
	align := func(def byte) {
		if sp.align == 0 {
			sp.align = def
		}
	}
	if t, ok := v.(text); ok && (sp.verb == 0 || sp.verb == 's') {
		if align('<'); sp.align == '=' {
			return valueError("'=' alignment not allowed in string format specifier")
		}
		sp.writeText(b, t)
		return nil
	}
	if isA[text](v) {
		return valueError("unknown format code '%c' for object of type 'str'", sp.verb)
	}
	align('>')
	f, isNumber := number(v)
	n, isWhole := integer(v)
	switch {
	case !isNumber:
		return typeError("unsupported format string passed to %s.__format__", typeName(v))
	case strings.IndexByte("eEfFgG%", sp.verb) >= 0 && sp.verb != 0:
		if sp.verb == '%' {
			inner := spec{precision: sp.precision, verb: 'f', sign: sp.sign, align: '>'}
			var digits builder
			inner.writeFloat(&digits, f*100)
			digits.own("%")
			sp.precision = -1
			sp.writeText(b, digits.text())
			return nil
		}
		sp.writeFloat(b, f)
		return nil
	case isWhole && (sp.verb == 0 || strings.IndexByte("dxXob", sp.verb) >= 0) && sp.precision < 0:
		return sp.writeInt(b, n)
	case !isWhole && sp.verb == 0:
		digits := strings.TrimPrefix(floatText(f), "-")
		if sp.precision >= 0 {
			digits = general(max(f, -f), max(sp.precision, 1), false)
		}
		sp.precision = -1
		sp.writeNumber(b, f < 0, "", digits)
		return nil
	}
	return valueError("unknown format code '%c' for object of type '%s'", sp.verb, typeName(v))
}

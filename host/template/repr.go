package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// maxNesting is how deep values may lie in each other to be written, compared or read.
const maxNesting = 200

// build starts a text that is no longer than any output.
func (s *state) build() *builder { return &builder{max: s.limits.Output} }

// done ends a text and counts its bytes.
func (s *state) done(b *builder) (text, error) {
	if b.over {
		return text{}, limitError("bytes of text", s.limits.Output)
	}
	return b.text(), s.charge(b.b.Len())
}

// str is Python's str().
func (s *state) str(v any) (text, error) {
	switch v := v.(type) {
	case text:
		return v.plain(), nil
	case undefined:
		return text{}, nil
	}
	return s.repr(v)
}

// repr is Python's repr(), where each part keeps its origin.
func (s *state) repr(v any) (text, error) {
	b := s.build()
	if err := s.writeRepr(b, v, 0); err != nil {
		return text{}, err
	}
	return s.done(b)
}

func (s *state) writeRepr(b *builder, v any, depth int) error {
	if depth > maxNesting {
		return limitError("levels of values", maxNesting)
	}
	if err := s.step(1); err != nil || b.over {
		return err
	}
	switch v := v.(type) {
	case nil:
		b.own("None")
	case bool:
		b.own(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.own(strconv.FormatInt(v, 10))
	case *big.Int:
		b.own(v.String())
		return s.step(v.BitLen() / 8)
	case float64:
		b.own(floatText(v))
	case text:
		if v.safe {
			b.own("Markup(")
		}
		quote(b, v)
		if v.safe {
			b.own(")")
		}
	case *list:
		return s.reprList(b, v, depth)
	case *dict:
		b.own("{")
		for i, k := range v.keys {
			if i > 0 {
				b.own(", ")
			}
			if err := s.writeRepr(b, k, depth+1); err != nil {
				return err
			}
			b.own(": ")
			if err := s.writeRepr(b, v.vals[i], depth+1); err != nil {
				return err
			}
		}
		b.own("}")
	case *namespace:
		b.own("<Namespace ")
		if err := s.writeRepr(b, v.attrs, depth+1); err != nil {
			return err
		}
		b.own(">")
	case *macro:
		b.own("<Macro " + v.title() + ">")
	case *loop:
		b.own(fmt.Sprintf("<LoopContext %d/%d>", v.i+1, len(v.items)))
	case *function:
		b.own("<built-in method " + v.name + ">")
	case undefined:
		b.own("Undefined")
	default:
		b.own("<" + typeName(v) + " object>")
	}
	return nil
}

func (s *state) reprList(b *builder, l *list, depth int) error {
	open, shut := "[", "]"
	switch l.kind {
	case isTuple:
		open, shut = "(", ")"
		if len(l.items) == 1 {
			shut = ",)"
		}
	case isRange:
		b.own(l.spelled)
		return nil
	case isKeys, isValues, isItems:
		open, shut = listNames[l.kind]+"([", "])"
	case isReversed:
		b.own("<list_reverseiterator object>")
		return nil
	}
	b.own(open)
	for i, x := range l.items {
		if i > 0 {
			b.own(", ")
		}
		if err := s.writeRepr(b, x, depth+1); err != nil {
			return err
		}
	}
	b.own(shut)
	return nil
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
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quote is Python's repr of a str.
func quote(b *builder, t text) {
	q := '\''
	if strings.Contains(t.s, "'") && !strings.Contains(t.s, `"`) {
		q = '"'
	}
	b.own(string(q))
	for c := range t.chars {
		switch {
		case c.r == q || c.r == '\\':
			b.add(`\`+c.raw, c.data)
		case c.r == '\n':
			b.add(`\n`, c.data)
		case c.r == '\t':
			b.add(`\t`, c.data)
		case c.r == '\r':
			b.add(`\r`, c.data)
		case c.r == ' ' || unicode.IsPrint(c.r):
			b.add(c.raw, c.data)
		case c.r < 0x100:
			b.add(fmt.Sprintf(`\x%02x`, c.r), c.data)
		case c.r < 0x10000:
			b.add(fmt.Sprintf(`\u%04x`, c.r), c.data)
		default:
			b.add(fmt.Sprintf(`\U%08x`, c.r), c.data)
		}
	}
	b.own(string(q))
}

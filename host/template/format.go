package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is how one value is to be written, as both ways of formatting ask for it.
type spec struct {
	fill      string
	align     byte // < > ^ =, or 0
	sign      byte // + - or space, or 0
	alternate bool // #
	group     byte // , or _, or 0
	width     int
	precision int // −1: none
	verb      byte
}

// maxWidth bounds widths and precisions.
const maxWidth = 1 << 16

func formatFilter(s *state, v any, a args) (any, error) {
	t, err := s.soft(v)
	if err != nil {
		return nil, err
	}
	switch {
	case len(a.pos) > 0 && len(a.kw) > 0:
		return nil, failure("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
	case len(a.kw) > 0:
		return s.percent(t, keywords(a))
	}
	return s.percent(t, newTuple(a.pos...))
}

// keywords are named arguments as a dict.
func keywords(a args) *dict {
	d := newDict()
	for _, k := range a.kw {
		d.set(text{s: k.name, data: k.data}, k.v)
	}
	return d
}

// percent is Python's f % arg: printf.
func (s *state) percent(f text, arg any) (any, error) {
	given := []any{arg}
	if l, ok := arg.(*list); ok && l.kind == isTuple {
		given = l.items
	}
	b := s.build()
	used := 0
	take := func() (any, error) {
		if used++; used > len(given) {
			return nil, typeError("not enough arguments for format string")
		}
		return given[used-1], nil
	}
	named := false
	for at := 0; at < len(f.s); {
		n := strings.IndexByte(f.s[at:], '%')
		if n < 0 {
			b.addCut(f, at, len(f.s))
			break
		}
		b.addCut(f, at, at+n)
		at += n + 1
		if strings.HasPrefix(f.s[at:], "%") {
			b.addCut(f, at, at+1)
			at++
			continue
		}
		next := take
		if strings.HasPrefix(f.s[at:], "(") {
			end := strings.IndexByte(f.s[at:], ')')
			d, ok := arg.(*dict)
			if end < 0 || !ok {
				return nil, typeError("format requires a mapping")
			}
			v, ok := d.get(f.s[at+1 : at+end])
			if !ok {
				return nil, failure("KeyError", "%q", f.s[at+1:at+end])
			}
			next = func() (any, error) { return v, nil }
			named = true
			at += end + 1
		}
		sp, size, err := percentSpec(f.s[at:], take)
		if err != nil {
			return nil, err
		}
		at += size
		v, err := next()
		if err != nil {
			return nil, err
		}
		if err := s.percentValue(b, v, sp, f.safe); err != nil {
			return nil, err
		}
	}
	if used < len(given) && !named && !isA[*dict](arg) && !isA[undefined](arg) && (!isA[*list](arg) || arg.(*list).kind == isTuple) {
		return nil, typeError("not all arguments converted during string formatting")
	}
	t, err := s.done(b)
	t.safe = f.safe
	return t, err
}

// percentSpec reads what follows a %, up to the verb; take gives the value of a width that is *.
func percentSpec(f string, take func() (any, error)) (sp spec, size int, err error) {
	sp = spec{fill: " ", align: '>', precision: -1}
	i := 0
	for ; i < len(f) && strings.IndexByte("-+ 0#", f[i]) >= 0; i++ {
		switch f[i] {
		case '-':
			sp.align = '<'
		case '0':
			if sp.align != '<' {
				sp.fill, sp.align = "0", '='
			}
		case '#':
			sp.alternate = true
		case '+':
			sp.sign = '+'
		case ' ':
			if sp.sign == 0 {
				sp.sign = ' '
			}
		}
	}
	number := func() (n int) {
		if i < len(f) && f[i] == '*' {
			i++
			var v any
			if v, err = take(); err == nil {
				n, err = asInt(v)
			}
		}
		for ; i < len(f) && f[i] >= '0' && f[i] <= '9'; i++ {
			n = min(10*n+int(f[i]-'0'), maxWidth+1)
		}
		return n
	}
	if sp.width = number(); sp.width < 0 {
		sp.width, sp.align, sp.fill = -sp.width, '<', " "
	}
	if i < len(f) && f[i] == '.' {
		i++
		sp.precision = max(number(), 0)
	}
	for i < len(f) && strings.IndexByte("hlL", f[i]) >= 0 {
		i++
	}
	switch {
	case err != nil:
		return sp, 0, err
	case sp.width > maxWidth || sp.precision > maxWidth:
		return sp, 0, limitError("characters of a field", maxWidth)
	case i >= len(f):
		return sp, 0, valueError("incomplete format")
	}
	if sp.align == '<' {
		sp.fill = " "
	}
	sp.verb = f[i]
	return sp, i + 1, nil
}

func (s *state) percentValue(b *builder, v any, sp spec, safe bool) error {
	switch sp.verb {
	case 's', 'r', 'a', 'c':
		t, err := s.percentText(v, sp.verb)
		if err != nil {
			return err
		}
		if safe {
			t = t.escaped()
		}
		if sp.align == '=' {
			sp.align, sp.fill = '>', " "
		}
		sp.writeText(b, t)
		return nil
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if f, ok := v.(float64); ok && strings.IndexByte("diu", sp.verb) >= 0 && !math.IsNaN(f) && !math.IsInf(f, 0) {
			v, _ = truncated(f)
		}
		n, ok := integer(v)
		if u, missing := v.(undefined); missing {
			return u.fail()
		}
		if !ok {
			return typeError("%%%c format: a number is required, not %s", sp.verb, typeName(v))
		}
		return sp.writeInt(b, n)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, ok := number(v)
		if u, missing := v.(undefined); missing {
			return u.fail()
		}
		if !ok {
			return typeError("must be real number, not %s", typeName(v))
		}
		sp.writeFloat(b, f)
		return nil
	}
	return valueError("unsupported format character '%c'", sp.verb)
}

// percentText is the text of %s, %r, %a and %c.
func (s *state) percentText(v any, verb byte) (text, error) {
	switch verb {
	case 's':
		return s.soft(v)
	case 'c':
		if t, ok := v.(text); ok && t.len() == 1 {
			return t, nil
		}
		if n, ok := small(v); ok && n >= 0 && n <= utf8.MaxRune {
			return untrusted(string(rune(n))), nil // the number may come from data
		}
		return text{}, typeError("%%c requires int or char")
	}
	return s.repr(v)
}

// writeText pads a text to the width.
func (sp spec) writeText(b *builder, t text) {
	if sp.precision >= 0 && t.len() > sp.precision {
		t = t.cut(0, t.byteAt(sp.precision))
	}
	n := max(sp.width-t.len(), 0)
	left := 0
	switch sp.align {
	case '>', '=':
		left = n
	case '^':
		left = n / 2
	}
	b.own(strings.Repeat(sp.fill, left))
	b.addText(t)
	b.own(strings.Repeat(sp.fill, n-left))
}

// writeNumber pads digits that have a sign, or a prefix such as 0x, before them.
func (sp spec) writeNumber(b *builder, negative bool, prefix, digits string) {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case sp.sign == '+' || sp.sign == ' ':
		sign = string(sp.sign)
	}
	if sp.group != 0 {
		digits = grouped(digits, string(sp.group), sp.width-len(sign)-len(prefix), sp.fill == "0" && sp.align == '=')
	}
	if sp.align == '=' {
		b.own(sign + prefix + strings.Repeat(sp.fill, max(sp.width-len(sign)-len(prefix)-len(digits), 0)) + digits)
		return
	}
	sp.precision = -1
	sp.writeText(b, trusted(sign+prefix+digits))
}

// grouped puts sep between thousands; zeros are of the number when they fill it.
func grouped(digits, sep string, width int, zeros bool) string {
	end := strings.IndexAny(digits, ".e%")
	if end < 0 {
		end = len(digits)
	}
	head, tail := digits[:end], digits[end:]
	for zeros && len(head)+(len(head)-1)/3+len(tail) < width {
		head = "0" + head
	}
	for i := len(head) - 3; i > 0; i -= 3 {
		head = head[:i] + sep + head[i:]
	}
	return head + tail
}

func (sp spec) writeInt(b *builder, n *big.Int) error {
	base, prefix := 10, ""
	switch sp.verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	if !sp.alternate {
		prefix = ""
	}
	digits := new(big.Int).Abs(n).Text(base)
	if sp.precision > len(digits) {
		digits = strings.Repeat("0", sp.precision-len(digits)) + digits
	}
	if sp.verb == 'X' {
		digits, prefix = strings.ToUpper(digits), strings.ToUpper(prefix)
	}
	sp.writeNumber(b, n.Sign() < 0, prefix, digits)
	return nil
}

func (sp spec) writeFloat(b *builder, f float64) {
	precision := sp.precision
	if precision < 0 {
		precision = 6
	}
	abs := math.Abs(f)
	var digits string
	switch verb := sp.verb | 0x20; {
	case math.IsInf(f, 0):
		digits = "inf"
	case math.IsNaN(f):
		digits = "nan"
	case verb == 'g':
		digits = general(abs, max(precision, 1), sp.alternate)
	default:
		digits = strconv.FormatFloat(abs, verb, precision, 64)
	}
	if sp.verb < 'a' {
		digits = strings.ToUpper(digits)
	}
	sp.writeNumber(b, math.Signbit(f) && !math.IsNaN(f), "", digits)
}

// general is %g: as many significant digits as asked for, without zeros at the end, with an exponent where C has one.
func general(f float64, precision int, keep bool) string {
	e := strconv.FormatFloat(f, 'e', precision-1, 64)
	at := strings.IndexByte(e, 'e')
	exp, _ := strconv.Atoi(e[at+1:])
	trim := func(s string) string {
		if keep || !strings.Contains(s, ".") {
			return s
		}
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if exp < -4 || exp >= precision {
		return trim(e[:at]) + e[at:]
	}
	return trim(fmt.Sprintf("%.*f", precision-1-exp, f))
}

package template

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind of a token.
type kind uint8

const (
	tEOF kind = iota
	tData
	tExprBegin // {{
	tExprEnd
	tStmtBegin // {%
	tStmtEnd
	tName
	tString
	tInt
	tFloat
	tOp
)

var kindNames = [...]string{"end of template", "text", "{{", "}}", "{%", "%}", "name", "string", "whole number", "number", "operator"}

type token struct {
	kind kind
	s    string
	at   int // byte of the source
}

// String names a token in errors.
func (t token) String() string {
	switch t.kind {
	case tName, tOp, tInt, tFloat, tString:
		return fmt.Sprintf("%.40q", t.s)
	}
	return kindNames[t.kind]
}

// isSpace is Python's str.isspace.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// lexer cuts a template into tokens. White space control is that of chat templates: trim_blocks (a line break after a
// statement or comment goes) and lstrip_blocks (white space before one on its line goes), besides the signs − and +.
type lexer struct {
	src     string
	at      int
	newLine bool // the last tag ended with a line break, or there was none
	out     []token
}

// lex cuts src, whose line breaks are normal already.
func lex(src string) ([]token, error) {
	l := &lexer{src: src, newLine: true}
	for l.at < len(src) {
		if err := l.text(); err != nil {
			return nil, err
		}
	}
	l.emit(tEOF, "", len(src))
	return l.out, nil
}

func (l *lexer) emit(k kind, s string, at int) { l.out = append(l.out, token{k, s, at}) }

func (l *lexer) fail(at int, format string, args ...any) error {
	line, column := lineAndColumn(l.src, at)
	return &SyntaxError{line, column, fmt.Sprintf(format, args...)}
}

// text reads up to the next tag, and the tag.
func (l *lexer) text() error {
	begin := tagBegin(l.src, l.at)
	if begin < 0 {
		l.emit(tData, l.src[l.at:], l.at)
		l.at = len(l.src)
		return nil
	}
	from, tag := l.at, l.src[begin:begin+2]
	l.at = begin + 2
	sign := l.sign()
	if data := l.before(l.src[from:begin], sign, tag != "{{"); data != "" {
		l.emit(tData, data, from)
	}
	switch tag {
	case "{#":
		return l.comment(begin)
	case "{%":
		if raw, ok := l.raw(); ok {
			return l.rawBody(begin, raw)
		}
		l.emit(tStmtBegin, tag, begin)
		return l.tag(begin, "%}", tStmtEnd)
	}
	l.emit(tExprBegin, tag, begin)
	return l.tag(begin, "}}", tExprEnd)
}

// tagBegin finds the next {{, {% or {#.
func tagBegin(src string, from int) int {
	for i := from; i+1 < len(src); i++ {
		n := strings.IndexByte(src[i:], '{')
		if n < 0 || i+n+1 >= len(src) {
			return -1
		}
		if i += n; strings.IndexByte("{%#", src[i+1]) >= 0 {
			return i
		}
	}
	return -1
}

// sign takes a − or + at the start of a tag.
func (l *lexer) sign() byte {
	if l.at < len(l.src) && (l.src[l.at] == '-' || l.src[l.at] == '+') {
		l.at++
		return l.src[l.at-1]
	}
	return 0
}

// before is what the tag after data leaves of it.
func (l *lexer) before(data string, sign byte, block bool) string {
	switch {
	case sign == '-':
		return strings.TrimRightFunc(data, isSpace)
	case sign == '+' || !block:
		return data
	}
	line := strings.LastIndexByte(data, '\n') + 1
	if (line > 0 || l.newLine) && strings.TrimFunc(data[line:], isSpace) == "" {
		return data[:line]
	}
	return data
}

// after takes the end of a tag at l.at, which is 2 bytes with a sign before it, and the white space that goes with it.
func (l *lexer) after(block bool) {
	sign := l.sign()
	l.at += 2
	rest := l.src[l.at:]
	switch {
	case sign == '-':
		l.at += len(rest) - len(strings.TrimLeftFunc(rest, isSpace))
	case block && sign != '+' && strings.HasPrefix(rest, "\n"):
		l.at++
	}
	l.newLine = l.src[l.at-1] == '\n'
}

func (l *lexer) comment(begin int) error {
	end := strings.Index(l.src[l.at:], "#}")
	if end < 0 {
		return l.fail(begin, "got a comment without end, want #}")
	}
	if l.at += end; end > 0 && (l.src[l.at-1] == '-' || l.src[l.at-1] == '+') {
		l.at--
	}
	l.after(true)
	return nil
}

// raw looks for {% raw %} and returns where its body starts.
func (l *lexer) raw() (body int, ok bool) {
	rest := strings.TrimLeftFunc(l.src[l.at:], isSpace)
	if !strings.HasPrefix(rest, "raw") {
		return 0, false
	}
	rest = strings.TrimLeftFunc(rest[3:], isSpace)
	switch {
	case strings.HasPrefix(rest, "-%}"):
		rest = strings.TrimLeftFunc(rest[3:], isSpace)
	case strings.HasPrefix(rest, "%}"):
		rest = rest[2:]
	default:
		return 0, false
	}
	return len(l.src) - len(rest), true
}

// rawBody reads up to {% endraw %}.
func (l *lexer) rawBody(begin, body int) error {
	l.newLine = l.src[body-1] == '\n'
	for i := body; ; i++ {
		n := strings.Index(l.src[i:], "{%")
		if n < 0 {
			return l.fail(begin, "got raw without end, want {%% endraw %%}")
		}
		i += n
		l.at = i + 2
		sign := l.sign()
		rest := strings.TrimLeftFunc(l.src[l.at:], isSpace)
		if !strings.HasPrefix(rest, "endraw") {
			continue
		}
		rest = strings.TrimLeftFunc(rest[6:], isSpace)
		if !strings.HasPrefix(strings.TrimLeft(rest[:min(1, len(rest))], "+-")+rest[min(1, len(rest)):], "%}") {
			continue
		}
		if data := l.before(l.src[body:i], sign, true); data != "" {
			l.emit(tData, data, body)
		}
		l.at = len(l.src) - len(rest)
		l.after(true)
		return nil
	}
}

var operators = []string{"**", "//", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "~", "+", "-", "*", "/", "%", "=", "<", ">", ";"}

// tag reads tokens up to end.
func (l *lexer) tag(begin int, end string, closing kind) error {
	var open []byte
	for {
		l.at += len(l.src[l.at:]) - len(strings.TrimLeftFunc(l.src[l.at:], isSpace))
		rest := l.src[l.at:]
		if rest == "" {
			return l.fail(begin, "got a tag without end, want %s", end)
		}
		plus := closing == tStmtEnd && strings.HasPrefix(rest, "+"+end)
		if len(open) == 0 && (plus || strings.HasPrefix(rest, "-"+end) || strings.HasPrefix(rest, end)) {
			l.emit(closing, end, l.at)
			l.after(closing == tStmtEnd)
			return nil
		}
		c, _ := utf8.DecodeRuneInString(rest)
		switch {
		case c == '"' || c == '\'':
			if err := l.str(rest[0]); err != nil {
				return err
			}
		case c >= '0' && c <= '9':
			n, k := numeral(rest, l.at > 0 && l.src[l.at-1] == '.')
			l.emit(k, strings.ReplaceAll(rest[:n], "_", ""), l.at)
			l.at += n
		case c == '_' || unicode.IsLetter(c):
			n := strings.IndexFunc(rest, func(r rune) bool {
				return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
			})
			if n < 0 {
				n = len(rest)
			}
			l.emit(tName, rest[:n], l.at)
			l.at += n
		default:
			var err error
			if open, err = l.operator(rest, open); err != nil {
				return err
			}
		}
	}
}

// operator takes an operator and keeps account of open brackets.
func (l *lexer) operator(rest string, open []byte) ([]byte, error) {
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		switch i := strings.IndexByte("([{)]}", op[0]); {
		case i >= 3:
			if len(open) == 0 || open[len(open)-1] != op[0] {
				return nil, l.fail(l.at, "got %q, want none or another bracket", op)
			}
			open = open[:len(open)-1]
		case i >= 0:
			if len(open) > maxDepth {
				return nil, l.fail(l.at, "got brackets nested deeper than %d", maxDepth)
			}
			open = append(open, ")]}"[i])
		}
		l.emit(tOp, op, l.at)
		l.at += len(op)
		return open, nil
	}
	c, _ := utf8.DecodeRuneInString(rest)
	return nil, l.fail(l.at, "got character %q, want an expression", c)
}

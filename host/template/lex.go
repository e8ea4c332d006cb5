package template

import (
	"fmt"
	"strings"
	"unicode"
)

// kind of a token.
type kind uint8

const (
	tEOF kind = iota
	tText
	tOpenExpr // {{
	tCloseExpr
	tOpenStmt // {%
	tCloseStmt
	tName
	tString
	tNumber
	tOp
)

type token struct {
	kind kind
	s    string
	line int
}

// SyntaxError says where a template is not Jinja.
type SyntaxError struct {
	Line int
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("template: line %d: %s", e.Line, e.What) }

// lexer cuts a template into tokens. White space control is that of chat templates: trim_blocks (a line break after a
// statement goes) and lstrip_blocks (white space before a statement on its line goes), besides the dashes.
type lexer struct {
	src  string
	at   int
	line int
	out  []token
}

func lex(src string) ([]token, error) {
	l := &lexer{src: strings.ReplaceAll(src, "\r\n", "\n"), line: 1}
	// One line break at the end of the source does not count (keep_trailing_newline is off).
	l.src = strings.TrimSuffix(l.src, "\n")
	for l.at < len(l.src) {
		if err := l.text(); err != nil {
			return nil, err
		}
	}
	l.emit(tEOF, "")
	return l.out, nil
}

func (l *lexer) emit(k kind, s string) { l.out = append(l.out, token{k, s, l.line}) }

func (l *lexer) fail(format string, args ...any) error {
	return &SyntaxError{l.line, fmt.Sprintf(format, args...)}
}

// text reads up to the next tag, and the tag.
func (l *lexer) text() error {
	rest := l.src[l.at:]
	n := -1
	for i := 0; i+1 < len(rest); i++ {
		if rest[i] == '{' && (rest[i+1] == '{' || rest[i+1] == '%' || rest[i+1] == '#') {
			n = i
			break
		}
	}
	if n < 0 {
		l.push(rest)
		l.at = len(l.src)
		return nil
	}
	text, tag := rest[:n], rest[n:n+2]
	l.at += n + 2
	switch {
	case strings.HasPrefix(l.src[l.at:], "-"):
		l.at++
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	case strings.HasPrefix(l.src[l.at:], "+"):
		l.at++
	case tag != "{{":
		// lstrip_blocks: only when nothing but white space stands before the tag on its line.
		cut := strings.TrimRight(text, " \t\v\f")
		if start := l.at - n - 2; cut == "" && (start == 0 || l.src[start-1] == '\n') || strings.HasSuffix(cut, "\n") {
			text = cut
		}
	}
	l.push(text)
	switch tag {
	case "{#":
		end := strings.Index(l.src[l.at:], "#}")
		if end < 0 {
			return l.fail("comment without end")
		}
		dash := end > 0 && l.src[l.at+end-1] == '-'
		l.line += strings.Count(l.src[l.at:l.at+end], "\n")
		l.at += end + 2
		l.after(dash, true)
		return nil
	case "{%":
		if l.raw() {
			return nil
		}
		l.emit(tOpenStmt, tag)
		return l.tag("%}", tCloseStmt)
	}
	l.emit(tOpenExpr, tag)
	return l.tag("}}", tCloseExpr)
}

// raw handles {% raw %}…{% endraw %}.
func (l *lexer) raw() bool {
	rest := strings.TrimLeft(l.src[l.at:], " ")
	if !strings.HasPrefix(rest, "raw") {
		return false
	}
	open := strings.Index(rest, "%}")
	end := strings.Index(rest, "{% endraw %}")
	if open < 0 || end < open || strings.Trim(rest[3:open], " -") != "" {
		return false
	}
	l.push(rest[open+2 : end])
	l.at = len(l.src) - len(rest) + end + len("{% endraw %}")
	return true
}

func (l *lexer) push(text string) {
	if text != "" {
		l.emit(tText, text)
	}
	l.line += strings.Count(text, "\n")
}

// after trims what follows a tag.
func (l *lexer) after(dash, block bool) {
	rest := l.src[l.at:]
	switch {
	case dash:
		l.at += len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
	case block && strings.HasPrefix(rest, "\n"):
		l.at++
	}
}

var operators = []string{"**", "//", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "~", "+", "-", "*", "/", "%", "=", "<", ">"}

// tag reads tokens up to end.
func (l *lexer) tag(end string, closing kind) error {
	depth := 0
	for {
		rest := l.src[l.at:]
		trimmed := strings.TrimLeftFunc(rest, unicode.IsSpace)
		l.line += strings.Count(rest[:len(rest)-len(trimmed)], "\n")
		l.at += len(rest) - len(trimmed)
		switch {
		case trimmed == "":
			return l.fail("tag without %s", end)
		case depth == 0 && (strings.HasPrefix(trimmed, end) || strings.HasPrefix(trimmed, "-"+end) || strings.HasPrefix(trimmed, "+"+end)):
			dash := trimmed[0] == '-'
			if trimmed[0] == '-' || trimmed[0] == '+' {
				l.at++
			}
			l.at += 2
			l.emit(closing, end)
			l.after(dash, closing == tCloseStmt && trimmed[0] != '+')
			return nil
		}
		switch c := trimmed[0]; {
		case c == '"' || c == '\'':
			if err := l.str(c); err != nil {
				return err
			}
		case c >= '0' && c <= '9':
			n := 0
			for n < len(trimmed) && (trimmed[n] >= '0' && trimmed[n] <= '9' || trimmed[n] == '_' ||
				trimmed[n] == '.' && n+1 < len(trimmed) && trimmed[n+1] >= '0' && trimmed[n+1] <= '9' ||
				(trimmed[n] == 'e' || trimmed[n] == 'E') && n+1 < len(trimmed) && strings.ContainsRune("0123456789+-", rune(trimmed[n+1]))) {
				n++
			}
			l.emit(tNumber, strings.ReplaceAll(trimmed[:n], "_", ""))
			l.at += n
		case c == '_' || unicode.IsLetter(rune(c)) || c >= 0x80:
			n := strings.IndexFunc(trimmed, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if n < 0 {
				n = len(trimmed)
			}
			if n == 0 {
				return l.fail("unexpected character %q", trimmed[:1])
			}
			l.emit(tName, trimmed[:n])
			l.at += n
		default:
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(trimmed, o) {
					op = o
					break
				}
			}
			switch op {
			case "":
				return l.fail("unexpected character %q", trimmed[:1])
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
			l.emit(tOp, op)
			l.at += len(op)
		}
	}
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'b': "\b", 'f': "\f", 'v': "\v", '0': "\x00", '\n': ""}

// str reads a quoted string with Python's escapes.
func (l *lexer) str(quote byte) error {
	var b strings.Builder
	i := l.at + 1
	for ; i < len(l.src) && l.src[i] != quote; i++ {
		if l.src[i] != '\\' || i+1 >= len(l.src) {
			b.WriteByte(l.src[i])
			continue
		}
		i++
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[l.src[i]]
		if digits > 0 && i+digits < len(l.src) {
			var r rune
			if _, err := fmt.Sscanf(l.src[i+1:i+1+digits], "%x", &r); err != nil {
				return l.fail("bad escape \\%s", l.src[i:i+1+digits])
			}
			b.WriteRune(r)
			i += digits
			continue
		}
		if e, ok := escapes[l.src[i]]; ok {
			b.WriteString(e)
			continue
		}
		b.WriteByte('\\')
		b.WriteByte(l.src[i])
	}
	if i >= len(l.src) {
		return l.fail("string without end")
	}
	l.emit(tString, b.String())
	l.line += strings.Count(l.src[l.at:i], "\n")
	l.at = i + 1
	return nil
}

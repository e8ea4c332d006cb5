package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// numeral is how many bytes the number at the start of s takes, and its kind. After a dot there are no fractions: x.1.2.
func numeral(s string, afterDot bool) (int, kind) {
	if len(s) > 2 && s[0] == '0' {
		if set := map[byte]string{'b': "01", 'o': "01234567", 'x': "0123456789abcdefABCDEF"}[s[1]|0x20]; set != "" {
			if n := digits(s[2:], set, true); n > 0 {
				return 2 + n, tInt
			}
		}
	}
	const decimal = "0123456789"
	n := digits(s, decimal, false)
	if !afterDot {
		end := n
		if end+1 < len(s) && s[end] == '.' {
			if m := digits(s[end+1:], decimal, false); m > 0 {
				end += 1 + m
			}
		}
		if end < len(s) && s[end]|0x20 == 'e' {
			sign := end + 1
			if sign < len(s) && (s[sign] == '-' || s[sign] == '+') {
				sign++
			}
			if m := digits(s[min(sign, len(s)):], decimal, false); m > 0 {
				end = sign + m
			}
		}
		if end > n {
			return end, tFloat
		}
	}
	if s[0] == '0' { // 007 is three numbers, and no expression
		n = digits(s, "0", false)
	}
	return n, tInt
}

// digits counts digits of a set with single underscores between them, or also before the first.
func digits(s, set string, leading bool) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && (i > 0 || leading) && i+1 < len(s) && s[i+1] != '_' {
			continue
		}
		if strings.IndexByte(set, s[i]) < 0 {
			break
		}
		n = i + 1
	}
	return n
}

// escapes of one letter in strings.
var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': ""}

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
		c := l.src[i]
		if e, ok := escapes[c]; ok {
			b.WriteString(e)
			continue
		}
		width, base := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c], 16
		first := i + 1
		if c >= '0' && c <= '7' {
			first, base, width = i, 8, 1
			for width < 3 && i+width < len(l.src) && l.src[i+width] >= '0' && l.src[i+width] <= '7' {
				width++
			}
		}
		switch {
		case c == 'N':
			line, column := lineAndColumn(l.src, i-1)
			return &UnsupportedError{line, column, `\N in a string`}
		case width == 0:
			b.WriteByte('\\')
			b.WriteByte(c)
			continue
		}
		r, err := strconv.ParseUint(l.src[first:min(first+width, len(l.src))], base, 32)
		if err != nil || first+width > len(l.src) || r > utf8.MaxRune {
			return l.fail(i-1, "got escape %q, want %d hexadecimal digits", l.src[i-1:min(first+width, len(l.src))], width)
		}
		b.WriteRune(rune(r))
		i = first + width - 1
	}
	if i >= len(l.src) {
		return l.fail(l.at, "got a string without end, want %c", quote)
	}
	l.emit(tString, b.String(), l.at)
	l.at = i + 1
	return nil
}

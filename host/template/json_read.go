package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// fromJSON decodes data; its strings and keys are not trusted, and objects keep their order. Nothing is None.
func fromJSON(raw []byte) (any, error) {
	r := jsonReader{s: string(raw)}
	r.space()
	if r.at == len(r.s) {
		return nil, nil
	}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if r.space(); r.at < len(r.s) {
		return nil, r.want("the end: there is one value already")
	}
	return v, nil
}

// jsonReader reads JSON as RFC 8259 has it. Strings without escapes are parts of s.
type jsonReader struct {
	s  string
	at int
}

func (r *jsonReader) space() {
	for r.at < len(r.s) && strings.IndexByte(" \t\n\r", r.s[r.at]) >= 0 {
		r.at++
	}
}

func (r *jsonReader) want(what string) error {
	got := "the end"
	if r.at < len(r.s) {
		c, _ := utf8.DecodeRuneInString(r.s[r.at:])
		got = strconv.QuoteRune(c)
	}
	return fmt.Errorf("JSON at byte %d: got %s, want %s", r.at, got, what)
}

// accept takes c after white space.
func (r *jsonReader) accept(c byte) bool {
	r.space()
	if r.at < len(r.s) && r.s[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) value(depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("JSON at byte %d: got nesting deeper than %d", r.at, maxNesting)
	}
	r.space()
	word := func(s string) bool {
		found := strings.HasPrefix(r.s[r.at:], s)
		if found {
			r.at += len(s)
		}
		return found
	}
	switch {
	case word("true"):
		return true, nil
	case word("false"):
		return false, nil
	case word("null"):
		return nil, nil
	case r.accept('{'):
		return r.object(depth)
	case r.accept('['):
		l := newList()
		for !r.accept(']') {
			if len(l.items) > 0 && !r.accept(',') {
				return nil, r.want(", or ]")
			}
			v, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, v)
		}
		return l, nil
	case r.accept('"'):
		s, err := r.str()
		return untrusted(s), err
	}
	return r.number()
}

func (r *jsonReader) object(depth int) (any, error) {
	d := newDict()
	for first := true; !r.accept('}'); first = false {
		if !first && !r.accept(',') {
			return nil, r.want(", or }")
		}
		if !r.accept('"') {
			return nil, r.want("a key")
		}
		k, err := r.str()
		if err != nil {
			return nil, err
		}
		if !r.accept(':') {
			return nil, r.want(":")
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.set(untrusted(k), v)
	}
	return d, nil
}

// number reads a number as Python does: with a point or an exponent it is a float, which may be infinite.
func (r *jsonReader) number() (any, error) {
	start := r.at
	digits := func() bool {
		from := r.at
		for r.at < len(r.s) && r.s[r.at] >= '0' && r.s[r.at] <= '9' {
			r.at++
		}
		return r.at > from
	}
	if strings.HasPrefix(r.s[r.at:], "-") {
		r.at++
	}
	switch zero := strings.HasPrefix(r.s[r.at:], "0"); {
	case zero:
		r.at++
	case !digits():
		r.at = start
		return nil, r.want("a value")
	}
	float := false
	if strings.HasPrefix(r.s[r.at:], ".") {
		float = true
		if r.at++; !digits() {
			return nil, r.want("a digit")
		}
	}
	if r.at < len(r.s) && r.s[r.at]|0x20 == 'e' {
		float = true
		if r.at++; r.at < len(r.s) && (r.s[r.at] == '+' || r.s[r.at] == '-') {
			r.at++
		}
		if !digits() {
			return nil, r.want("a digit")
		}
	}
	s := r.s[start:r.at]
	if float {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, fmt.Errorf("JSON at byte %d: %w", start, err)
		}
		return f, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	n, ok := new(big.Int).SetString(s, 10)
	if len(s) > 4000 || !ok {
		return nil, fmt.Errorf("JSON at byte %d: got a number of %d digits, want at most 4000", start, len(s))
	}
	return n, nil
}

// str reads a string after its quote. What is no Unicode becomes U+FFFD.
func (r *jsonReader) str() (string, error) {
	start := r.at
	for r.at < len(r.s) && r.s[r.at] != '"' && r.s[r.at] != '\\' && r.s[r.at] >= ' ' {
		r.at++
	}
	if r.at < len(r.s) && r.s[r.at] == '"' {
		r.at++
		return valid(r.s[start : r.at-1]), nil
	}
	var b strings.Builder
	b.WriteString(r.s[start:r.at])
	for {
		switch {
		case r.at == len(r.s) || r.s[r.at] < ' ':
			return "", r.want(`" or a character of the string`)
		case r.s[r.at] == '"':
			r.at++
			return valid(b.String()), nil
		case r.s[r.at] != '\\':
			b.WriteByte(r.s[r.at])
			r.at++
			continue
		}
		c, err := r.escape()
		if err != nil {
			return "", err
		}
		if utf16.IsSurrogate(c) && strings.HasPrefix(r.s[r.at:], `\u`) {
			mark := r.at
			low, err := r.escape()
			if err != nil {
				return "", err
			}
			if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
				c = pair
			} else {
				r.at = mark
			}
		}
		b.WriteRune(c) // half a pair becomes U+FFFD
	}
}

// valid has U+FFFD for every byte that is no UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// escape reads a backslash and what follows.
func (r *jsonReader) escape() (rune, error) {
	r.at++
	if r.at == len(r.s) {
		return 0, r.want("an escape")
	}
	if i := strings.IndexByte(`"\/bfnrt`, r.s[r.at]); i >= 0 {
		r.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if r.s[r.at] == 'u' && r.at+5 <= len(r.s) {
		if n, err := strconv.ParseUint(r.s[r.at+1:r.at+5], 16, 16); err == nil {
			r.at += 5
			return rune(n), nil
		}
	}
	return 0, r.want("an escape")
}

package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// lossy replaces what is not UTF-8, a maximal subpart at a time (Unicode Standard, section 3.9, "U+FFFD Substitution of
// Maximal Subparts").
func lossy(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			s.WriteRune(utf8.RuneError)
			n = subpart(b)
		} else {
			s.Write(b[:n])
		}
		b = b[n:]
	}
	return s.String()
}

// subpart is the length of the longest start of b that a valid character could have, at least 1.
func subpart(b []byte) int {
	for n := min(3, len(b)); n > 1; n-- {
		if !utf8.FullRune(b[:n]) {
			return n // more bytes could complete it
		}
	}
	return 1
}

// Stream decodes token by token and never gives half a character.
type Stream struct {
	t    *Tokenizer
	held []byte
}

// NewStream starts a text. A space that encoding puts in front of a text is not taken off: a stream goes on from a prompt.
func (t *Tokenizer) NewStream() *Stream { return &Stream{t: t} }

// Push adds a token and returns the text that is complete with it. Control tokens give none.
func (s *Stream) Push(id int32) string {
	if s.t.IsSpecial(id) {
		return ""
	}
	s.held = append(s.held, s.t.Bytes(id)...)
	n := len(s.held)
	// At most the last three bytes are the start of a character.
	for cut := max(0, n-3); cut < n; cut++ {
		if utf8.RuneStart(s.held[cut]) && !utf8.FullRune(s.held[cut:]) {
			n = cut
			break
		}
	}
	text := lossy(s.held[:n])
	s.held = append(s.held[:0], s.held[n:]...)
	return text
}

// End returns what is held back: a character that never became whole.
func (s *Stream) End() string {
	text := lossy(s.held)
	s.held = s.held[:0]
	return text
}

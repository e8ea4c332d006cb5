package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// space is how SentencePiece vocabularies spell a space.
const space = "▁"

// prepend says which fragments get a space in front.
type prepend uint8

const (
	prependNone   prepend = iota
	prependEach           // every fragment
	prependFirst          // the fragment that starts the text, unless it starts with a space
	prependAbsent         // every fragment that does not start with a space
)

// sentencePiece is BPE over characters with byte tokens for characters that have none.
// Source: Kudo and Richardson, SentencePiece, 2018.
type sentencePiece struct {
	merges  merges
	ids     map[string]int32
	bytes   [256]int32 // token of each byte; −1: none
	unk     int32      // −1: none
	fuseUnk bool
	prepend prepend
	spaces  bool // spaces become ▁
}

func (m *sentencePiece) encode(ids []int32, text string, first bool) []int32 {
	if m.spaces {
		text = strings.ReplaceAll(text, " ", space)
	}
	switch {
	case m.prepend == prependEach, m.prepend == prependFirst && first && !strings.HasPrefix(text, space),
		m.prepend == prependAbsent && !strings.HasPrefix(text, space):
		text = space + text
	}
	s := make([]symbol, 0, len(text))
	for i, n := 0, 0; i < len(text); i += n {
		_, n = utf8.DecodeRuneInString(text[i:])
		id, ok := m.ids[text[i:i+n]]
		if !ok {
			id = -1
		}
		s = append(s, symbol{start: i, end: i + n, id: id})
	}
	if len(s) == 0 {
		return ids
	}
	link(s)
	merge(text, s, m.merges)
	unknown := false
	for i := 0; i >= 0; i = s[i].next {
		if s[i].id >= 0 {
			ids, unknown = append(ids, s[i].id), false
			continue
		}
		ids, unknown = m.fallback(ids, text[s[i].start:s[i].end], unknown)
	}
	return ids
}

// fallback spells an unknown character by its bytes, or as the unknown token when a byte has none.
func (m *sentencePiece) fallback(ids []int32, char string, unknown bool) ([]int32, bool) {
	for i := range len(char) {
		if m.bytes[char[i]] < 0 {
			if m.unk >= 0 && !(unknown && m.fuseUnk) {
				ids = append(ids, m.unk)
			}
			return ids, true
		}
	}
	for i := range len(char) {
		ids = append(ids, m.bytes[char[i]])
	}
	return ids, false
}

// byteToken reads a piece of the form <0xAB>.
func byteToken(piece string) (byte, bool) {
	if len(piece) != 6 || piece[:3] != "<0x" || piece[5] != '>' {
		return 0, false
	}
	var v int
	for _, c := range []byte(piece[3:5]) {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | int(c-'A'+10)
		case c >= 'a' && c <= 'f':
			v = v<<4 | int(c-'a'+10)
		default:
			return 0, false
		}
	}
	return byte(v), true
}

package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// space is how SentencePiece vocabularies spell a space.
const space = "▁"

// sentencePiece is BPE over characters that merges by the scores of the results, with byte tokens for characters that
// have none. Source: Kudo and Richardson, SentencePiece, 2018.
type sentencePiece struct {
	merges *scoredMerges
	bytes  [256]int32 // token of each byte; −1: none
	unk    int32      // −1: none
	spaced bool       // text may be cut before each ▁ that follows another character
}

func (m *sentencePiece) encode(ids []int32, text string, w *memory) []int32 {
	for text != "" {
		n := len(text)
		if m.spaced {
			n = spacedWord(text)
		}
		ids = w.encode(m, ids, text[:n])
		text = text[n:]
	}
	return ids
}

// merge encodes a word that is not remembered.
func (m *sentencePiece) merge(ids []int32, text string, w *scratch) []int32 {
	w.symbols = w.symbols[:0]
	for i, n := 0, 0; i < len(text); i += n {
		_, n = utf8.DecodeRuneInString(text[i:])
		id, ok := m.merges.ids[text[i:i+n]]
		if !ok {
			id = -1
		}
		w.add(i, i+n, id)
	}
	w.merge(text, m.merges)
	for i := 0; i >= 0; i = w.symbols[i].next {
		s := &w.symbols[i]
		if s.id >= 0 {
			ids = append(ids, s.id)
		} else {
			ids = m.spell(ids, text[s.start:s.end])
		}
	}
	return ids
}

// spell writes an unknown character by its bytes, or as the unknown token when a byte has none.
func (m *sentencePiece) spell(ids []int32, char string) []int32 {
	from := len(ids)
	for i := range len(char) {
		id := m.bytes[char[i]]
		if id < 0 {
			if ids = ids[:from]; m.unk >= 0 {
				ids = append(ids, m.unk)
			}
			return ids
		}
		ids = append(ids, id)
	}
	return ids
}

// cutsAtSpaces reports whether no piece has a ▁ behind another character, and there is a ▁: then nothing merges across
// that place, and text is encoded word by word with the same result.
func cutsAtSpaces(ids map[string]int32) bool {
	for p := range ids {
		if strings.Contains(strings.TrimLeft(p, space), space) {
			return false
		}
	}
	_, ok := ids[space]
	return ok
}

// spacedWord is the length of ▁*[^▁]* at the start of a text.
func spacedWord(text string) int {
	at := 0
	for strings.HasPrefix(text[at:], space) {
		at += len(space)
	}
	if n := strings.Index(text[at:], space); n >= 0 {
		return at + n
	}
	return len(text)
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

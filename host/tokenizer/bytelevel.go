package tokenizer

import "golang.org/x/text/unicode/norm"

// byteLevel is byte-level BPE: text is split into words by rules, each word's bytes are the first symbols, and every
// byte has a token. Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.2.
type byteLevel struct {
	split  splitter
	merges rankedMerges
	first  [256]int32       // by byte; −1: none
	words  map[string]int32 // whole words that are tokens, when merges are to be ignored for them; or nil
	unk    int32            // −1: bytes without a token are dropped
	nfc    bool
	prefix bool // a space before a text that has none
}

func (m *byteLevel) encode(ids []int32, text string, first bool) []int32 {
	if m.nfc {
		text = norm.NFC.String(text)
	}
	if m.prefix && first && text != "" && text[0] != ' ' {
		text = " " + text
	}
	var s []symbol
	for text != "" {
		n := m.split(text)
		word := text[:n]
		text = text[n:]
		if id, ok := m.words[word]; ok {
			ids = append(ids, id)
			continue
		}
		s = s[:0]
		for i := range len(word) {
			id := m.first[word[i]]
			if id < 0 {
				id = m.unk
			}
			s = append(s, symbol{start: i, end: i + 1, id: id})
		}
		link(s)
		merge(word, s, m.merges)
		for i := 0; i >= 0; i = s[i].next {
			if s[i].id >= 0 {
				ids = append(ids, s[i].id)
			}
		}
	}
	return ids
}

// byteRune and runeByte are the printable alphabet in which byte-level vocabularies spell bytes: printable Latin-1 bytes
// stand for themselves, the others for the characters from U+0100 on, in order.
var byteRune, runeByte = func() (b [256]rune, r map[rune]byte) {
	r = make(map[rune]byte, 256)
	next := rune(256)
	for i := range 256 {
		c := rune(i)
		if !(c >= '!' && c <= '~' || c >= 0xa1 && c <= 0xac || c >= 0xae && c <= 0xff) {
			c = next
			next++
		}
		b[i] = c
		r[c] = byte(i)
	}
	return b, r
}()

// spelled is the bytes that a piece of the printable alphabet stands for; a piece with another character is plain text.
func spelled(piece string) []byte {
	out := make([]byte, 0, len(piece))
	for _, r := range piece {
		b, ok := runeByte[r]
		if !ok {
			return []byte(piece)
		}
		out = append(out, b)
	}
	return out
}

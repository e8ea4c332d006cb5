package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// bpe is BPE with an ordered list of merges, in two alphabets: characters of text, or bytes (byte-level BPE, where every
// byte has a token). Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.2.
type bpe struct {
	merges rankedMerges
	// words are taken whole where a word is a token, whatever the merges say; nil: none are.
	words map[string]int32
	unk   int32 // −1: what has no token is dropped

	byteLevel bool
	first     [256]int32 // of byte-level: by byte; −1: none

	// The rest is of characters only.
	ids            map[string]int32
	bytes          [256]int32 // tokens that spell a character without one by its bytes; −1: none
	fuseUnk        bool       // one unknown token for neighbouring characters
	prefix, suffix string     // of characters behind the first; of the last
	spaced         bool       // text may be cut before each ▁ that follows another character
}

// newBPE sets all tokens to none.
func newBPE(ids map[string]int32) *bpe {
	m := &bpe{ids: ids, unk: -1}
	for i := range m.bytes {
		m.bytes[i], m.first[i] = -1, -1
	}
	return m
}

// useBytes makes it byte-level: the vocabulary spells bytes in the printable alphabet.
func (m *bpe) useBytes() {
	m.byteLevel = true
	for b := range m.first {
		if id, ok := m.ids[string(byteRune[b])]; ok {
			m.first[b] = id
		}
	}
}

// useByteTokens spells characters without a token by tokens like <0xE2>.
func (m *bpe) useByteTokens() {
	for b := range m.bytes {
		if id, ok := m.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			m.bytes[b] = id
		}
	}
}

func (m *bpe) encode(ids []int32, text string, w *memory) []int32 {
	if m.spaced {
		for text != "" {
			n := spacedWord(text)
			ids = w.encode(m, ids, text[:n])
			text = text[n:]
		}
		return ids
	}
	return w.encode(m, ids, text)
}

// merge encodes a word that is not remembered.
func (m *bpe) merge(ids []int32, word string, w *scratch) []int32 {
	if id, ok := m.words[word]; ok {
		return append(ids, id)
	}
	w.symbols = w.symbols[:0]
	if m.byteLevel {
		for i := range len(word) {
			id := m.first[word[i]]
			if id < 0 {
				id = m.unk
			}
			if id >= 0 {
				w.add(i, i+1, id)
			}
		}
	} else {
		m.characters(w, word)
	}
	if len(w.symbols) == 0 {
		return ids
	}
	w.merge(word, &m.merges)
	for i := 0; i >= 0; i = w.symbols[i].next {
		ids = append(ids, w.symbols[i].id)
	}
	return ids
}

// characters makes the symbols of a word's characters.
func (m *bpe) characters(w *scratch, word string) {
	from := -1 // start of the unknown characters that wait for their token
	for i, n := 0, 0; i < len(word); i += n {
		_, n = utf8.DecodeRuneInString(word[i:])
		char := word[i : i+n]
		if i > 0 {
			char = m.prefix + char
		}
		if i+n == len(word) {
			char += m.suffix
		}
		if id, ok := m.ids[char]; ok {
			if from >= 0 {
				w.add(from, i, m.unk)
				from = -1
			}
			w.add(i, i+n, id)
			continue
		}
		if m.byBytes(char) {
			for k := range len(char) {
				// The spelling may be longer than the character it stands at: ranges stay inside it.
				w.add(i+min(k, n-1), i+min(k, n-1)+1, m.bytes[char[k]])
			}
			continue
		}
		if m.unk < 0 {
			continue
		}
		if from >= 0 && !m.fuseUnk {
			w.add(from, i, m.unk)
			from = -1
		}
		if from < 0 {
			from = i
		}
	}
	if from >= 0 {
		w.add(from, len(word), m.unk)
	}
}

// byBytes reports whether all bytes of a character have tokens.
func (m *bpe) byBytes(char string) bool {
	for i := range len(char) {
		if m.bytes[char[i]] < 0 {
			return false
		}
	}
	return true
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

// spell writes text in the printable alphabet.
func spell(text string) string {
	out := make([]byte, 0, 2*len(text))
	for i := range len(text) {
		out = utf8.AppendRune(out, byteRune[text[i]])
	}
	return string(out)
}

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

package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// wordPiece cuts a word into the longest pieces of the vocabulary, from the left; a word that cannot be cut is unknown as
// a whole. Time is the word's length times that of the longest piece that starts at each place. Source: Devlin et al., BERT,
// 2019; Schuster and Nakajima, Japanese and Korean Voice Search, 2012.
type wordPiece struct {
	first, rest *prefixes // pieces that start a word, and others, without the marks that tell them apart
	unk         int32     // −1: unknown words are left out
	maxChars    int       // longer words are unknown
}

// newWordPiece sorts out which pieces start words by the marks in front of them; an empty mark is in front of all.
func newWordPiece(ids map[string]int32, first, rest string, unk int32, maxChars int) *wordPiece {
	with := func(mark string) *prefixes {
		var keys []string
		var numbers []int32
		for p, id := range ids {
			if tail, ok := strings.CutPrefix(p, mark); ok {
				keys, numbers = append(keys, tail), append(numbers, id)
			}
		}
		return newPrefixes(keys, func(i int) int32 { return numbers[i] })
	}
	return &wordPiece{first: with(first), rest: with(rest), unk: unk, maxChars: maxChars}
}

func (m *wordPiece) encode(ids []int32, word string, _ *memory) []int32 {
	from := len(ids)
	if utf8.RuneCountInString(word) > m.maxChars {
		return m.unknown(ids)
	}
	pieces := m.first
	for start := 0; start < len(word); {
		size, id := 0, int32(0)
		pieces.each(word[start:], func(n int, i int32) {
			if end := start + n; end == len(word) || utf8.RuneStart(word[end]) {
				size, id = n, i
			}
		})
		if size == 0 {
			return m.unknown(ids[:from])
		}
		ids = append(ids, id)
		start += size
		pieces = m.rest
	}
	return ids
}

func (m *wordPiece) unknown(ids []int32) []int32 {
	if m.unk < 0 {
		return ids
	}
	return append(ids, m.unk)
}

// wordLevel has a token for whole words only.
type wordLevel struct {
	ids map[string]int32
	unk int32
}

func (m *wordLevel) encode(ids []int32, word string, _ *memory) []int32 {
	if id, ok := m.ids[word]; ok {
		return append(ids, id)
	}
	if m.unk >= 0 {
		ids = append(ids, m.unk)
	}
	return ids
}

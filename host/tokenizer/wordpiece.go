package tokenizer

import "unicode/utf8"

// wordPiece cuts a word into the longest pieces of the vocabulary, from the left; a word that cannot be cut is unknown as
// a whole. Source: Devlin et al., BERT, 2019; Schuster and Nakajima, Japanese and Korean Voice Search, 2012.
type wordPiece struct {
	ids         map[string]int32
	unk         int32
	first, rest string // in front of a word's first piece, and of the others
	maxChars    int    // longer words are unknown
	longest     int    // bytes of the longest piece: no need to try longer ones
}

func (m *wordPiece) encode(ids []int32, word string) []int32 {
	from := len(ids)
	if utf8.RuneCountInString(word) > m.maxChars {
		return m.unknown(ids)
	}
	for start := 0; start < len(word); {
		prefix := m.first
		if start > 0 {
			prefix = m.rest
		}
		end := min(len(word), start+m.longest)
		for end < len(word) && !utf8.RuneStart(word[end]) {
			end--
		}
		for end > start {
			if id, ok := m.ids[prefix+word[start:end]]; ok {
				ids = append(ids, id)
				break
			}
			_, n := utf8.DecodeLastRuneInString(word[start:end])
			end -= n
		}
		if end == start {
			return m.unknown(ids[:from])
		}
		start = end
	}
	return ids
}

func (m *wordPiece) unknown(ids []int32) []int32 {
	if m.unk < 0 {
		return ids
	}
	return append(ids, m.unk)
}

func longestPiece(ids map[string]int32) int {
	n := 0
	for p := range ids {
		n = max(n, len(p))
	}
	return n
}

// wordLevel has a token for whole words only.
type wordLevel struct {
	ids map[string]int32
	unk int32
}

func (m *wordLevel) encode(ids []int32, word string) []int32 {
	if id, ok := m.ids[word]; ok {
		return append(ids, id)
	}
	if m.unk >= 0 {
		ids = append(ids, m.unk)
	}
	return ids
}

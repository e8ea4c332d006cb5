package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// added is a token that is found in text before anything else.
type added struct {
	text           string
	id             int32
	special        bool // found with ParseSpecial only
	lstrip, rstrip bool // takes the white space before, or after, with it
	word           bool // only where no letter, digit or underscore touches it
}

// matcher finds added tokens: the leftmost, and there the longest.
type matcher struct {
	byFirst [256][]added // longest first
	any     bool
}

func newMatcher(list []added) matcher {
	var m matcher
	for _, a := range list {
		if a.text == "" {
			continue
		}
		m.byFirst[a.text[0]] = append(m.byFirst[a.text[0]], a)
		m.any = true
	}
	for i := range m.byFirst {
		slices.SortStableFunc(m.byFirst[i], func(a, b added) int { return len(b.text) - len(a.text) })
	}
	return m
}

// find returns the first token's range and id, or id −1.
func (m *matcher) find(text string, special bool) (at, end int, id int32) {
	if !m.any {
		return 0, 0, -1
	}
	for i := range len(text) {
		for _, a := range m.byFirst[text[i]] {
			if a.special && !special || !strings.HasPrefix(text[i:], a.text) {
				continue
			}
			end := i + len(a.text)
			if a.word && (touches(utf8.DecodeLastRuneInString(text[:i])) || touches(utf8.DecodeRuneInString(text[end:]))) {
				continue
			}
			if a.lstrip {
				i = len(strings.TrimRightFunc(text[:i], unicode.IsSpace))
			}
			if a.rstrip {
				end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
			}
			return i, end, a.id
		}
	}
	return 0, 0, -1
}

// touches reports whether a neighbouring character makes a whole word longer.
func touches(r rune, size int) bool {
	return size > 0 && (r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r))
}

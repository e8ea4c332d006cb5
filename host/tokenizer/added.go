package tokenizer

import (
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
	list []added
	tree *prefixes // nil: no tokens
	// consume goes on behind a token that was found but does not count here (a special one in plain text, a part of a word),
	// as the library of tokenizer.json does; otherwise shorter tokens at the same place get their turn, as with GGUF.
	consume bool
}

func newMatcher(list []added, consume bool) matcher {
	m := matcher{list: list, consume: consume}
	if len(list) == 0 {
		return m
	}
	keys := make([]string, len(list))
	for i, a := range list {
		keys[i] = a.text
	}
	m.tree = newPrefixes(keys, func(i int) int32 { return int32(i) })
	return m
}

// find returns the range and id of the first token in text[from:], or id −1. Text before from is context.
func (m *matcher) find(text string, from int, special bool) (at, end int, id int32) {
	if m.tree == nil {
		return 0, 0, -1
	}
	for i := from; i < len(text); i++ {
		if b := text[i]; m.tree.from[b] == m.tree.from[int(b)+1] {
			continue
		}
		size, skip, found := 0, 0, -1
		m.tree.each(text[i:], func(n int, index int32) {
			skip = n
			if m.counts(text, i, i+n, int(index), special) {
				size, found = n, int(index)
			} else if m.consume {
				found = -1
			}
		})
		if found < 0 {
			if m.consume && skip > 0 {
				i += skip - 1
			}
			continue
		}
		a, start, end := &m.list[found], i, i+size
		if a.lstrip {
			start = from + len(strings.TrimRightFunc(text[from:i], unicode.IsSpace))
		}
		if a.rstrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		return start, end, a.id
	}
	return 0, 0, -1
}

// counts reports whether the token of that index, which spells text[at:end], is to be taken there.
func (m *matcher) counts(text string, at, end, index int, special bool) bool {
	a := &m.list[index]
	if a.special && !special {
		return false
	}
	return !a.word || !touches(utf8.DecodeLastRuneInString(text[:at])) && !touches(utf8.DecodeRuneInString(text[end:]))
}

package template

import (
	"strings"
	"unicode"
)

// upperForms are letters whose capitals are more than one.
var upperForms = map[rune]string{'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J̌", 'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST", 'և': "ԵՒ"}

func upperRune(r rune, _ string) string {
	if s, ok := upperForms[r]; ok {
		return s
	}
	return string(unicode.ToUpper(r))
}

func titleRune(r rune, raw string) string {
	if s, ok := upperForms[r]; ok { // the first of the capitals only
		for i := range s {
			if i > 0 {
				return s[:i] + strings.ToLower(s[i:])
			}
		}
	}
	return string(unicode.ToTitle(r))
}

func (t text) upper() text { return t.mapped(upperRune) }

func (t text) lower() text {
	if strings.ContainsRune(t.s, 'Σ') {
		return t.lowerSigma()
	}
	return t.mapped(lowerRune)
}

func lowerRune(r rune, _ string) string {
	if r == 'İ' {
		return "i̇"
	}
	return string(unicode.ToLower(r))
}

// lowerSigma is lower where a Σ at the end of a word becomes ς.
func (t text) lowerSigma() text {
	runes := []rune(t.s)
	i := -1
	return t.mapped(func(r rune, raw string) string {
		i++
		before := i > 0 && unicode.IsLetter(runes[i-1])
		after := i+1 < len(runes) && unicode.IsLetter(runes[i+1])
		if r == 'Σ' && before && !after {
			return "ς"
		}
		return lowerRune(r, raw)
	})
}

// capitalized has a capital first and small letters after.
func (t text) capitalized() text {
	first := true
	return t.mapped(func(r rune, raw string) string {
		if first {
			first = false
			return titleRune(r, raw)
		}
		return lowerRune(r, raw)
	})
}

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)
}

// titled is str.title: a capital wherever letters start.
func (t text) titled() text {
	inWord := false
	return t.mapped(func(r rune, raw string) string {
		was := inWord
		if inWord = cased(r); was {
			return lowerRune(r, raw)
		}
		return titleRune(r, raw)
	})
}

// wordsTitled is the filter title: words start after white space and -({[<.
func (t text) wordsTitled() text {
	inWord := false
	return t.mapped(func(r rune, raw string) string {
		if isSpace(r) || strings.ContainsRune("-({[<", r) {
			inWord = false
			return raw
		}
		if inWord {
			return lowerRune(r, raw)
		}
		inWord = true
		return upperRune(r, raw)
	})
}

func (t text) swapped() text {
	return t.mapped(func(r rune, raw string) string {
		if unicode.IsUpper(r) {
			return lowerRune(r, raw)
		}
		return upperRune(r, raw)
	})
}

// isCase says whether every cased letter is of one case, and there is one.
func isCase(s string, in, other func(rune) bool) bool {
	found := false
	for _, r := range s {
		if other(r) || unicode.IsTitle(r) {
			return false
		}
		found = found || in(r)
	}
	return found
}

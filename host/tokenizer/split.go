package tokenizer

import "strings"

// splitter returns the length in bytes of a pattern's match at the start of a text that is not empty, or 0. Splitters are
// written by hand from the patterns in their comments. Each takes time linear in its match, or in the white space it
// looks ahead at.
type splitter func(text string) int

// contraction is the length of 's 't 're 've 'm 'll 'd at the start of s, or 0.
func contraction(s string, fold bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	lower := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if b := s[i]; fold && b >= 'A' && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return s[i]
	}
	switch a, b := lower(1), lower(2); {
	case a == 's' || a == 't' || a == 'm' || a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	case fold && len(s) >= 3 && s[1:3] == "ſ": // the long s folds to s
		return 3
	}
	return 0
}

// blanks is the rule \s+(?!\S)|\s+ : white space up to the end of the text, or all but its last character when a word
// follows and there are several.
func blanks(s string) int {
	at, last := 0, 0
	for {
		c, _, n := next(s[at:])
		if n == 0 {
			return at
		}
		if c&blank == 0 {
			break
		}
		last = n
		at += n
	}
	if at > last {
		return at - last
	}
	return at
}

// breaks is the rule \s*[\r\n]+ : white space up to and with the last line break of the run, or 0.
func breaks(s string) int {
	for i := run(s, blank, unbounded); i > 0; i-- {
		if s[i-1] == '\r' || s[i-1] == '\n' {
			return i
		}
	}
	return 0
}

// lineEnds is [\r\n]*, or with more characters: those too.
func lineEnds(s, set string) int {
	at := 0
	for at < len(s) && strings.IndexByte(set, s[at]) >= 0 {
		at++
	}
	return at
}

// oneSpace is the rule " ?" .
func oneSpace(s string) int {
	if s[0] == ' ' {
		return 1
	}
	return 0
}

// splitGPT2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	at := oneSpace(s)
	c, _, n := next(s[at:])
	switch {
	case n == 0 || c&blank != 0:
		return blanks(s)
	case c&letter != 0:
		return at + run(s[at:], letter, unbounded)
	case c&number != 0:
		return at + run(s[at:], number, unbounded)
	}
	return at + runOutside(s[at:], blank|letter|number)
}

// modern is the family of patterns that came with tiktoken's cl100k_base:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?LETTERS+|\p{N}{1,DIGITS}| ?[^\s LETTERS \p{N}]+ENDS*|\s*[\r\n]+|\s+(?!\S)|\s+
type modern struct {
	letters class // \p{L}, or with \p{M}
	digits  int
	ends    string // "\r\n", or "": then the run before stops at line breaks too
	plain   bool   // no contractions
}

func (m modern) split(s string) int {
	if s[0] == '\'' && !m.plain {
		if n := contraction(s, true); n > 0 {
			return n
		}
	}
	c, r, n := next(s)
	switch {
	case c&letter != 0:
		return run(s, m.letters, unbounded)
	case c&number != 0:
		return run(s, number, m.digits)
	case r != '\r' && r != '\n':
		if w := run(s[n:], m.letters, unbounded); w > 0 {
			return n + w
		}
		if c&m.letters != 0 {
			return run(s, m.letters, unbounded)
		}
	}
	at := oneSpace(s)
	var w int
	if m.ends == "" {
		w = runFunc(s[at:], func(r rune) bool { return r != '\r' && r != '\n' && classOf(r)&(blank|number|m.letters) == 0 }, unbounded)
	} else {
		w = runOutside(s[at:], blank|number|m.letters)
	}
	if w > 0 {
		return at + w + lineEnds(s[at+w:], m.ends)
	}
	if n := breaks(s); n > 0 {
		return n
	}
	return blanks(s)
}

var (
	splitLlama3 = modern{letters: letter, digits: 3, ends: "\r\n"}.split
	splitQwen2  = modern{letters: letter, digits: 1, ends: "\r\n"}.split
	splitQwen35 = modern{letters: letter | mark, digits: 1, ends: "\r\n"}.split
	splitSeed   = modern{letters: letter, digits: 1}.split
)

// splitDeepSeek is the last of DeepSeek-V3's patterns:
//
//	[ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// Characters outside all of them, such as digits and controls, match nothing.
func splitDeepSeek(s string) int {
	c, r, n := next(s)
	if r < 0x80 && c&(punct|symbolic) != 0 {
		if w := runFunc(s[1:], func(r rune) bool { return r < 0x80 && classOf(r)&letter != 0 }, unbounded); w > 0 {
			return 1 + w
		}
	}
	if c&(letter|punct|symbolic) == 0 && r != '\r' && r != '\n' {
		if w := run(s[n:], letter|mark, unbounded); w > 0 {
			return n + w
		}
	}
	if w := run(s, letter|mark, unbounded); w > 0 {
		return w
	}
	at := oneSpace(s)
	if w := run(s[at:], punct|symbolic, unbounded); w > 0 {
		return at + w + lineEnds(s[at+w:], "\r\n")
	}
	if c&blank == 0 {
		return 0
	}
	if n := breaks(s); n > 0 {
		return n
	}
	return blanks(s)
}

// splitBloom is " ?" and a run without white space, ( ) | and the full stops and commas of several scripts.
func splitBloom(s string) int {
	at := oneSpace(s)
	w := runFunc(s[at:], func(r rune) bool {
		return !strings.ContainsRune("(|).,!?…。，、।۔،", r) && classOf(r)&blank == 0
	}, unbounded)
	if w == 0 {
		return 0
	}
	return at + w
}

// splitCLIP is <|startoftext|>|<|endoftext|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+
func splitCLIP(s string) int {
	for _, token := range []string{"<|startoftext|>", "<|endoftext|>"} {
		if strings.HasPrefix(s, token) {
			return len(token)
		}
	}
	if n := contraction(s, false); n > 0 {
		return n
	}
	switch c, _, n := next(s); {
	case c&letter != 0:
		return run(s, letter, unbounded)
	case c&number != 0:
		return n
	}
	return runOutside(s, blank|letter|number)
}

// classRun is a run of characters of some classes, at most limit long.
func classRun(want class, limit int) splitter {
	return func(s string) int { return run(s, want, limit) }
}

// runeRun is a run of characters that f accepts.
func runeRun(f func(rune) bool) splitter {
	return func(s string) int { return runFunc(s, f, unbounded) }
}

// spacedRun is \s? and a run.
func spacedRun(f func(rune) bool) splitter {
	return func(s string) int {
		at := run(s, blank, 1)
		if w := runFunc(s[at:], f, unbounded); w > 0 {
			return at + w
		}
		return runFunc(s, f, unbounded)
	}
}

// threeDigits is [0-9][0-9][0-9]
func threeDigits(s string) int {
	if len(s) < 3 || !isDigit(rune(s[0])) || !isDigit(rune(s[1])) || !isDigit(rune(s[2])) {
		return 0
	}
	return 3
}

package tokenizer

import "unicode"

// cased is the family of patterns that came with tiktoken's o200k_base: words are cut before a capital that follows a
// small letter. With U = Lu Lt Lm Lo M and D = Ll Lm Lo M:
//
//	[^\r\n\p{L}\p{N}]?U*D+SUFFIX?|[^\r\n\p{L}\p{N}]?U+D*SUFFIX?|\p{N}{1,DIGITS}| ?[^\s\p{L}\p{N}]+ENDS*|\s*[\r\n]+|\s+(?!\S)|\s+
type cased struct {
	digits int
	suffix bool   // contractions belong to the word before them
	ends   string // [\r\n/] or [\r\n]
	han    bool   // runs of Han characters are words, before anything else
}

var (
	splitO200k  = cased{digits: 3, suffix: true, ends: "\r\n/"}.split
	splitTekken = cased{digits: 1, ends: "\r\n/"}.split
	splitKimi   = cased{digits: 3, suffix: true, ends: "\r\n", han: true}.split
)

func (m cased) split(s string) int {
	if m.han {
		if n := runFunc(s, isHan, unbounded); n > 0 {
			return n
		}
	}
	c, r, n := next(s)
	lead := 0
	if c&(letter|number) == 0 && r != '\r' && r != '\n' {
		lead = n
	}
	// Each alternative is tried with the leading character first, then without.
	for _, word := range [2]func(string) int{m.small, m.capital} {
		if lead > 0 {
			if w := word(s[lead:]); w > 0 {
				return m.end(s, lead+w)
			}
		}
		if w := word(s); w > 0 {
			return m.end(s, w)
		}
	}
	if c&number != 0 {
		return run(s, number, m.digits)
	}
	at := oneSpace(s)
	if w := runOutside(s[at:], blank|letter|number); w > 0 {
		return at + w + lineEnds(s[at+w:], m.ends)
	}
	if n := breaks(s); n > 0 {
		return n
	}
	return blanks(s)
}

func (m cased) end(s string, at int) int {
	if m.suffix {
		at += contraction(s[at:], true)
	}
	return at
}

// up and down are the sets U and D.
func (m cased) up(c class, r rune) bool {
	return (c&mark != 0 || c&letter != 0 && c&lower == 0) && !(m.han && isHan(r))
}
func (m cased) down(c class, r rune) bool {
	return (c&mark != 0 || c&letter != 0 && c&upper == 0) && !(m.han && isHan(r))
}

// small is U*D+ : as many of U as leave one of D.
func (m cased) small(s string) int {
	at, back := 0, 0 // back: end of the last character of U that is of D too
	for {
		c, r, n := next(s[at:])
		if n == 0 || !m.up(c, r) {
			break
		}
		at += n
		if m.down(c, r) {
			back = at
		}
	}
	end := at
	for {
		c, r, n := next(s[end:])
		if n == 0 || !m.down(c, r) {
			break
		}
		end += n
	}
	if end > at {
		return end
	}
	return back
}

// capital is U+D* .
func (m cased) capital(s string) int {
	at := 0
	for _, set := range [2]func(class, rune) bool{m.up, m.down} {
		for {
			c, r, n := next(s[at:])
			if n == 0 || !set(c, r) {
				break
			}
			at += n
		}
		if at == 0 {
			return 0
		}
	}
	return at
}

func isHan(r rune) bool { return r >= 0x2E80 && unicode.Is(unicode.Han, r) }

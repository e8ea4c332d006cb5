package template

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// text is a string that remembers where each of its bytes came from: runs of the template's own and of data take turns.
type text struct {
	s    string
	data bool  // the first run came from data
	ends []int // where the runs end, but for the last; nil: one run
	safe bool  // Python's Markup: adding to it escapes
}

func trusted(s string) text   { return text{s: s} }
func untrusted(s string) text { return text{s: s, data: true} }

// runs yields the runs with their origin.
func (t text) runs(yield func(s string, data bool) bool) {
	at, data := 0, t.data
	for _, end := range t.ends {
		if !yield(t.s[at:end], data) {
			return
		}
		at, data = end, !data
	}
	yield(t.s[at:], data)
}

// char is a character with the bytes it takes and its origin.
type char struct {
	r    rune
	raw  string
	data bool
}

// chars yields the characters.
func (t text) chars(yield func(char) bool) {
	for run, data := range t.runs {
		for i := 0; i < len(run); {
			r, n := utf8.DecodeRuneInString(run[i:])
			if !yield(char{r, run[i : i+n], data}) {
				return
			}
			i += n
		}
	}
}

// fromData reports whether any of t came from data.
func fromData(t text) bool { return t.data || t.ends != nil }

// cut is the bytes from lo to hi, each keeping its origin.
func (t text) cut(lo, hi int) text {
	if lo == 0 && hi == len(t.s) {
		return t
	}
	if t.ends == nil {
		return text{s: t.s[lo:hi], data: t.data, safe: t.safe}
	}
	var b builder
	b.addCut(t, lo, hi)
	out := b.text()
	out.safe = t.safe
	return out
}

// len is the number of characters.
func (t text) len() int { return utf8.RuneCountInString(t.s) }

// byteAt is where character i starts.
func (t text) byteAt(i int) int {
	if i >= len(t.s) {
		return len(t.s)
	}
	n := 0
	for at := range t.s {
		if n == i {
			return at
		}
		n++
	}
	return len(t.s)
}

// runeAt is where character n is, counted from the end where n is less than zero; false: there is none.
func (t text) runeAt(n int) (lo, hi int, ok bool) {
	if n >= 0 {
		lo = t.byteAt(n)
		return lo, lo + len(firstRune(t.s[lo:])), lo < len(t.s)
	}
	for hi = len(t.s); hi > 0; hi = lo {
		_, size := utf8.DecodeLastRuneInString(t.s[:hi])
		lo = hi - size
		if n++; n == 0 {
			return lo, hi, true
		}
	}
	return 0, 0, false
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// mapped replaces each character by what f makes of it, keeping its origin.
func (t text) mapped(f func(r rune, raw string) string) text {
	var b builder
	for c := range t.chars {
		b.add(f(c.r, c.raw), c.data)
	}
	out := b.text()
	out.safe = t.safe
	return out
}

// escaped is t for HTML, as Markup.escape makes it.
func (t text) escaped() text {
	if t.safe {
		return t
	}
	if strings.ContainsAny(t.s, `&<>'"`) {
		t = t.mapped(func(r rune, raw string) string {
			switch r {
			case '&':
				return "&amp;"
			case '<':
				return "&lt;"
			case '>':
				return "&gt;"
			case '\'':
				return "&#39;"
			case '"':
				return "&#34;"
			}
			return raw
		})
	}
	t.safe = true
	return t
}

// plain is t as a str, no Markup.
func (t text) plain() text {
	t.safe = false
	return t
}

// builder puts texts together. Beyond max bytes (0: no bound) it takes nothing more and is over.
type builder struct {
	b    strings.Builder
	data bool
	last bool
	ends []int
	max  int
	over bool
}

func (b *builder) add(s string, data bool) {
	switch {
	case s == "":
		return
	case b.max > 0 && b.b.Len()+len(s) > b.max:
		b.over = true
		return
	case b.b.Len() == 0:
		b.data = data
	case data != b.last:
		b.ends = append(b.ends, b.b.Len())
	}
	b.last = data
	b.b.WriteString(s)
}

// grow makes room for n bytes, if that many may come.
func (b *builder) grow(n int) {
	if n <= b.max {
		b.b.Grow(n)
	}
}

// own adds the template's, or Python's, own text.
func (b *builder) own(s string) { b.add(s, false) }

func (b *builder) addText(t text) {
	if t.ends == nil {
		b.add(t.s, t.data)
		return
	}
	for s, data := range t.runs {
		b.add(s, data)
	}
}

func (b *builder) addCut(t text, lo, hi int) {
	i, _ := slices.BinarySearch(t.ends, lo+1) // the run that lo lies in
	for data := t.data != (i%2 == 1); lo < hi; data = !data {
		end := hi
		if i < len(t.ends) {
			end = min(hi, t.ends[i])
		}
		b.add(t.s[lo:end], data)
		lo = end
		i++
	}
}

func (b *builder) text() text { return text{s: b.b.String(), data: b.data, ends: b.ends} }

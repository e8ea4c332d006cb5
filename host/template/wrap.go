package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordWrap breaks lines at width characters, as Python's textwrap does line by line.
func wordWrap(s *state, v any, a args) (any, error) {
	p, err := a.bind("wordwrap", "width?", "break_long_words?", "wrapstring?", "break_on_hyphens?")
	if err != nil {
		return nil, err
	}
	t, ok := v.(text)
	if u, missing := v.(undefined); missing {
		return nil, u.fail()
	}
	if !ok {
		return nil, failure("AttributeError", "'%s' object has no attribute 'splitlines'", typeName(v))
	}
	width, err := asInt(or(p[0], int64(79)))
	if err != nil {
		return nil, err
	}
	sep := trusted("\n")
	if x := or(p[2], nil); x != nil {
		if sep, err = asText(x); err != nil {
			return nil, err
		}
	}
	if width <= 0 {
		return nil, valueError("invalid width %d (must be > 0)", width)
	}
	b := s.build()
	for i, line := range lines(t.s, false) {
		if i > 0 {
			b.addText(sep)
		}
		chunks := wrapChunks(t.s[line[0]:line[1]], truth(or(p[3], true)))
		for j, r := range wrapLines(t.s[line[0]:line[1]], chunks, width, truth(or(p[1], true)), truth(or(p[3], true))) {
			if j > 0 {
				b.addText(sep)
			}
			b.addCut(t, line[0]+r[0], line[0]+r[1])
		}
	}
	return s.done(b)
}

// wrapSpace are textwrap's white space: no others break lines.
func wrapSpace(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }

func wrapPunct(r rune) bool  { return isWord(r) || strings.ContainsRune(`!"'&.,?`, r) }
func wrapLetter(r rune) bool { return isWord(r) && !unicode.IsDigit(r) }

// wrapChunks cuts a line into pieces that stay whole, as byte ranges: runs of white space, dashes between words, words, and
// with hyphens the parts of hyphenated words.
func wrapChunks(s string, hyphens bool) [][2]int {
	type at struct {
		r   rune
		pos int
	}
	var rs []at
	for i, r := range s {
		rs = append(rs, at{r, i})
	}
	rs = append(rs, at{0, len(s)})
	n := len(rs) - 1
	is := func(i int, f func(rune) bool) bool { return i >= 0 && i < n && f(rs[i].r) }
	dash := func(r rune) bool { return r == '-' }
	// dashes says whether an em-dash, two or more hyphens before a word, starts at i, and where it ends.
	dashes := func(i int) (int, bool) {
		j := i
		for is(j, dash) {
			j++
		}
		return j, j-i >= 2 && is(i-1, wrapPunct) && is(j, isWord)
	}
	var out [][2]int
	for i := 0; i < n; {
		j := i
		switch end, ok := dashes(i); {
		case is(i, wrapSpace):
			for is(j, wrapSpace) {
				j++
			}
		case hyphens && ok:
			j = end
		default:
			for j++; j < n && !is(j, wrapSpace); j++ {
				if !hyphens {
					continue
				}
				if _, ok := dashes(j); ok {
					break
				}
				before := is(j-1, wrapLetter) && is(j-2, wrapLetter) || is(j-3, wrapLetter) && is(j-2, dash) && is(j-1, wrapPunct)
				after := is(j+1, wrapLetter) && (is(j+2, wrapLetter) || is(j+2, dash) && is(j+3, wrapLetter))
				if is(j, dash) && before && after {
					j++
					break
				}
			}
		}
		out = append(out, [2]int{rs[i].pos, rs[j].pos})
		i = j
	}
	return out
}

// wrapLines puts chunks on lines of at most width characters, and drops white space where lines break.
func wrapLines(s string, chunks [][2]int, width int, breakLong, hyphens bool) [][2]int {
	var out [][2]int
	sizes := make([]int, len(chunks)) // in characters
	for i, c := range chunks {
		sizes[i] = utf8.RuneCountInString(s[c[0]:c[1]])
	}
	blank := func(c [2]int) bool { return strings.TrimFunc(s[c[0]:c[1]], isSpace) == "" }
	for len(chunks) > 0 {
		if len(out) > 0 && blank(chunks[0]) {
			chunks, sizes = chunks[1:], sizes[1:]
			continue
		}
		start, used, last := -1, 0, [2]int{}
		add := func(c [2]int, size int) {
			if start < 0 {
				start = c[0]
			}
			used += size
			last = c
		}
		for len(chunks) > 0 && used+sizes[0] <= width {
			add(chunks[0], sizes[0])
			chunks, sizes = chunks[1:], sizes[1:]
		}
		if len(chunks) > 0 && sizes[0] > width {
			c := chunks[0]
			switch {
			case breakLong:
				size := width - used
				cut := c[0] + text{s: s[c[0]:c[1]]}.byteAt(size)
				if i := strings.LastIndexByte(s[c[0]:cut], '-'); hyphens && i > 0 && strings.Trim(s[c[0]:c[0]+i], "-") != "" {
					cut = c[0] + i + 1
					size = utf8.RuneCountInString(s[c[0]:cut])
				}
				add([2]int{c[0], cut}, size) // which may be nothing, and then keeps white space before it from being dropped
				chunks[0][0] = cut
				sizes[0] -= size
			case start < 0:
				add(c, sizes[0])
				chunks, sizes = chunks[1:], sizes[1:]
			}
		}
		end := last[1]
		if blank(last) {
			end = last[0]
		}
		if end > start {
			out = append(out, [2]int{start, end})
		}
	}
	return out
}

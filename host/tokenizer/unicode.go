package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is a set of the general categories that splitting patterns name.
type class uint8

const (
	letter   class = 1 << iota // L
	upper                      // Lu, Lt: with letter
	lower                      // Ll: with letter
	mark                       // M
	number                     // N
	punct                      // P
	symbolic                   // S
	blank                      // White_Space
)

// classes are those of the Basic Multilingual Plane, a byte each, because searching the standard tables costs 20 ns a character.
var classes = func() *[1 << 16]class {
	var t [1 << 16]class
	for _, c := range categories {
		for _, r := range c.table.R16 {
			for v := uint32(r.Lo); v <= uint32(r.Hi); v += uint32(r.Stride) {
				t[v] |= c.class
			}
		}
	}
	return &t
}()

var categories = []struct {
	class class
	table *unicode.RangeTable
}{
	{letter, unicode.L}, {upper, unicode.Lu}, {upper, unicode.Lt}, {lower, unicode.Ll}, {mark, unicode.M}, {number, unicode.N},
	{punct, unicode.P}, {symbolic, unicode.S}, {blank, unicode.White_Space},
}

func classOf(r rune) class {
	if uint32(r) < uint32(len(classes)) {
		return classes[r]
	}
	var c class
	for _, t := range categories {
		if unicode.Is(t.table, r) {
			c |= t.class
		}
	}
	return c
}

// next is the class, value and length of the first character of s; n is 0 at the end. A byte that is not UTF-8 counts as U+FFFD.
func next(s string) (c class, r rune, n int) {
	if s == "" {
		return 0, 0, 0
	}
	if b := s[0]; b < utf8.RuneSelf {
		return classes[b], rune(b), 1
	}
	r, n = utf8.DecodeRuneInString(s)
	return classOf(r), r, n
}

// run is the length of the characters at the start of s that are in one of the classes of want, at most limit of them.
func run(s string, want class, limit int) int {
	at := 0
	for ; limit > 0 && at < len(s); limit-- {
		if b := s[at]; b < utf8.RuneSelf {
			if classes[b]&want == 0 {
				break
			}
			at++
			continue
		}
		c, _, n := next(s[at:])
		if c&want == 0 {
			break
		}
		at += n
	}
	return at
}

// runOutside is the length of the characters at the start of s that are in no class of stop.
func runOutside(s string, stop class) int {
	at := 0
	for at < len(s) {
		c, _, n := next(s[at:])
		if c&stop != 0 {
			break
		}
		at += n
	}
	return at
}

// runFunc is the length of the characters at the start of s that f accepts, at most limit of them.
func runFunc(s string, f func(rune) bool, limit int) int {
	at := 0
	for ; limit > 0 && at < len(s); limit-- {
		r, n := utf8.DecodeRuneInString(s[at:])
		if !f(r) {
			break
		}
		at += n
	}
	return at
}

const unbounded = int(^uint(0) >> 1)

// isPunct is punctuation as WordPiece and the pre-tokenizer of that name see it: ASCII's symbols count.
func isPunct(r rune) bool {
	return classOf(r)&punct != 0 || r < utf8.RuneSelf && classOf(r)&symbolic != 0
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// isWord is \w of Unicode Technical Standard 18, annex C.
func isWord(r rune) bool {
	return classOf(r)&(letter|mark) != 0 || unicode.In(r, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// touches reports whether a neighbouring character makes a whole word longer.
func touches(r rune, size int) bool { return size > 0 && isWord(r) }

package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// preTokenizer cuts text, which is not empty, into words and gives them to emit in order. start says that the text starts
// the whole text, and is passed on with the word that does. Empty words are ignored.
type preTokenizer func(text string, start bool, emit func(word string, start bool))

// finder returns place and length of the first match of a pattern in a text; length 0 means none.
type finder func(text string) (at, size int)

// anywhere searches for a match of a splitter at each character in turn.
func anywhere(match splitter) finder {
	return func(s string) (int, int) {
		for at := 0; at < len(s); {
			if n := match(s[at:]); n > 0 {
				return at, n
			}
			if s[at] < utf8.RuneSelf {
				at++
				continue
			}
			_, n := utf8.DecodeRuneInString(s[at:])
			at += n
		}
		return len(s), 0
	}
}

// each finds the characters that f accepts, one by one.
func eachRune(f func(rune) bool) finder {
	return anywhere(func(s string) int { return runFunc(s, f, 1) })
}

// fixed finds a string; an empty one never.
func fixed(text string) finder {
	return func(s string) (int, int) {
		at := strings.Index(s, text)
		if at < 0 || text == "" {
			return len(s), 0
		}
		return at, len(text)
	}
}

// behavior is what becomes of matches and of what lies between them.
type behavior uint8

const (
	isolated           behavior = iota // each is a word
	removed                            // what lies between is words
	kept                               // matches are words, what lies between is dropped
	mergedWithPrevious                 // a match belongs to what is before it
	mergedWithNext                     // or after it
	contiguous                         // neighbouring matches are one word
)

var behaviors = map[string]behavior{
	"Isolated": isolated, "Removed": removed, "MergedWithPrevious": mergedWithPrevious, "MergedWithNext": mergedWithNext, "Contiguous": contiguous,
}

// splitBy cuts text at the matches of a pattern; with invert, at what lies between them.
func splitBy(find finder, how behavior, invert bool) preTokenizer {
	if how == removed && invert {
		how, invert = kept, false
	}
	return func(text string, start bool, emit func(string, bool)) {
		from, to := 0, 0 // the word that waits: it may grow
		flush := func() {
			if to > from {
				emit(text[from:to], start && from == 0)
			}
		}
		before := false // the last part was a match
		take := func(end int, match bool) {
			match = match != invert
			switch {
			case to == end:
				return
			case how == removed && match, how == kept && !match:
				flush()
				from, to, before = end, end, match
				return
			case how == mergedWithPrevious && match && !before,
				how == mergedWithNext && !match && before,
				how == contiguous && match == before && to > 0:
				to = end
			default:
				flush()
				from, to = to, end
			}
			before = match
		}
		for to < len(text) {
			end := to
			at, n := find(text[end:])
			if n == 0 {
				break
			}
			take(end+at, false)
			take(end+at+n, true)
		}
		take(len(text), false)
		flush()
	}
}

// isolate is splitBy of a splitter and isolated, without the general case's bookkeeping.
func isolate(match splitter) preTokenizer {
	return func(text string, start bool, emit func(string, bool)) {
		gap := 0
		for at := 0; at < len(text); {
			n := match(text[at:])
			if n == 0 {
				_, n = utf8.DecodeRuneInString(text[at:])
				at += n
				continue
			}
			if gap < at {
				emit(text[gap:at], start && gap == 0)
			}
			emit(text[at:at+n], start && at == 0)
			at += n
			gap = at
		}
		if gap < len(text) {
			emit(text[gap:], start && gap == 0)
		}
	}
}

// spaceBefore puts a space before a text that does not start with one.
func spaceBefore(text string, start bool, emit func(string, bool)) {
	if text[0] != ' ' {
		text = " " + text
	}
	emit(text, start)
}

// inBytes spells text in the printable alphabet of byte-level vocabularies.
func inBytes(text string, start bool, emit func(string, bool)) { emit(spell(text), start) }

// prepend says which fragments get a space in front.
type prepend uint8

const (
	prependNone  prepend = iota
	prependFirst         // the fragment that starts the text, unless it starts with a space
	prependEach          // every fragment that does not start with a space
)

// metaspace writes spaces as mark and, with split, cuts before each.
func metaspace(mark string, where prepend, split bool) preTokenizer {
	cut := splitBy(fixed(mark), mergedWithNext, false)
	return func(text string, start bool, emit func(string, bool)) {
		text = strings.ReplaceAll(text, " ", mark)
		if (where == prependEach || where == prependFirst && start) && !strings.HasPrefix(text, mark) {
			text = mark + text
		}
		if split {
			cut(text, start, emit)
		} else {
			emit(text, start)
		}
	}
}

// bertWords are what is between white space, with punctuation cut out.
func bertWords(text string, start bool, emit func(string, bool)) {
	splitBy(eachRune(func(r rune) bool { return classOf(r)&blank != 0 }), removed, false)(text, start, func(word string, start bool) {
		splitBy(eachRune(isPunct), isolated, false)(word, start, emit)
	})
}

// wordsAndSigns keeps \w+ and [^\w\s]+.
func wordsAndSigns(s string) int {
	if n := runFunc(s, isWord, unbounded); n > 0 {
		return n
	}
	return runFunc(s, func(r rune) bool { return !isWord(r) && classOf(r)&blank == 0 }, unbounded)
}

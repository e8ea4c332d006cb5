package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// splitter returns the length in bytes of the first word of a text, which is not empty: at least one. Splitters are
// written by hand from the patterns in their comments; each looks at every character a bounded number of times, except
// that white space is scanned to its end once per word.
type splitter func(text string) int

// splitters by the names of tokenizer.ggml.pre.
var splitters = map[string]splitter{
	"gpt-2": splitGPT2, "mpt": splitGPT2, "olmo": splitGPT2, "jais": splitGPT2, "phi-2": splitGPT2, "roberta-bpe": splitGPT2, "dbrx": splitLlama3,
	"llama-bpe": splitLlama3, "llama3": splitLlama3, "llama-v3": splitLlama3, "smaug-bpe": splitLlama3, "falcon3": splitLlama3, "pixtral": splitLlama3,
	"qwen2": splitQwen2, "stablelm2": splitQwen2, "hunyuan": splitQwen2, "deepseek-r1-qwen": splitQwen2, "megrez": splitQwen2,
}

type class uint8

const (
	other class = iota
	letter
	number
	blank
)

// asciiClass avoids Unicode tables for most text.
var asciiClass = func() (c [128]class) {
	for i := range c {
		switch r := rune(i); {
		case unicode.IsLetter(r):
			c[i] = letter
		case unicode.IsNumber(r):
			c[i] = number
		case unicode.IsSpace(r):
			c[i] = blank
		}
	}
	return c
}()

// next is the class and length of the first character; n is 0 at the end. A byte that is not UTF-8 is one of other.
func next(s string) (c class, r rune, n int) {
	if s == "" {
		return other, 0, 0
	}
	if b := s[0]; b < utf8.RuneSelf {
		return asciiClass[b], rune(b), 1
	}
	r, n = utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsLetter(r):
		c = letter
	case unicode.IsNumber(r):
		c = number
	case unicode.IsSpace(r):
		c = blank
	}
	return c, r, n
}

// run is the length of the characters of class c at the start of s, at most limit of them.
func run(s string, want class, limit int) int {
	at := 0
	for range limit {
		c, _, n := next(s[at:])
		if n == 0 || c != want {
			break
		}
		at += n
	}
	return at
}

const unbounded = 1 << 62

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
		if c != blank {
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

// splitGPT2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	at := 0
	if s[0] == ' ' {
		at = 1
	}
	if c, _, n := next(s[at:]); n > 0 && c != blank {
		return at + run(s[at:], c, unbounded)
	}
	return blanks(s)
}

// splitLlama3 is (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitLlama3(s string) int { return splitModern(s, 3) }

// splitQwen2 is splitLlama3 with single digits.
func splitQwen2(s string) int { return splitModern(s, 1) }

func splitModern(s string, digits int) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	c, r, n := next(s)
	// [^\r\n\p{L}\p{N}]?\p{L}+
	switch {
	case c == letter:
		return run(s, letter, unbounded)
	case c != number && r != '\r' && r != '\n':
		if w := run(s[n:], letter, unbounded); w > 0 {
			return n + w
		}
	}
	if c == number {
		return run(s, number, digits)
	}
	//  ?[^\s\p{L}\p{N}]+[\r\n]*
	at := 0
	if s[0] == ' ' {
		at = 1
	}
	if w := run(s[at:], other, unbounded); w > 0 {
		at += w
		for at < len(s) && (s[at] == '\r' || s[at] == '\n') {
			at++
		}
		return at
	}
	// \s*[\r\n]+ : white space up to and with the last line break of the run.
	end := run(s, blank, unbounded)
	for i := end; i > 0; i-- {
		if s[i-1] == '\r' || s[i-1] == '\n' {
			return i
		}
	}
	return blanks(s)
}

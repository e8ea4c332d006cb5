package tokenizer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites a fragment of text.
type normalizer func(string) string

// toLower is the lower case of each character by itself: only İ becomes two.
func toLower(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "İ", "i̇"))
}

// prepended puts something before a text that is not empty.
func prepended(with string) normalizer {
	return func(s string) string {
		if s == "" {
			return s
		}
		return with + s
	}
}

func replaced(old, with string) normalizer {
	return func(s string) string { return strings.ReplaceAll(s, old, with) }
}

// replacedPattern replaces what a regular expression matches, without expansion. Go's engine takes linear time.
func replacedPattern(pattern, with string) (normalizer, error) {
	re, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(s string) string { return re.ReplaceAllLiteralString(s, with) }, nil
}

// compile reads a regular expression in which \s and \d mean all of Unicode.
func compile(pattern string) (*regexp.Regexp, error) {
	p, err := unicodeClasses(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return nil, &UnsupportedError{"pattern: " + err.Error()}
	}
	return re, nil
}

// unicodeClasses writes \s, \S and \d of a pattern, in and outside brackets, as Unicode classes. Sets
// within sets mean different things to different engines and are refused.
func unicodeClasses(pattern string) (string, error) {
	const white = `\t\n\v\f\r\x{85}\p{Z}`
	var b strings.Builder
	inside := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern):
			i++
			switch n := pattern[i]; {
			case n == 's' && inside:
				b.WriteString(white)
			case n == 's':
				b.WriteString("[" + white + "]")
			case n == 'S' && !inside:
				b.WriteString("[^" + white + "]")
			case n == 'd':
				b.WriteString(`\p{Nd}`)
			default:
				b.WriteByte('\\')
				b.WriteByte(n)
			}
			continue
		case inside && (c == '[' || c == '&' && i+1 < len(pattern) && pattern[i+1] == '&'):
			return "", &UnsupportedError{fmt.Sprintf("pattern %q: set within a set", pattern)}
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// without leaves out the characters that f accepts.
func without(f func(rune) bool) normalizer {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if f(r) {
				return -1
			}
			return r
		}, s)
	}
}

func isMark(r rune) bool { return unicode.Is(unicode.M, r) }

// bertOptions choose what bertNormalizer does.
type bertOptions struct{ clean, chinese, accents, lower bool }

// bertNormalizer is the text cleaning of WordPiece models: control characters out, white space to spaces, spaces around
// Chinese characters, accents off, lower case.
func bertNormalizer(o bertOptions) normalizer {
	return func(s string) string {
		if o.clean {
			s = strings.Map(cleaned, s)
		}
		if o.chinese {
			s = spacedChinese(s)
		}
		if o.accents {
			s = without(func(r rune) bool { return unicode.Is(unicode.Mn, r) })(canonical(norm.NFD)(s))
		}
		if o.lower {
			s = toLower(s)
		}
		return s
	}
}

// cleaned drops control, format and private characters and makes every white space a space.
func cleaned(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case r == 0 || r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
		return -1
	case classOf(r)&blank != 0:
		return ' '
	}
	return r
}

func spacedChinese(s string) string {
	if !strings.ContainsFunc(s, isChinese) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isChinese(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isChinese is a character of the blocks CJK Unified Ideographs, their extensions A to E and Compatibility Ideographs.
// Extension E starts 256 characters late, as in the code the models were trained with.
func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

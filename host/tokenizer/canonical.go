package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// longRun is how many combining marks package norm takes in a row: behind them it puts U+034F (Unicode Standard Annex 15,
// section 13, Stream-Safe Text Format), which the models' own libraries do not.
const longRun = 29

// canonical is a normalization form without limit on the marks that one character carries. Time is that of package norm,
// and n log n in runs of marks that are too long for it.
func canonical(form norm.Form) normalizer {
	return func(s string) string {
		if form.IsNormalString(s) && !hasLongRun(s) {
			return s
		}
		if !hasLongRun(s) {
			return form.String(s)
		}
		return longMarks(form, s)
	}
}

// hasLongRun reports whether more marks follow each other than package norm lets pass, decomposed.
func hasLongRun(s string) bool {
	run := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			run = 0
			i++
			continue
		}
		p := norm.NFKD.PropertiesString(s[i:])
		n := p.Size()
		if n == 0 {
			n = 1
		}
		// A character whose decomposition starts with a base starts a run of its other parts.
		if p.CCC() == 0 && p.LeadCCC() == 0 {
			run = 0
		}
		run += marks(p, s[i:i+n])
		if run > longRun {
			return true
		}
		i += n
	}
	return false
}

// marks is the number of combining marks in a character's decomposition.
func marks(p norm.Properties, char string) int {
	d := p.Decomposition()
	if d == nil {
		if p.CCC() != 0 {
			return 1
		}
		return 0
	}
	n := 0
	for _, r := range string(d) {
		if norm.NFD.PropertiesString(string(r)).CCC() != 0 {
			n++
		}
	}
	return n
}

// ranked is a character and its canonical combining class.
type ranked struct {
	r   rune
	ccc uint8
}

// longMarks normalizes by the definition: decompose, sort marks by class, compose. Source: Unicode Standard, section 3.11,
// definitions D107 to D118.
func longMarks(form norm.Form, s string) string {
	list := make([]ranked, 0, len(s))
	decompose := norm.NFD
	if form == norm.NFKC || form == norm.NFKD {
		decompose = norm.NFKD
	}
	for i, n := 0, 0; i < len(s); i += n {
		_, n = utf8.DecodeRuneInString(s[i:])
		for _, r := range decompose.String(s[i : i+n]) {
			list = append(list, ranked{r, norm.NFD.PropertiesString(string(r)).CCC()})
		}
	}
	for i := 0; i < len(list); {
		if list[i].ccc == 0 {
			i++
			continue
		}
		end := i
		for end < len(list) && list[end].ccc != 0 {
			end++
		}
		slices.SortStableFunc(list[i:end], func(a, b ranked) int { return int(a.ccc) - int(b.ccc) })
		i = end
	}
	if form == norm.NFC || form == norm.NFKC {
		list = compose(list)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range list {
		b.WriteRune(c.r)
	}
	return b.String()
}

// compose joins each character with the base before it where both make one and nothing between them blocks it.
func compose(list []ranked) []ranked {
	out := list[:0]
	base := -1      // of the last character of class 0 in out
	last := -1      // class of the last character kept behind base; −1: none
	var pair []byte // reused
	for _, c := range list {
		if base >= 0 && last < int(c.ccc) {
			pair = utf8.AppendRune(utf8.AppendRune(pair[:0], out[base].r), c.r)
			joined := norm.NFC.Bytes(pair)
			if r, n := utf8.DecodeRune(joined); n == len(joined) {
				out[base].r = r
				continue
			}
		}
		if c.ccc == 0 {
			base, last = len(out), -1
		} else {
			last = int(c.ccc)
		}
		out = append(out, c)
	}
	return out
}

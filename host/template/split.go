package template

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// splitMethod is split and rsplit.
func splitMethod(name string) textMethod {
	return func(s *state, t text, a args) (any, error) {
		v, err := a.bind(name, "sep?", "maxsplit?")
		if err != nil {
			return nil, err
		}
		n, err := asInt(or(v[1], int64(-1)))
		if err != nil {
			return nil, err
		}
		var cuts [][2]int
		if sep := or(v[0], nil); sep == nil {
			cuts = fields(t.s, n, name == "rsplit")
		} else {
			sep, err := asText(sep)
			if err != nil {
				return nil, err
			}
			if sep.s == "" {
				return nil, valueError("empty separator")
			}
			cuts = splits(t.s, sep.s, n, name == "rsplit")
		}
		l := newList()
		for _, c := range cuts {
			l.items = append(l.items, t.cut(c[0], c[1]))
		}
		return l, s.charge(len(t.s) + 64*len(l.items))
	}
}

// splits are the ranges between separators, at most n of which count (−1: all), from the end if right.
func splits(s, sep string, n int, right bool) [][2]int {
	var at []int
	if right {
		for end := len(s); n < 0 || len(at) < n; {
			i := strings.LastIndex(s[:end], sep)
			if i < 0 {
				break
			}
			at = append(at, i)
			end = i
		}
		slices.Reverse(at)
	} else {
		for from := 0; n < 0 || len(at) < n; {
			i := strings.Index(s[from:], sep)
			if i < 0 {
				break
			}
			at = append(at, from+i)
			from += i + len(sep)
		}
	}
	var out [][2]int
	from := 0
	for _, i := range at {
		out = append(out, [2]int{from, i})
		from = i + len(sep)
	}
	return append(out, [2]int{from, len(s)})
}

// fields are the ranges between runs of white space; after n of them (−1: all) the rest is one.
func fields(s string, n int, right bool) [][2]int {
	var out [][2]int
	start := -1
	for i, r := range s {
		switch {
		case isSpace(r) && start >= 0:
			out = append(out, [2]int{start, i})
			start = -1
		case !isSpace(r) && start < 0:
			start = i
		}
	}
	if start >= 0 {
		out = append(out, [2]int{start, len(s)})
	}
	if n < 0 || len(out) <= n+1 {
		return trimLone(s, out, n, right)
	}
	if right {
		rest := len(out) - n
		first := [2]int{0, out[rest-1][1]}
		return append([][2]int{first}, out[rest:]...)
	}
	return append(out[:n:n], [2]int{out[n][0], len(s)})
}

// trimLone gives a last field the white space that Python leaves on it when no split was left to take it off.
func trimLone(s string, out [][2]int, n int, right bool) [][2]int {
	if n >= 0 && len(out) == n+1 {
		if right {
			out[0][0] = 0
		} else {
			out[n][1] = len(s)
		}
	}
	return out
}

func partitionMethod(name string) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		v, err := a.bind(name, "sep")
		if err != nil {
			return nil, err
		}
		sep, err := asText(v[0])
		if err != nil {
			return nil, err
		}
		if sep.s == "" {
			return nil, valueError("empty separator")
		}
		i := strings.Index(t.s, sep.s)
		if name == "rpartition" {
			i = strings.LastIndex(t.s, sep.s)
		}
		switch {
		case i >= 0:
			return newTuple(t.cut(0, i), t.cut(i, i+len(sep.s)), t.cut(i+len(sep.s), len(t.s))), nil
		case name == "rpartition":
			return newTuple(text{}, text{}, t), nil
		}
		return newTuple(t, text{}, text{}), nil
	}
}

// lines are the ranges of lines by Python's splitlines, with their line breaks if keep.
func lines(s string, keep bool) [][2]int {
	var out [][2]int
	from := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		end := i
		i += n
		if !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) {
			continue
		}
		if r == '\r' && strings.HasPrefix(s[i:], "\n") {
			i++
		}
		if keep {
			end = i
		}
		out = append(out, [2]int{from, end})
		from = i
	}
	if from < len(s) {
		out = append(out, [2]int{from, len(s)})
	}
	return out
}

func splitLines(s *state, t text, a args) (any, error) {
	v, err := a.bind("splitlines", "keepends?")
	if err != nil {
		return nil, err
	}
	l := newList()
	for _, c := range lines(t.s, truth(or(v[0], false))) {
		l.items = append(l.items, t.cut(c[0], c[1]))
	}
	return l, s.charge(len(t.s) + 64*len(l.items))
}

package template

import (
	"slices"
	"strings"
	"unicode"
)

// method is a bound method of v, or nil.
func method(v any, name string) any {
	switch v := v.(type) {
	case text:
		if m := textMethods[name]; m != nil {
			return &function{name, func(s *state, a args) (any, error) {
				if err := s.work(len(v.s)); err != nil {
					return nil, err
				}
				return m(s, v, a)
			}}
		}
		if slices.Contains(refusedMethods, name) {
			return &function{name, func(*state, args) (any, error) {
				return nil, &UnsupportedError{What: "method " + name + " of str"}
			}}
		}
	case *list:
		if m := listMethods[name]; m != nil && v.kind <= isRange && (name != "copy" || v.kind == isList) {
			return &function{name, func(s *state, a args) (any, error) { return m(s, v, a) }}
		}
	case *dict:
		if m := dictMethods[name]; m != nil {
			return &function{name, func(s *state, a args) (any, error) { return m(s, v, a) }}
		}
	case float64:
		if name == "is_integer" {
			return &function{name, func(*state, args) (any, error) { return v == float64(int64(v)), nil }}
		}
	}
	return nil
}

var refusedMethods = []string{"encode", "maketrans", "translate", "expandtabs", "isidentifier", "isprintable"}

type textMethod func(s *state, t text, a args) (any, error)

// change makes a method without arguments of a change to text.
func change(name string, f func(text) text) textMethod {
	return func(s *state, t text, a args) (any, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		if err := s.charge(len(t.s)); err != nil {
			return nil, err
		}
		return f(t), nil
	}
}

// ask makes a method without arguments of a question about text.
func ask(name string, f func(string) bool) textMethod {
	return func(_ *state, t text, a args) (any, error) {
		_, err := a.bind(name)
		return f(t.s), err
	}
}

// every says whether there are characters and all are such.
func every(f func(rune) bool) func(string) bool {
	return func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0
	}
}

func isAlnum(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

var textMethods map[string]textMethod

func init() { // not in the declaration, which would be a cycle: formatting calls methods
	textMethods = map[string]textMethod{
		"upper":        change("upper", text.upper),
		"lower":        change("lower", text.lower),
		"casefold":     change("casefold", text.lower),
		"capitalize":   change("capitalize", text.capitalized),
		"title":        change("title", text.titled),
		"swapcase":     change("swapcase", text.swapped),
		"strip":        stripMethod("strip", true, true),
		"lstrip":       stripMethod("lstrip", true, false),
		"rstrip":       stripMethod("rstrip", false, true),
		"startswith":   affixMethod("startswith", strings.HasPrefix),
		"endswith":     affixMethod("endswith", strings.HasSuffix),
		"removeprefix": removeMethod("removeprefix"),
		"removesuffix": removeMethod("removesuffix"),
		"find":         findMethod("find"),
		"rfind":        findMethod("rfind"),
		"index":        findMethod("index"),
		"rindex":       findMethod("rindex"),
		"count":        findMethod("count"),
		"split":        splitMethod("split"),
		"rsplit":       splitMethod("rsplit"),
		"partition":    partitionMethod("partition"),
		"rpartition":   partitionMethod("rpartition"),
		"center":       padMethod("center"),
		"ljust":        padMethod("ljust"),
		"rjust":        padMethod("rjust"),
		"zfill":        padMethod("zfill"),
		"isalnum":      ask("isalnum", every(isAlnum)),
		"isalpha":      ask("isalpha", every(unicode.IsLetter)),
		"isascii":      ask("isascii", func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0 }),
		"isdecimal":    ask("isdecimal", every(unicode.IsDigit)),
		"isdigit":      ask("isdigit", every(func(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹", r) })),
		"isnumeric":    ask("isnumeric", every(unicode.IsNumber)),
		"isspace":      ask("isspace", every(isSpace)),
		"islower":      ask("islower", func(s string) bool { return isCase(s, unicode.IsLower, unicode.IsUpper) }),
		"isupper":      ask("isupper", func(s string) bool { return isCase(s, unicode.IsUpper, unicode.IsLower) }),
		"istitle":      ask("istitle", func(s string) bool { return strings.IndexFunc(s, cased) >= 0 && trusted(s).titled().s == s }),
		"splitlines":   splitLines,
		"replace": func(s *state, t text, a args) (any, error) {
			v, err := a.bind("replace", "old", "new", "count?")
			if err != nil {
				return nil, err
			}
			from, err := asText(v[0])
			if err != nil {
				return nil, err
			}
			to, err := asText(v[1])
			if err != nil {
				return nil, err
			}
			n, err := asInt(or(v[2], int64(-1)))
			if err != nil {
				return nil, err
			}
			return s.replace(t, from.s, to, n)
		},
		"join": func(s *state, t text, a args) (any, error) {
			v, err := a.bind("join", "iterable")
			if err != nil {
				return nil, err
			}
			items, err := s.iterate(v[0])
			if err != nil {
				return nil, err
			}
			for i, x := range items {
				if _, ok := x.(text); !ok {
					return nil, typeError("sequence item %d: expected str instance, %s found", i, typeName(x))
				}
			}
			return s.joined(t, items)
		},
		"format": formatMethod,
		"format_map": func(s *state, t text, a args) (any, error) {
			v, err := a.bind("format_map", "mapping")
			if err != nil {
				return nil, err
			}
			d, ok := v[0].(*dict)
			if !ok {
				return nil, typeError("'%s' object is not a mapping", typeName(v[0]))
			}
			return s.braces(t, nil, d)
		},
	}
}

var listMethods = map[string]func(s *state, l *list, a args) (any, error){
	"index": func(s *state, l *list, a args) (any, error) {
		v, err := a.bind("index", "value", "start?", "stop?")
		if err != nil {
			return nil, err
		}
		lo, hi, err := span(v[1], v[2], len(l.items))
		for i := lo; i < hi && err == nil; i++ {
			var same bool
			if same, err = s.equal(l.items[i], v[0], 0); same {
				return int64(i), nil
			}
		}
		if err == nil {
			err = valueError("value is not in list")
		}
		return nil, err
	},
	"count": func(s *state, l *list, a args) (any, error) {
		v, err := a.bind("count", "value")
		if err != nil {
			return nil, err
		}
		n := int64(0)
		for _, x := range l.items {
			same, err := s.equal(x, v[0], 0)
			if err != nil {
				return nil, err
			}
			if same {
				n++
			}
		}
		return n, nil
	},
	"copy": func(s *state, l *list, _ args) (any, error) {
		return newList(slices.Clone(l.items)...), s.charge(16 * len(l.items))
	},
}

var dictMethods = map[string]func(s *state, d *dict, a args) (any, error){
	"items": func(s *state, d *dict, a args) (any, error) {
		_, err := a.bind("items")
		if err == nil {
			err = s.charge(128 * len(d.keys))
		}
		return &list{items: d.pairs(), kind: isItems}, err
	},
	"keys": func(_ *state, d *dict, a args) (any, error) {
		_, err := a.bind("keys")
		return &list{items: d.keys, kind: isKeys}, err
	},
	"values": func(_ *state, d *dict, a args) (any, error) {
		_, err := a.bind("values")
		return &list{items: d.vals, kind: isValues}, err
	},
	"copy": func(s *state, d *dict, _ args) (any, error) { return d.clone(), s.charge(96 * len(d.keys)) },
	"get": func(s *state, d *dict, a args) (any, error) {
		if len(a.kw) > 0 {
			return nil, typeError("get() takes no keyword arguments")
		}
		v, err := a.bind("get", "key", "default?")
		if err != nil {
			return nil, err
		}
		if err := s.walk(v[0]); err != nil {
			return nil, err
		}
		x, ok, err := d.lookup(v[0])
		if !ok {
			x = or(v[1], nil)
		}
		return x, err
	},
}

// span is the part of n items that start and stop ask for.
func span(start, stop any, n int) (lo, hi int, err error) {
	at := func(v any, def int) int {
		if v = or(v, nil); v == nil {
			return def
		}
		i, e := asInt(v)
		if e != nil {
			err = e
		}
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	lo, hi = at(start, 0), at(stop, n)
	return lo, max(lo, hi), err
}

package template

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// globals are the functions that templates call by name.
func globals() *dict {
	g := newDict()
	g.set("range", function(rangeOf))
	g.set("namespace", function(func(_ *state, _ []any, kw map[string]any) (any, error) {
		ns := &namespace{*newDict()}
		for k, v := range kw {
			ns.set(k, v)
		}
		return ns, nil
	}))
	g.set("dict", function(func(_ *state, _ []any, kw map[string]any) (any, error) {
		d := newDict()
		for _, k := range sortedKeys(kw) {
			d.set(k, kw[k])
		}
		return d, nil
	}))
	g.set("raise_exception", function(func(_ *state, args []any, _ map[string]any) (any, error) {
		msg := ""
		if len(args) > 0 {
			msg = toText(args[0]).String()
		}
		return nil, &Error{What: msg, Raised: true}
	}))
	g.set("strftime_now", function(func(s *state, args []any, _ map[string]any) (any, error) {
		if len(args) != 1 {
			return nil, failf("strftime_now: got %d arguments, want 1", len(args))
		}
		return trusted(strftime(s.now, toText(args[0]).String())), nil
	}))
	return g
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func rangeOf(s *state, args []any, _ map[string]any) (any, error) {
	var n [3]int64
	n[2] = 1
	for i, a := range args {
		v, ok := a.(int64)
		if !ok || i > 2 {
			return nil, failf("range: got %s, want up to three whole numbers", typeName(a))
		}
		n[i] = v
	}
	if len(args) == 1 {
		n[0], n[1] = 0, n[0]
	}
	if len(args) == 0 || n[2] == 0 {
		return nil, failf("range: got no end or step 0")
	}
	l := &list{}
	for i := n[0]; n[2] > 0 && i < n[1] || n[2] < 0 && i > n[1]; i += n[2] {
		if err := s.step(); err != nil {
			return nil, err
		}
		l.items = append(l.items, i)
	}
	return l, nil
}

// strftime spells a time with C's conversions.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'H': "15", 'I': "03",
		'M': "04", 'S': "05", 'p': "PM", 'F': "2006-01-02", 'T': "15:04:05", 'Z': "MST", 'z': "-0700", 'e': "_2", 'j': "002"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if format[i] == '-' && i+1 < len(format) { // no leading zero
			i++
			b.WriteString(strings.TrimLeft(t.Format(layouts[format[i]]), "0"))
			continue
		}
		if l, ok := layouts[format[i]]; ok {
			b.WriteString(t.Format(l))
		} else {
			b.WriteByte(format[i])
		}
	}
	return b.String()
}

// method is the bound method of a value, or nil.
func method(v any, name string) any {
	switch v := v.(type) {
	case text:
		if m := textMethods[name]; m != nil {
			return function(func(s *state, args []any, _ map[string]any) (any, error) { return m(s, v, args) })
		}
	case *list:
		switch name {
		case "append":
			return function(func(s *state, args []any, _ map[string]any) (any, error) {
				if len(args) != 1 {
					return nil, failf("append: got %d arguments, want 1", len(args))
				}
				v.items = append(v.items, args[0])
				return nil, nil
			})
		case "index", "count":
			return function(func(_ *state, args []any, _ map[string]any) (any, error) {
				n := int64(0)
				for i, x := range v.items {
					if len(args) > 0 && equal(x, args[0]) {
						if name == "index" {
							return int64(i), nil
						}
						n++
					}
				}
				if name == "index" {
					return nil, failf("value is not in list")
				}
				return n, nil
			})
		}
	case *dict:
		switch name {
		case "items":
			return function(func(*state, []any, map[string]any) (any, error) { return itemsOf(v) })
		case "keys":
			return function(func(*state, []any, map[string]any) (any, error) { return listOf(v, nil) })
		case "values":
			return function(func(*state, []any, map[string]any) (any, error) {
				l := &list{}
				for _, k := range v.keys {
					l.items = append(l.items, v.values[k])
				}
				return l, nil
			})
		case "get":
			return function(func(_ *state, args []any, kw map[string]any) (any, error) {
				if len(args) == 0 {
					return nil, failf("get: got no key")
				}
				if x, ok := v.values[toText(args[0]).String()]; ok {
					return x, nil
				}
				return arg(args, kw, 1, "default", nil), nil
			})
		}
	}
	return nil
}

var textMethods = map[string]func(s *state, t text, args []any) (any, error){
	"strip":      func(_ *state, t text, args []any) (any, error) { return strip(t, args, true, true), nil },
	"lstrip":     func(_ *state, t text, args []any) (any, error) { return strip(t, args, true, false), nil },
	"rstrip":     func(_ *state, t text, args []any) (any, error) { return strip(t, args, false, true), nil },
	"upper":      func(_ *state, t text, _ []any) (any, error) { return t.like(strings.ToUpper(t.String())), nil },
	"lower":      func(_ *state, t text, _ []any) (any, error) { return t.like(strings.ToLower(t.String())), nil },
	"title":      func(_ *state, t text, _ []any) (any, error) { return t.like(title(t.String())), nil },
	"capitalize": func(_ *state, t text, _ []any) (any, error) { return t.like(capitalize(t.String())), nil },
	"replace":    func(s *state, t text, args []any) (any, error) { return replaceIn(s, t, args, nil) },
	"startswith": func(_ *state, t text, args []any) (any, error) { return affix(t, args, strings.HasPrefix) },
	"endswith":   func(_ *state, t text, args []any) (any, error) { return affix(t, args, strings.HasSuffix) },
	"split":      splitText,
	"join": func(s *state, t text, args []any) (any, error) {
		if len(args) != 1 {
			return nil, failf("join: got %d arguments, want 1", len(args))
		}
		return joinItems(s, args[0], []any{t}, nil)
	},
	"find": func(_ *state, t text, args []any) (any, error) {
		if len(args) == 0 {
			return nil, failf("find: got no text")
		}
		str := t.String()
		i := strings.Index(str, toText(args[0]).String())
		if i < 0 {
			return int64(-1), nil
		}
		return int64(len([]rune(str[:i]))), nil
	},
	"count": func(_ *state, t text, args []any) (any, error) {
		if len(args) == 0 {
			return nil, failf("count: got no text")
		}
		return int64(strings.Count(t.String(), toText(args[0]).String())), nil
	},
	"isdigit": func(_ *state, t text, _ []any) (any, error) {
		str := t.String()
		return str != "" && strings.IndexFunc(str, func(r rune) bool { return !unicode.IsDigit(r) }) < 0, nil
	},
	"splitlines": func(_ *state, t text, _ []any) (any, error) {
		l := &list{}
		for _, line := range strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n") {
			l.items = append(l.items, t.like(line))
		}
		return l, nil
	},
}

// affix tests a prefix or suffix, or any of several.
func affix(t text, args []any, test func(string, string) bool) (any, error) {
	if len(args) == 0 {
		return nil, failf("got no prefix or suffix")
	}
	if l, ok := args[0].(*list); ok {
		for _, x := range l.items {
			if test(t.String(), toText(x).String()) {
				return true, nil
			}
		}
		return false, nil
	}
	return test(t.String(), toText(args[0]).String()), nil
}

func splitText(_ *state, t text, args []any) (any, error) {
	l := &list{}
	str := t.String()
	if len(args) == 0 || args[0] == nil {
		for _, f := range strings.Fields(str) {
			l.items = append(l.items, t.like(f))
		}
		return l, nil
	}
	sep := toText(args[0]).String()
	if sep == "" {
		return nil, failf("split: empty separator")
	}
	n := -1
	if len(args) > 1 {
		if f, ok := number(args[1]); ok && f >= 0 {
			n = int(f) + 1
		}
	}
	at := 0
	for _, part := range strings.SplitN(str, sep, n) {
		l.items = append(l.items, t.cut(at, at+len(part)))
		at += len(part) + len(sep)
	}
	return l, nil
}

// runTest is "v is name(args)".
func runTest(name string, v any, args []any) (bool, error) {
	_, missing := v.(undefined)
	switch name {
	case "defined":
		return !missing, nil
	case "undefined":
		return missing, nil
	case "none":
		return v == nil, nil
	case "true", "false":
		b, ok := v.(bool)
		return ok && b == (name == "true"), nil
	case "boolean":
		_, ok := v.(bool)
		return ok, nil
	case "string":
		_, ok := v.(text)
		return ok, nil
	case "number":
		_, ok := number(v)
		return ok, nil
	case "integer":
		_, ok := v.(int64)
		return ok, nil
	case "float":
		_, ok := v.(float64)
		return ok, nil
	case "mapping":
		_, ok := v.(*dict)
		return ok, nil
	case "iterable", "sequence":
		switch v.(type) {
		case text, *list, *dict:
			return true, nil
		}
		return false, nil
	case "callable":
		_, ok := v.(function)
		return ok, nil
	case "odd", "even":
		n, ok := v.(int64)
		return ok && (n%2 != 0) == (name == "odd"), nil
	case "lower", "upper":
		str := toText(v).String()
		if name == "lower" {
			return str == strings.ToLower(str), nil
		}
		return str == strings.ToUpper(str), nil
	}
	if len(args) == 0 {
		return false, failf("no test named '%s'", name)
	}
	switch name {
	case "equalto", "eq", "sameas":
		return equal(v, args[0]), nil
	case "ne":
		return !equal(v, args[0]), nil
	case "in":
		return contains(v, args[0])
	case "divisibleby":
		a, okA := v.(int64)
		b, okB := args[0].(int64)
		return okA && okB && b != 0 && a%b == 0, nil
	case "gt", "lt", "ge", "le", "greaterthan", "lessthan":
		op := map[string]string{"gt": ">", "greaterthan": ">", "lt": "<", "lessthan": "<", "ge": ">=", "le": "<="}[name]
		ok, err := compare(op, v, args[0])
		if err != nil {
			return false, err
		}
		return ok.(bool), nil
	}
	return false, failf("no test named '%s'", name)
}

func (e testExpr) eval(s *state) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	args, _, err := evalArgs(s, e.args, nil)
	if err != nil {
		return nil, err
	}
	ok, err := runTest(e.name, v, args)
	return ok != e.not, err
}

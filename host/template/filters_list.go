package template

import (
	"slices"
	"strconv"
	"strings"
)

// listFilters are those of sequences and maps.
var listFilters = map[string]filter{
	"batch":      batch,
	"dictsort":   dictsort,
	"first":      firstItem,
	"last":       lastItem,
	"groupby":    groupby,
	"items":      itemsFilter,
	"join":       joinFilter,
	"list":       listFilter,
	"map":        mapFilter,
	"max":        extreme("max"),
	"min":        extreme("min"),
	"reject":     choose("reject", false, false),
	"rejectattr": choose("rejectattr", true, false),
	"select":     choose("select", false, true),
	"selectattr": choose("selectattr", true, true),
	"reverse":    reverse,
	"slice":      slicesFilter,
	"sort":       sortFilter,
	"sum":        sum,
	"unique":     unique,
}

// getter is a function that reads an attribute like a.b.0 of items; nil: the item itself.
func (s *state) getter(attr, def any, ignoreCase bool) func(any) (any, error) {
	var path []any
	switch a := attr.(type) {
	case text:
		for _, part := range strings.Split(a.s, ".") {
			if n, err := strconv.ParseInt(part, 10, 32); err == nil && n >= 0 && part[0] != '+' {
				path = append(path, n)
			} else {
				path = append(path, text{s: part, data: a.data})
			}
		}
	case nil:
	default:
		path = []any{attr}
	}
	return func(x any) (any, error) {
		for _, at := range path {
			var err error
			if x, err = s.getitem(x, at); err != nil {
				return nil, err
			}
			if _, missing := x.(undefined); missing && def != nil {
				x = def
			}
		}
		if t, ok := x.(text); ok && ignoreCase {
			return t.lower(), s.charge(len(t.s))
		}
		return x, s.step(1)
	}
}

// each applies f to the items of v.
func (s *state) each(v any, f func(any) error) error {
	items, err := s.iterate(v)
	if err != nil {
		return err
	}
	for _, x := range items {
		if err := s.step(1); err != nil {
			return err
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return s.charge(16 * len(items))
}

// lazily is a generator of what f makes.
func lazily(f func() ([]any, error)) *generator { return &generator{make: f} }

func batch(s *state, v any, a args) (any, error) {
	p, err := a.bind("batch", "linecount", "fill_with?")
	if err != nil {
		return nil, err
	}
	return lazily(func() ([]any, error) {
		n, err := asInt(p[0])
		if err != nil {
			return nil, err
		}
		var out []any
		var row *list
		err = s.each(v, func(x any) error {
			if row == nil || len(row.items) == n {
				row = newList()
				out = append(out, row)
			}
			row.items = append(row.items, x)
			return nil
		})
		if fill := or(p[1], nil); err == nil && fill != nil && row != nil && len(row.items) < n {
			err = s.charge(16 * (n - len(row.items)))
			for err == nil && len(row.items) < n {
				row.items = append(row.items, fill)
			}
		}
		return out, err
	}), nil
}

func slicesFilter(s *state, v any, a args) (any, error) {
	p, err := a.bind("slice", "slices", "fill_with?")
	if err != nil {
		return nil, err
	}
	return lazily(func() ([]any, error) {
		n, err := asInt(p[0])
		if err != nil {
			return nil, err
		}
		items, err := s.iterate(v)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, failure("ZeroDivisionError", "integer division or modulo by zero")
		}
		if err := s.charge(32 * (max(n, 0) + len(items))); err != nil {
			return nil, err
		}
		var out []any
		for i, at := 0, 0; i < n; i++ {
			size := len(items) / n
			extra := i < len(items)%n
			if extra {
				size++
			}
			row := newList(slices.Clone(items[at : at+size])...)
			if fill := or(p[1], nil); fill != nil && !extra {
				row.items = append(row.items, fill)
			}
			out = append(out, row)
			at += size
		}
		return out, nil
	}), nil
}

func firstItem(s *state, v any, a args) (any, error) {
	if _, err := a.bind("first"); err != nil {
		return nil, err
	}
	if t, ok := v.(text); ok && t.s != "" {
		return t.cut(0, len(firstRune(t.s))).plain(), nil
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return undefined{hint: "No first item, sequence was empty."}, nil
	}
	switch g := v.(type) { // the rest stays to be walked through
	case *generator:
		g.items = items[1:]
	case *list:
		if g.kind == isReversed {
			g.items = items[1:]
		}
	}
	return items[0], nil
}

func lastItem(s *state, v any, a args) (any, error) {
	if _, err := a.bind("last"); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case *generator:
		return nil, typeError("'%s' object is not reversible", typeName(v))
	case *list:
		if x.kind == isReversed {
			return nil, typeError("'%s' object is not reversible", typeName(v))
		}
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, typeError("'%s' object is not reversible", typeName(v))
	}
	if len(items) == 0 {
		return undefined{hint: "No last item, sequence was empty."}, nil
	}
	return items[len(items)-1], nil
}

func reverse(s *state, v any, a args) (any, error) {
	if _, err := a.bind("reverse"); err != nil {
		return nil, err
	}
	if t, ok := v.(text); ok {
		back := -1
		return s.sliceText(t, [3]*int{2: &back})
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, failure("FilterArgumentError", "argument must be iterable")
	}
	items = slices.Clone(items)
	slices.Reverse(items)
	_, isGenerator := v.(*generator)
	if _, missing := v.(undefined); missing || isGenerator {
		return newList(items...), s.charge(16 * len(items))
	}
	return &list{items: items, kind: isReversed}, s.charge(16 * len(items))
}

func listFilter(s *state, v any, a args) (any, error) {
	if _, err := a.bind("list"); err != nil {
		return nil, err
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	return newList(slices.Clone(items)...), s.charge(16 * len(items))
}

func itemsFilter(s *state, v any, a args) (any, error) {
	if _, err := a.bind("items"); err != nil {
		return nil, err
	}
	return lazily(func() ([]any, error) {
		switch v := v.(type) {
		case *dict:
			return v.pairs(), s.charge(128 * len(v.keys))
		case undefined:
			return nil, nil
		}
		return nil, typeError("Can only get item pairs from a mapping.")
	}), nil
}

func joinFilter(s *state, v any, a args) (any, error) {
	p, err := a.bind("join", "d?", "attribute?")
	if err != nil {
		return nil, err
	}
	sep, err := s.str(or(p[0], text{}))
	if err != nil {
		return nil, err
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	if attr := or(p[1], nil); attr != nil {
		get := s.getter(attr, nil, false)
		items = slices.Clone(items)
		for i, x := range items {
			if items[i], err = get(x); err != nil {
				return nil, err
			}
		}
	}
	return s.joined(sep, items)
}

func mapFilter(s *state, v any, a args) (any, error) {
	return lazily(func() ([]any, error) {
		if !truth(v) {
			return nil, nil
		}
		var f func(any) (any, error)
		switch {
		case len(a.pos) == 0 && slices.ContainsFunc(a.kw, func(k named) bool { return k.name == "attribute" }):
			p, err := a.bind("map", "attribute", "default?")
			if err != nil {
				return nil, failure("FilterArgumentError", "%s", err)
			}
			f = s.getter(p[0], or(p[1], nil), false)
		case len(a.pos) == 0:
			return nil, failure("FilterArgumentError", "map requires a filter argument")
		default:
			name, err := asText(a.pos[0])
			if err != nil {
				return nil, err
			}
			f = func(x any) (any, error) { return s.filter(name.s, x, args{a.pos[1:], a.kw}) }
		}
		var out []any
		err := s.each(v, func(x any) error {
			got, err := f(x)
			out = append(out, got)
			return err
		})
		return out, err
	}), nil
}

// choose makes select, reject, selectattr and rejectattr.
func choose(name string, attr, want bool) filter {
	return func(s *state, v any, a args) (any, error) {
		return lazily(func() ([]any, error) {
			if !truth(v) {
				return nil, nil
			}
			get := s.getter(nil, nil, false)
			rest := a
			if attr {
				if len(a.pos) == 0 {
					return nil, failure("FilterArgumentError", "%s: missing parameter for attribute name", name)
				}
				get = s.getter(a.pos[0], nil, false)
				rest.pos = a.pos[1:]
			}
			var out []any
			err := s.each(v, func(x any) error {
				subject, err := get(x)
				if err != nil {
					return err
				}
				ok := truth(subject)
				if len(rest.pos) > 0 {
					test, err := asText(rest.pos[0])
					if err != nil {
						return err
					}
					if ok, err = s.test(test.s, subject, args{rest.pos[1:], rest.kw}); err != nil {
						return err
					}
				}
				if ok == want {
					out = append(out, x)
				}
				return nil
			})
			return out, err
		}), nil
	}
}

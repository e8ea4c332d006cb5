package template

import (
	"slices"
	"strings"
)

func dictsort(s *state, v any, a args) (any, error) {
	p, err := a.bind("dictsort", "case_sensitive?", "by?", "reverse?")
	if err != nil {
		return nil, err
	}
	d, ok := v.(*dict)
	if !ok {
		if u, ok := v.(undefined); ok {
			return nil, u.fail()
		}
		return nil, failure("AttributeError", "'%s' object has no attribute 'items'", typeName(v))
	}
	by, _ := or(p[1], trusted("key")).(text)
	at := slices.Index([]string{"key", "value"}, by.s)
	if at < 0 {
		return nil, failure("FilterArgumentError", `You can only sort by either "key" or "value"`)
	}
	get := s.getter(int64(at), nil, !truth(or(p[0], false)))
	if err := s.charge(128 * len(d.keys)); err != nil {
		return nil, err
	}
	items, err := s.sorted(d.pairs(), get, truth(or(p[2], false)))
	return newList(items...), err
}

func extreme(name string) filter {
	return func(s *state, v any, a args) (any, error) {
		p, err := a.bind(name, "case_sensitive?", "attribute?")
		if err != nil {
			return nil, err
		}
		get := s.getter(or(p[1], nil), nil, !truth(or(p[0], false)))
		var best, bestKey any = undefined{hint: "No aggregated item, sequence was empty."}, nil
		first := true
		err = s.each(v, func(x any) error {
			key, err := get(x)
			if err != nil {
				return err
			}
			c := 0
			if !first {
				op := map[string]string{"max": ">", "min": "<"}[name]
				if c, err = s.order(op, key, bestKey, 0); err != nil {
					return err
				}
			}
			if first || c == 1 && name == "max" || c == -1 && name == "min" {
				best, bestKey, first = x, key, false
			}
			return nil
		})
		return best, err
	}
}

func sortFilter(s *state, v any, a args) (any, error) {
	p, err := a.bind("sort", "reverse?", "case_sensitive?", "attribute?")
	if err != nil {
		return nil, err
	}
	ignore := !truth(or(p[1], false))
	attrs := []any{or(p[2], nil)}
	if t, ok := attrs[0].(text); ok {
		attrs = nil
		for _, name := range strings.Split(t.s, ",") {
			attrs = append(attrs, text{s: name, data: t.data})
		}
	}
	var getters []func(any) (any, error)
	for _, attr := range attrs {
		getters = append(getters, s.getter(attr, nil, ignore))
	}
	items, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	sorted, err := s.sorted(items, func(x any) (any, error) {
		keys := newList()
		for _, get := range getters {
			k, err := get(x)
			if err != nil {
				return nil, err
			}
			keys.items = append(keys.items, k)
		}
		return keys, nil
	}, truth(or(p[0], false)))
	return newList(sorted...), err
}

func groupby(s *state, v any, a args) (any, error) {
	p, err := a.bind("groupby", "attribute", "default?", "case_sensitive?")
	if err != nil {
		return nil, err
	}
	def := or(p[1], nil)
	key := s.getter(p[0], def, !truth(or(p[2], false)))
	shown := s.getter(p[0], def, false)
	items, err := s.iterate(v)
	if err != nil {
		return nil, err
	}
	if items, err = s.sorted(items, key, false); err != nil {
		return nil, err
	}
	out := newList()
	var group *list
	var last any
	for _, x := range items {
		k, err := key(x)
		if err != nil {
			return nil, err
		}
		same := false
		if group != nil {
			if same, err = s.equal(k, last, 0); err != nil {
				return nil, err
			}
		}
		if !same {
			name, err := shown(x)
			if err != nil {
				return nil, err
			}
			group = newList()
			last = k
			out.items = append(out.items, &list{items: []any{name, group}, kind: isTuple, group: true})
		}
		group.items = append(group.items, x)
	}
	return out, s.charge(96 * len(items))
}

func sum(s *state, v any, a args) (any, error) {
	p, err := a.bind("sum", "attribute?", "start?")
	if err != nil {
		return nil, err
	}
	get := s.getter(or(p[0], nil), nil, false)
	total := or(p[1], int64(0))
	if _, ok := total.(text); ok {
		return nil, typeError("sum() can't sum strings [use ''.join(seq) instead]")
	}
	err = s.each(v, func(x any) error {
		x, err := get(x)
		if err == nil {
			total, err = s.arithmetic("+", total, x)
		}
		return err
	})
	return total, err
}

func unique(s *state, v any, a args) (any, error) {
	p, err := a.bind("unique", "case_sensitive?", "attribute?")
	if err != nil {
		return nil, err
	}
	get := s.getter(or(p[1], nil), nil, !truth(or(p[0], false)))
	return lazily(func() ([]any, error) {
		seen := map[any]bool{}
		var out []any
		err := s.each(v, func(x any) error {
			k, err := get(x)
			if err != nil {
				return err
			}
			h, err := hash(k, 0)
			if err == nil && !seen[h] {
				seen[h] = true
				out = append(out, x)
			}
			return err
		})
		return out, err
	}), nil
}

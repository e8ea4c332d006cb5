package template

import (
	"cmp"
	"slices"
	"strings"
)

// equal is Python's ==.
func (s *state) equal(a, b any, depth int) (bool, error) {
	if depth > maxNesting {
		return false, limitError("levels of values", maxNesting)
	}
	if err := s.step(1); err != nil {
		return false, err
	}
	if x, ok := number(a); ok {
		y, ok := number(b)
		if i, whole := integer(a); whole && ok {
			if j, whole := integer(b); whole {
				return i.Cmp(j) == 0, nil
			}
		}
		return ok && x == y, nil
	}
	switch x := a.(type) {
	case nil:
		return b == nil, nil
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case text:
		y, ok := b.(text)
		return ok && x.s == y.s, s.work(min(len(x.s), len(y.s)))
	case *list:
		y, ok := b.(*list)
		switch {
		case ok && x == y:
			return true, nil
		case !ok || x.kind != y.kind || len(x.items) != len(y.items) || x.kind == isValues || x.kind == isReversed:
			return false, nil
		}
		for i := range x.items {
			if same, err := s.equal(x.items[i], y.items[i], depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case *dict:
		y, ok := b.(*dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false, nil
		}
		for i, k := range x.keys {
			v, ok, err := y.lookup(k)
			if !ok || err != nil {
				return false, err
			}
			if same, err := s.equal(x.vals[i], v, depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return a == b, nil
}

// order is Python's <, as less, equal or more than zero; what has no order is an error that names op.
func (s *state) order(op string, a, b any, depth int) (int, error) {
	if depth > maxNesting {
		return 0, limitError("levels of values", maxNesting)
	}
	if err := s.step(1); err != nil {
		return 0, err
	}
	if u, ok := a.(undefined); ok {
		return 0, u.fail()
	}
	if u, ok := b.(undefined); ok {
		return 0, u.fail()
	}
	i, wholeA := integer(a)
	j, wholeB := integer(b)
	if wholeA && wholeB {
		return i.Cmp(j), nil
	}
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		if x != x || y != y {
			return notANumber, nil
		}
		return cmp.Compare(x, y), nil
	}
	switch x := a.(type) {
	case text:
		if y, ok := b.(text); ok {
			return strings.Compare(x.s, y.s), s.work(min(len(x.s), len(y.s)))
		}
	case *list:
		if y, ok := b.(*list); ok && x.kind == y.kind && x.kind <= isTuple {
			for i := range min(len(x.items), len(y.items)) {
				same, err := s.equal(x.items[i], y.items[i], depth+1)
				if err != nil {
					return 0, err
				}
				if !same {
					return s.order(op, x.items[i], y.items[i], depth+1)
				}
			}
			return cmp.Compare(len(x.items), len(y.items)), nil
		}
	}
	return 0, typeError("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
}

// notANumber is the order of a NaN and anything: no comparison holds.
const notANumber = 2

func (s *state) compare(op string, a, b any) (bool, error) {
	switch op {
	case "==", "!=":
		same, err := s.equal(a, b, 0)
		return same == (op == "=="), err
	case "in":
		return s.contains(b, a)
	case "not in":
		ok, err := s.contains(b, a)
		return !ok, err
	}
	c, err := s.order(op, a, b, 0)
	if err != nil || c == notANumber {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case ">":
		return c > 0, nil
	case "<=":
		return c <= 0, nil
	}
	return c >= 0, nil
}

// contains is Python's x in set.
func (s *state) contains(set, x any) (bool, error) {
	switch v := set.(type) {
	case text:
		t, ok := x.(text)
		if !ok {
			return false, typeError("'in <string>' requires string as left operand, not %s", typeName(x))
		}
		return strings.Contains(v.s, t.s), s.work(len(v.s))
	case *dict:
		if err := s.walk(x); err != nil {
			return false, err
		}
		_, ok, err := v.lookup(x)
		return ok, err
	case *list, *generator, undefined:
		items, err := s.iterate(v)
		if err != nil {
			return false, err
		}
		for _, item := range items {
			if same, err := s.equal(item, x, 0); same || err != nil {
				return same, err
			}
		}
		return false, nil
	}
	return false, typeError("argument of type '%s' is not iterable", typeName(set))
}

// sorted is a stable sort by key; what cannot be compared is an error.
func (s *state) sorted(items []any, key func(any) (any, error), reverse bool) ([]any, error) {
	type keyed struct{ key, item any }
	pairs := make([]keyed, len(items))
	for i, x := range items {
		k, err := key(x)
		if err != nil {
			return nil, err
		}
		pairs[i] = keyed{k, x}
	}
	var failed error
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		c, err := s.order("<", a.key, b.key, 0)
		if err != nil {
			failed = err
		}
		if c == notANumber {
			c = 0
		}
		if reverse {
			return -c
		}
		return c
	})
	out := make([]any, len(items))
	for i, p := range pairs {
		out[i] = p.item
	}
	return out, failed
}

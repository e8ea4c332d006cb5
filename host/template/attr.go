package template

import (
	"slices"
	"strings"
)

func (e *attrExpr) eval(s *state) (any, error) {
	v, err := s.eval(e.of)
	if err != nil {
		return nil, err
	}
	return s.getattr(v, e.name)
}

func (e *indexExpr) eval(s *state) (any, error) {
	v, err := s.eval(e.of)
	if err != nil {
		return nil, err
	}
	at, err := s.eval(e.at)
	if err != nil {
		return nil, err
	}
	return s.getitem(v, at)
}

// getattr is v.name: an attribute first, then an item of that name.
func (s *state) getattr(v any, name string) (any, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.fail()
	}
	if x, ok := attribute(v, name); ok {
		return x, nil
	}
	if d, ok := v.(*dict); ok {
		if x, ok := d.get(name); ok {
			return x, nil
		}
	}
	return undefined{name: name, of: objectName(v)}, nil
}

// getitem is v[at]: an item first, then an attribute of that name.
func (s *state) getitem(v, at any) (any, error) {
	if err := s.walk(at); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case undefined:
		return nil, v.fail()
	case *dict:
		if x, ok, _ := v.lookup(at); ok { // what cannot be a key is not there
			return x, nil
		}
	case *list:
		if n, ok := small(at); ok && v.sequence() {
			if n < 0 {
				n += len(v.items)
			}
			if n >= 0 && n < len(v.items) {
				return v.items[n], nil
			}
		}
	case text:
		if n, ok := small(at); ok {
			lo, hi, ok := v.runeAt(n)
			if err := s.work(2 * max(n, -n)); err != nil {
				return nil, err
			}
			if ok {
				return v.cut(lo, hi), nil
			}
		}
	}
	if name, ok := at.(text); ok {
		if x, ok := attribute(v, name.s); ok {
			return x, nil
		}
		return undefined{name: name.s, of: objectName(v)}, nil
	}
	return undefined{hint: objectName(v) + " object has no such element"}, nil
}

func objectName(v any) string {
	switch v.(type) {
	case *namespace:
		return "jinja2.utils.Namespace"
	case *macro, *loop:
		return "jinja2.runtime." + typeName(v)
	}
	return typeName(v)
}

// internal are attributes of every Python object, which the sandbox hides.
var internal = strings.Fields(`__class__ __delattr__ __dir__ __doc__ __eq__ __format__ __ge__ __getattribute__ __gt__ __hash__ __init__
	__init_subclass__ __le__ __lt__ __ne__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__ __sizeof__ __str__ __subclasshook__`)

// changing are methods of lists and dicts that the sandbox hides.
var changing = map[string][]string{
	"list": {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"},
	"dict": {"clear", "pop", "popitem", "setdefault", "update"},
}

// attribute is an attribute of Python's kind, such as a method.
func attribute(v any, name string) (any, bool) {
	switch v := v.(type) {
	case *namespace:
		return v.attrs.get(name)
	case *loop:
		if x, ok := v.attr(name); ok {
			return x, true
		}
	case *macro:
		if x, ok := v.attr(name); ok {
			return x, true
		}
	case *cycler:
		if x, ok := v.attr(name); ok {
			return x, true
		}
	case *list:
		if v.group && name == "grouper" {
			return v.items[0], true
		}
		if v.group && name == "list" {
			return v.items[1], true
		}
	}
	if slices.Contains(internal, name) || slices.Contains(changing[typeName(v)], name) {
		return undefined{name: name, of: typeName(v), unsafe: true}, true
	}
	if m := method(v, name); m != nil {
		return m, true
	}
	return nil, false
}

func (e *sliceExpr) eval(s *state) (any, error) {
	v, err := s.eval(e.of)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int
	for i, part := range e.parts {
		if part == nil {
			continue
		}
		x, err := s.eval(part)
		if err != nil {
			return nil, err
		}
		if x == nil {
			continue
		}
		n, ok := small(x)
		if !ok {
			return nil, typeError("slice indices must be integers or None, not %s", typeName(x))
		}
		bounds[i] = &n
	}
	switch v := v.(type) {
	case undefined:
		return nil, v.fail()
	case *list:
		if !v.sequence() {
			break
		}
		lo, hi, step, err := sliceIndices(len(v.items), bounds)
		if err != nil {
			return nil, err
		}
		out := newList()
		if v.kind == isTuple {
			out.kind = isTuple
		}
		for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
			out.items = append(out.items, v.items[i])
		}
		return out, s.charge(16 * len(out.items))
	case text:
		return s.sliceText(v, bounds)
	}
	return nil, typeError("'%s' object is not subscriptable", typeName(v))
}

func (s *state) sliceText(v text, bounds [3]*int) (any, error) {
	if err := s.charge(len(v.s)); err != nil {
		return nil, err
	}
	lo, hi, step, err := sliceIndices(v.len(), bounds)
	if err != nil {
		return nil, err
	}
	if step == 1 {
		if lo >= hi {
			return text{safe: v.safe}, nil
		}
		from := v.byteAt(lo)
		return v.cut(from, from+text{s: v.s[from:]}.byteAt(hi-lo)), nil
	}
	chars := slices.Collect(v.chars)
	b := s.build()
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		b.add(chars[i].raw, chars[i].data)
	}
	t, err := s.done(b)
	t.safe = v.safe
	return t, err
}

// sliceIndices are Python's slice.indices.
func sliceIndices(n int, b [3]*int) (lo, hi, step int, err error) {
	if step = 1; b[2] != nil {
		step = *b[2]
	}
	if step == 0 {
		return 0, 0, 0, valueError("slice step cannot be zero")
	}
	clamp := func(p *int, def int) int {
		if p == nil {
			return def
		}
		v := *p
		if v < 0 {
			v += n
		}
		if step > 0 {
			return min(max(v, 0), n)
		}
		return min(max(v, -1), n-1)
	}
	if step > 0 {
		return clamp(b[0], 0), clamp(b[1], n), step, nil
	}
	return clamp(b[0], n-1), clamp(b[1], -1), step, nil
}

package template

import (
	"slices"
	"strings"
)

type (
	named struct {
		name string
		v    any
		data bool // the name came from data
	}
	// args are the arguments of one call.
	args struct {
		pos []any
		kw  []named
	}
	// absent is an argument that was not given.
	absent struct{}
)

// bind orders arguments by parameters; those whose names end in ? may be left out and are absent then.
func (a args) bind(fn string, params ...string) ([]any, error) {
	if len(a.pos) > len(params) {
		return nil, typeError("%s() takes at most %d arguments (%d given)", fn, len(params), len(a.pos))
	}
	out := make([]any, len(params))
	copy(out, a.pos)
	for i := len(a.pos); i < len(out); i++ {
		out[i] = absent{}
	}
	for _, k := range a.kw {
		i := slices.IndexFunc(params, func(p string) bool { return strings.TrimSuffix(p, "?") == k.name })
		switch {
		case i < 0:
			return nil, typeError("%s() got an unexpected keyword argument '%s'", fn, k.name)
		case i < len(a.pos) || out[i] != any(absent{}):
			return nil, typeError("%s() got multiple values for argument '%s'", fn, k.name)
		}
		out[i] = k.v
	}
	for i, p := range params {
		if _, missing := out[i].(absent); missing && !strings.HasSuffix(p, "?") {
			return nil, typeError("%s() missing required argument '%s'", fn, p)
		}
	}
	return out, nil
}

// or is v, or def where v was not given.
func or(v, def any) any {
	if _, missing := v.(absent); missing {
		return def
	}
	return v
}

// asText wants a str.
func asText(v any) (text, error) {
	switch v := v.(type) {
	case text:
		return v, nil
	case undefined:
		return text{}, v.fail()
	}
	return text{}, typeError("got %s, want str", typeName(v))
}

// asInt wants a whole number; big ones come as the nearest that fits 32 bits.
func asInt(v any) (int, error) {
	if n, ok := small(v); ok {
		return n, nil
	}
	if u, ok := v.(undefined); ok {
		return 0, u.fail()
	}
	return 0, typeError("'%s' object cannot be interpreted as an integer", typeName(v))
}

func (a argExprs) eval(s *state) (args, error) {
	var out args
	for _, e := range a.pos {
		v, err := s.eval(e)
		if err != nil {
			return out, err
		}
		out.pos = append(out.pos, v)
	}
	for i, e := range a.named {
		v, err := s.eval(e)
		if err != nil {
			return out, err
		}
		out.kw = append(out.kw, named{name: a.names[i], v: v})
	}
	if a.spread != nil {
		v, err := s.eval(a.spread)
		if err != nil {
			return out, err
		}
		items, err := s.iterate(v)
		if err != nil {
			return out, err
		}
		out.pos = append(out.pos, items...)
	}
	if a.dict != nil {
		v, err := s.eval(a.dict)
		if err != nil {
			return out, err
		}
		d, ok := v.(*dict)
		if !ok {
			return out, typeError("argument after ** must be a mapping, not %s", typeName(v))
		}
		for i, k := range d.keys {
			name, ok := k.(text)
			if !ok {
				return out, typeError("keywords must be strings")
			}
			if slices.ContainsFunc(out.kw, func(n named) bool { return n.name == name.s }) {
				return out, typeError("got multiple values for keyword argument '%s'", name.s)
			}
			if err := s.walk(name); err != nil {
				return out, err
			}
			out.kw = append(out.kw, named{name.s, d.vals[i], fromData(name)})
		}
	}
	return out, s.charge(32 * (len(out.pos) + len(out.kw)))
}

func (e *callExpr) eval(s *state) (any, error) {
	f, err := s.eval(e.f)
	if err != nil {
		return nil, err
	}
	a, err := e.args.eval(s)
	if err != nil {
		return nil, err
	}
	return s.call(f, a)
}

func (s *state) call(f any, a args) (any, error) {
	switch f := f.(type) {
	case *function:
		return f.call(s, a)
	case *macro:
		return f.call(s, a)
	case *loop:
		return f.call(s, a)
	case undefined:
		return nil, f.fail()
	}
	return nil, typeError("'%s' object is not callable", typeName(f))
}

func callable(v any) bool {
	switch v.(type) {
	case *function, *macro, *loop, undefined:
		return true
	}
	return false
}

func (e *filterExpr) eval(s *state) (any, error) {
	v := s.filtering
	if e.of != nil {
		var err error
		if v, err = s.eval(e.of); err != nil {
			return nil, err
		}
	}
	a, err := e.args.eval(s)
	if err != nil {
		return nil, err
	}
	return s.filter(e.name, v, a)
}

// filter applies a filter by name.
func (s *state) filter(name string, v any, a args) (any, error) {
	if err := s.walk(v); err != nil {
		return nil, err
	}
	f := filters[name]
	switch {
	case f != nil:
		return f(s, v, a)
	case slices.Contains(refusedFilters, name):
		return nil, &UnsupportedError{What: "filter " + name}
	}
	return nil, failure("TemplateRuntimeError", "No filter named '%s' found.", name)
}

func (e *testExpr) eval(s *state) (any, error) {
	v, err := s.eval(e.of)
	if err != nil {
		return nil, err
	}
	a, err := e.args.eval(s)
	if err != nil {
		return nil, err
	}
	return s.test(e.name, v, a)
}

// test applies a test by name.
func (s *state) test(name string, v any, a args) (bool, error) {
	if err := s.walk(v); err != nil {
		return false, err
	}
	f := tests[name]
	if f == nil {
		return false, failure("TemplateRuntimeError", "No test named '%s' found.", name)
	}
	return f(s, v, a)
}

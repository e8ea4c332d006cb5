package template

import (
	"math/big"
	"strings"
)

func (e constExpr) eval(*state) (any, error)  { return e.v, nil }
func (e nameExpr) eval(s *state) (any, error) { return s.lookup(e.name), nil }

func (e listExpr) eval(s *state) (any, error) {
	l := &list{items: make([]any, len(e.items)), kind: e.kind}
	for i, x := range e.items {
		v, err := s.eval(x)
		if err != nil {
			return nil, err
		}
		l.items[i] = v
	}
	return l, s.charge(32 * len(l.items))
}

func (e dictExpr) eval(s *state) (any, error) {
	d := newDict()
	for i := range e.keys {
		k, err := s.eval(e.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := s.eval(e.values[i])
		if err != nil {
			return nil, err
		}
		if err := s.walk(k); err != nil {
			return nil, err
		}
		if err := d.store(k, v); err != nil {
			return nil, err
		}
	}
	return d, s.charge(96 * len(d.keys))
}

func (e *condExpr) eval(s *state) (any, error) {
	c, err := s.eval(e.cond)
	switch {
	case err != nil:
		return nil, err
	case truth(c):
		return s.eval(e.yes)
	case e.no == nil:
		return undefined{hint: "the inline if-expression evaluated to false and no else section was defined."}, nil
	}
	return s.eval(e.no)
}

func (e *logicExpr) eval(s *state) (any, error) {
	a, err := s.eval(e.a)
	if err != nil || truth(a) == e.or {
		return a, err
	}
	return s.eval(e.b)
}

func (e unaryExpr) eval(s *state) (any, error) {
	v, err := s.eval(e.e)
	if err != nil {
		return nil, err
	}
	if e.op == "not" {
		return !truth(v), nil
	}
	if u, ok := v.(undefined); ok {
		return nil, u.fail()
	}
	sign := int64(1)
	if e.op == "-" {
		sign = -1
	}
	if f, ok := v.(float64); ok {
		return float64(sign) * f, nil
	}
	n, ok, err := calculate("*", v, sign)
	if !ok {
		return nil, typeError("bad operand type for unary %s: '%s'", e.op, typeName(v))
	}
	return n, err
}

func (e concatExpr) eval(s *state) (any, error) {
	b := s.build()
	for _, part := range e.parts {
		v, err := s.eval(part)
		if err != nil {
			return nil, err
		}
		t, err := s.str(v)
		if err != nil {
			return nil, err
		}
		b.addText(t)
	}
	return s.done(b)
}

func (e *compareExpr) eval(s *state) (any, error) {
	a, err := s.eval(e.first)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		b, err := s.eval(e.rest[i])
		if err != nil {
			return nil, err
		}
		if ok, err := s.compare(op, a, b); !ok || err != nil {
			return false, err
		}
		a = b
	}
	return true, nil
}

func (e *binaryExpr) eval(s *state) (any, error) {
	a, err := s.eval(e.a)
	if err != nil {
		return nil, err
	}
	b, err := s.eval(e.b)
	if err != nil {
		return nil, err
	}
	return s.arithmetic(e.op, a, b)
}

// arithmetic is + − * / // % ** of numbers, strings and lists.
func (s *state) arithmetic(op string, a, b any) (any, error) {
	if v, ok, err := calculate(op, a, b); ok {
		if n, isBig := v.(*big.Int); isBig && err == nil {
			err = s.step(n.BitLen() * n.BitLen() >> 18) // about what the time compares to
		}
		return v, err
	}
	if t, ok := a.(text); ok && op == "%" {
		return s.percent(t, b)
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, u.fail()
		}
	}
	if op == "*" {
		if n, ok := small(a); ok {
			return s.repeat(b, n)
		}
		if n, ok := small(b); ok {
			return s.repeat(a, n)
		}
	}
	if op == "+" {
		switch x := a.(type) {
		case text:
			y, ok := b.(text)
			if !ok {
				return nil, typeError(`can only concatenate str (not "%s") to str`, typeName(b))
			}
			return s.join(x, y)
		case *list:
			if y, ok := b.(*list); ok && x.kind == y.kind && x.kind <= isTuple {
				n := len(x.items) + len(y.items)
				if err := s.charge(16 * n); err != nil {
					return nil, err
				}
				return &list{items: append(append(make([]any, 0, n), x.items...), y.items...), kind: x.kind}, nil
			}
		}
	}
	return nil, typeError("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
}

// join is a + b of strings; Markup escapes the other.
func (s *state) join(a, b text) (any, error) {
	safe := a.safe || b.safe
	if safe {
		a, b = a.escaped(), b.escaped()
	}
	if a.ends == nil && b.ends == nil && a.data == b.data && len(a.s)+len(b.s) <= s.limits.Output {
		return text{s: a.s + b.s, data: a.data, safe: safe}, s.charge(len(a.s) + len(b.s))
	}
	out := s.build()
	out.grow(len(a.s) + len(b.s))
	out.addText(a)
	out.addText(b)
	t, err := s.done(out)
	t.safe = safe
	return t, err
}

// repeat is v * n of a string or a list.
func (s *state) repeat(v any, n int) (any, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case text:
		if n > 0 && len(v.s) > s.limits.Output/n {
			return nil, limitError("bytes of text", s.limits.Output)
		}
		if v.ends == nil {
			v.s = strings.Repeat(v.s, n)
			return v, s.charge(len(v.s))
		}
		b := s.build()
		for range n {
			b.addText(v)
		}
		return s.done(b)
	case *list:
		if v.kind <= isTuple {
			if n > 0 && len(v.items) > s.limits.Memory/16/n {
				return nil, limitError("bytes of memory", s.limits.Memory)
			}
			if err := s.charge(16 * n * len(v.items)); err != nil {
				return nil, err
			}
			out := &list{kind: v.kind}
			if len(v.items) > 0 {
				for range n {
					out.items = append(out.items, v.items...)
				}
			}
			return out, nil
		}
	}
	return nil, typeError("can't multiply sequence by non-int of type '%s'", typeName(v))
}

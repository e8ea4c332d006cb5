package template

import (
	"math/big"
	"unicode"
)

type tester func(s *state, v any, a args) (bool, error)

// is makes a test without arguments.
func is(name string, f func(v any) bool) tester {
	return func(_ *state, v any, a args) (bool, error) {
		_, err := a.bind(name)
		return f(v), err
	}
}

// comparing makes a test of v against one argument.
func comparing(op string) tester {
	return func(s *state, v any, a args) (bool, error) {
		p, err := a.bind(op, "other")
		if err != nil {
			return false, err
		}
		return s.compare(op, v, p[0])
	}
}

// remainder makes a test of v % n == want.
func remainder(name string, n, want int64) tester {
	return func(s *state, v any, a args) (bool, error) {
		if _, err := a.bind(name); err != nil {
			return false, err
		}
		r, err := s.arithmetic("%", v, n)
		if err != nil {
			return false, err
		}
		return s.equal(r, want, 0)
	}
}

func isA[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

func isInteger(v any) bool { return isA[int64](v) || isA[*big.Int](v) }

var tests map[string]tester

func init() { // not in the declaration, which would be a cycle: there is a test for tests
	less, most, more, least := comparing("<"), comparing("<="), comparing(">"), comparing(">=")
	same, differs := comparing("=="), comparing("!=")
	tests = map[string]tester{
		"odd": remainder("odd", 2, 1), "even": remainder("even", 2, 0),
		"==": same, "eq": same, "equalto": same, "!=": differs, "ne": differs,
		"<": less, "lt": less, "lessthan": less, "<=": most, "le": most,
		">": more, "gt": more, "greaterthan": more, ">=": least, "ge": least,
		"in":        comparing("in"),
		"defined":   is("defined", func(v any) bool { return !isA[undefined](v) }),
		"undefined": is("undefined", isA[undefined]),
		"none":      is("none", func(v any) bool { return v == nil }),
		"boolean":   is("boolean", isA[bool]),
		"true":      is("true", func(v any) bool { return v == true }),
		"false":     is("false", func(v any) bool { return v == false }),
		"integer":   is("integer", isInteger),
		"float":     is("float", isA[float64]),
		"number":    is("number", func(v any) bool { return isInteger(v) || isA[bool](v) || isA[float64](v) }),
		"string":    is("string", isA[text]),
		"mapping":   is("mapping", isA[*dict]),
		"callable":  is("callable", callable),
		"escaped": is("escaped", func(v any) bool {
			t, ok := v.(text)
			return ok && t.safe
		}),
		"sequence": is("sequence", func(v any) bool {
			l, ok := v.(*list)
			return ok && l.sequence() || isA[text](v) || isA[*dict](v) || isA[undefined](v)
		}),
		"iterable": is("iterable", func(v any) bool {
			return isA[text](v) || isA[*list](v) || isA[*dict](v) || isA[*generator](v) || isA[undefined](v)
		}),
		"lower": caseTest("lower", unicode.IsLower, unicode.IsUpper),
		"upper": caseTest("upper", unicode.IsUpper, unicode.IsLower),
		"filter": is("filter", func(v any) bool {
			t, ok := v.(text)
			return ok && isOne(t.s)
		}),
		"test": is("test", func(v any) bool {
			t, ok := v.(text)
			return ok && tests[t.s] != nil
		}),
		"divisibleby": func(s *state, v any, a args) (bool, error) {
			p, err := a.bind("divisibleby", "num")
			if err != nil {
				return false, err
			}
			r, err := s.arithmetic("%", v, p[0])
			if err != nil {
				return false, err
			}
			return s.equal(r, int64(0), 0)
		},
		"sameas": func(s *state, v any, a args) (bool, error) {
			p, err := a.bind("sameas", "other")
			return err == nil && identical(v, p[0]), err
		},
	}
}

func caseTest(name string, in, other func(rune) bool) tester {
	return func(s *state, v any, a args) (bool, error) {
		if _, err := a.bind(name); err != nil {
			return false, err
		}
		t, err := s.str(v)
		return isCase(t.s, in, other), err
	}
}

// identical is Python's is, where equal texts and numbers of one type count as one object.
func identical(a, b any) bool {
	x, okX := a.(text)
	y, okY := b.(text)
	if okX || okY {
		return okX && okY && x.s == y.s
	}
	return a == b
}

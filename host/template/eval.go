package template

import (
	"math"
	"strings"
	"unicode/utf8"
)

func (e constExpr) eval(*state) (any, error)  { return e.v, nil }
func (e nameExpr) eval(s *state) (any, error) { return s.lookup(e.name), nil }

func (e listExpr) eval(s *state) (any, error) {
	l := &list{}
	for _, x := range e.items {
		v, err := x.eval(s)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	return l, nil
}

func (e dictExpr) eval(s *state) (any, error) {
	d := newDict()
	for i := range e.keys {
		k, err := e.keys[i].eval(s)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(s)
		if err != nil {
			return nil, err
		}
		d.set(toText(k).String(), v)
	}
	return d, nil
}

func (e attrExpr) eval(s *state) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case undefined:
		return nil, failf("'%s' is undefined", v.name)
	case *namespace:
		if x, ok := v.values[e.name]; ok {
			return x, nil
		}
	case *dict:
		// Methods come first, as in Python, where a dict's items are reached by subscript.
		if m := method(v, e.name); m != nil {
			if x, ok := v.values[e.name]; ok && e.name != "items" && e.name != "get" && e.name != "keys" && e.name != "values" {
				return x, nil
			}
			return m, nil
		}
		if x, ok := v.values[e.name]; ok {
			return x, nil
		}
	default:
		if m := method(v, e.name); m != nil {
			return m, nil
		}
	}
	return undefined{e.name}, nil
}

func (e indexExpr) eval(s *state) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	at, err := e.at.eval(s)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case undefined:
		return nil, failf("'%s' is undefined", v.name)
	case *dict:
		if x, ok := v.values[toText(at).String()]; ok {
			return x, nil
		}
	case *namespace:
		if x, ok := v.values[toText(at).String()]; ok {
			return x, nil
		}
	case *list:
		if n, ok := at.(int64); ok {
			if n < 0 {
				n += int64(len(v.items))
			}
			if n >= 0 && n < int64(len(v.items)) {
				return v.items[n], nil
			}
		}
	case text:
		if n, ok := at.(int64); ok {
			r := []rune(v.String())
			if n < 0 {
				n += int64(len(r))
			}
			if n >= 0 && n < int64(len(r)) {
				return v.like(string(r[n])), nil
			}
		}
	}
	return undefined{toText(at).String()}, nil
}

func (e sliceExpr) eval(s *state) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	part := func(x expr) (*int64, error) {
		if x == nil {
			return nil, nil
		}
		v, err := x.eval(s)
		if err != nil || v == nil {
			return nil, err
		}
		n, ok := v.(int64)
		if !ok {
			return nil, failf("slice: got %s, want int", typeName(v))
		}
		return &n, nil
	}
	var bounds [3]*int64
	for i, x := range []expr{e.lo, e.hi, e.step} {
		if bounds[i], err = part(x); err != nil {
			return nil, err
		}
	}
	switch v := v.(type) {
	case *list:
		idx, err := sliceIndices(len(v.items), bounds)
		if err != nil {
			return nil, err
		}
		out := &list{}
		for _, i := range idx {
			out.items = append(out.items, v.items[i])
		}
		return out, nil
	case text:
		str := v.String()
		r := []rune(str)
		idx, err := sliceIndices(len(r), bounds)
		if err != nil {
			return nil, err
		}
		if bounds[2] == nil && utf8.ValidString(str) { // a plain range keeps the origin of each part
			if len(idx) == 0 {
				return text{}, nil
			}
			lo := len(string(r[:idx[0]]))
			return v.cut(lo, lo+len(string(r[idx[0]:idx[len(idx)-1]+1]))), nil
		}
		var b strings.Builder
		for _, i := range idx {
			b.WriteRune(r[i])
		}
		return v.like(b.String()), nil
	case undefined:
		return nil, failf("'%s' is undefined", v.name)
	}
	return nil, failf("slice: got %s, want a list or str", typeName(v))
}

// sliceIndices are Python's slice.indices.
func sliceIndices(n int, b [3]*int64) ([]int, error) {
	step := int64(1)
	if b[2] != nil {
		step = *b[2]
	}
	if step == 0 {
		return nil, failf("slice step cannot be zero")
	}
	lo, hi := int64(0), int64(n)
	if step < 0 {
		lo, hi = int64(n)-1, -1
	}
	clamp := func(p *int64, def int64) int64 {
		if p == nil {
			return def
		}
		v := *p
		if v < 0 {
			v += int64(n)
		}
		if step > 0 {
			return min(max(v, 0), int64(n))
		}
		return min(max(v, -1), int64(n)-1)
	}
	lo, hi = clamp(b[0], lo), clamp(b[1], hi)
	var idx []int
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		idx = append(idx, int(i))
	}
	return idx, nil
}

func (e condExpr) eval(s *state) (any, error) {
	c, err := e.cond.eval(s)
	if err != nil {
		return nil, err
	}
	if truth(c) {
		return e.yes.eval(s)
	}
	if e.no == nil {
		return undefined{"the inline if-expression"}, nil
	}
	return e.no.eval(s)
}

func (e unaryExpr) eval(s *state) (any, error) {
	v, err := e.e.eval(s)
	if err != nil {
		return nil, err
	}
	if e.op == "not" {
		return !truth(v), nil
	}
	switch n := v.(type) {
	case int64:
		if e.op == "-" {
			return -n, nil
		}
		return n, nil
	case float64:
		if e.op == "-" {
			return -n, nil
		}
		return n, nil
	}
	return nil, failf("bad operand for unary %s: %s", e.op, typeName(v))
}

func (e binaryExpr) eval(s *state) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	a, err := e.a.eval(s)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "and":
		if !truth(a) {
			return a, nil
		}
		return e.b.eval(s)
	case "or":
		if truth(a) {
			return a, nil
		}
		return e.b.eval(s)
	}
	b, err := e.b.eval(s)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	case "<", ">", "<=", ">=":
		return compare(e.op, a, b)
	case "in":
		return contains(a, b)
	case "not in":
		ok, err := contains(a, b)
		return !ok, err
	case "~":
		return s.grow(toText(a).join(toText(b)))
	}
	return s.arithmetic(e.op, a, b)
}

// grow refuses strings longer than any output.
func (s *state) grow(t text) (any, error) {
	n := 0
	for _, p := range t.parts {
		n += len(p.Text)
	}
	if n > maxOutput {
		return nil, failf("a string of more than %d bytes", maxOutput)
	}
	s.steps += n / 64 // building long strings is work too
	return t, nil
}

func compare(op string, a, b any) (any, error) {
	var c int
	x, okX := number(a)
	y, okY := number(b)
	ta, okA := a.(text)
	tb, okB := b.(text)
	switch {
	case okX && okY:
		if x < y {
			c = -1
		} else if x > y {
			c = 1
		}
	case okA && okB:
		c = strings.Compare(ta.String(), tb.String())
	default:
		return nil, failf("'%s' not supported between %s and %s", op, typeName(a), typeName(b))
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

func contains(a, b any) (bool, error) {
	switch b := b.(type) {
	case text:
		t, ok := a.(text)
		if !ok {
			return false, failf("'in <string>' requires string as left operand, not %s", typeName(a))
		}
		return strings.Contains(b.String(), t.String()), nil
	case *list:
		for _, x := range b.items {
			if equal(a, x) {
				return true, nil
			}
		}
		return false, nil
	case *dict:
		_, ok := b.values[toText(a).String()]
		return ok, nil
	case undefined:
		return false, nil
	}
	return false, failf("in: got %s, want something to search", typeName(b))
}

func (s *state) arithmetic(op string, a, b any) (any, error) {
	if x, ok := a.(text); ok {
		switch y := b.(type) {
		case text:
			if op == "+" {
				return s.grow(x.join(y))
			}
		case int64:
			if op == "*" {
				if int64(len(x.String()))*max(y, 0) > maxOutput || y > maxOutput {
					return nil, failf("a string of more than %d bytes", maxOutput)
				}
				return x.like(strings.Repeat(x.String(), int(max(y, 0)))), nil
			}
		}
		if op == "%" {
			return formatPercent(x, b)
		}
	}
	if x, ok := a.(*list); ok {
		if y, ok := b.(*list); ok && op == "+" {
			if s.steps += len(x.items) + len(y.items); s.steps > maxSteps {
				return nil, failf("more than %d steps", maxSteps)
			}
			return &list{append(append([]any(nil), x.items...), y.items...)}, nil
		}
	}
	x, okX := number(a)
	y, okY := number(b)
	if !okX || !okY {
		return nil, failf("unsupported operand types for %s: %s and %s", op, typeName(a), typeName(b))
	}
	_, floatA := a.(float64)
	_, floatB := b.(float64)
	if (op == "/" || op == "//" || op == "%") && y == 0 {
		return nil, failf("division by zero")
	}
	if floatA || floatB || op == "/" {
		switch op {
		case "+":
			return x + y, nil
		case "-":
			return x - y, nil
		case "*":
			return x * y, nil
		case "/":
			return x / y, nil
		case "//":
			return math.Floor(x / y), nil
		case "%":
			return x - y*math.Floor(x/y), nil
		}
		return math.Pow(x, y), nil
	}
	i, j := int64(x), int64(y)
	switch op {
	case "+":
		return i + j, nil
	case "-":
		return i - j, nil
	case "*":
		return i * j, nil
	case "//":
		return int64(math.Floor(x / y)), nil
	case "%":
		return ((i % j) + j) % j, nil
	}
	p := math.Pow(x, y)
	if math.Abs(p) < 1<<53 && y >= 0 {
		return int64(p), nil
	}
	return p, nil
}

// formatPercent is the % operator of strings, with %s, %d, %f and %%.
func formatPercent(f text, arg any) (any, error) {
	args := []any{arg}
	if l, ok := arg.(*list); ok {
		args = l.items
	}
	var out text
	str := f.String()
	for {
		i := strings.IndexByte(str, '%')
		if i < 0 || i+1 >= len(str) {
			return out.join(f.like(str)), nil
		}
		out = out.join(f.like(str[:i]))
		verb := str[i+1]
		str = str[i+2:]
		if verb == '%' {
			out = out.join(f.like("%"))
			continue
		}
		if len(args) == 0 {
			return nil, failf("not enough arguments for format string")
		}
		switch verb {
		case 's':
			out = out.join(toText(args[0]))
		case 'd':
			n, ok := number(args[0])
			if !ok {
				return nil, failf("%%d format: a number is required, not %s", typeName(args[0]))
			}
			out = out.join(trusted(repr(int64(n))))
		default:
			return nil, failf("format %%%c: not supported", verb)
		}
		args = args[1:]
	}
}

// evalArgs evaluates call arguments.
func evalArgs(s *state, args []expr, kw []kwarg) ([]any, map[string]any, error) {
	vals := make([]any, len(args))
	for i, a := range args {
		v, err := a.eval(s)
		if err != nil {
			return nil, nil, err
		}
		vals[i] = v
	}
	named := map[string]any{}
	for _, k := range kw {
		v, err := k.e.eval(s)
		if err != nil {
			return nil, nil, err
		}
		named[k.name] = v
	}
	return vals, named, nil
}

func (e callExpr) eval(s *state) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	f, err := e.f.eval(s)
	if err != nil {
		return nil, err
	}
	fn, ok := f.(function)
	if !ok {
		if u, isUndefined := f.(undefined); isUndefined {
			return nil, failf("'%s' is undefined", u.name)
		}
		return nil, failf("'%s' is not callable", typeName(f))
	}
	args, kw, err := evalArgs(s, e.args, e.kw)
	if err != nil {
		return nil, err
	}
	return fn(s, args, kw)
}

func (e filterExpr) eval(s *state) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	args, kw, err := evalArgs(s, e.args, e.kw)
	if err != nil {
		return nil, err
	}
	f := filters[e.name]
	if f == nil {
		return nil, failf("no filter named '%s'", e.name)
	}
	return f(s, v, args, kw)
}

package template

import (
	"fmt"
	"slices"
	"strconv"
)

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(e expr) (expr, error) {
	var err error
	for err == nil {
		at := p.here()
		switch {
		case p.acceptOp("."):
			switch t := p.take(); t.kind {
			case tName:
				e = &attrExpr{at, e, t.s}
			case tInt:
				n, convErr := strconv.ParseInt(t.s, 0, 64)
				if convErr != nil {
					return nil, p.want("an index")
				}
				e = &indexExpr{at, e, constExpr{n}}
			default:
				p.at--
				return nil, p.want("an attribute")
			}
		case p.acceptOp("["):
			e, err = p.subscript(at, e)
		case p.isOp("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) call(f expr) (expr, error) {
	c := &callExpr{pos: p.here(), f: f}
	var err error
	c.args, err = p.args()
	return c, err
}

// subscript reads x] or lo:hi:step]; with commas it is a tuple.
func (p *parser) subscript(at pos, of expr) (expr, error) {
	var items []expr
	for !p.isOp("]") {
		if len(items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		s := &sliceExpr{pos: at, of: of}
		n := 0
		for ; n < 3; n++ {
			if !p.isOp(":") && !p.isOp("]") && !p.isOp(",") {
				var err error
				if s.parts[n], err = p.expr(); err != nil {
					return nil, err
				}
			}
			if n == 2 || !p.acceptOp(":") {
				break
			}
		}
		if n > 0 {
			if len(items) > 0 || !p.acceptOp("]") {
				return nil, p.want("]")
			}
			return s, nil
		}
		if s.parts[0] == nil {
			return nil, p.want("an index")
		}
		items = append(items, s.parts[0])
	}
	p.take()
	switch len(items) {
	case 1:
		return &indexExpr{at, of, items[0]}, nil
	}
	return &indexExpr{at, of, listExpr{at, items, isTuple}}, nil
}

// args reads call arguments with their parentheses.
func (p *parser) args() (a argExprs, err error) {
	if err := p.expectOp("("); err != nil {
		return a, err
	}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.isOp(")") {
				break
			}
		}
		switch {
		case p.isOp("*") && a.spread == nil && a.dict == nil:
			p.take()
			a.spread, err = p.expr()
		case p.isOp("**") && a.dict == nil:
			p.take()
			a.dict, err = p.expr()
		case p.peek().kind == tName && p.next().kind == tOp && p.next().s == "=" && a.dict == nil:
			name := p.take().s
			p.take()
			var e expr
			e, err = p.expr()
			a.names, a.named = append(a.names, name), append(a.named, e)
		case a.spread != nil || a.dict != nil || len(a.named) > 0:
			return a, p.want("a named argument")
		default:
			var e expr
			e, err = p.expr()
			a.pos = append(a.pos, e)
		}
		if err != nil {
			return a, err
		}
	}
	return a, p.expectOp(")")
}

// filtered reads |name(args) and is name(args), which bind tighter than arithmetic.
func (p *parser) filtered(e expr) (expr, error) {
	var err error
	for err == nil {
		switch {
		case p.isOp("|"):
			e, err = p.filterChain(e, false)
		case p.is(tName, "is"):
			e, err = p.test(e)
		case p.isOp("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
	}
	return nil, err
}

// filterChain reads filters on e; the first without its | when inline.
func (p *parser) filterChain(e expr, inline bool) (expr, error) {
	for inline || p.acceptOp("|") {
		inline = false
		f := &filterExpr{pos: p.here(), of: e}
		var err error
		if f.name, err = p.name(); err != nil {
			return nil, err
		}
		if filters[f.name] == nil {
			p.note("filter", f.name, f.pos)
		}
		if p.isOp("(") {
			if f.args, err = p.args(); err != nil {
				return nil, err
			}
		}
		e = f
	}
	return e, nil
}

// note keeps an unknown filter or test in mind: it is an error unless a condition decides whether it is used.
func (p *parser) note(what, name string, at pos) {
	p.unknown = append(p.unknown, unknown{what, name, at})
}

// unknown is a filter or test that there is not.
type unknown struct {
	what, name string
	at         pos
}

func (u unknown) err(src string) error {
	line, column := lineAndColumn(src, int(u.at))
	if u.what == "filter" && slices.Contains(refusedFilters, u.name) {
		return &UnsupportedError{line, column, "filter " + u.name}
	}
	return &SyntaxError{line, column, fmt.Sprintf("got unknown %s %.40q", u.what, u.name)}
}

func (p *parser) test(e expr) (expr, error) {
	p.take()
	at := p.here()
	not := p.accept(tName, "not")
	t := &testExpr{pos: p.here(), of: e}
	var err error
	if t.name, err = p.name(); err != nil {
		return nil, err
	}
	if tests[t.name] == nil {
		p.note("test", t.name, t.pos)
	}
	switch next := p.peek(); {
	case p.isOp("("):
		t.args, err = p.args()
	case p.is(tName, "is"):
		return nil, p.fail("got a test of a test, want parentheses")
	case next.kind == tString || next.kind == tInt || next.kind == tFloat || p.isOp("[") || p.isOp("{"),
		next.kind == tName && next.s != "else" && next.s != "or" && next.s != "and":
		var arg expr
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.pos = []expr{arg}
	}
	if err != nil || !not {
		return t, err
	}
	return unaryExpr{at, "not", t}, nil
}

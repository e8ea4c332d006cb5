package template

import (
	"math/big"
	"slices"
	"strconv"
)

// tuple is an expression, or several with commas. parens says that () may be empty, cond that a if b is allowed; words end it.
func (p *parser) tuple(cond, parens bool, words ...string) (expr, error) {
	at := p.here()
	var items []expr
	comma := false
	for {
		t := p.peek()
		if t.kind == tExprEnd || t.kind == tStmtEnd || p.isOp(")") || t.kind == tName && slices.Contains(words, t.s) {
			break
		}
		read := p.expr
		if !cond {
			read = p.or
		}
		e, err := read()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if !p.acceptOp(",") {
			break
		}
		comma = true
	}
	switch {
	case comma || parens && len(items) == 0:
		return listExpr{at, items, isTuple}, nil
	case len(items) == 0:
		return nil, p.want("an expression")
	}
	return items[0], nil
}

// expr is a if c else b.
func (p *parser) expr() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	mark := len(p.unknown)
	e, err := p.or()
	for err == nil && p.is(tName, "if") {
		c := &condExpr{pos: p.here(), yes: e}
		p.take()
		if c.cond, err = p.or(); err != nil {
			break
		}
		if p.accept(tName, "else") {
			c.no, err = p.expr()
		}
		e = c
		p.unknown = p.unknown[:mark]
	}
	return e, err
}

func (p *parser) or() (expr, error)  { return p.logic(p.and, "or") }
func (p *parser) and() (expr, error) { return p.logic(p.not, "and") }

func (p *parser) logic(part func() (expr, error), word string) (expr, error) {
	e, err := part()
	for err == nil && p.is(tName, word) {
		l := &logicExpr{pos: p.here(), or: word == "or", a: e}
		p.take()
		l.b, err = part()
		e = l
	}
	return e, err
}

func (p *parser) not() (expr, error) {
	at := p.here()
	if !p.accept(tName, "not") {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.not()
	return unaryExpr{at, "not", e}, err
}

func (p *parser) comparison() (expr, error) {
	c := &compareExpr{pos: p.here()}
	var err error
	if c.first, err = p.sum(); err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		switch {
		case t.kind == tOp && slices.Contains([]string{"==", "!=", "<", ">", "<=", ">="}, t.s), p.is(tName, "in"):
			p.take()
		case p.is(tName, "not") && p.next().kind == tName && p.next().s == "in":
			p.at += 2
			t.s = "not in"
		case len(c.ops) == 0:
			return c.first, nil
		default:
			return c, nil
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, t.s), append(c.rest, e)
	}
}

// In Jinja ~ binds tighter than + and −, and ** goes from the left.
func (p *parser) sum() (expr, error)     { return p.binary(p.concat, "+", "-") }
func (p *parser) product() (expr, error) { return p.binary(p.power, "*", "/", "//", "%") }
func (p *parser) power() (expr, error) {
	return p.binary(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) binary(part func() (expr, error), ops ...string) (expr, error) {
	e, err := part()
	for err == nil && p.peek().kind == tOp && slices.Contains(ops, p.peek().s) {
		b := &binaryExpr{pos: p.here(), op: p.take().s, a: e}
		b.b, err = part()
		e = b
	}
	return e, err
}

func (p *parser) concat() (expr, error) {
	c := concatExpr{pos: p.here()}
	for {
		e, err := p.product()
		if err != nil {
			return nil, err
		}
		if c.parts = append(c.parts, e); !p.acceptOp("~") {
			break
		}
	}
	if len(c.parts) == 1 {
		return c.parts[0], nil
	}
	return c, nil
}

func (p *parser) unary(filters bool) (expr, error) {
	at := p.here()
	var e expr
	var err error
	if p.isOp("-") || p.isOp("+") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		op := p.take().s
		e, err = p.unary(false)
		p.leave()
		e = unaryExpr{at, op, e}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filters {
		e, err = p.filtered(e)
	}
	return e, err
}

func (p *parser) primary() (expr, error) {
	t := p.take()
	switch {
	case t.kind == tName:
		switch t.s {
		case "true", "True":
			return constExpr{true}, nil
		case "false", "False":
			return constExpr{false}, nil
		case "none", "None":
			return constExpr{nil}, nil
		}
		if p.names != nil {
			p.names[t.s] = true
		}
		return nameExpr{pos(t.at), t.s}, nil
	case t.kind == tString:
		s := t.s
		for p.peek().kind == tString { // neighbours join, as in Python
			s += p.take().s
		}
		return constExpr{trusted(s)}, nil
	case t.kind == tInt:
		n, ok := new(big.Int).SetString(t.s, 0)
		if !ok || n.BitLen() > maxBits {
			break
		}
		v, _ := whole(n) // its length is checked
		return constExpr{v}, nil
	case t.kind == tFloat:
		f, _ := strconv.ParseFloat(t.s, 64) // beyond the range it is infinite, as in Python
		return constExpr{f}, nil
	case t.kind == tOp && t.s == "(":
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		e, err := p.tuple(true, true)
		if err != nil {
			return nil, err
		}
		return e, p.expectOp(")")
	case t.kind == tOp && t.s == "[":
		return p.list(pos(t.at))
	case t.kind == tOp && t.s == "{":
		return p.dict(pos(t.at))
	}
	if t.kind != tEOF {
		p.at--
	}
	return nil, p.want("a value")
}

func (p *parser) list(at pos) (expr, error) {
	l := listExpr{pos: at}
	for !p.acceptOp("]") {
		if len(l.items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.acceptOp("]") {
				break
			}
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, e)
	}
	return l, nil
}

func (p *parser) dict(at pos) (expr, error) {
	d := dictExpr{pos: at}
	for !p.acceptOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.acceptOp("}") {
				break
			}
		}
		k, err := p.expr()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expr()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, nil
}

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
	line, column := lineAndColumn(p.src, int(at))
	if slices.Contains(refusedFilters, name) {
		p.unknown = append(p.unknown, &UnsupportedError{line, column, "filter " + name})
		return
	}
	p.unknown = append(p.unknown, &SyntaxError{line, column, "got unknown " + what + " " + strconv.Quote(name)})
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

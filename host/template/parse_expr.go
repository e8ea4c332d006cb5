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

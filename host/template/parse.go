package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Nodes of the syntax tree. Each evaluates or executes itself in eval.go and exec.go.
type (
	node interface{ exec(*state) error }
	expr interface{ eval(*state) (any, error) }

	textNode   struct{ s string }
	outputNode struct {
		e    expr
		line int
	}
	ifNode struct {
		conds  []expr
		bodies [][]node
		other  []node
	}
	forNode struct {
		names        []string
		in, filter   expr
		body, orElse []node
		line         int
	}
	setNode struct {
		names []string
		attr  string // set ns.attr
		value expr
		body  []node // block set
	}
	macroNode struct {
		name   string
		params []string
		defs   []expr
		body   []node
	}
	jumpNode  struct{ err error }
	blockNode struct{ body []node } // generation: its body

	constExpr struct{ v any }
	nameExpr  struct{ name string }
	listExpr  struct{ items []expr }
	dictExpr  struct{ keys, values []expr }
	attrExpr  struct {
		of   expr
		name string
	}
	indexExpr struct{ of, at expr }
	sliceExpr struct{ of, lo, hi, step expr }
	callExpr  struct {
		f    expr
		args []expr
		kw   []kwarg
	}
	filterExpr struct {
		of   expr
		name string
		args []expr
		kw   []kwarg
	}
	testExpr struct {
		of   expr
		name string
		args []expr
		not  bool
	}
	unaryExpr struct {
		op string
		e  expr
	}
	binaryExpr struct {
		op   string
		a, b expr
	}
	condExpr struct{ cond, yes, no expr }

	kwarg struct {
		name string
		e    expr
	}
)

const maxDepth = 200 // of nested expressions and blocks: recursion must end before the stack does

type parser struct {
	toks  []token
	at    int
	depth int
}

func (p *parser) peek() token { return p.toks[p.at] }
func (p *parser) take() token {
	t := p.toks[p.at]
	if t.kind != tEOF {
		p.at++
	}
	return t
}
func (p *parser) is(s string) bool {
	t := p.peek()
	return (t.kind == tOp || t.kind == tName) && t.s == s
}
func (p *parser) accept(s string) bool {
	if p.is(s) {
		p.at++
		return true
	}
	return false
}
func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.peek().line, fmt.Sprintf(format, args...)}
}
func (p *parser) expect(s string) error {
	if !p.accept(s) {
		return p.fail("got %q, want %q", p.peek().s, s)
	}
	return nil
}
func (p *parser) name() (string, error) {
	if p.peek().kind != tName {
		return "", p.fail("got %q, want a name", p.peek().s)
	}
	return p.take().s, nil
}
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("nested deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) close() error {
	if p.peek().kind != tCloseStmt {
		return p.fail("got %q, want the end of the statement", p.peek().s)
	}
	p.take()
	return nil
}

// body reads nodes up to a statement of one of the given names, which is left open after its name.
func (p *parser) body(ends ...string) (nodes []node, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer func() { p.depth-- }()
	for {
		t := p.take()
		switch t.kind {
		case tEOF:
			if len(ends) > 0 {
				return nil, "", p.fail("template ends, want %s", strings.Join(ends, " or "))
			}
			return nodes, "", nil
		case tText:
			nodes = append(nodes, textNode{t.s})
		case tOpenExpr:
			e, err := p.tuple()
			if err != nil {
				return nil, "", err
			}
			if p.peek().kind != tCloseExpr {
				return nil, "", p.fail("got %q, want }}", p.peek().s)
			}
			p.take()
			nodes = append(nodes, outputNode{e, t.line})
		case tOpenStmt:
			name, err := p.name()
			if err != nil {
				return nil, "", err
			}
			if slices.Contains(ends, name) {
				return nodes, name, nil
			}
			n, err := p.statement(name)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, n)
		}
	}
}

func (p *parser) statement(name string) (node, error) {
	switch name {
	case "if":
		return p.ifStmt()
	case "for":
		return p.forStmt()
	case "set":
		return p.setStmt()
	case "macro":
		return p.macroStmt()
	case "break":
		return jumpNode{errBreak}, p.close()
	case "continue":
		return jumpNode{errContinue}, p.close()
	case "generation":
		if err := p.close(); err != nil {
			return nil, err
		}
		body, _, err := p.body("endgeneration")
		if err != nil {
			return nil, err
		}
		return blockNode{body}, p.close()
	}
	return nil, p.fail("unknown statement %q", name)
}

func (p *parser) ifStmt() (node, error) {
	var n ifNode
	for {
		cond, err := p.expr()
		if err != nil {
			return nil, err
		}
		if err := p.close(); err != nil {
			return nil, err
		}
		body, end, err := p.body("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.conds, n.bodies = append(n.conds, cond), append(n.bodies, body)
		switch end {
		case "endif":
			return n, p.close()
		case "else":
			if err := p.close(); err != nil {
				return nil, err
			}
			if n.other, _, err = p.body("endif"); err != nil {
				return nil, err
			}
			return n, p.close()
		}
	}
}

// names reads a, b, … possibly in parentheses.
func (p *parser) names() ([]string, error) {
	paren := p.accept("(")
	var list []string
	for {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.accept(",") {
			break
		}
	}
	if paren {
		return list, p.expect(")")
	}
	return list, nil
}

func (p *parser) forStmt() (node, error) {
	n := forNode{line: p.peek().line}
	var err error
	if n.names, err = p.names(); err != nil {
		return nil, err
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	if n.in, err = p.or(); err != nil { // a conditional would take the filter's if
		return nil, err
	}
	if p.accept("if") {
		if n.filter, err = p.expr(); err != nil {
			return nil, err
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	body, end, err := p.body("else", "endfor")
	if err != nil {
		return nil, err
	}
	n.body = body
	if end == "else" {
		if err := p.close(); err != nil {
			return nil, err
		}
		if n.orElse, _, err = p.body("endfor"); err != nil {
			return nil, err
		}
	}
	return n, p.close()
}

func (p *parser) setStmt() (node, error) {
	var n setNode
	var err error
	if n.names, err = p.names(); err != nil {
		return nil, err
	}
	if len(n.names) == 1 && p.accept(".") {
		if n.attr, err = p.name(); err != nil {
			return nil, err
		}
	}
	if p.accept("=") {
		if n.value, err = p.tuple(); err != nil {
			return nil, err
		}
		return n, p.close()
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if n.body, _, err = p.body("endset"); err != nil {
		return nil, err
	}
	if n.body == nil {
		n.body = []node{}
	}
	return n, p.close()
}

func (p *parser) macroStmt() (node, error) {
	var n macroNode
	var err error
	if n.name, err = p.name(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for !p.accept(")") {
		param, err := p.name()
		if err != nil {
			return nil, err
		}
		var def expr
		if p.accept("=") {
			if def, err = p.expr(); err != nil {
				return nil, err
			}
		}
		n.params, n.defs = append(n.params, param), append(n.defs, def)
		if !p.accept(",") && !p.is(")") {
			return nil, p.fail("got %q, want , or )", p.peek().s)
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if n.body, _, err = p.body("endmacro"); err != nil {
		return nil, err
	}
	return n, p.close()
}

// tuple is an expression, or several with commas, which make a list.
func (p *parser) tuple() (expr, error) {
	e, err := p.expr()
	if err != nil || !p.is(",") {
		return e, err
	}
	items := []expr{e}
	for p.accept(",") && p.peek().kind != tCloseExpr && p.peek().kind != tCloseStmt {
		if e, err = p.expr(); err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return listExpr{items}, nil
}

// expr is a if c else b.
func (p *parser) expr() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.or()
	for err == nil && p.accept("if") {
		c := condExpr{yes: e}
		if c.cond, err = p.or(); err != nil {
			break
		}
		if p.accept("else") {
			c.no, err = p.expr()
		}
		e = c
	}
	return e, err
}

func (p *parser) or() (expr, error)  { return p.binary(p.and, "or") }
func (p *parser) and() (expr, error) { return p.binary(p.not, "and") }

func (p *parser) not() (expr, error) {
	if p.accept("not") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		e, err := p.not()
		return unaryExpr{"not", e}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (expr, error) {
	e, err := p.concat()
	for err == nil {
		op := p.peek().s
		switch {
		case p.peek().kind != tOp && p.peek().kind != tName:
			return e, nil
		case slices.Contains([]string{"==", "!=", "<", ">", "<=", ">=", "in"}, op):
			p.take()
		case op == "not" && p.toks[p.at+1].s == "in":
			p.at += 2
			op = "not in"
		default:
			return e, nil
		}
		var b expr
		b, err = p.concat()
		e = binaryExpr{op, e, b}
	}
	return e, err
}

func (p *parser) concat() (expr, error) { return p.binary(p.sum, "~") }
func (p *parser) sum() (expr, error)    { return p.binary(p.product, "+", "-") }
func (p *parser) product() (expr, error) {
	return p.binary(p.unary, "*", "/", "//", "%")
}

func (p *parser) binary(next func() (expr, error), ops ...string) (expr, error) {
	e, err := next()
	for err == nil && (p.peek().kind == tOp || p.peek().kind == tName) && slices.Contains(ops, p.peek().s) {
		op := p.take().s
		var b expr
		b, err = next()
		e = binaryExpr{op, e, b}
	}
	return e, err
}

func (p *parser) unary() (expr, error) {
	if p.is("-") || p.is("+") {
		op := p.take().s
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		e, err := p.unary()
		return unaryExpr{op, e}, err
	}
	e, err := p.postfix()
	if err == nil && p.accept("**") {
		var b expr
		b, err = p.unary()
		e = binaryExpr{"**", e, b}
	}
	if err != nil {
		return nil, err
	}
	return p.filters(e)
}

// filters reads |name(args) and is name(args), which bind tighter than arithmetic.
func (p *parser) filters(e expr) (expr, error) {
	for {
		switch {
		case p.accept("|"):
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			f := filterExpr{of: e, name: name}
			if p.accept("(") {
				if f.args, f.kw, err = p.args(); err != nil {
					return nil, err
				}
			}
			e = f
		case p.accept("is"):
			t := testExpr{of: e, not: p.accept("not")}
			var err error
			if t.name, err = p.name(); err != nil {
				return nil, err
			}
			switch next := p.peek(); {
			case p.accept("("):
				if t.args, _, err = p.args(); err != nil {
					return nil, err
				}
			case next.kind == tString || next.kind == tNumber || next.kind == tName && !slices.Contains([]string{"and", "or", "not", "is", "in", "if", "else"}, next.s):
				arg, err := p.postfix()
				if err != nil {
					return nil, err
				}
				t.args = []expr{arg}
			}
			e = t
		default:
			return e, nil
		}
	}
}

// args reads call arguments after the opening parenthesis.
func (p *parser) args() (args []expr, kw []kwarg, err error) {
	for !p.accept(")") {
		if p.peek().kind == tName && p.toks[p.at+1].kind == tOp && p.toks[p.at+1].s == "=" {
			name := p.take().s
			p.take()
			e, err := p.expr()
			if err != nil {
				return nil, nil, err
			}
			kw = append(kw, kwarg{name, e})
		} else {
			e, err := p.expr()
			if err != nil {
				return nil, nil, err
			}
			args = append(args, e)
		}
		if !p.accept(",") && !p.is(")") {
			return nil, nil, p.fail("got %q, want , or )", p.peek().s)
		}
	}
	return args, kw, nil
}

func (p *parser) postfix() (expr, error) {
	e, err := p.primary()
	for err == nil {
		switch {
		case p.accept("."):
			t := p.take()
			if t.kind == tNumber {
				n, convErr := strconv.ParseInt(t.s, 10, 64)
				if convErr != nil {
					return nil, p.fail("bad index %q", t.s)
				}
				e = indexExpr{e, constExpr{n}}
				continue
			}
			if t.kind != tName {
				return nil, p.fail("got %q, want an attribute", t.s)
			}
			e = attrExpr{e, t.s}
		case p.accept("["):
			e, err = p.subscript(e)
		case p.accept("("):
			c := callExpr{f: e}
			c.args, c.kw, err = p.args()
			e = c
		default:
			return e, nil
		}
	}
	return nil, err
}

// subscript reads x] or lo:hi:step].
func (p *parser) subscript(of expr) (expr, error) {
	var parts [3]expr
	var err error
	n := 0
	for {
		if !p.is(":") && !p.is("]") {
			if parts[n], err = p.expr(); err != nil {
				return nil, err
			}
		}
		if p.accept("]") {
			break
		}
		if n++; n > 2 {
			return nil, p.fail("got a slice of more than three parts")
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
	}
	switch {
	case n > 0:
		return sliceExpr{of, parts[0], parts[1], parts[2]}, nil
	case parts[0] == nil:
		return nil, p.fail("got an empty subscript")
	}
	return indexExpr{of, parts[0]}, nil
}

func (p *parser) primary() (expr, error) {
	t := p.take()
	switch t.kind {
	case tString:
		s := t.s
		for p.peek().kind == tString { // neighbours join, as in Python
			s += p.take().s
		}
		return constExpr{trusted(s)}, nil
	case tNumber:
		if n, err := strconv.ParseInt(t.s, 10, 64); err == nil {
			return constExpr{n}, nil
		}
		f, err := strconv.ParseFloat(t.s, 64)
		if err != nil {
			return nil, p.fail("bad number %q", t.s)
		}
		return constExpr{f}, nil
	case tName:
		switch t.s {
		case "true", "True":
			return constExpr{true}, nil
		case "false", "False":
			return constExpr{false}, nil
		case "none", "None":
			return constExpr{nil}, nil
		case "if", "else", "and", "or", "in", "is":
			p.at--
			return nil, p.fail("got %q, want a value", t.s)
		}
		return nameExpr{t.s}, nil
	case tOp:
		switch t.s {
		case "(":
			if p.accept(")") {
				return listExpr{}, nil
			}
			items, comma, err := p.items(")")
			if err != nil {
				return nil, err
			}
			if len(items) == 1 && !comma {
				return items[0], nil
			}
			return listExpr{items}, nil
		case "[":
			items, _, err := p.items("]")
			return listExpr{items}, err
		case "{":
			return p.dict()
		}
	}
	p.at--
	return nil, p.fail("got %q, want a value", t.s)
}

// items reads expressions up to end.
func (p *parser) items(end string) (items []expr, comma bool, err error) {
	for !p.accept(end) {
		e, err := p.expr()
		if err != nil {
			return nil, false, err
		}
		items = append(items, e)
		if p.accept(",") {
			comma = true
		} else if !p.is(end) {
			return nil, false, p.fail("got %q, want , or %s", p.peek().s, end)
		}
	}
	return items, comma, nil
}

func (p *parser) dict() (expr, error) {
	var d dictExpr
	for !p.accept("}") {
		k, err := p.expr()
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.expr()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
		if !p.accept(",") && !p.is("}") {
			return nil, p.fail("got %q, want , or }", p.peek().s)
		}
	}
	return d, nil
}

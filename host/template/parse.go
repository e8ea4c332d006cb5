package template

import (
	"fmt"
	"slices"
	"strings"
)

const maxDepth = 200 // of nested expressions and blocks: recursion must end before the stack does

// parser makes a tree of tokens by recursive descent; each method reads one rule of the grammar.
type parser struct {
	src   string
	toks  []token
	at    int
	depth int
	loops int             // around this statement
	names map[string]bool // that the macro being read speaks of
	// unknown are filters and tests that there are not, outside of conditions.
	unknown []unknown
}

func (p *parser) peek() token { return p.toks[p.at] }
func (p *parser) next() token { return p.toks[min(p.at+1, len(p.toks)-1)] }
func (p *parser) here() pos   { return pos(p.peek().at) }

func (p *parser) take() token {
	t := p.toks[p.at]
	if t.kind != tEOF {
		p.at++
	}
	return t
}

func (p *parser) is(k kind, s string) bool { return p.peek().kind == k && p.peek().s == s }
func (p *parser) isOp(s string) bool       { return p.is(tOp, s) }

func (p *parser) accept(k kind, s string) bool {
	if p.is(k, s) {
		p.at++
		return true
	}
	return false
}
func (p *parser) acceptOp(s string) bool { return p.accept(tOp, s) }

func (p *parser) fail(format string, args ...any) error {
	line, column := lineAndColumn(p.src, p.peek().at)
	return &SyntaxError{line, column, fmt.Sprintf(format, args...)}
}

func (p *parser) want(what string) error { return p.fail("got %s, want %s", p.peek(), what) }

func (p *parser) expectOp(s string) error {
	if !p.acceptOp(s) {
		return p.want(s)
	}
	return nil
}

func (p *parser) expectKind(k kind) error {
	if p.peek().kind != k {
		return p.want(kindNames[k])
	}
	p.take()
	return nil
}

func (p *parser) name() (string, error) {
	if p.peek().kind != tName {
		return "", p.want("a name")
	}
	return p.take().s, nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("got nesting deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// body reads nodes up to a statement of one of the given names, which is left open after its name.
func (p *parser) body(ends ...string) (nodes []node, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer p.leave()
	for {
		t := p.take()
		switch t.kind {
		case tEOF:
			if len(ends) > 0 {
				return nil, "", p.want(strings.Join(ends, " or "))
			}
			return nodes, "", nil
		case tData:
			nodes = append(nodes, textNode{t.s})
		case tExprBegin:
			e, err := p.tuple(true, false)
			if err != nil {
				return nil, "", err
			}
			if err := p.expectKind(tExprEnd); err != nil {
				return nil, "", err
			}
			nodes = append(nodes, outputNode{pos(t.at), e})
		case tStmtBegin:
			if t := p.peek(); t.kind == tName && slices.Contains(ends, t.s) {
				p.take()
				return nodes, t.s, nil
			}
			n, err := p.statement()
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, n)
			if err := p.expectKind(tStmtEnd); err != nil {
				return nil, "", err
			}
		}
	}
}

// block reads the end of a statement's head, and its body up to the statement end, which it reads but for its %}.
func (p *parser) block(ends ...string) (nodes []node, end string, err error) {
	p.acceptOp(":")
	if err := p.expectKind(tStmtEnd); err != nil {
		return nil, "", err
	}
	return p.body(ends...)
}

// function is block for a body that loops outside do not reach into.
func (p *parser) function(end string) ([]node, error) {
	loops := p.loops
	p.loops = 0
	body, _, err := p.block(end)
	p.loops = loops
	return body, err
}

var refused = []string{"extends", "block", "include", "import", "from", "autoescape", "print"}

func (p *parser) statement() (node, error) {
	at := p.here()
	word, err := p.name()
	if err != nil {
		return nil, err
	}
	switch word {
	case "if":
		return p.ifStmt(at)
	case "for":
		return p.forStmt(at)
	case "set":
		return p.setStmt(at)
	case "with":
		return p.withStmt(at)
	case "macro":
		return p.macroStmt(at)
	case "call":
		return p.callStmt(at)
	case "filter":
		f, err := p.filterChain(nil, true)
		if err != nil {
			return nil, err
		}
		body, _, err := p.block("endfilter")
		return filterNode{at, f, body}, err
	case "break", "continue":
		if p.loops == 0 {
			p.at--
			return nil, p.fail("got %q outside a loop", word)
		}
		return jumpNode{at, map[string]error{"break": errBreak, "continue": errContinue}[word]}, nil
	case "generation":
		body, err := p.function("endgeneration")
		return scopeNode{at, body}, err
	}
	p.at--
	if slices.Contains(refused, word) {
		line, column := lineAndColumn(p.src, int(at))
		return nil, &UnsupportedError{line, column, "statement " + word}
	}
	return nil, p.fail("got unknown statement %.40q", word)
}

func (p *parser) ifStmt(at pos) (node, error) {
	n := ifNode{pos: at}
	mark := len(p.unknown)
	defer func() { p.unknown = p.unknown[:min(mark, len(p.unknown))] }()
	for {
		cond, err := p.tuple(false, false)
		if err != nil {
			return nil, err
		}
		body, end, err := p.block("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.conds, n.bodies = append(n.conds, cond), append(n.bodies, body)
		switch end {
		case "endif":
			return n, nil
		case "else":
			n.other, _, err = p.block("endif")
			return n, err
		}
	}
}

func (p *parser) forStmt(at pos) (node, error) {
	n := forNode{pos: at}
	var err error
	if n.target, err = p.targets(false); err != nil {
		return nil, err
	}
	if !p.accept(tName, "in") {
		return nil, p.want("in")
	}
	if n.in, err = p.tuple(false, false, "recursive"); err != nil { // a conditional would take the filter's if
		return nil, err
	}
	if p.accept(tName, "if") {
		if n.filter, err = p.expr(); err != nil {
			return nil, err
		}
	}
	n.recursive = p.accept(tName, "recursive")
	p.loops++
	body, end, err := p.block("endfor", "else")
	p.loops--
	if err != nil {
		return nil, err
	}
	if n.body = body; end == "else" {
		n.orElse, _, err = p.block("endfor")
	}
	return n, err
}

func (p *parser) setStmt(at pos) (node, error) {
	t, err := p.targets(true)
	if err != nil {
		return nil, err
	}
	if p.acceptOp("=") {
		v, err := p.tuple(true, false)
		return setNode{at, t, v}, err
	}
	f, err := p.filterChain(nil, false)
	if err != nil {
		return nil, err
	}
	body, _, err := p.block("endset")
	return captureNode{at, t, f, body}, err
}

func (p *parser) withStmt(at pos) (node, error) {
	n := withNode{pos: at}
	for p.peek().kind != tStmtEnd {
		if len(n.targets) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		t, err := p.targets(false)
		if err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		v, err := p.expr()
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, t), append(n.values, v)
	}
	body, _, err := p.block("endwith")
	n.body = body
	return n, err
}

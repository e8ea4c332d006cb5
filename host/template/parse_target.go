package template

import (
	"maps"
	"slices"
)

// targets reads names to assign to: one, or several with commas, which are a tuple. attrs allows attributes of namespaces.
func (p *parser) targets(attrs bool) (target, error) {
	t := target{pos: p.here()}
	tuple := false
	for {
		if len(t.parts) > 0 && (p.is(tName, "in") || p.peek().kind == tStmtEnd || p.isOp(")") || p.isOp("=")) {
			break
		}
		one, err := p.target(attrs)
		if err != nil {
			return t, err
		}
		t.parts = append(t.parts, one)
		if !p.acceptOp(",") {
			break
		}
		tuple = true
	}
	if !tuple {
		return t.parts[0], nil
	}
	return t, nil
}

func (p *parser) target(attrs bool) (target, error) {
	t := target{pos: p.here()}
	if p.acceptOp("(") {
		if err := p.enter(); err != nil {
			return t, err
		}
		defer p.leave()
		t, err := p.targets(false)
		if err != nil {
			return t, err
		}
		return t, p.expectOp(")")
	}
	var err error
	if slices.Contains([]string{"true", "false", "none", "True", "False", "None"}, p.peek().s) {
		return t, p.want("a name to assign to")
	}
	if t.name, err = p.name(); err != nil {
		return t, err
	}
	if attrs && p.acceptOp(".") {
		t.attr, err = p.name()
	}
	return t, err
}

func (p *parser) macroStmt(at pos) (node, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	def, err := p.macro(name, "endmacro", nil)
	return macroNode{at, def}, err
}

func (p *parser) callStmt(at pos) (node, error) {
	n := callNode{pos: at}
	call := func() error {
		e, err := p.expr()
		if err != nil {
			return err
		}
		c, ok := e.(*callExpr)
		if !ok {
			return p.fail("got no call, want one after call")
		}
		n.call = c
		return nil
	}
	var err error
	n.def, err = p.macro("", "endcall", call)
	return n, err
}

// macro reads the parameters and the body of a macro, or of a call block, whose call stands between them.
func (p *parser) macro(name, end string, call func() error) (*macroDef, error) {
	def := &macroDef{name: name}
	if call == nil || p.isOp("(") {
		if err := p.signature(def); err != nil {
			return nil, err
		}
	}
	if call != nil {
		if err := call(); err != nil {
			return nil, err
		}
	}
	outer := p.names
	spoken := map[string]bool{}
	p.names = spoken
	var err error
	def.body, err = p.function(end)
	def.caller, def.kwargs, def.varargs = spoken["caller"], spoken["kwargs"], spoken["varargs"]
	if p.names = outer; outer != nil {
		maps.Copy(outer, spoken)
	}
	return def, err
}

func (p *parser) signature(def *macroDef) error {
	if err := p.expectOp("("); err != nil {
		return err
	}
	for !p.isOp(")") {
		if len(def.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return err
			}
		}
		param, err := p.name()
		if err != nil {
			return err
		}
		if slices.Contains(def.params, param) {
			return p.fail("got parameter %.40q twice", param)
		}
		def.params = append(def.params, param)
		if p.acceptOp("=") {
			e, err := p.expr()
			if err != nil {
				return err
			}
			def.defaults = append(def.defaults, e)
		} else if len(def.defaults) > 0 {
			return p.fail("got parameter %.40q without default after one with", param)
		}
	}
	return p.expectOp(")")
}

package template

import (
	"errors"
	"time"
)

var errBreak, errContinue = errors.New("break"), errors.New("continue")

// state is one rendering.
type state struct {
	scopes []*dict // innermost last
	out    text
	size   int
	steps  int
	calls  int
	now    time.Time
}

func (s *state) push() { s.scopes = append(s.scopes, newDict()) }
func (s *state) pop()  { s.scopes = s.scopes[:len(s.scopes)-1] }

func (s *state) lookup(name string) any {
	for i := len(s.scopes) - 1; i >= 0; i-- {
		if v, ok := s.scopes[i].values[name]; ok {
			return v
		}
	}
	return undefined{name}
}

func (s *state) set(name string, v any) { s.scopes[len(s.scopes)-1].set(name, v) }

// step counts work, so that no template runs forever.
func (s *state) step() error {
	if s.steps++; s.steps > maxSteps {
		return failf("more than %d steps", maxSteps)
	}
	return nil
}

func (s *state) write(t text) error {
	for _, p := range t.parts {
		s.size += len(p.Text)
	}
	if s.size > maxOutput {
		return failf("more than %d bytes of output", maxOutput)
	}
	s.out.parts = append(s.out.parts, t.parts...)
	return nil
}

func (s *state) run(body []node) error {
	for _, n := range body {
		if err := s.step(); err != nil {
			return err
		}
		if err := n.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// capture runs body and returns its output.
func (s *state) capture(body []node) (text, error) {
	saved := s.out
	s.out = text{}
	err := s.run(body)
	got := s.out
	s.out = saved
	return got, err
}

func (n textNode) exec(s *state) error { return s.write(trusted(n.s)) }

func (n outputNode) exec(s *state) error {
	v, err := n.e.eval(s)
	if err != nil {
		return err
	}
	return s.write(toText(v))
}

func (n blockNode) exec(s *state) error { return s.run(n.body) }
func (n jumpNode) exec(*state) error    { return n.err }

func (n ifNode) exec(s *state) error {
	for i, c := range n.conds {
		v, err := c.eval(s)
		if err != nil {
			return err
		}
		if truth(v) {
			return s.run(n.bodies[i])
		}
	}
	return s.run(n.other)
}

func (n setNode) exec(s *state) error {
	var v any
	var err error
	if n.body != nil {
		v, err = s.capture(n.body)
	} else {
		v, err = n.value.eval(s)
	}
	if err != nil {
		return err
	}
	if n.attr != "" {
		ns, ok := s.lookup(n.names[0]).(*namespace)
		if !ok {
			return failf("set %s.%s: %s is no namespace", n.names[0], n.attr, n.names[0])
		}
		ns.set(n.attr, v)
		return nil
	}
	return s.unpack(n.names, v)
}

// unpack assigns a value to one name, or its items to several.
func (s *state) unpack(names []string, v any) error {
	if len(names) == 1 {
		s.set(names[0], v)
		return nil
	}
	items, err := iterate(v)
	if err != nil {
		return err
	}
	if len(items) != len(names) {
		return failf("unpack: got %d values for %d names", len(items), len(names))
	}
	for i, name := range names {
		s.set(name, items[i])
	}
	return nil
}

func (n forNode) exec(s *state) error {
	v, err := n.in.eval(s)
	if err != nil {
		return err
	}
	items, err := iterate(v)
	if err != nil {
		return err
	}
	s.push()
	defer s.pop()
	if n.filter != nil {
		var kept []any
		for _, it := range items {
			if err := s.step(); err != nil {
				return err
			}
			if err := s.unpack(n.names, it); err != nil {
				return err
			}
			ok, err := n.filter.eval(s)
			if err != nil {
				return err
			}
			if truth(ok) {
				kept = append(kept, it)
			}
		}
		items = kept
	}
	if len(items) == 0 {
		return s.run(n.orElse)
	}
	for i, it := range items {
		s.steps += 15 // what a round costs besides its body
		if err := s.step(); err != nil {
			return err
		}
		// Every round has a scope of its own: set inside a loop does not reach the next round.
		s.scopes[len(s.scopes)-1] = newDict()
		if err := s.unpack(n.names, it); err != nil {
			return err
		}
		s.set("loop", loopValue(items, i))
		switch err := s.run(n.body); err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

func loopValue(items []any, i int) *dict {
	d := newDict()
	n := int64(len(items))
	d.set("index", int64(i)+1)
	d.set("index0", int64(i))
	d.set("revindex", n-int64(i))
	d.set("revindex0", n-int64(i)-1)
	d.set("first", i == 0)
	d.set("last", i == len(items)-1)
	d.set("length", n)
	d.set("depth", int64(1))
	var before, after any = undefined{"previtem"}, undefined{"nextitem"}
	if i > 0 {
		before = items[i-1]
	}
	if i+1 < len(items) {
		after = items[i+1]
	}
	d.set("previtem", before)
	d.set("nextitem", after)
	d.set("cycle", function(func(_ *state, args []any, _ map[string]any) (any, error) {
		if len(args) == 0 {
			return nil, failf("cycle: no values")
		}
		return args[i%len(args)], nil
	}))
	return d
}

func (n macroNode) exec(s *state) error {
	// A macro sees the scopes that hold where it is defined.
	home := append([]*dict(nil), s.scopes...)
	s.set(n.name, function(func(s *state, args []any, kw map[string]any) (any, error) {
		if s.calls++; s.calls > maxCalls {
			return nil, failf("macro %s: more than %d calls deep", n.name, maxCalls)
		}
		defer func() { s.calls-- }()
		if len(args) > len(n.params) {
			return nil, failf("macro %s: got %d arguments, want at most %d", n.name, len(args), len(n.params))
		}
		saved := s.scopes
		s.scopes = append(append([]*dict(nil), home...), newDict())
		defer func() { s.scopes = saved }()
		for i, p := range n.params {
			var v any = undefined{p}
			if given, ok := kw[p]; ok {
				v = given
			} else if i < len(args) {
				v = args[i]
			} else if n.defs[i] != nil {
				var err error
				if v, err = n.defs[i].eval(s); err != nil {
					return nil, err
				}
			}
			s.set(p, v)
		}
		return s.capture(n.body)
	}))
	return nil
}

// iterate lists the items of a value: a list's, a dict's keys, a string's characters.
func iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case *list:
		return v.items, nil
	case *dict:
		items := make([]any, len(v.keys))
		for i, k := range v.keys {
			items[i] = untrusted(k)
		}
		return items, nil
	case text:
		var items []any
		for _, r := range v.String() {
			items = append(items, v.like(string(r)))
		}
		return items, nil
	case undefined:
		return nil, nil
	}
	return nil, failf("iterate: got %s, want a list", typeName(v))
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case text:
		return "str"
	case *list:
		return "list"
	case *dict:
		return "dict"
	case *namespace:
		return "namespace"
	case undefined:
		return "undefined"
	}
	return "function"
}

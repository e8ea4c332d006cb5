package template

func (n textNode) exec(s *state) error { return s.write(trusted(n.s)) }
func (n jumpNode) exec(*state) error   { return n.err }

func (n outputNode) exec(s *state) error {
	v, err := s.eval(n.e)
	if err != nil {
		return err
	}
	t, err := s.str(v)
	if err != nil {
		return err
	}
	return s.write(t)
}

func (n scopeNode) exec(s *state) error {
	return s.within(s.scope, func() error { return s.run(n.body) })
}

func (n ifNode) exec(s *state) error {
	for i, c := range n.conds {
		v, err := s.eval(c)
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
	v, err := s.eval(n.value)
	if err != nil {
		return err
	}
	return s.assign(n.target, v)
}

func (n captureNode) exec(s *state) error {
	v, err := s.filterBlock(n.body, n.filters)
	if err != nil {
		return err
	}
	return s.assign(n.target, v)
}

func (n filterNode) exec(s *state) error {
	v, err := s.filterBlock(n.body, n.filters)
	if err != nil {
		return err
	}
	t, err := s.str(v)
	if err != nil {
		return err
	}
	return s.write(t)
}

// filterBlock is the output of body, through filters where there are any.
func (s *state) filterBlock(body []node, filters expr) (any, error) {
	var got text
	err := s.within(s.scope, func() (err error) {
		got, err = s.capture(body)
		return err
	})
	if err != nil || filters == nil {
		return got, err
	}
	saved := s.filtering
	s.filtering = got
	v, err := s.eval(filters)
	s.filtering = saved
	return v, err
}

func (n withNode) exec(s *state) error {
	values := make([]any, len(n.values))
	for i, e := range n.values {
		v, err := s.eval(e)
		if err != nil {
			return err
		}
		values[i] = v
	}
	return s.within(s.scope, func() error {
		for i, t := range n.targets {
			if err := s.assign(t, values[i]); err != nil {
				return err
			}
		}
		return s.run(n.body)
	})
}

// assign stores v in a name, an attribute of a namespace, or item by item in several of those.
func (s *state) assign(t target, v any) error {
	switch {
	case t.attr != "":
		ns, ok := s.lookup(t.name).(*namespace)
		if !ok {
			return failure("TemplateRuntimeError", "cannot assign attribute on non-namespace object")
		}
		ns.attrs.set(trusted(t.attr), v)
	case t.name != "":
		s.set(t.name, v)
	default:
		items, err := s.iterate(v)
		if err != nil {
			return err
		}
		if len(items) != len(t.parts) {
			return valueError("unpack: got %d values, want %d", len(items), len(t.parts))
		}
		for i, part := range t.parts {
			if err := s.assign(part, items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

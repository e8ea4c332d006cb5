package template

// loop is the variable of that name inside for.
type loop struct {
	items   []any
	i       int
	depth   int
	changed any // what changed was asked about last
	recurse func(s *state, items any) (any, error)
}

func (n forNode) exec(s *state) error {
	v, err := s.eval(n.in)
	if err != nil {
		return err
	}
	return n.over(s, v, 0)
}

// over runs the loop over v. A recursive loop calls it again, by its variable, from inside.
func (n forNode) over(s *state, v any, depth int) error {
	items, err := s.iterate(v)
	if err == nil && n.filter != nil {
		items, err = n.chosen(s, items)
	}
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return s.within(s.scope, func() error { return s.run(n.orElse) })
	}
	l := &loop{items: items, depth: depth}
	home := s.scope
	if n.recursive {
		l.recurse = func(s *state, items any) (any, error) {
			saved, savedScope := s.out, s.scope
			s.out, s.scope = s.build(), home
			err := n.over(s, items, depth+1)
			got := s.out.text()
			s.out, s.scope = saved, savedScope
			return got, err
		}
	}
	for i, item := range items {
		l.i = i
		if err := s.step(4); err != nil { // what a round costs besides its body
			return err
		}
		// Every round has a scope of its own: set inside a loop does not reach the next round.
		err := s.within(home, func() error {
			s.set("loop", l)
			if err := s.assign(n.target, item); err != nil {
				return err
			}
			return s.run(n.body)
		})
		switch err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

// chosen are the items that the loop's if lets through.
func (n forNode) chosen(s *state, items []any) ([]any, error) {
	var kept []any
	for _, item := range items {
		err := s.within(s.scope, func() error {
			if err := s.assign(n.target, item); err != nil {
				return err
			}
			ok, err := s.eval(n.filter)
			if truth(ok) && err == nil {
				kept = append(kept, item)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// attr is loop.name; nil, false: there is none.
func (l *loop) attr(name string) (any, bool) {
	i, n := int64(l.i), int64(len(l.items))
	switch name {
	case "index":
		return i + 1, true
	case "index0":
		return i, true
	case "revindex":
		return n - i, true
	case "revindex0":
		return n - i - 1, true
	case "first":
		return i == 0, true
	case "last":
		return i == n-1, true
	case "length":
		return n, true
	case "depth":
		return int64(l.depth) + 1, true
	case "depth0":
		return int64(l.depth), true
	case "previtem":
		if i == 0 {
			return undefined{hint: "there is no previous item"}, true
		}
		return l.items[i-1], true
	case "nextitem":
		if i == n-1 {
			return undefined{hint: "there is no next item"}, true
		}
		return l.items[i+1], true
	case "cycle":
		return &function{"cycle", func(_ *state, a args) (any, error) {
			if len(a.pos) == 0 || len(a.kw) > 0 {
				return nil, typeError("no items for cycling given")
			}
			return a.pos[l.i%len(a.pos)], nil
		}}, true
	case "changed":
		return &function{"changed", func(s *state, a args) (any, error) {
			now := newTuple(a.pos...)
			same, err := s.equal(l.changed, now, 0)
			l.changed = now
			return !same, err
		}}, true
	}
	return nil, false
}

// call is loop(items) of a recursive loop.
func (l *loop) call(s *state, a args) (any, error) {
	v, err := a.bind("loop", "iterable")
	if err != nil {
		return nil, err
	}
	if l.recurse == nil {
		return nil, typeError("the loop must have the 'recursive' marker to be called recursively")
	}
	return l.recurse(s, v[0])
}

package template

import "slices"

// macro is a macro with the scope that it was defined in.
type macro struct {
	def  *macroDef
	home *scope
}

// title names a macro as Python does; a call block has no name.
func (m *macro) title() string {
	if m.def.name == "" {
		return "anonymous"
	}
	return "'" + m.def.name + "'"
}

func (n macroNode) exec(s *state) error {
	s.set(n.def.name, &macro{n.def, s.scope})
	return nil
}

// exec of a call block calls its macro with the block as caller.
func (n callNode) exec(s *state) error {
	f, err := s.eval(n.call.f)
	if err != nil {
		return err
	}
	a, err := n.call.args.eval(s)
	if err != nil {
		return err
	}
	a.kw = append(a.kw, named{name: "caller", v: &macro{n.def, s.scope}})
	v, err := s.call(f, a)
	if err != nil {
		return err
	}
	t, err := s.str(v)
	if err != nil {
		return err
	}
	return s.write(t)
}

// call runs the macro's body with the arguments as variables and returns its output.
func (m *macro) call(s *state, a args) (any, error) {
	def := m.def
	given := make([]any, len(def.params))
	for i := range given {
		given[i] = absent{}
	}
	copy(given, a.pos)
	kwargs := newDict()
	var caller any = undefined{hint: "No caller defined"}
	for _, k := range a.kw {
		i := slices.Index(def.params, k.name)
		switch {
		case i >= len(a.pos):
			given[i] = k.v
		case k.name == "caller" && def.caller:
			caller = k.v
		case !def.kwargs:
			return nil, typeError("macro %s takes no keyword argument '%s'", m.title(), k.name)
		default:
			kwargs.set(text{s: k.name, data: k.data}, k.v)
		}
	}
	if len(a.pos) > len(def.params) && !def.varargs {
		return nil, typeError("macro %s takes not more than %d argument(s)", m.title(), len(def.params))
	}
	var out any
	err := s.within(m.home, func() error {
		for i, p := range def.params {
			v := given[i]
			if d := i - (len(def.params) - len(def.defaults)); v == (absent{}) && d >= 0 {
				var err error
				if v, err = s.eval(def.defaults[d]); err != nil {
					return err
				}
			} else if v == (absent{}) {
				v = undefined{hint: "parameter '" + p + "' was not provided"}
			}
			s.set(p, v)
		}
		if def.caller && !slices.Contains(def.params, "caller") {
			s.set("caller", caller)
		}
		if def.kwargs {
			s.set("kwargs", kwargs)
		}
		if def.varargs {
			s.set("varargs", newTuple(a.pos[min(len(a.pos), len(def.params)):]...))
		}
		t, err := s.capture(def.body)
		out = t
		return err
	})
	return out, err
}

// attr is an attribute of a macro; nil, false: there is none.
func (m *macro) attr(name string) (any, bool) {
	switch name {
	case "name":
		if m.def.name == "" {
			return nil, true
		}
		return trusted(m.def.name), true
	case "arguments":
		l := newTuple()
		for _, p := range m.def.params {
			l.items = append(l.items, trusted(p))
		}
		return l, true
	case "catch_kwargs":
		return m.def.kwargs, true
	case "catch_varargs":
		return m.def.varargs, true
	case "caller":
		return m.def.caller, true
	}
	return nil, false
}

package template

import "slices"

// maxRange is the sandbox's: the most numbers that range gives.
const maxRange = 100000

// globals are the functions that templates call by name.
var globals = map[string]any{
	"range":           &function{"range", rangeOf},
	"dict":            &function{"dict", func(s *state, a args) (any, error) { return s.makeDict(a) }},
	"namespace":       &function{"namespace", newNamespace},
	"cycler":          &function{"cycler", newCycler},
	"joiner":          &function{"joiner", newJoiner},
	"raise_exception": &function{"raise_exception", raise},
	"strftime_now":    &function{"strftime_now", strftimeNow},
	"lipsum": &function{"lipsum", func(*state, args) (any, error) {
		return nil, &UnsupportedError{What: "function lipsum"}
	}},
}

func rangeOf(s *state, a args) (any, error) {
	if len(a.pos) == 0 || len(a.pos) > 3 || len(a.kw) > 0 {
		return nil, typeError("range expected 1 to 3 arguments, got %d", len(a.pos))
	}
	n := []int{0, 0, 1}
	for i, v := range a.pos {
		x, err := asInt(v)
		if err != nil {
			return nil, err
		}
		n[i] = x
	}
	if len(a.pos) == 1 {
		n[0], n[1] = 0, n[0]
	}
	lo, hi, step := n[0], n[1], n[2]
	count := 0
	switch {
	case step == 0:
		return nil, valueError("range() arg 3 must not be zero")
	case step > 0 && hi > lo:
		count = (hi - lo + step - 1) / step
	case step < 0 && hi < lo:
		count = (lo - hi - step - 1) / -step
	}
	if count > maxRange {
		return nil, failure("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
	}
	shown := newTuple(int64(lo), int64(hi), int64(step))
	if step == 1 {
		shown.items = shown.items[:2]
	}
	spelled, err := s.repr(shown)
	if err != nil {
		return nil, err
	}
	r := &list{items: make([]any, count), kind: isRange, spelled: "range" + spelled.s}
	for i := range r.items {
		r.items[i] = int64(lo + i*step)
	}
	return r, s.charge(24 * count)
}

// makeDict is dict(mapping or pairs, name=value…).
func (s *state) makeDict(a args) (*dict, error) {
	d := newDict()
	if len(a.pos) > 1 {
		return nil, typeError("dict expected at most 1 argument, got %d", len(a.pos))
	}
	if len(a.pos) == 1 {
		if from, ok := a.pos[0].(*dict); ok {
			d = from.clone()
		} else {
			pairs, err := s.iterate(a.pos[0])
			if err != nil {
				return nil, err
			}
			for _, p := range pairs {
				kv, err := s.iterate(p)
				if err != nil {
					return nil, err
				}
				if len(kv) != 2 {
					return nil, valueError("dictionary update sequence element: got length %d, want 2", len(kv))
				}
				if err := d.store(kv[0], kv[1]); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, k := range a.kw {
		d.set(text{s: k.name, data: k.data}, k.v)
	}
	return d, s.charge(96 * len(d.keys))
}

func newNamespace(s *state, a args) (any, error) {
	attrs, err := s.makeDict(a)
	if err != nil {
		return nil, err
	}
	return &namespace{attrs}, nil
}

// raise is raise_exception: what the template says is the error.
func raise(s *state, a args) (any, error) {
	p, err := a.bind("raise_exception", "message")
	if err != nil {
		return nil, err
	}
	t, err := s.str(p[0])
	if err != nil {
		return nil, err
	}
	return nil, &Error{Kind: "TemplateError", What: t.s, Raised: true}
}

func strftimeNow(s *state, a args) (any, error) {
	p, err := a.bind("strftime_now", "format")
	if err != nil {
		return nil, err
	}
	f, err := asText(p[0])
	if err != nil {
		return nil, err
	}
	if len(f.s) > maxWidth {
		return nil, limitError("bytes of a format", maxWidth)
	}
	out, err := strftime(s.now, f.s)
	if err != nil {
		return nil, err
	}
	return text{s: out, data: fromData(f)}, s.charge(len(out))
}

// cycler walks through values again and again.
type cycler struct {
	items []any
	at    int
}

func newCycler(_ *state, a args) (any, error) {
	if len(a.pos) == 0 || len(a.kw) > 0 {
		return nil, failure("RuntimeError", "at least one item has to be provided")
	}
	return &cycler{items: slices.Clone(a.pos)}, nil
}

// attr is an attribute of a cycler; nil, false: there is none.
func (c *cycler) attr(name string) (any, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "next":
		return &function{"next", func(*state, args) (any, error) {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, nil
		}}, true
	case "reset":
		return &function{"reset", func(*state, args) (any, error) {
			c.at = 0
			return nil, nil
		}}, true
	}
	return nil, false
}

// newJoiner makes a function that gives nothing first and then the separator.
func newJoiner(_ *state, a args) (any, error) {
	p, err := a.bind("joiner", "sep?")
	if err != nil {
		return nil, err
	}
	used := false
	return &function{"joiner", func(*state, args) (any, error) {
		if !used {
			used = true
			return text{}, nil
		}
		return or(p[0], trusted(", ")), nil
	}}, nil
}

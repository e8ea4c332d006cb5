package template

import (
	"errors"
	"time"
)

// Limits bound one rendering. Zero values stand for the defaults, which grow with the data, so that long conversations fit.
type Limits struct {
	Steps  int // expressions and statements, and the like in filters: 1 Mi and 16 for each byte of data
	Output int // bytes, of any text: 1 MiB and 4 for each byte of data
	Memory int // bytes that are made while rendering, in all: 64 MiB and 256 for each byte of data
}

// of fills in the defaults for so many bytes of data.
func (l Limits) of(size int) Limits {
	set := func(field *int, base, per int) {
		if *field <= 0 {
			*field = base + per*size
		}
	}
	set(&l.Steps, 1<<20, 16)
	set(&l.Output, 1<<20, 4)
	set(&l.Memory, 64<<20, 256)
	return l
}

// maxFrames is how deep evaluation may nest, macros that call each other included.
const maxFrames = 4000

var errBreak, errContinue = errors.New("break"), errors.New("continue")

// scope holds variables; it sees those of its parents.
type scope struct {
	vars   map[string]any
	parent *scope
}

// state is one rendering.
type state struct {
	src       string
	limits    Limits
	now       time.Time
	scope     *scope
	out       *builder
	filtering any // what a filter block captured
	steps     int
	memory    int
	frames    int
}

// within runs f with a scope of its own below parent.
func (s *state) within(parent *scope, f func() error) error {
	saved := s.scope
	s.scope = &scope{map[string]any{}, parent}
	err := f()
	s.scope = saved
	return err
}

func (s *state) lookup(name string) any {
	for sc := s.scope; sc != nil; sc = sc.parent {
		if v, ok := sc.vars[name]; ok {
			return v
		}
	}
	return undefined{name: name}
}

func (s *state) set(name string, v any) { s.scope.vars[name] = v }

// step counts work, so that no template runs forever.
func (s *state) step(n int) error {
	if s.steps += n; s.steps > s.limits.Steps {
		return limitError("steps", s.limits.Steps)
	}
	return nil
}

// work counts walking through n bytes.
func (s *state) work(n int) error {
	if n < 256 { // about what a step takes
		return nil
	}
	return s.step(n / 256)
}

// walk counts walking through all of v, if it is text.
func (s *state) walk(v any) error {
	if t, ok := v.(text); ok {
		return s.work(len(t.s))
	}
	return nil
}

// charge counts bytes that are made.
func (s *state) charge(n int) error {
	if s.memory += n; s.memory > s.limits.Memory {
		return limitError("bytes of memory", s.limits.Memory)
	}
	return s.work(n)
}

// eval evaluates e, within the bounds; errors learn their place here.
func (s *state) eval(e expr) (any, error) {
	if err := s.enter(); err != nil {
		return nil, located(err, s.src, e.place())
	}
	v, err := e.eval(s)
	s.frames--
	if err != nil {
		return nil, located(err, s.src, e.place())
	}
	return v, nil
}

func (s *state) enter() error {
	if s.frames++; s.frames > maxFrames {
		return limitError("levels of nested calls", maxFrames)
	}
	return s.step(1)
}

func (s *state) run(body []node) error {
	for _, n := range body {
		err := s.enter()
		if err == nil {
			err = n.exec(s)
		}
		s.frames--
		if err != nil {
			if err != errBreak && err != errContinue {
				err = located(err, s.src, n.place())
			}
			return err
		}
	}
	return nil
}

func (s *state) write(t text) error {
	s.out.addText(t)
	if s.out.over {
		return limitError("bytes of output", s.limits.Output)
	}
	return s.charge(len(t.s))
}

// capture runs body and returns its output.
func (s *state) capture(body []node) (text, error) {
	saved := s.out
	s.out = s.build()
	err := s.run(body)
	got := s.out.text()
	s.out = saved
	return got, err
}

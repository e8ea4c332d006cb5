package template

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Template is a parsed template, safe for concurrent use.
type Template struct {
	src  string
	body []node
}

// Segment is a run of output. Trusted text was written in the template; the rest is, or derives from, data.
type Segment struct {
	Text    string
	Trusted bool
}

// maxSource bounds templates; the longest in use has 20 KB.
const maxSource = 1 << 20

// Parse reads a template. Errors are a SyntaxError or an UnsupportedError.
func Parse(src string) (*Template, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{1, 1, fmt.Sprintf("got %d bytes, want at most %d", len(src), maxSource)}
	}
	if !utf8.ValidString(src) {
		at := strings.IndexRune(src, utf8.RuneError)
		line, column := lineAndColumn(src, max(at, 0))
		return nil, &SyntaxError{line, column, "got bytes that are not UTF-8"}
	}
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	src = strings.TrimSuffix(src, "\n") // one line break at the end does not count
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{src: src, toks: toks}
	body, _, err := p.body()
	if err == nil && len(p.unknown) > 0 {
		err = p.unknown[0].err(src)
	}
	if err != nil {
		return nil, err
	}
	return &Template{src, body}, nil
}

// Render lays out the context. Errors are an Error, a LimitError or an UnsupportedError, or say what is wrong with the data.
func (t *Template) Render(c Context) (string, error) {
	out, err := t.render(c)
	return out.s, err
}

// RenderSegments lays out the context and tells the template's text from data. Neighbours differ in trust.
func (t *Template) RenderSegments(c Context) ([]Segment, error) {
	out, err := t.render(c)
	if err != nil {
		return nil, err
	}
	var segments []Segment
	for s, data := range out.runs {
		if s != "" {
			segments = append(segments, Segment{s, !data})
		}
	}
	return segments, nil
}

func (t *Template) render(c Context) (text, error) {
	vars, size, err := c.variables()
	if err != nil {
		return text{}, err
	}
	root := &scope{vars: globals}
	root = &scope{vars: vars, parent: root}
	s := &state{src: t.src, limits: c.Limits.of(size), now: c.Now, scope: &scope{map[string]any{}, root}}
	s.out = s.build()
	if err := s.run(t.body); err != nil {
		return text{}, err
	}
	return s.out.text(), nil
}

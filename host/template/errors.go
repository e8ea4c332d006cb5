package template

import (
	"errors"
	"fmt"
	"strings"
)

// SyntaxError says where a template is not Jinja. Lines and columns count from 1, columns in characters.
type SyntaxError struct {
	Line, Column int
	What         string
}

func (e *SyntaxError) Error() string { return "template: parse" + place(e.Line, e.Column) + e.What }

// UnsupportedError names what is Jinja but not implemented here.
type UnsupportedError struct {
	Line, Column int
	What         string
}

func (e *UnsupportedError) Error() string {
	return "template" + place(e.Line, e.Column) + e.What + ": not supported"
}

// Error is a failure while rendering. Kind is Python's name of it, such as TypeError or UndefinedError; Raised says that the
// template itself called raise_exception, whose words are then the whole message.
type Error struct {
	Kind, What   string
	Raised       bool
	Line, Column int // 0: not known
}

func (e *Error) Error() string {
	if e.Raised {
		return e.What
	}
	return "template: render" + place(e.Line, e.Column) + e.What
}

// LimitError is a rendering that was stopped: What has more than Limit.
type LimitError struct {
	What         string
	Limit        int
	Line, Column int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("template: render%sgot more than %d %s", place(e.Line, e.Column), e.Limit, e.What)
}

func place(line, column int) string {
	if line == 0 {
		return ": "
	}
	return fmt.Sprintf(": line %d, column %d: ", line, column)
}

// failure makes an Error of Python's kind of it.
func failure(kind, format string, args ...any) error {
	return &Error{Kind: kind, What: fmt.Sprintf(format, args...)}
}

func typeError(format string, args ...any) error  { return failure("TypeError", format, args...) }
func valueError(format string, args ...any) error { return failure("ValueError", format, args...) }
func limitError(what string, limit int) error     { return &LimitError{What: what, Limit: limit} }

// lineAndColumn of a byte of a source.
func lineAndColumn(src string, at int) (line, column int) {
	before := src[:min(at, len(src))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
}

// located adds a place to an error that has none yet.
func located(err error, src string, at int) error {
	var failed *Error
	var limit *LimitError
	var unsupported *UnsupportedError
	switch {
	case errors.As(err, &failed) && failed.Line == 0:
		failed.Line, failed.Column = lineAndColumn(src, at)
	case errors.As(err, &limit) && limit.Line == 0:
		limit.Line, limit.Column = lineAndColumn(src, at)
	case errors.As(err, &unsupported) && unsupported.Line == 0:
		unsupported.Line, unsupported.Column = lineAndColumn(src, at)
	}
	return err
}

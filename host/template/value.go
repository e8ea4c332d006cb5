package template

import "math/big"

// Values are Python's: nil, bool, int64 and *big.Int (never one that fits the former), float64, text, *list, *dict,
// *generator, *namespace, *function, *macro, *loop and undefined.
type (
	// list is every sequence but str; kind says which.
	list struct {
		items   []any
		kind    listKind
		spelled string // of a range: its repr
		group   bool   // a tuple of groupby, with attributes grouper and list
	}
	// generator is what map, select and others give: it can be walked through once.
	generator struct {
		make  func() ([]any, error) // nil: items are made
		items []any
	}
	// namespace is a bag of attributes that set may write to.
	namespace struct{ attrs *dict }
	function  struct {
		name string
		call func(s *state, a args) (any, error)
	}
	// undefined is what a missing name or attribute gives: printable, false and empty; anything else fails.
	undefined struct {
		name   string
		of     string // the object that has no such attribute; "": it is a variable
		hint   string // the whole message, instead
		unsafe bool   // an attribute that the sandbox hides
	}
)

type listKind uint8

const (
	isList listKind = iota
	isTuple
	isRange
	isKeys
	isValues
	isItems
	isReversed
)

var listNames = [...]string{"list", "tuple", "range", "dict_keys", "dict_values", "dict_items", "list_reverseiterator"}

func newList(items ...any) *list  { return &list{items: items} }
func newTuple(items ...any) *list { return &list{items: items, kind: isTuple} }

// sequence says whether a list can be indexed.
func (l *list) sequence() bool { return l.kind <= isRange }

// all is what is left of a generator.
func (g *generator) all() ([]any, error) {
	if g.make != nil {
		items, err := g.make()
		if err != nil {
			return nil, err
		}
		g.items, g.make = items, nil
	}
	items := g.items
	g.items = nil
	return items, nil
}

func (u undefined) fail() error {
	kind := "UndefinedError"
	if u.unsafe {
		kind = "SecurityError"
	}
	switch {
	case u.hint != "":
		return failure(kind, "%s", u.hint)
	case u.unsafe:
		return failure(kind, "access to attribute '%s' of '%s' object is unsafe.", u.name, u.of)
	case u.of == "":
		return failure(kind, "'%s' is undefined", u.name)
	}
	return failure(kind, "'%s object' has no attribute '%s'", u.of, u.name)
}

// typeName is Python's.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case text:
		return "str"
	case *list:
		return listNames[v.kind]
	case *dict:
		return "dict"
	case *generator:
		return "generator"
	case *namespace:
		return "Namespace"
	case *macro:
		return "Macro"
	case *loop:
		return "LoopContext"
	case *cycler:
		return "Cycler"
	case undefined:
		return "Undefined"
	}
	return "builtin_function_or_method"
}

// truth is Python's.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case text:
		return v.s != ""
	case *list:
		return v.kind == isReversed || len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// iterate lists the items of a value: of a sequence, a dict's keys, a str's characters.
func (s *state) iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case *list:
		items := v.items
		if v.kind == isReversed { // an iterator, which can be walked through once
			v.items = nil
		}
		return items, nil
	case *dict:
		return v.keys, nil
	case *generator:
		return v.all()
	case text:
		if err := s.charge(16 * len(v.s)); err != nil {
			return nil, err
		}
		items := make([]any, 0, len(v.s))
		for c := range v.chars {
			items = append(items, text{s: c.raw, data: c.data})
		}
		return items, nil
	case undefined:
		return nil, nil
	}
	return nil, typeError("'%s' object is not iterable", typeName(v))
}

// length is Python's len.
func length(v any) (int, error) {
	switch v := v.(type) {
	case text:
		return v.len(), nil
	case *list:
		if v.kind != isReversed {
			return len(v.items), nil
		}
	case *dict:
		return len(v.keys), nil
	case *loop:
		return len(v.items), nil
	case undefined:
		return 0, nil
	}
	return 0, typeError("object of type '%s' has no len()", typeName(v))
}

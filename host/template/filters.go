package template

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type filter func(s *state, v any, args []any, kw map[string]any) (any, error)

// arg is argument i, or the one named, or def.
func arg(args []any, kw map[string]any, i int, name string, def any) any {
	if v, ok := kw[name]; ok {
		return v
	}
	if i < len(args) {
		return args[i]
	}
	return def
}

// onText makes a filter of a function of strings; what comes out is as trusted as what went in.
func onText(f func(string) string) filter {
	return func(_ *state, v any, _ []any, _ map[string]any) (any, error) {
		t := toText(v)
		return t.like(f(t.String())), nil
	}
}

var filters map[string]filter

func init() {
	filters = map[string]filter{
		"trim": func(_ *state, v any, args []any, _ map[string]any) (any, error) {
			return strip(toText(v), args, true, true), nil
		},
		"upper":      onText(strings.ToUpper),
		"lower":      onText(strings.ToLower),
		"capitalize": onText(capitalize),
		"title":      onText(title),
		"escape":     onText(escape), "e": onText(escape),
		"string":   func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return toText(v), nil },
		"safe":     func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return v, nil },
		"length":   lengthOf,
		"count":    lengthOf,
		"tojson":   tojson,
		"default":  defaultTo,
		"d":        defaultTo,
		"first":    func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return end(v, 0) },
		"last":     func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return end(v, -1) },
		"list":     func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return listOf(v, nil) },
		"reverse":  func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return listOf(v, slices.Reverse[[]any]) },
		"items":    func(s *state, v any, _ []any, _ map[string]any) (any, error) { return itemsOf(v) },
		"dictsort": dictsort,
		"int":      toInt,
		"float":    toFloat,
		"abs": func(_ *state, v any, _ []any, _ map[string]any) (any, error) {
			switch n := v.(type) {
			case int64:
				return max(n, -n), nil
			case float64:
				return math.Abs(n), nil
			}
			return nil, failf("abs: got %s, want a number", typeName(v))
		},
		"round": func(_ *state, v any, args []any, kw map[string]any) (any, error) {
			n, _ := number(v)
			digits, _ := number(arg(args, kw, 0, "precision", int64(0)))
			p := math.Pow(10, digits)
			return math.RoundToEven(n*p) / p, nil
		},
		"join":       joinItems,
		"replace":    replaceIn,
		"indent":     indent,
		"map":        mapItems,
		"select":     func(s *state, v any, args []any, _ map[string]any) (any, error) { return choose(s, v, args, "", true) },
		"reject":     func(s *state, v any, args []any, _ map[string]any) (any, error) { return choose(s, v, args, "", false) },
		"selectattr": func(s *state, v any, args []any, _ map[string]any) (any, error) { return chooseAttr(s, v, args, true) },
		"rejectattr": func(s *state, v any, args []any, _ map[string]any) (any, error) { return chooseAttr(s, v, args, false) },
		"unique":     unique,
		"sort":       sortItems,
		"sum":        sum,
		"max":        func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return extreme(v, 1) },
		"min":        func(_ *state, v any, _ []any, _ map[string]any) (any, error) { return extreme(v, -1) },
	}
}

func strip(t text, args []any, left, right bool) text {
	str := t.String()
	in := unicode.IsSpace
	if len(args) > 0 && args[0] != nil {
		set := toText(args[0]).String()
		in = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	lo, hi := 0, len(str)
	if left {
		lo = hi - len(strings.TrimLeftFunc(str, in))
	}
	if right {
		hi = lo + len(strings.TrimRightFunc(str[lo:], in))
	}
	return t.cut(lo, hi)
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

func title(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		was := start
		start = !unicode.IsLetter(r)
		if was {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

func lengthOf(_ *state, v any, _ []any, _ map[string]any) (any, error) {
	switch v := v.(type) {
	case text:
		return int64(utf8.RuneCountInString(v.String())), nil
	case *list:
		return int64(len(v.items)), nil
	case *dict:
		return int64(len(v.keys)), nil
	case undefined:
		return int64(0), nil
	}
	return nil, failf("object of type '%s' has no len()", typeName(v))
}

func defaultTo(_ *state, v any, args []any, kw map[string]any) (any, error) {
	_, missing := v.(undefined)
	if missing || truth(arg(args, kw, 1, "boolean", false)) && !truth(v) {
		return arg(args, kw, 0, "default_value", trusted("")), nil
	}
	return v, nil
}

func end(v any, at int) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return undefined{"first or last of nothing"}, nil
	}
	if at < 0 {
		at = len(items) - 1
	}
	return items[at], nil
}

func listOf(v any, change func([]any)) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	if change != nil {
		change(items)
	}
	if t, ok := v.(text); ok && change != nil { // a reversed string is a string
		var b strings.Builder
		for _, x := range items {
			b.WriteString(toText(x).String())
		}
		return t.like(b.String()), nil
	}
	return &list{items}, nil
}

func itemsOf(v any) (any, error) {
	switch v := v.(type) {
	case *dict:
		l := &list{}
		for _, k := range v.keys {
			l.items = append(l.items, &list{[]any{untrusted(k), v.values[k]}})
		}
		return l, nil
	case undefined:
		return &list{}, nil
	}
	return nil, failf("can only get item pairs from a mapping, not %s", typeName(v))
}

func dictsort(_ *state, v any, _ []any, _ map[string]any) (any, error) {
	l, err := itemsOf(v)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.(*list).items, func(a, b any) int {
		key := func(x any) string { return strings.ToLower(toText(x.(*list).items[0]).String()) }
		return cmp.Compare(key(a), key(b))
	})
	return l, nil
}

func toInt(_ *state, v any, args []any, kw map[string]any) (any, error) {
	if n, ok := number(v); ok {
		return int64(n), nil
	}
	if t, ok := v.(text); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(t.String()), 64); err == nil {
			return int64(f), nil
		}
	}
	return arg(args, kw, 0, "default", int64(0)), nil
}

func toFloat(_ *state, v any, args []any, kw map[string]any) (any, error) {
	if n, ok := number(v); ok {
		return n, nil
	}
	if t, ok := v.(text); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(t.String()), 64); err == nil {
			return f, nil
		}
	}
	return arg(args, kw, 0, "default", 0.0), nil
}

func joinItems(s *state, v any, args []any, kw map[string]any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	sep := toText(arg(args, kw, 0, "d", trusted("")))
	attr := arg(args, kw, 1, "attribute", nil)
	var out text
	for i, x := range items {
		if i > 0 {
			out = text{append(out.parts, sep.parts...)}
		}
		if attr != nil {
			x = attrOf(x, toText(attr).String())
		}
		out = text{append(out.parts, toText(x).parts...)}
	}
	return s.grow(out)
}

func replaceIn(s *state, v any, args []any, _ map[string]any) (any, error) {
	if len(args) < 2 {
		return nil, failf("replace: got %d arguments, want 2", len(args))
	}
	t, from, to := toText(v), toText(args[0]).String(), toText(args[1])
	n := -1
	if len(args) > 2 {
		if f, ok := number(args[2]); ok {
			n = int(f)
		}
	}
	str := t.String()
	if c := strings.Count(str, from); c*len(to.String()) > maxOutput {
		return nil, failf("a string of more than %d bytes", maxOutput)
	}
	out := t.like(strings.Replace(str, from, to.String(), n))
	if !to.trusted() {
		out = untrusted(out.String())
	}
	return s.grow(out)
}

func indent(_ *state, v any, args []any, kw map[string]any) (any, error) {
	t := toText(v)
	pad := "    "
	switch w := arg(args, kw, 0, "width", int64(4)).(type) {
	case int64:
		pad = strings.Repeat(" ", int(min(max(w, 0), 1000)))
	case text:
		pad = w.String()
	}
	lines := strings.Split(t.String(), "\n")
	first, blank := truth(arg(args, kw, 1, "first", false)), truth(arg(args, kw, 2, "blank", false))
	if len(lines)*len(pad)+len(t.String()) > maxOutput {
		return nil, failf("a string of more than %d bytes", maxOutput)
	}
	for i := range lines {
		if (i > 0 || first) && (blank || lines[i] != "") {
			lines[i] = pad + lines[i]
		}
	}
	return t.like(strings.Join(lines, "\n")), nil
}

// attrOf reads a dotted attribute of an item.
func attrOf(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case *dict:
			got, ok := x.values[name]
			if !ok {
				return undefined{name}
			}
			v = got
		case *list:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x.items) {
				return undefined{name}
			}
			v = x.items[i]
		default:
			return undefined{name}
		}
	}
	return v
}

func mapItems(s *state, v any, args []any, kw map[string]any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	out := &list{}
	if attr, ok := kw["attribute"]; ok {
		for _, x := range items {
			got := attrOf(x, toText(attr).String())
			if _, missing := got.(undefined); missing && kw["default"] != nil {
				got = kw["default"]
			}
			out.items = append(out.items, got)
		}
		return out, nil
	}
	if len(args) == 0 {
		return nil, failf("map: got no filter")
	}
	f := filters[toText(args[0]).String()]
	if f == nil {
		return nil, failf("no filter named '%s'", toText(args[0]).String())
	}
	for _, x := range items {
		if err := s.step(); err != nil {
			return nil, err
		}
		got, err := f(s, x, args[1:], kw)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, got)
	}
	return out, nil
}

// choose keeps the items that pass (or fail) a test, applied to an attribute of them if one is named.
func choose(s *state, v any, args []any, attr string, want bool) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	out := &list{}
	for _, x := range items {
		if err := s.step(); err != nil {
			return nil, err
		}
		subject := x
		if attr != "" {
			subject = attrOf(x, attr)
		}
		ok := truth(subject)
		if len(args) > 0 {
			if ok, err = runTest(toText(args[0]).String(), subject, args[1:]); err != nil {
				return nil, err
			}
		}
		if ok == want {
			out.items = append(out.items, x)
		}
	}
	return out, nil
}

func chooseAttr(s *state, v any, args []any, want bool) (any, error) {
	if len(args) == 0 {
		return nil, failf("selectattr: got no attribute")
	}
	return choose(s, v, args[1:], toText(args[0]).String(), want)
}

func unique(_ *state, v any, _ []any, _ map[string]any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	out := &list{}
	seen := map[string]bool{}
	for _, x := range items {
		if k := repr(x); !seen[k] {
			seen[k] = true
			out.items = append(out.items, x)
		}
	}
	return out, nil
}

func order(a, b any) int {
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(strings.ToLower(toText(a).String()), strings.ToLower(toText(b).String()))
}

func sortItems(_ *state, v any, args []any, kw map[string]any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	attr := arg(args, kw, 2, "attribute", nil)
	key := func(x any) any {
		if attr != nil {
			return attrOf(x, toText(attr).String())
		}
		return x
	}
	slices.SortStableFunc(items, func(a, b any) int { return order(key(a), key(b)) })
	if truth(arg(args, kw, 0, "reverse", false)) {
		slices.Reverse(items)
	}
	return &list{items}, nil
}

func sum(s *state, v any, _ []any, _ map[string]any) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	var total any = int64(0)
	for _, x := range items {
		if total, err = s.arithmetic("+", total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func extreme(v any, sign int) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return undefined{"max or min of nothing"}, nil
	}
	best := items[0]
	for _, x := range items[1:] {
		if sign*order(x, best) > 0 {
			best = x
		}
	}
	return best, nil
}

// tojson spells a value as Python's json.dumps does: a space after colons and commas, no escapes beyond JSON's.
func tojson(_ *state, v any, args []any, kw map[string]any) (any, error) {
	var b strings.Builder
	f := jsonForm{comma: ", ", colon: ": "}
	if n, ok := arg(args, kw, 0, "indent", nil).(int64); ok {
		f.pad = strings.Repeat(" ", int(min(max(n, 0), 64)))
		f.comma = ","
	}
	if l, ok := kw["separators"].(*list); ok && len(l.items) == 2 {
		f.comma, f.colon = toText(l.items[0]).String(), toText(l.items[1]).String()
	}
	f.sort = truth(kw["sort_keys"])
	if err := f.write(&b, v, "\n"); err != nil {
		return nil, err
	}
	return text{[]Segment{{b.String(), !fromData(v)}}}, nil
}

// jsonForm is how tojson was asked to spell JSON.
type jsonForm struct {
	pad, comma, colon string
	sort              bool
}

func (f *jsonForm) write(b *strings.Builder, v any, line string) error {
	if b.Len() > maxOutput {
		return failf("a string of more than %d bytes", maxOutput)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64, float64:
		b.WriteString(repr(v))
	case text:
		writeString(b, v.String())
	case *list:
		return f.items(b, '[', ']', len(v.items), line, func(i int, inner string) error { return f.write(b, v.items[i], inner) })
	case *dict:
		keys := v.keys
		if f.sort {
			keys = slices.Sorted(slices.Values(keys))
		}
		return f.items(b, '{', '}', len(keys), line, func(i int, inner string) error {
			writeString(b, keys[i])
			b.WriteString(f.colon)
			return f.write(b, v.values[keys[i]], inner)
		})
	default:
		return failf("Object of type %s is not JSON serializable", typeName(v))
	}
	return nil
}

// items writes n members between brackets, on lines of their own when there is an indent.
func (f *jsonForm) items(b *strings.Builder, open, shut byte, n int, line string, item func(i int, inner string) error) error {
	inner := line + f.pad
	b.WriteByte(open)
	for i := range n {
		if i > 0 {
			b.WriteString(f.comma)
		}
		if f.pad != "" {
			b.WriteString(inner)
		}
		if err := item(i, inner); err != nil {
			return err
		}
	}
	if f.pad != "" && n > 0 {
		b.WriteString(line)
	}
	b.WriteByte(shut)
	return nil
}

func writeString(b *strings.Builder, s string) {
	var buf strings.Builder
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // strings always encode
	// Go escapes U+2028 and U+2029 besides what JSON asks for; Python does not.
	b.WriteString(strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(buf.String(), "\n")))
}

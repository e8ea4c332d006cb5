package tokenizer

// part is one item of the layout of an input: a text or a special token.
type part struct {
	sequence int // 1 or 2: that text; 0: the token id
	id       int32
	typ      int32 // token type id
}

// plainSingle and plainPair are the layouts without special tokens.
var (
	plainSingle = []part{{sequence: 1}}
	plainPair   = []part{{sequence: 1}, {sequence: 2, typ: 1}}
)

// around is the layout of texts that each have tokens before and after them.
func around(prefix, suffix []int32) (single, pair []part) {
	one := func(n int, typ int32) (out []part) {
		for _, id := range prefix {
			out = append(out, part{id: id, typ: typ})
		}
		out = append(out, part{sequence: n, typ: typ})
		for _, id := range suffix {
			out = append(out, part{id: id, typ: typ})
		}
		return out
	}
	return one(1, 0), append(one(1, 0), one(2, 1)...)
}

// assemble lays out texts and special tokens; without special, texts alone.
func assemble(layout []part, a, b []int32, special bool) (ids, types []int32) {
	ids, types = make([]int32, 0, len(a)+len(b)+len(layout)), make([]int32, 0, len(a)+len(b)+len(layout))
	put := func(list []int32, typ int32) {
		ids = append(ids, list...)
		for range list {
			types = append(types, typ)
		}
	}
	for _, p := range layout {
		switch {
		case p.sequence == 1:
			put(a, p.typ)
		case p.sequence == 2:
			put(b, p.typ)
		case special:
			put([]int32{p.id}, p.typ)
		}
	}
	return ids, types
}

package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// dict keeps its keys in the order they came in, and knows where each came from: a key of an object of data is data.
type dict struct {
	keys, vals []any
	at         map[any]int // by hash
}

func newDict() *dict { return &dict{at: map[any]int{}} }

// put stores v at a key whose hash is known.
func (d *dict) put(hash, k, v any) {
	if i, ok := d.at[hash]; ok {
		d.vals[i] = v
		return
	}
	d.at[hash] = len(d.keys)
	d.keys, d.vals = append(d.keys, k), append(d.vals, v)
}

func (d *dict) set(k text, v any) { d.put(k.s, k, v) }

func (d *dict) get(name string) (any, bool) {
	if i, ok := d.at[name]; ok {
		return d.vals[i], true
	}
	return nil, false
}

// lookup finds any key; one that cannot be a key is an error.
func (d *dict) lookup(k any) (any, bool, error) {
	h, err := hash(k, 0)
	if err != nil {
		return nil, false, err
	}
	if i, ok := d.at[h]; ok {
		return d.vals[i], true, nil
	}
	return nil, false, nil
}

// store is set for any key.
func (d *dict) store(k, v any) error {
	h, err := hash(k, 0)
	if err == nil {
		d.put(h, k, v)
	}
	return err
}

func (d *dict) clone() *dict {
	c := newDict()
	for i, k := range d.keys {
		h, _ := hash(k, 0) // it is a key already
		c.put(h, k, d.vals[i])
	}
	return c
}

// pairs is items().
func (d *dict) pairs() []any {
	out := make([]any, len(d.keys))
	for i, k := range d.keys {
		out[i] = newTuple(k, d.vals[i])
	}
	return out
}

type (
	noneHash  struct{}
	tupleHash string
	bigHash   string
)

// hash is equal for values that are equal: 1, 1.0 and True are one key.
func hash(v any, depth int) (any, error) {
	switch v := v.(type) {
	case nil:
		return noneHash{}, nil
	case text:
		return v.s, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case int64:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
		return v, nil
	case *big.Int:
		return bigHash(v.String()), nil
	case *list:
		if v.kind == isTuple {
			if depth > 50 || len(v.items) > 1000 {
				return nil, limitError("levels or items of a tuple as a key", 1000)
			}
			var b strings.Builder
			for _, x := range v.items {
				h, err := hash(x, depth+1)
				if err != nil {
					return nil, err
				}
				if b.WriteString(hashText(h)); b.Len() > 1<<16 {
					return nil, limitError("bytes of a tuple as a key", 1<<16)
				}
			}
			return tupleHash(b.String()), nil
		}
		if v.kind != isList && v.kind != isKeys && v.kind != isItems {
			return v, nil
		}
	case *dict:
	default:
		return v, nil
	}
	return nil, typeError("unhashable type: '%s'", typeName(v))
}

// hashText tells hashes of different values apart.
func hashText(h any) string {
	switch h := h.(type) {
	case string:
		return "s" + strconv.Quote(h)
	case tupleHash:
		return "(" + string(h) + ")"
	}
	return fmt.Sprintf("%T:%v;", h, h)
}

package compute

import (
	"fmt"
	"slices"
)

// kvTypes are the types of a KV cache.
var kvTypes = []DType{F32, F16, BF16, Q8_0, Q4_0}

// KVTypes lists the types that a KV cache may have.
func KVTypes() []DType { return slices.Clone(kvTypes) }

// KVStore writes the step's keys and values into their pages, converting to the cache's type:
//
//	KCache[slot(t), :] = K[t, :]      VCache[slot(t), :] = V[t, :]
//	slot(t) = Pages[pos/PageSize]·PageSize + pos%PageSize      with pos = Step.Pos[t] and Pages of t's sequence
//
// K is [T, Ck] and V [T, Cv] float32, or none together with its cache, where values are a part of the keys; KCache is
// [NumPages·PageSize, Ck] and VCache [.., Cv], each of any of KVTypes. F16 and BF16 round to nearest even. Q8_0 and Q4_0 are the
// weight formats, in the bytes that a file would have: blocks of 32 elements along a row (a multiple of 32), with a binary16 scale
// that float32 arithmetic takes from the block alone, before it is rounded:
//
//	Q8_0: d = max|x|/127, q = round(x/d), halves away from zero      Q4_0: d = x_m/−8, q = min(⌊x/d + 8.5⌋, 15)
//
// with x_m the element of largest magnitude, the first of equals. A device may be off by what its division is, so an element in
// the middle between two levels may get either. What blocks of them make of NaN and infinity is not defined.
type KVStore struct {
	K, V, KCache, VCache Ref
}

func (KVStore) Stem() string    { return "kvstore" }
func (o KVStore) Reads() []Ref  { return refs(o.K, o.V) }
func (o KVStore) Writes() []Ref { return refs(o.KCache, o.VCache) }

func (o KVStore) Check(p *Program) error {
	if p.PageSize < 1 {
		return fmt.Errorf("got a program without pages")
	}
	if o.K == 0 || (o.V == 0) != (o.VCache == 0) {
		return fmt.Errorf("got tensors K %d, V %d and VCache %d, want the first and both or none of the others", o.K, o.V, o.VCache)
	}
	rows, ck := Rows(p.PageSize*p.NumPages), p.At(o.K).Cols
	if err := checks(wantF32(p, "K", o.K, PerToken(1), ck), wantShape(p, "KCache", o.KCache, rows, ck), wantType(p, "KCache", o.KCache, kvTypes...),
		wantBlocks(p, "KCache", "rows", o.KCache, ck)); err != nil || o.V == 0 {
		return err
	}
	cv := p.At(o.V).Cols
	return checks(wantF32(p, "V", o.V, PerToken(1), cv), wantShape(p, "VCache", o.VCache, rows, cv), wantType(p, "VCache", o.VCache, kvTypes...),
		wantBlocks(p, "VCache", "rows", o.VCache, cv), wantDistinct(o.KCache, o.VCache))
}

func (o KVStore) Cost(p *Program, s *Step) Cost {
	t := int64(len(s.Tokens))
	n := moved(p, s.Sizes(), o.K, o.V)
	for _, r := range refs(o.KCache, o.VCache) {
		row, _ := p.At(r).DType.RowBytes(p.At(r).Cols)
		n += t * row
	}
	return Cost{Bytes: n}
}

func (o KVStore) Shape(p *Program) string {
	return cacheTypes(p, o.KCache, o.VCache) + " " + widthOf(p, o.K)
}

// cacheTypes are the types of a cache for people: one where keys and values have the same or v is none.
func cacheTypes(p *Program, k, v Ref) string {
	s := p.At(k).DType.String()
	if t := p.At(v).DType; v != 0 && t != p.At(k).DType {
		s += "/" + t.String()
	}
	return s
}

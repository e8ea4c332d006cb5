package compute

import "fmt"

// KVStore writes the step's keys and values into their pages, converting to the cache's type:
//
//	KCache[slot(t), :] = K[t, :]      VCache[slot(t), :] = V[t, :]
//	slot(t) = Pages[pos/PageSize]·PageSize + pos%PageSize      with pos = Step.Pos[t] and Pages of t's sequence
//
// K is [T, Ck] and V [T, Cv] float32, or none together with its cache, where values are a part of the keys; KCache is
// [NumPages·PageSize, Ck] and VCache [.., Cv], F32 or F16 (nearest even).
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
	if err := checks(wantF32(p, "K", o.K, PerToken(1), ck), wantShape(p, "KCache", o.KCache, rows, ck), wantType(p, "KCache", o.KCache, F32, F16)); err != nil || o.V == 0 {
		return err
	}
	cv := p.At(o.V).Cols
	return checks(wantF32(p, "V", o.V, PerToken(1), cv), wantShape(p, "VCache", o.VCache, rows, cv), wantType(p, "VCache", o.VCache, F32, F16),
		wantDistinct(o.KCache, o.VCache))
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
	return p.At(o.KCache).DType.String() + " " + widthOf(p, o.K)
}

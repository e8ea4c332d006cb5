package kernel

import "tuff/host/compute"

// latent is latent attention's part of a qkv: heads whose first elements are not rotated and whose last are. Of keys there is one head,
// a row, whose first part is normalised, and which the cache holds. Of queries the first part is multiplied by a matrix for each head,
// and the rotated one is put behind its result, in joined.
type latent struct {
	plain, rotated int
	joined         compute.Ref // of queries; 0: of keys
	heads          compute.MatMulHeads
	width          int // elements of a head of joined
}

// latentKeysAt finds what becomes of a row of keys: a norm of its first part, the rotation of the rest, the store of both.
func (pl *planner) latentKeysAt(at int, mats []compute.MatMul) (h qkv, count int, ok bool) {
	first, ok0 := opAt[compute.Columns](pl, at)
	norm, ok1 := opAt[compute.RMSNorm](pl, at+1)
	last, ok2 := opAt[compute.Columns](pl, at+2)
	rope, ok3 := opAt[compute.RoPE](pl, at+3)
	join, ok4 := opAt[compute.Columns](pl, at+4)
	store, ok5 := opAt[compute.KVStore](pl, at+5)
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return h, 0, false
	}
	row, whole := first.A, pl.p.At(first.A).Cols
	parts := last.A == row && first.Groups == 1 && last.Groups == 1 && first.B == 0 && last.B == 0 && first.FromA == 0 && last.FromA == first.NumA && first.NumA+last.NumA == whole
	through := norm.X == first.Out && norm.Group == 0 && rope.X == last.Out && rope.NumHeads == 1 && rope.RotDim == last.NumA && join.A == norm.Out && join.B == rope.Out &&
		join.Groups == 1 && join.FromA == 0 && join.FromB == 0 && join.NumA == first.NumA && join.NumB == last.NumA && store.K == join.Out && store.V == 0
	if !parts || !through || first.NumA%2 != 0 || last.NumA%2 != 0 || pl.readers[row] != 2 || !pl.made(row, mats) ||
		!pl.private(first.Out) || !pl.private(norm.Out) || !pl.private(last.Out) || !pl.private(rope.Out) || !pl.private(join.Out) {
		return h, 0, false
	}
	h = qkv{k: row, kNorm: &norm, rope: &ropeStore{q: rope}, store: store, latent: &latent{plain: first.NumA, rotated: last.NumA}, ops: span(at, 6)}
	_, ok = pl.unitOf(h)
	return h, 6, ok
}

// latentQueriesAt finds what becomes of queries: the rotation of the last part of each head behind the product of the first.
func (pl *planner) latentQueriesAt(at int, mats []compute.MatMul) (h qkv, count int, ok bool) {
	first, ok0 := opAt[compute.Columns](pl, at)
	last, ok1 := opAt[compute.Columns](pl, at+1)
	rope, ok2 := opAt[compute.RoPE](pl, at+2)
	heads, ok3 := opAt[compute.MatMulHeads](pl, at+3)
	join, ok4 := opAt[compute.Columns](pl, at+4)
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || !pl.caps.SubgroupArith {
		return h, 0, false
	}
	q, n := first.A, first.Groups
	parts := last.A == q && last.Groups == n && first.B == 0 && last.B == 0 && first.FromA == 0 && last.FromA == first.NumA && n*(first.NumA+last.NumA) == pl.p.At(q).Cols
	through := rope.X == last.Out && rope.NumHeads == n && rope.RotDim == last.NumA && heads.X == first.Out && heads.NumHeads == n && join.A == heads.Out && join.B == rope.Out &&
		join.Groups == n && join.FromA == 0 && join.FromB == 0 && join.NumB == last.NumA && n*join.NumA == pl.p.At(heads.Out).Cols
	if !parts || !through || first.NumA%2 != 0 || last.NumA%2 != 0 || pl.readers[q] != 2 || !pl.made(q, mats) ||
		!pl.private(first.Out) || !pl.private(last.Out) || !pl.private(rope.Out) || !pl.private(heads.Out) {
		return h, 0, false
	}
	l := &latent{plain: first.NumA, rotated: last.NumA, joined: join.Out, heads: heads, width: join.NumA + join.NumB}
	return qkv{q: q, qOut: q, rope: &ropeStore{q: rope}, latent: l, ops: span(at, 5)}, 5, true
}

// made says whether multiplications make a tensor of the program's own.
func (pl *planner) made(x compute.Ref, mats []compute.MatMul) bool {
	for _, m := range mats {
		if m.Out == x {
			return pl.p.At(x).Role == compute.Scratch
		}
	}
	return false
}

// absorbed multiplies the first part of each head of queries, where it lies, and leaves the result in front of the rotated part.
func (pl *planner) absorbed(h *qkv) (Dispatch, error) {
	l := h.latent
	m := headSlots(l.heads)
	m.x, m.out, m.xRow, m.outRow = h.q, l.joined, l.plain+l.rotated, l.width
	return pl.slotsVec(m, pl.caps.UniformLoads)
}

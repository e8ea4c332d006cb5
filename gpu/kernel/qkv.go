package kernel

import (
	"slices"

	"tuff/host/compute"
)

// qkv is what becomes of queries, keys and values: queries and keys may be normalised and rotated, keys and values go to the cache.
type qkv struct {
	q, k         compute.Ref      // what multiplications make
	qOut         compute.Ref      // what attention reads; q where nothing is done to it
	qNorm, kNorm *compute.RMSNorm // or none
	order        headNorm         // of them
	rope         *ropeStore       // rotations, or none: only its store
	store        compute.KVStore
}

// headNorm says how queries and keys are normalised. Twin: the constants HEADS_ of shaders/include/few.glsl.
type headNorm uint32

const (
	headsPlain  headNorm = iota
	headsBefore          // each head before its rotation
	headsAfter           // each head after it
	headsRow             // all together before it
)

// ropeStore is the rotation of queries and keys, and the store of those keys with their values.
type ropeStore struct {
	q, k  compute.RoPE
	store compute.KVStore
}

// ropesAt finds the rotations of two tensors by the same angles.
func (pl *planner) ropesAt(at int) (a, b compute.RoPE, ok bool) {
	a, okA := opAt[compute.RoPE](pl, at)
	b, okB := opAt[compute.RoPE](pl, at+1)
	same := a.Table == b.Table && a.Long == b.Long && a.LongFrom == b.LongFrom && a.HeadDim == b.HeadDim && a.RotDim == b.RotDim && a.Pairing == b.Pairing
	return a, b, okA && okB && same && a.X != b.Out && b.X != a.Out
}

// ropeStoreAt finds the rotations of queries and keys, in either order, and the store of those keys.
func (pl *planner) ropeStoreAt(at int) (r ropeStore, ok bool) {
	q, k, okR := pl.ropesAt(at)
	store, okS := opAt[compute.KVStore](pl, at+2)
	if store.K == q.Out {
		q, k = k, q
	}
	return ropeStore{q: q, k: k, store: store}, okR && okS && store.V != 0 && store.K == k.Out && pl.private(k.Out) && store.V != k.Out && store.V != q.Out
}

// headNormsAt finds normalisations of two tensors, head by head or as rows.
func (pl *planner) headNormsAt(at int) (a, b compute.RMSNorm, ok bool) {
	a, okA := opAt[compute.RMSNorm](pl, at)
	b, okB := opAt[compute.RMSNorm](pl, at+1)
	good := func(n compute.RMSNorm) bool {
		w := pl.p.At(n.Weight)
		return w.Rows == compute.Rows(1) && (n.Group == 0 || w.Cols == n.Group)
	}
	return a, b, okA && okB && good(a) && good(b) && a.Group == b.Group && a.Eps == b.Eps && a.X != b.X && a.X != b.Out && b.X != a.Out
}

// qkvAt finds what becomes of the results of mats, which are queries, keys and values in any order, from op at on, and how many ops
// it is.
func (pl *planner) qkvAt(at int, mats []compute.MatMul) (h qkv, count int, ok bool) {
	type pass struct{ x, out compute.Ref }
	var passes [][2]pass // what two ops each do to queries and keys, in either order
	i := at
	norms := func(order headNorm) bool {
		a, b, ok := pl.headNormsAt(i)
		if ok {
			h.qNorm, h.kNorm, h.order = &a, &b, order
			passes = append(passes, [2]pass{{a.X, a.Out}, {b.X, b.Out}})
			i += 2
		}
		return ok
	}
	norms(headsBefore)
	if a, b, ok := pl.ropesAt(i); ok {
		h.rope = &ropeStore{q: a, k: b}
		passes = append(passes, [2]pass{{a.X, a.Out}, {b.X, b.Out}})
		if i += 2; h.order == headsPlain {
			norms(headsAfter)
		}
	}
	if h.store, ok = opAt[compute.KVStore](pl, i); !ok || h.store.V == 0 || len(mats) != 3 {
		return h, 0, false
	}
	h.k = h.store.K
	var ofKeys []compute.Ref
	for _, p := range slices.Backward(passes) { // from the cache to the multiplications
		keys, queries := p[1], p[0]
		if keys.out != h.k {
			keys, queries = queries, keys
		}
		if keys.out != h.k || !pl.private(h.k) || h.q != 0 && (queries.out != h.q || !pl.private(h.q)) {
			return h, 0, false
		}
		if h.qOut == 0 {
			h.qOut = queries.out
		}
		h.k, h.q, ofKeys = keys.x, queries.x, append(ofKeys, keys.out)
	}
	if len(passes) == 0 { // queries are what is neither key nor value
		other := slices.IndexFunc(mats, func(m compute.MatMul) bool { return m.Out != h.k && m.Out != h.store.V })
		if other < 0 {
			return h, 0, false
		}
		h.q, h.qOut = mats[other].Out, mats[other].Out
	}
	if h.qNorm != nil && slices.Contains(ofKeys, h.qNorm.Out) {
		h.qNorm, h.kNorm = h.kNorm, h.qNorm
	}
	if r := h.rope; r != nil {
		if r.store = h.store; slices.Contains(ofKeys, r.q.Out) {
			r.q, r.k = r.k, r.q
		}
	}
	if h.order == headsBefore && h.qNorm.Group == 0 {
		h.order = headsRow
	}
	return h, i + 1 - at, pl.makes(mats, h)
}

// head is the number of elements that are turned by themselves; without heads any pair is.
func (h *qkv) head() int {
	switch {
	case h.rope != nil:
		return h.rope.q.HeadDim
	case h.order == headsBefore:
		return h.qNorm.Group
	}
	return 2
}

// makes reports whether three multiplications make just what h takes, whole pairs of rows, and whole units of those.
func (pl *planner) makes(mats []compute.MatMul, h qkv) bool {
	for _, want := range []compute.Ref{h.q, h.k, h.store.V} {
		if !slices.ContainsFunc(mats, func(m compute.MatMul) bool { return m.Out == want }) || want != h.qOut && !pl.private(want) || pl.p.At(want).Cols%2 != 0 {
			return false
		}
	}
	heads := h.order != headsBefore && h.order != headsAfter || h.qNorm.Group == h.head()
	_, units := pl.unitOf(h)
	return heads && units && h.head()%2 == 0 && h.q != h.k && h.k != h.store.V && h.store.V != h.q
}

// dispatches are the ops one after the other.
func (pl *planner) qkvDispatches(h qkv) []Dispatch {
	var list []Dispatch
	norms := func() {
		list = append(list, pl.rmsNormDispatch(*h.qNorm), pl.rmsNormDispatch(*h.kNorm))
	}
	if h.order == headsBefore || h.order == headsRow {
		norms()
	}
	switch {
	case h.rope == nil:
		return append(list, pl.kvStoreDispatch(h.store))
	case h.order != headsAfter:
		return append(list, pl.ropeStoreDispatch(*h.rope))
	}
	list = append(list, pl.ropeDispatch(h.rope.q), pl.ropeDispatch(h.rope.k))
	norms()
	return append(list, pl.kvStoreDispatch(h.store))
}

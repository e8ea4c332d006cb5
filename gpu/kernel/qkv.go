package kernel

import (
	"slices"

	"tuff/host/compute"
)

// qkv is what becomes of queries, keys and values: all may be normalised, queries and keys rotated, keys and values go to the cache.
// Queries may be alone, where their layer has no keys of its own.
type qkv struct {
	q, k, v      compute.Ref      // what multiplications make; v may be k
	qOut         compute.Ref      // what attention reads; q where nothing is done to it
	qNorm, kNorm *compute.RMSNorm // or none
	vNorm        *compute.RMSNorm // each head of the values, or none
	order        headNorm         // of qNorm and kNorm
	gates        compute.Ref      // half of each head of q, or none
	rope         *ropeStore       // rotations, or none: only its store
	store        compute.KVStore
	latent       *latent // or none
	ops          []int   // of the program, where they are not those of every family: for many rows, in this order
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
	heads, gates, gated := pl.gatedQueriesAt(i)
	if gated {
		i += 2
	}
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
	if norm, ok := opAt[compute.RMSNorm](pl, i); ok && h.order != headsPlain {
		h.vNorm = &norm
		i++
	}
	if a, b, ok := pl.ropesAt(i); ok {
		h.rope = &ropeStore{q: a, k: b}
		passes = append(passes, [2]pass{{a.X, a.Out}, {b.X, b.Out}})
		if i += 2; h.order == headsPlain {
			norms(headsAfter)
		}
	}
	if h.store, ok = opAt[compute.KVStore](pl, i); !ok || h.store.V == 0 || h.vNorm != nil && (h.vNorm.Out != h.store.V || !pl.private(h.store.V)) {
		return h, 0, false
	}
	if h.k, h.v = h.store.K, h.store.V; h.vNorm != nil {
		h.v = h.vNorm.X
	}
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
		other := slices.IndexFunc(mats, func(m compute.MatMul) bool { return m.Out != h.k && m.Out != h.v })
		if other < 0 || len(mats) != 3 {
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
	if gated {
		if h.q != heads.Out || !pl.private(h.q) || h.order == headsRow {
			return h, 0, false
		}
		h.q, h.gates = heads.A, gates.Out
	}
	if gated || h.vNorm != nil {
		h.ops = span(at, i+1-at)
	}
	return h, i + 1 - at, pl.makes(mats, h)
}

// gatedQueriesAt finds queries that lie beside as many gates, head by head.
func (pl *planner) gatedQueriesAt(i int) (heads, gates compute.Columns, ok bool) {
	heads, okH := opAt[compute.Columns](pl, i)
	gates, okG := opAt[compute.Columns](pl, i+1)
	ok = okH && okG && heads.A == gates.A && heads.B == 0 && gates.B == 0 && heads.Groups == gates.Groups && heads.FromA == 0 && gates.FromA == heads.NumA &&
		gates.NumA == heads.NumA && pl.readers[heads.A] == 2 && pl.p.At(heads.A).Cols == 2*heads.Groups*heads.NumA
	return heads, gates, ok
}

// queriesAt finds what becomes of queries that have no keys beside them: each head may be normalised, and is rotated.
func (pl *planner) queriesAt(at int, m compute.MatMul) (h qkv, count int, ok bool) {
	i, x := at, m.Out
	if norm, ok := opAt[compute.RMSNorm](pl, i); ok && norm.X == x && pl.private(x) {
		if norm.Group == 0 || pl.p.At(norm.Weight).Cols != norm.Group {
			return h, 0, false
		}
		h.qNorm, h.order, x = &norm, headsBefore, norm.Out
		i++
	}
	rope, ok := opAt[compute.RoPE](pl, i)
	if !ok || rope.X != x || !pl.private(x) || rope.HeadDim%2 != 0 {
		return h, 0, false
	}
	h.q, h.qOut, h.rope, h.ops = m.Out, rope.Out, &ropeStore{q: rope}, span(at, i+1-at)
	_, units := pl.unitOf(h)
	return h, i + 1 - at, units && (h.qNorm == nil || h.qNorm.Group == rope.HeadDim)
}

// head is the number of elements that are turned by themselves; without heads any pair is.
func (h *qkv) head() int {
	switch {
	case h.latent != nil:
		return h.latent.plain + h.latent.rotated
	case h.rope != nil:
		return h.rope.q.HeadDim
	case h.order == headsBefore:
		return h.qNorm.Group
	}
	return 2
}

// makes reports whether multiplications make just what h takes, whole pairs of rows, and whole units of those.
func (pl *planner) makes(mats []compute.MatMul, h qkv) bool {
	for _, want := range []compute.Ref{h.q, h.k, h.v} {
		readers := 1 + int(flag(want == h.q && h.gates != 0)|flag(h.k == h.v && want == h.k))
		made := slices.ContainsFunc(mats, func(m compute.MatMul) bool { return m.Out == want })
		alone := pl.p.At(want).Role == compute.Scratch && pl.readers[want] == readers
		if !made || want != h.qOut && !alone || pl.p.At(want).Cols%2 != 0 {
			return false
		}
	}
	if n := h.vNorm; n != nil && (n.Group != h.head() || pl.p.At(n.Weight).Cols != n.Group || h.qNorm != nil && h.qNorm.Eps != n.Eps) {
		return false
	}
	heads := h.order != headsBefore && h.order != headsAfter || h.qNorm.Group == h.head()
	_, units := pl.unitOf(h)
	return heads && units && h.head()%2 == 0 && h.q != h.k && (h.k != h.v || h.vNorm != nil) && h.v != h.q
}

// writes are the tensors that the results of a target go to, besides the one that it names.
func (h *qkv) writes(to uint32) []compute.Ref {
	switch {
	case to == toKeys && h.v == h.k && h.store.VCache != 0:
		return []compute.Ref{h.store.KCache, h.store.VCache}
	case to == toKeys:
		return []compute.Ref{h.store.KCache}
	case to == toValues:
		return []compute.Ref{h.store.VCache}
	case to == toRotated && h.gates != 0:
		return []compute.Ref{h.qOut, h.gates}
	case to == toRotated && h.latent != nil:
		return []compute.Ref{h.latent.joined}
	}
	return nil
}

// weights are those of the norms and rotations.
func (h *qkv) weights() (list []compute.Ref) {
	if h.rope != nil {
		list = append(list, h.rope.q.Table, h.rope.q.Long)
	}
	for _, n := range []*compute.RMSNorm{h.qNorm, h.kNorm, h.vNorm} {
		if n != nil {
			list = append(list, n.Weight)
		}
	}
	return list
}

// eps is that of all norms.
func (h *qkv) eps() float32 {
	for _, n := range []*compute.RMSNorm{h.qNorm, h.kNorm, h.vNorm} {
		if n != nil {
			return n.Eps
		}
	}
	return 0
}

// flags is the constant HEADS of shaders/include/few.glsl.
func (h *qkv) flags() uint32 {
	f := uint32(h.order) | flag(h.vNorm != nil)<<2 | flag(h.gates != 0)<<3 | flag(h.store.VCache != 0 && h.v == h.k)<<4
	if h.latent != nil {
		f |= flag(h.latent.joined == 0)<<5 | flag(h.latent.joined != 0)<<6
	}
	return f
}

// qkvDispatches are the ops one after the other.
func (pl *planner) qkvDispatches(h qkv) ([]Dispatch, error) {
	if h.ops != nil {
		return pl.inTurn(h.ops)
	}
	var list []Dispatch
	norms := func() {
		list = append(list, pl.rmsNormDispatch(*h.qNorm), pl.rmsNormDispatch(*h.kNorm))
	}
	if h.order == headsBefore || h.order == headsRow {
		norms()
	}
	switch {
	case h.rope == nil:
		return append(list, pl.kvStoreDispatch(h.store)), nil
	case h.order != headsAfter:
		return append(list, pl.ropeStoreDispatch(*h.rope)), nil
	}
	list = append(list, pl.ropeDispatch(h.rope.q), pl.ropeDispatch(h.rope.k))
	norms()
	return append(list, pl.kvStoreDispatch(h.store)), nil
}

// inTurn are the dispatches of ops that follow each other, fused among themselves.
func (pl *planner) inTurn(ops []int) (list []Dispatch, err error) {
	for i := 0; i < len(ops); {
		g, err := pl.next(ops[i])
		if err != nil {
			return nil, err
		}
		if i += len(g.Ops); i > len(ops) || len(g.Temps) > 0 || g.Counts > 0 {
			panic("BUG: kernel: what lies between projections and attention fuses with what is outside, or needs memory of its own")
		}
		list = append(list, g.Dispatches...)
	}
	return list, nil
}

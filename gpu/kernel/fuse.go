package kernel

import (
	"tuff/host/compute"
)

// fuse finds the longest fused form that begins at op at. Ops are fused only when what lies between them is read by
// nobody else, so that leaving it out of memory cannot be noticed.
//
//	TakeRows, RMSNorm, …                  few rows: matmul TAKE
//	RMSNorm, multiplications of it        few rows: matmul NORM
//	…, norms of heads, RoPE of Q and K,   few rows: matmul TO, HEADS (qkv.go, latent.go)
//	KVStore
//	gate and up projections, SwiGLU       matmul PAIR
//	multiplication, residual Add          matmul RESIDUAL
//	multiplication, function or factor,   few rows: matmul ACT, BEHIND (behind.go)
//	norm, Adds, factor
//	two or three multiplications of one X matmul MATS
//	RoPE of Q, RoPE of K, KVStore         rope_kvstore
//	both of the feed-forward part         matmul_int8 BLOCKS, matmul_coop and _skinny OUT_TOP
//	attention, gate of its result         few rows: attention_decode and _combine GATED (attention_gate.go)
//	attention, multiplication, Add        attention_quantize, attention_coop HALVES
//	multiplications, Conv1D of one        few rows: matmul BEHIND_CONV
//	Conv1D, Columns of it, a recurrence,  delta_rule and ssm_scan WIDTH, BEHIND (recurrence.go)
//	norm of heads, SwiGLU
//	norms, multiplication, scan, SwiGLU   ssm_scan RANK, NORMED
//	product, Conv1D, product              conv1d
//	Mix, experts' gate and up, gate       matmul_experts WEIGHED, GATE (mixture.go)
//	experts' down, Mix, what is added     matmul_experts MIX
func (pl *planner) fuse(at int) (Group, bool, error) {
	if f, ok := pl.feedForwardAt(at); ok {
		g := Group{Ops: span(at, f.in.count+f.out.count)}
		err := pl.feedForward(&g, f)
		return g, true, err
	}
	if a, ok := pl.attentionOutAt(at); ok {
		g := Group{Ops: span(at, 1+a.out.count)}
		err := pl.attentionOut(&g, a)
		return g, true, err
	}
	if op, gate, ok := pl.gatedAttentionAt(at); ok {
		g := Group{Ops: span(at, 2)}
		err := pl.gatedAttention(&g, op, gate)
		return g, true, err
	}
	if p, ok := pl.projectionAt(at); ok {
		g := Group{Ops: span(at, p.count)}
		err := pl.project(&g, p)
		return g, true, err
	}
	if r, ok := pl.recurrenceAt(at); ok {
		var g Group
		err := pl.recurrent(&g, at, r)
		return g, true, err
	}
	if c, ok := pl.convolutionAt(at); ok {
		g := Group{Ops: span(at, c.count)}
		pl.convolve(&g, c)
		return g, true, nil
	}
	switch pl.p.Instrs[at].Op.(type) {
	case compute.MatMul:
		for _, try := range []func(int) (product, bool){pl.gated, pl.withResidual, pl.parallel} {
			if f, ok := try(at); ok {
				g := Group{Ops: span(at, f.count)}
				err := pl.matMul(&g, f)
				return g, true, err
			}
		}
	case compute.MatMulExperts, compute.Mix:
		for _, try := range []func(int) (Group, bool, error){pl.gateExperts, pl.mixExperts} {
			if g, ok, err := try(at); ok {
				return g, true, err
			}
		}
	case compute.RoPE:
		if r, ok := pl.ropeStoreAt(at); ok {
			g := Group{Ops: span(at, 3)}
			g.add(pl.ropeStoreDispatch(r), "rotated keys go to the cache without a stop in memory")
			return g, true, nil
		}
	}
	return Group{}, false, nil
}

func span(at, n int) []int {
	ops := make([]int, n)
	for i := range ops {
		ops[i] = at + i
	}
	return ops
}

// private reports whether a tensor lives between two ops only.
func (pl *planner) private(r compute.Ref) bool {
	return pl.p.At(r).Role == compute.Scratch && pl.readers[r] == 1
}

// matMulAt is the multiplication at i by a matrix that lies in memory before the program runs.
func (pl *planner) matMulAt(i int) (compute.MatMul, bool) {
	if i >= len(pl.p.Instrs) {
		return compute.MatMul{}, false
	}
	op, ok := pl.p.Instrs[i].Op.(compute.MatMul)
	return op, ok && pl.p.At(op.W).Role == compute.Weight
}

// alike reports whether one kernel can multiply by both matrices.
func (pl *planner) alike(a, b compute.MatMul) bool {
	return a.X == b.X && pl.p.At(a.W).DType == pl.p.At(b.W).DType
}

// gated finds a gate and an up projection with their SwiGLU, which all kernels join.
func (pl *planner) gated(at int) (product, bool) {
	f, ok := pl.paired(at)
	return f, ok && f.behind.fn == nil
}

// paired finds a gate and an up projection with what joins them.
func (pl *planner) paired(at int) (product, bool) {
	a, okA := pl.matMulAt(at)
	b, okB := pl.matMulAt(at + 1)
	if !okA || !okB || at+2 >= len(pl.p.Instrs) || !pl.alike(a, b) || pl.p.At(a.W).Rows != pl.p.At(b.W).Rows {
		return product{}, false
	}
	s, ok := pl.p.Instrs[at+2].Op.(compute.SwiGLU)
	var end behind
	if fn, other := opAt[compute.Activation](pl, at+2); other && !fn.OneRow(pl.p) {
		s, ok = compute.SwiGLU{Gate: fn.X, Up: fn.Up, Out: fn.Out}, true
		end = behind{fn: &fn, pair: true, count: 1}
	}
	if !ok || !pl.private(a.Out) || !pl.private(b.Out) {
		return product{}, false
	}
	switch {
	case s.Gate == a.Out && s.Up == b.Out:
		return product{ops: []compute.MatMul{a, b}, pair: true, out: s.Out, count: 3, behind: end}, true
	case s.Gate == b.Out && s.Up == a.Out:
		return product{ops: []compute.MatMul{b, a}, pair: true, out: s.Out, count: 3, behind: end}, true
	}
	return product{}, false
}

func (pl *planner) withResidual(at int) (product, bool) {
	a, ok := pl.matMulAt(at)
	if !ok || at+1 >= len(pl.p.Instrs) || !pl.private(a.Out) {
		return product{}, false
	}
	s, ok := pl.p.Instrs[at+1].Op.(compute.Add)
	ok = ok && !s.OneRow(pl.p)
	switch {
	case ok && s.A == a.Out && s.B != a.Out:
		return product{ops: []compute.MatMul{a}, residual: s.B, out: s.Out, count: 2}, true
	case ok && s.B == a.Out && s.A != a.Out:
		return product{ops: []compute.MatMul{a}, residual: s.A, out: s.Out, count: 2}, true
	}
	return product{}, false
}

// maxMats is the number of matrices that one dispatch multiplies by.
const maxMats = 3

func (pl *planner) parallel(at int) (product, bool) {
	first, ok := pl.matMulAt(at)
	if !ok {
		return product{}, false
	}
	f := product{ops: []compute.MatMul{first}, out: first.Out, count: 1}
	for f.count < maxMats {
		op, ok := pl.matMulAt(at + f.count)
		if !ok || !pl.alike(first, op) {
			break
		}
		f.ops = append(f.ops, op)
		f.count++
	}
	return f, f.count > 1
}

// ropeStoreDispatch rotates queries and keys and stores those keys.
func (pl *planner) ropeStoreDispatch(r ropeStore) Dispatch {
	q, k, store := r.q, r.k, r.store
	cols := func(r compute.Ref) int { return pl.p.At(r).Cols }
	return pl.elementwise("rope_kvstore", compute.PerToken(1), cols(q.X)+pl.cacheUnits(store.KCache)+pl.cacheUnits(store.VCache), append(pl.cacheSpec(store.KCache, store.VCache), flag(q.Long != 0)),
		[]Arg{addr(q.X), addr(k.X), addr(store.V), addr(q.Table), addr(q.Long), addr(q.Out), addr(store.KCache), addr(store.VCache), stepArg(),
			rowsArg(compute.PerToken(1)), u32(cols(q.X)), u32(cols(k.X)), u32(cols(store.V)), u32(q.HeadDim), u32(q.RotDim),
			u32(int(q.Pairing)), u32(pl.p.PageSize), u32(q.LongFrom)},
		refs(q.X, k.X, store.V, q.Table, q.Long), refs(q.Out, store.KCache, store.VCache)).issuing(pl.ropeStoreIssued(r))
}

// cacheTypes are the numbers of shaders/include/cache.glsl.
var cacheTypes = map[compute.DType]uint32{compute.F32: 0, compute.F16: 1, compute.BF16: 2, compute.Q8_0: 3, compute.Q4_0: 4}

// cacheSpec are the constants K_TYPE and V_TYPE; a cache that is not there is as good as F32.
func (pl *planner) cacheSpec(k, v compute.Ref) []uint32 {
	return []uint32{cacheTypes[pl.p.At(k).DType], cacheTypes[pl.p.At(v).DType]}
}

// cacheUnits is the number of invocations that store a row: one an element, or a block.
func (pl *planner) cacheUnits(r compute.Ref) int {
	if r == 0 {
		return 0
	}
	t := pl.p.At(r)
	return t.Cols / t.DType.BlockLen()
}

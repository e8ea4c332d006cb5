package kernel

import (
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
)

// projection is what leads from the residual stream into attention or a feed-forward part: a normalisation, the multiplications
// of its result, and what takes their results alone. Where X has few rows, one dispatch for each format of weights does it all.
type projection struct {
	take  *compute.TakeRows // of what the norm reads, or none
	norm  *compute.RMSNorm  // or none
	kept  bool              // others read what the norm gives: it is stored too, beside the multiplications that do not wait for it
	mats  []compute.MatMul  // of one X
	pair  *product          // gate and up projections with what joins them: mats are those two
	qkv   *qkv              // or none: mats are query, key and value projections in any order
	end   behind            // takes what the only matrix, or the pair, makes
	count int               // ops
}

// projectionAt finds a projection that begins at op at and is more than its multiplications.
func (pl *planner) projectionAt(at int) (projection, bool) {
	var p projection
	i := at
	take, takes := opAt[compute.TakeRows](pl, at)
	if takes {
		i++
	}
	if norm, ok := opAt[compute.RMSNorm](pl, i); ok {
		if norm.Group > 0 || pl.p.At(norm.Weight).Rows != compute.Rows(1) || pl.p.At(norm.Out).Role != compute.Scratch {
			return p, false
		}
		p.norm = &norm
		i++
	}
	for p.norm != nil || len(p.mats) < maxMats {
		op, ok := pl.matMulAt(i)
		if !ok || p.norm != nil && op.X != p.norm.Out || len(p.mats) > 0 && op.X != p.mats[0].X {
			break
		}
		p.mats = append(p.mats, op)
		i++
	}
	if len(p.mats) == 0 {
		return p, false
	}
	if p.norm != nil && pl.readers[p.norm.Out] != len(p.mats) {
		p.kept = true // experts read it too, or a mixer beside attention: normalising once more is cheaper than waiting
	}
	if f, ok := pl.paired(i - len(p.mats)); ok && len(p.mats) == 2 {
		p.pair, p.mats, p.end = &f, f.ops, f.behind
		i++
	} else if h, n, ok := pl.qkvAt(i, p.mats); ok {
		p.qkv = &h
		i += n
	} else if len(p.mats) == 1 {
		if p.end = pl.behindAt(i, p.mats[0].Out); p.norm != nil && p.end.wholeRows() {
			p.end = behind{} // more rows than one workgroup finishes would lack their norm
		}
		i += p.end.count
	}
	p.count = i - at
	if takes {
		p.take = &take
		ends := p.norm != nil && p.norm.X == take.Out && pl.private(take.Out) && !p.kept && p.pair == nil && p.qkv == nil && p.end.count == 0
		return p, ends && pl.takesFew(p)
	}
	return p, p.norm != nil || p.qkv != nil || p.end.count > 0
}

// takesFew says whether the kernels for few rows choose them from X themselves: those that read bytes need them made first.
func (pl *planner) takesFew(p projection) bool {
	return !slices.ContainsFunc(pl.products(p, true), func(f product) bool {
		m := pl.newMatMulPlan(new(Group), f)
		few, _ := m.tuned()
		return m.few8 || few.Kernel == "vec_int8"
	})
}

// Where the results of a matrix go. Twin: the TO_ constants of shaders/include/few.glsl.
const (
	toOut     = 0
	toRotated = 1
	toKeys    = 2
	toValues  = 3
)

// target says where the result of a multiplication goes, and the tensor if it is one.
func (p *projection) target(m compute.MatMul) (to uint32, out compute.Ref) {
	switch {
	case p.pair != nil:
		return toOut, p.pair.out
	case p.end.count > 0:
		return toOut, p.end.out()
	case p.qkv == nil, m.Out == p.qkv.qOut:
		return toOut, m.Out
	case m.Out == p.qkv.q:
		return toRotated, p.qkv.qOut
	case m.Out == p.qkv.k:
		return toKeys, 0
	}
	return toValues, 0
}

// products are the multiplications of a projection, those of one format together. whole ones do all that the projection does.
func (pl *planner) products(p projection, whole bool) []product {
	if p.pair != nil && (whole || p.end.fn == nil) {
		f := *p.pair
		if whole {
			f.take, f.norm = p.take, p.norm
		}
		return []product{f}
	}
	if p.end.sums(whole) {
		f := product{ops: p.mats, residual: p.end.to, out: p.end.add.Out}
		if whole {
			f.norm, f.behind, f.whole = p.norm, p.end, &p
		}
		return []product{f}
	}
	var list []product
	for _, m := range p.mats {
		if last := len(list) - 1; last >= 0 && len(list[last].ops) < maxMats && pl.alike(list[last].ops[0], m) {
			list[last].ops = append(list[last].ops, m)
			continue
		}
		f := product{ops: []compute.MatMul{m}, out: m.Out}
		if whole {
			f.take, f.norm, f.behind, f.whole = p.take, p.norm, p.end, &p
		}
		list = append(list, f)
	}
	if whole {
		for i := range list {
			_, list[i].out = p.target(list[i].ops[0])
		}
	}
	return list
}

// project plans a projection: whole for few rows of X; for more, where normalising again in every workgroup would cost more than
// it saves, op by op.
func (pl *planner) project(g *Group, p projection) error {
	rows := pl.p.At(p.mats[0].X).Rows
	next, many, found, sums, cuts := 1, []string(nil), "", "", false
	for _, f := range pl.products(p, true) {
		pl.addUnits(g, &f)
		m := pl.newMatMulPlan(g, f)
		if err := m.few(); err != nil {
			return err
		}
		next, found = m.next, m.found
	}
	most := rows.At(pl.most.Sizes())
	if next > 1 {
		g.nameKernel()
	}
	if p.norm != nil && p.kept {
		g.addFor(pl.rmsNormDispatch(*p.norm), rows, 1, most)
	}
	if next <= most {
		if p.take != nil {
			g.addFor(pl.takeRowsDispatch(*p.take), rows, next, most)
			many = append(many, "takerows")
		}
		inBytes := !p.kept && !slices.ContainsFunc(pl.products(p, false), func(f product) bool { return !pl.newMatMulPlan(g, f).int8 })
		inHalves := !p.kept && !inBytes && pl.inHalves(g, pl.products(p, false))
		switch {
		case p.norm != nil && inBytes:
			many = append(many, "rmsnorm_quantize")
		case p.norm != nil && inHalves:
			many = append(many, "rmsnorm_halves")
		case p.norm != nil:
			if !p.kept {
				g.addFor(pl.rmsNormDispatch(*p.norm), rows, next, most)
			}
			many = append(many, "rmsnorm")
		}
		for _, f := range pl.products(p, false) {
			m := pl.newMatMulPlan(g, f)
			if m.next = next; inBytes || inHalves {
				m.norm = p.norm
			}
			if p.end.wholeRows() {
				if err := m.few(); err != nil {
					return err
				}
			}
			if err := m.many(); err != nil {
				return err
			}
			many = append(many, g.last())
			cuts, sums = cuts || m.cuts, m.whySums()
		}
		for _, d := range pl.behindDispatches(p.end, p.end.sums(false)) {
			g.addFor(d, rows, next, most)
			many = append(many, d.Name)
		}
		if p.qkv != nil {
			for _, d := range pl.qkvDispatches(*p.qkv) {
				g.addFor(d, rows, next, most)
				if many[len(many)-1] != d.Name {
					many = append(many, d.Name)
				}
			}
		}
	}
	switch all := strings.Join(many, " + "); {
	case next == 1:
		g.Kernel = all
	case many != nil:
		g.Kernel = g.Dispatches[0].Name + " to " + all
	}
	g.Why = "to 8 rows each workgroup normalises as it reads and finishes its results itself; beyond, op by op" + sums
	if cuts {
		g.Why += inPieces
	}
	if found != "" {
		g.Why += "; for one row tuned: " + found
	}
	g.Why += g.whyTuned()
	return nil
}

// extra is the block of include/matmul.glsl for the kernels that take more than the push constants hold.
func (pl *planner) extra(f product) []Arg {
	var norm, table, long, kCache, vCache, qNorm, kNorm compute.Ref
	var eps, headEps float32
	var dim, rot, pairing, longFrom int
	var u units
	if f.norm != nil {
		norm, eps = f.norm.Weight, f.norm.Eps
	}
	if f.whole != nil && f.whole.qkv != nil {
		h := f.whole.qkv
		kCache, vCache, dim = h.store.KCache, h.store.VCache, h.head()
		if h.rope != nil {
			q := h.rope.q
			table, long, rot, pairing, longFrom = q.Table, q.Long, q.RotDim, int(q.Pairing), q.LongFrom
		}
		if long == 0 {
			longFrom = math.MaxUint32 // no sequence is long
		}
		if h.qNorm != nil {
			qNorm, kNorm, headEps = h.qNorm.Weight, h.kNorm.Weight, h.qNorm.Eps
		}
	}
	if f.units != nil {
		u = *f.units
	}
	if norm == 0 && kCache == 0 && f.behind.count == 0 {
		return nil
	}
	weight, bias, beside, rowEps := f.behind.rowNorm()
	return []Arg{addr(norm), addr(table), addr(long), addr(kCache), addr(vCache), stepArg(), addr(qNorm), addr(kNorm), {Kind: ArgCounts, Offset: 4 * int64(u.counts)},
		addr(weight), addr(bias), addr(beside),
		f32(eps), u32(dim), u32(rot), u32(pairing), u32(pl.p.PageSize), u32(longFrom), f32(headEps), u32(u.most), f32(rowEps), f32(f.behind.factor())}
}

// few are the constants X4, NORM, TO, K_TYPE, V_TYPE, HEADS, UNIT, TAKE, ACT and BEHIND.
func (pl *planner) few(f product) []uint32 {
	x, to, caches, heads, unit := f.input(), uint32(0), []uint32{0, 0}, uint32(0), 0
	if f.whole != nil && f.whole.qkv != nil {
		for i, m := range f.ops {
			t, _ := f.whole.target(m)
			to |= t << (2 * i)
		}
		caches = pl.cacheSpec(f.whole.qkv.store.KCache, f.whole.qkv.store.VCache)
		heads = uint32(f.whole.qkv.order)
	}
	if f.units != nil {
		unit = f.units.size
	}
	x4 := pl.alignedX(x) && (f.norm == nil || pl.alignedX(f.norm.Weight))
	return append([]uint32{flag(x4), flag(f.norm != nil), to, caches[0], caches[1], heads, uint32(unit), flag(f.take != nil)}, f.behind.constants(f.pair)...)
}

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
	norm  *rowNorm          // or none
	kept  bool              // others read what the norm gives: it is stored too, beside the multiplications that do not wait for it
	again bool              // which a group before has done
	mats  []compute.MatMul  // of one X
	pair  *product          // gate and up projections with what joins them: mats are those two
	qkvs  []*qkv            // what becomes of queries, keys and values, or none
	end   behind            // takes what the only matrix, or the pair, makes
	conv  *compute.Conv1D   // takes what one of the matrices makes, or none
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
	if norm, ok := pl.rowNormAt(i); ok {
		p.norm = norm
		i++
	} else if norm != nil {
		return p, false
	} else if op, ok := pl.matMulAt(i); ok && pl.kept[op.X] != nil && !takes {
		p.norm, p.kept, p.again = pl.kept[op.X], true, true
	}
	for p.norm != nil || len(p.mats) < maxMats {
		op, ok := pl.matMulAt(i)
		if !ok || p.norm != nil && op.X != p.norm.out || len(p.mats) > 0 && op.X != p.mats[0].X {
			break
		}
		p.mats = append(p.mats, op)
		i++
	}
	if len(p.mats) == 0 {
		return p, false
	}
	if p.norm != nil && pl.readers[p.norm.out] != len(p.mats) {
		p.kept = true // experts read it too, or a mixer beside attention: normalising once more is cheaper than waiting
	}
	if f, ok := pl.paired(i - len(p.mats)); ok && len(p.mats) == 2 {
		p.pair, p.mats, p.end = &f, f.ops, f.behind
		i++
	} else if n := pl.takesQKV(&p, i); n > 0 {
		i += n
	} else if conv, ok := pl.convAt(i, p.mats); ok {
		p.conv = conv
		i++
	} else if len(p.mats) == 1 {
		if p.end = pl.behindAt(i, p.mats[0].Out); p.norm != nil && !p.kept && p.end.wholeRows() {
			p.end = behind{} // more rows than one workgroup finishes would lack their norm
		}
		i += p.end.count
	}
	p.count = i - at
	if takes {
		p.take = &take
		ends := p.norm.ofSquares() != nil && p.norm.x == take.Out && pl.private(take.Out) && !p.kept && p.pair == nil && p.qkvs == nil && p.end.count == 0 && p.conv == nil
		return p, ends && pl.takesFew(p)
	}
	if p.norm != nil && p.norm.layer != nil && !pl.takesFew(p) {
		return p, false
	}
	return p, p.norm != nil || p.qkvs != nil || p.end.count > 0 || p.conv != nil
}

// convAt is a convolution over time of what one of the multiplications makes, where another one reads its result: recurrences take along
// those in front of them.
func (pl *planner) convAt(i int, mats []compute.MatMul) (*compute.Conv1D, bool) {
	conv, ok := opAt[compute.Conv1D](pl, i)
	next, okNext := pl.matMulAt(i + 1)
	made := slices.ContainsFunc(mats, func(m compute.MatMul) bool { return m.Out == conv.X })
	return &conv, ok && okNext && made && next.X == conv.Out && pl.private(conv.X)
}

// takesQKV finds what becomes of queries, keys and values from op at on, and how many ops it is.
func (pl *planner) takesQKV(p *projection, at int) (count int) {
	for _, find := range []func(int, []compute.MatMul) (qkv, int, bool){pl.latentKeysAt, pl.latentQueriesAt, pl.qkvAt} {
		if h, n, ok := find(at+count, p.mats); ok {
			p.qkvs = append(p.qkvs, &h)
			count += n
		}
	}
	if count == 0 {
		if h, n, ok := pl.queriesAt(at, p.mats[len(p.mats)-1]); ok {
			p.qkvs, count = []*qkv{&h}, n
		}
	}
	return count
}

// qkvOf is what takes the result of a multiplication, or nil.
func (p *projection) qkvOf(m compute.MatMul) *qkv {
	for _, h := range p.qkvs {
		if m.Out == h.q || m.Out == h.k || m.Out == h.v {
			return h
		}
	}
	return nil
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
	h := p.qkvOf(m)
	switch {
	case p.pair != nil:
		return toOut, p.pair.out
	case p.end.count > 0:
		return toOut, p.end.out()
	case p.conv != nil && m.Out == p.conv.X:
		return toOut, p.conv.Out
	case h == nil, m.Out == h.qOut && h.latent == nil:
		return toOut, m.Out
	case m.Out == h.q && h.gates != 0:
		return toRotated, 0
	case m.Out == h.q:
		return toRotated, h.qOut
	case m.Out == h.k:
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
			f.norm, f.behind, f.whole, f.out = p.norm, p.end, &p, p.end.out()
		}
		return []product{f}
	}
	var list []product
	for _, m := range p.mats {
		var h *qkv
		if whole {
			h = p.qkvOf(m)
		}
		if last := len(list) - 1; last >= 0 && len(list[last].ops) < maxMats && pl.alike(list[last].ops[0], m) && (h == nil || list[last].qkv == nil || h == list[last].qkv) {
			list[last].ops = append(list[last].ops, m)
			if h != nil {
				list[last].qkv = h
			}
			continue
		}
		f := product{ops: []compute.MatMul{m}, out: m.Out, qkv: h}
		if whole {
			f.take, f.norm, f.behind, f.whole = p.take, p.norm, p.end, &p
		}
		list = append(list, f)
	}
	if whole {
		for i := range list {
			_, list[i].out = p.target(list[i].ops[0])
			if list[i].conv = p.conv; list[i].convolves() < 0 {
				list[i].conv = nil
			}
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
		m, from := pl.newMatMulPlan(g, f), len(g.Dispatches)
		if err := m.few(); err != nil {
			return err
		}
		if next, found = m.next, m.found; f.conv != nil {
			g.narrow(from, oneRowEach)
			if err := pl.convolveApart(g, f, next-1); err != nil {
				return err
			}
		}
	}
	most := rows.At(pl.most.Sizes())
	for _, h := range p.qkvs {
		if next > 1 && h.latent != nil && h.latent.joined != 0 {
			d, err := pl.absorbed(h)
			if err != nil {
				return err
			}
			g.addFor(d, rows, 1, next-1)
			cols := pl.p.At(h.q).Cols
			g.Temps = append(g.Temps, Temp{Name: "queries that are not rotated", Bytes: func(s Shape) int64 { return 4 * int64(min(rows.At(s.Sizes()), maxVecRows)) * int64(cols) }})
			g.hide(h.q, len(g.Temps)-1) // which has no rotated parts
		}
	}
	if next > 1 {
		g.nameKernel()
	}
	if p.norm != nil && p.kept && !p.again {
		g.addFor(pl.rowNormDispatch(p.norm), rows, 1, most)
		if p.end.route != nil {
			pl.kept[p.norm.out] = p.norm // what else reads it beside the router need not wait for it
		}
	}
	if next <= most {
		if p.take != nil {
			g.addFor(pl.takeRowsDispatch(*p.take), rows, next, most)
			many = append(many, "takerows")
		}
		whole := !p.kept && (p.norm == nil || p.norm.rms != nil) // the norm's kernel may leave X as the products take it
		inBytes := whole && !slices.ContainsFunc(pl.products(p, false), func(f product) bool { return !pl.newMatMulPlan(g, f).int8 })
		inHalves := whole && !inBytes && pl.inHalves(g, pl.products(p, false))
		switch {
		case p.norm != nil && inBytes:
			many = append(many, "rmsnorm_quantize")
		case p.norm != nil && inHalves:
			many = append(many, "rmsnorm_halves")
		case p.norm != nil && p.again:
		case p.norm != nil:
			if !p.kept {
				g.addFor(pl.rowNormDispatch(p.norm), rows, next, most)
			}
			many = append(many, p.norm.name())
		}
		for _, f := range pl.products(p, false) {
			m := pl.newMatMulPlan(g, f)
			if m.next = next; inBytes || inHalves {
				m.norm = p.norm.ofSquares()
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
		if p.conv != nil {
			g.addFor(pl.convolveDispatch(convolution{op: *p.conv, x: p.conv.X, out: p.conv.Out}), rows, next, most)
			many = append(many, "conv1d")
		}
		for _, h := range p.qkvs {
			list, err := pl.qkvDispatches(*h)
			if err != nil {
				return err
			}
			for _, d := range list {
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

// convolveApart plans a product whose convolution has rows of one sequence after the other, to a number of rows.
func (pl *planner) convolveApart(g *Group, f product, to int) error {
	apart, whole, conv := f, *f.whole, f.conv
	apart.conv, whole.conv, apart.whole = nil, nil, &whole
	_, apart.out = whole.target(f.ops[0])
	from := len(g.Dispatches)
	if err := pl.newMatMulPlan(g, apart).few(); err != nil {
		return err
	}
	g.addFor(pl.convolveDispatch(convolution{op: *conv, x: conv.X, out: conv.Out}), pl.p.At(conv.X).Rows, 1, to)
	g.narrow(from, func(s Shape) bool { return !oneRowEach(s) })
	return nil
}

// extra is the block of include/matmul.glsl for the kernels that take more than the push constants hold.
func (pl *planner) extra(f product) []Arg {
	var norm, normBias, table, long, kCache, vCache, qNorm, kNorm, vNorm, qOut, gates compute.Ref
	var eps, headEps float32
	var dim, rot, pairing, longFrom, rotFrom, outHead, outFrom int
	var u units
	if f.norm != nil {
		norm, normBias, eps = f.norm.weight, f.norm.bias, f.norm.eps
	}
	if h := f.qkv; h != nil {
		kCache, vCache, dim, headEps = h.store.KCache, h.store.VCache, h.head(), h.eps()
		if h.rope != nil {
			q := h.rope.q
			table, long, rot, pairing, longFrom = q.Table, q.Long, q.RotDim, int(q.Pairing), q.LongFrom
		}
		if long == 0 {
			longFrom = math.MaxUint32 // no sequence is long
		}
		qNorm, kNorm, vNorm = weightOf(h.qNorm), weightOf(h.kNorm), weightOf(h.vNorm)
		if h.gates != 0 {
			qOut, gates = h.qOut, h.gates
		}
		if l := h.latent; l != nil {
			rotFrom, qOut, outHead, outFrom = l.plain, l.joined, l.width, l.width-l.rotated
		}
	}
	if f.units != nil {
		u = *f.units
	}
	if norm == 0 && f.qkv == nil && f.behind.count == 0 && f.conv == nil {
		return nil
	}
	weight, bias, beside, rowEps := f.behind.rowNorm()
	times, timesCols, timesFrom := pl.timesOf(f.behind)
	var route compute.Route
	if f.behind.route != nil {
		route = *f.behind.route
	}
	var conv compute.Conv1D
	width := 0
	if f.conv != nil {
		conv, width = *f.conv, pl.p.At(f.conv.W).Cols
	}
	list := append([]Arg{addr(norm), addr(table), addr(long), addr(kCache), addr(vCache), stepArg(), addr(qNorm), addr(kNorm), {Kind: ArgCounts, Offset: 4 * int64(u.counts)},
		addr(weight), addr(bias), addr(beside), addr(vNorm), addr(qOut), addr(gates), addr(times), addr(normBias),
		addr(route.Bias), addr(route.Scale), addr(route.IDs), addr(route.Weights), addr(conv.W), addr(conv.Bias), addr(conv.State),
		addr(f.behind.too),
		f32(eps), u32(dim), u32(rot), u32(pairing), u32(pl.p.PageSize), u32(longFrom), f32(headEps), u32(u.most), f32(rowEps), f32(factorOf(f.behind.scale)),
		f32(factorOf(f.behind.last)), u32(rotFrom), u32(outHead), u32(max(outFrom, 0)), u32(timesCols), u32(timesFrom)},
		routeArgs(route)...)
	return append(list, u32(width), u32(int(flag(conv.SiLU))))
}

// weightOf are the weights of a norm, if there is one.
func weightOf(n *compute.RMSNorm) compute.Ref {
	if n == nil {
		return 0
	}
	return n.Weight
}

// few are the constants X4, NORM, TO, K_TYPE, V_TYPE, HEADS, UNIT, TAKE, ACT and BEHIND.
func (pl *planner) few(f product) []uint32 {
	x, to, caches, heads, unit := f.input(), uint32(0), []uint32{0, 0}, uint32(0), 0
	if f.qkv != nil {
		for i, m := range f.ops {
			t, _ := f.whole.target(m)
			to |= t << (2 * i)
		}
		caches, heads = pl.cacheSpec(f.qkv.store.KCache, f.qkv.store.VCache), f.qkv.flags()
	}
	if f.units != nil {
		unit = f.units.size
	}
	x4 := pl.alignedX(x) && (f.norm == nil || pl.alignedX(f.norm.weight))
	last := f.behind.constants(f.pair)
	if i := f.convolves(); i >= 0 {
		last[1] |= behindConv << i
	}
	return append([]uint32{flag(x4), f.norm.constant(), to, caches[0], caches[1], heads, uint32(unit), flag(f.take != nil)}, last...)
}

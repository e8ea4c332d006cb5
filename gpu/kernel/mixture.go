package kernel

import (
	"tuff/host/compute"
)

// A mixture of experts of few tokens is two dispatches behind its router:
//
//	multiplications by the gates' and the up matrices of experts, gate   matmul_experts GATE, of weighed inputs WEIGHED
//	multiplication by the down matrices, Mix, and what is added to it    matmul_experts MIX
//
// The second goes through all experts of a token in one workgroup, so that nothing is scattered and no kernel comes behind it.
// Where there are more uses of experts than expertLimit, ops are multiplied in tiles and the rest runs one by one; but for
// float32 the gates' and the up matrices stay together.

// expertsAt is the multiplication at i by the experts' matrices.
func (pl *planner) expertsAt(i int) (compute.MatMulExperts, bool) {
	if i >= len(pl.p.Instrs) {
		return compute.MatMulExperts{}, false
	}
	op, ok := pl.p.Instrs[i].Op.(compute.MatMulExperts)
	return op, ok && pl.p.At(op.W).Role == compute.Weight && (pl.expertLimit(op) > 0 || pl.expertsForm(op.W) != formTile)
}

// gatedExperts finds gate and up multiplications of one input with the gate that joins them, and in front of them what makes that input of
// a row of each token and the weights of its uses, where nobody else reads it.
func (pl *planner) gatedExperts(at int) (a, b compute.MatMulExperts, m slots, ok bool) {
	spread, weighed := opAt[compute.Mix](pl, at)
	if weighed {
		at++
	}
	a, okA := pl.expertsAt(at)
	b, okB := pl.expertsAt(at + 1)
	if !okA || !okB || at+2 >= len(pl.p.Instrs) {
		return a, b, m, false
	}
	if weighed && (spread.Streams != 1 || spread.Out != a.X || pl.readers[a.X] != 2 || pl.p.At(a.X).Role != compute.Scratch) {
		return a, b, m, false
	}
	wa, wb := pl.p.At(a.W), pl.p.At(b.W)
	if a.X != b.X || a.IDs != b.IDs || a.NumExperts != b.NumExperts || wa.DType != wb.DType || wa.Rows != wb.Rows ||
		!pl.private(a.Out) || !pl.private(b.Out) {
		return a, b, m, false
	}
	var gated, up, out compute.Ref
	g := gate{}
	switch op := pl.p.Instrs[at+2].Op.(type) {
	case compute.SwiGLU:
		gated, up, out, g.fn = op.Gate, op.Up, op.Out, compute.SiLU
	case compute.Activation:
		gated, up, out, g.fn = op.X, op.Up, op.Out, op.Fn
	}
	if gated == b.Out && up == a.Out {
		a, b = b, a
	}
	if gated != a.Out || up != b.Out || out == 0 {
		return a, b, m, false
	}
	m = pl.expertSlots(a)
	g.up, g.bias = b.W, b.Bias
	if m.gate, m.out = &g, out; weighed {
		m.spread = &spread
	}
	return a, b, m, true
}

// gateExperts plans gatedExperts. Where they stay together in tiles, what they feed alone comes along: one schedule serves both, and many uses
// leave blocks of bytes in between, or on matrix units, where rows are whole chunks of scales, halves in blocks of 8.
func (pl *planner) gateExperts(at int) (g Group, ok bool, err error) {
	a, b, m, ok := pl.gatedExperts(at)
	if !ok {
		return g, false, nil
	}
	count := 3 + int(flag(m.spread != nil))
	down, mixed, n, both := pl.mixedExperts(at + count)
	form := pl.expertsForm(a.W)
	both = both && form != formTile && form == pl.expertsForm(down.W) && !pl.usesTo(a, pl.expertLimit(a))(pl.most) && pl.private(m.out) && down.X == m.out && down.IDs == a.IDs && down.NumExperts == a.NumExperts
	if !both {
		g.Ops = span(at, count)
		return g, true, pl.fewExperts(&g, g.Ops[count-1:], m, a, b)
	}
	g.Ops = span(at, count+n)
	pl.scheduleTemps(&g, m)
	switch cols := pl.p.At(m.out).Cols; {
	case form == formInt8:
		between := inBlocks{x: m.out, from: 1, to: pl.most.Tokens * m.used, temp: len(g.Temps)}
		g.Temps = append(g.Temps, blocksTemp("gated uses of experts in blocks of bytes", compute.PerToken(m.used), cols))
		m.blocks, g.blocks = &between, append(g.blocks, between)
	case form == formCoop && cols%chunk == 0:
		between := &inHalves{x: m.out, top: coopTop, temp: len(g.Temps), eights: true}
		g.Temps = append(g.Temps, Temp{Name: "gated uses of experts in halves", Bytes: func(s Shape) int64 { return int64(s.Tokens) * int64(m.used) * int64(cols/8) * (16 + 2) }})
		m.halves, g.halves = between, append(g.halves, *between)
	}
	if err := pl.fewExperts(&g, nil, m, a, b); err != nil {
		return g, true, err
	}
	kernel := g.Kernel
	err = pl.fewExperts(&g, span(at+count+1, n-1), mixed, down)
	g.Kernel = kernel + " + " + g.last()
	return g, true, err
}

// mixedExperts finds a multiplication of every use with the Mix of its results, which one use may lack where its result is added to
// something, and behind that, as far as each result goes only there: a tensor added, weighed for each token or not (what an expert that all tokens use gives), a Scale, a residual.
func (pl *planner) mixedExperts(at int) (op compute.MatMulExperts, m slots, count int, ok bool) {
	op, okOp := pl.expertsAt(at)
	if !okOp || !pl.private(op.Out) {
		return op, m, 0, false
	}
	m = pl.expertSlots(op)
	x, i := mix{factor: 1}, at+1
	m.mix = &x
	if sum, ok := opAt[compute.Mix](pl, i); ok && sum.X == op.Out && sum.Streams == 0 {
		x.weights, m.out = sum.Weights, sum.Out
		i++
	} else if m.used > 1 {
		return op, m, 0, false
	}
	// added finds the sum at op i of the result so far and another tensor.
	added := func(i int) (other, out compute.Ref, ok bool) {
		add, ok := opAt[compute.Add](pl, i)
		if !ok || add.A == add.B || add.OneRow(pl.p) || !pl.private(m.out) {
			return 0, 0, false
		}
		if add.A == m.out {
			return add.B, add.Out, true
		}
		return add.A, add.Out, add.B == m.out
	}
	weighed, okWeighed := opAt[compute.Mix](pl, i)
	okWeighed = okWeighed && weighed.Streams == 0 && weighed.Weights != 0 && pl.p.At(weighed.Weights).Cols == 1 && pl.private(weighed.Out)
	if other, out, ok := added(i + 1); ok && okWeighed && other == weighed.Out {
		x.beside, x.open, m.out = weighed.X, weighed.Weights, out
		i += 2
	} else if other, out, ok := added(i); ok {
		x.residual, m.out = other, out
		i++
	}
	scale, okScale := opAt[compute.Scale](pl, i)
	okScale = okScale && scale.X == m.out && scale.Cap == 0 && pl.private(m.out)
	if okScale {
		x.factor, m.out = scale.Factor, scale.Out
		i++
	}
	if x.residual != 0 && okScale { // it is scaled too
		x.beside, x.residual = x.residual, 0
	}
	if other, out, ok := added(i); ok && (x.beside == 0 || x.residual == 0) {
		if x.residual != 0 {
			x.beside = x.residual
		}
		x.residual, m.out = other, out
		i++
	}
	return op, m, i - at, i > at+1
}

// opAt is the op at i if it is of a kind.
func opAt[T compute.Op](pl *planner, i int) (op T, ok bool) {
	if i < len(pl.p.Instrs) {
		op, ok = pl.p.Instrs[i].Op.(T)
	}
	return op, ok
}

// mixExperts plans mixedExperts.
func (pl *planner) mixExperts(at int) (g Group, ok bool, err error) {
	op, m, count, ok := pl.mixedExperts(at)
	if !ok {
		return g, false, nil
	}
	g.Ops = span(at, count)
	return g, true, pl.fewExperts(&g, g.Ops[1:], m, op)
}

// fewExperts plans m for few uses of experts; for more, ops in tiles, and the rest, unless m is a gate of a form that opens it, one by one.
func (pl *planner) fewExperts(g *Group, rest []int, m slots, ops ...compute.MatMulExperts) error {
	limit := pl.expertLimit(ops[0])
	few := pl.usesTo(ops[0], limit)
	if limit > 0 {
		d, err := pl.slotsVec(m, pl.expertLanes())
		if err != nil {
			return err
		}
		g.addIf(d, few)
	}
	if !few(pl.most) {
		if m.spread != nil {
			g.addIf(pl.mixDispatch(*m.spread), func(s Shape) bool { return !few(s) })
		}
		if err := pl.manyExperts(g, func(s Shape) bool { return !few(s) }, m, rest, ops...); err != nil {
			return err
		}
	}
	pl.nameExperts(g, ops[0], limit)
	return nil
}

// manyExperts plans m for many uses of experts.
func (pl *planner) manyExperts(g *Group, many func(Shape) bool, m slots, rest []int, ops ...compute.MatMulExperts) error {
	form := pl.expertsForm(m.w)
	switch {
	case m.gate == nil:
		m = pl.expertSlots(ops[0])
	case form != formTile:
		rest = nil
	}
	var err error
	switch form {
	case formCoop:
		err = pl.expertsCoop(g, many, m)
	case formHalf:
		err = pl.expertsHalf(g, many, m)
	case formInt8:
		err = pl.expertsInt8(g, many, m)
	default:
		err = pl.expertsTiled(g, many, ops...)
	}
	if err != nil {
		return err
	}
	return pl.singly(g, rest, many)
}

// singly appends ops, each in its own dispatch and without temporaries.
func (pl *planner) singly(g *Group, ops []int, when func(Shape) bool) error {
	alone := *pl
	alone.o.NoFuse = true
	for _, i := range ops {
		single, err := alone.next(i)
		if err != nil {
			return err
		}
		for _, d := range single.Dispatches {
			g.addIf(d, when)
		}
	}
	return nil
}

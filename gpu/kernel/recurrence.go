package kernel

import (
	"slices"

	"tuff/host/compute"
)

// recurrence is the recurrence of a state with what stands before and behind it and feeds or takes nothing else: the convolution over
// time of what it reads, the columns in which its gates lie, the multiplication that makes steps of few elements and the norms of those and
// of what goes into states and comes out of them, the norm of each head's results, their gate. Where sequences have few rows one dispatch does
// it all; for more, the ops run one after the other, so that each is spread over the device.
// Twin: shaders/include/recurrence.glsl.
type recurrence struct {
	conv                *compute.Conv1D    // or none
	delta               *compute.DeltaRule // or
	scan                *compute.SSMScan
	fromX, fromB, fromC int               // columns of the convolution's result, of a scan
	beta, dt            *compute.Columns  // that the gates of a delta rule come from, or none
	low                 *compute.MatMul   // makes the steps of a scan, or none
	normed              []compute.RMSNorm // of what it reads, and of B and C of a scan
	norm                *compute.RMSNorm  // or none
	gate                compute.Ref       // or none
	sum, out            compute.Ref       // what the recurrence gives, and what comes of it
	group               int               // columns or channels of a workgroup
	name                string            // the stems
	count               int               // ops
}

// maxScanGroup and maxHeadGroup are the most columns or channels of a workgroup: by themselves, and of a head that is normalised;
// maxStateGroup are the most invocations, where several have a column.
const (
	maxScanGroup  = 64
	maxHeadGroup  = 256
	maxStateGroup = 512
)

// maxRank is the most elements that steps are products of.
const maxRank = 1024

// recurrenceAt finds one that begins at op at and is more than its recurrence.
func (pl *planner) recurrenceAt(at int) (r recurrence, ok bool) {
	i := at
	if conv, ok := opAt[compute.Conv1D](pl, i); ok {
		r.conv, r.name = &conv, "conv1d_"
		i++
	}
	for r.conv == nil && len(r.normed) < 3 {
		op, ok := opAt[compute.RMSNorm](pl, i)
		if !ok {
			break
		}
		r.normed, r.name = append(r.normed, op), "rmsnorm_"
		i++
	}
	if op, ok := pl.matMulAt(i); ok && r.conv == nil {
		r.low, r.name = &op, r.name+"matmul_"
		i++
	}
	var picks []compute.Columns
	for len(picks) < 3 {
		op, ok := opAt[compute.Columns](pl, i)
		if !ok || op.B != 0 || !pl.private(op.Out) {
			break
		}
		picks = append(picks, op)
		i++
	}
	if op, ok := opAt[compute.DeltaRule](pl, i); ok && r.low == nil && len(r.normed) == 0 {
		r.delta, r.sum, r.out = &op, op.Out, op.Out
		r.group = pl.deltaGroup(op)
		if r.conv != nil && (op.X != r.conv.Out || !pl.private(op.X)) || len(picks) > 0 && !pl.deltaPicks(&r, picks) {
			return r, false
		}
	} else if op, ok := opAt[compute.SSMScan](pl, i); ok {
		r.scan, r.sum, r.out = &op, op.Out, op.Out
		if r.group = pl.scanGroup(op); (r.conv != nil || len(picks) > 0) && !pl.scanPicks(&r, picks) {
			return r, false
		}
		if (r.low != nil || len(r.normed) > 0) && !pl.scanInputs(&r) {
			return r, false
		}
	} else {
		return r, false
	}
	r.name += pl.p.Instrs[i].Op.Stem()
	i++
	if op, ok := opAt[compute.RMSNorm](pl, i); ok && pl.normsHeads(&r, op) {
		r.norm, r.out = &op, op.Out
		r.group, r.name = max(8, pow2(op.Group)), r.name+"_rmsnorm"
		i++
	}
	if op, ok := opAt[compute.SwiGLU](pl, i); ok && op.Up == r.out && op.Gate != r.out && pl.private(r.out) {
		r.gate, r.out, r.name = op.Gate, op.Out, r.name+"_swiglu"
		i++
	}
	r.count = i - at
	return r, r.count > 1
}

// scanPicks says whether the three results of a convolution that a scan reads are just all of its columns, and notes where they lie.
func (pl *planner) scanPicks(r *recurrence, picks []compute.Columns) bool {
	if r.conv == nil || len(picks) != 3 || pl.readers[r.conv.Out] != 3 {
		return false
	}
	end := 0
	sorted := slices.SortedFunc(slices.Values(picks), func(a, b compute.Columns) int { return a.FromA - b.FromA })
	for _, p := range sorted {
		if p.A != r.conv.Out || p.Groups != 1 || p.FromA != end {
			return false
		}
		end += p.NumA
		switch p.Out {
		case r.scan.X:
			r.fromX = p.FromA
		case r.scan.B:
			r.fromB = p.FromA
		case r.scan.C:
			r.fromC = p.FromA
		default:
			return false
		}
	}
	for r.group > 8 && r.scan.HeadDim%r.group != 0 { // a workgroup keeps to one head, whose B and C it shares
		r.group /= 2
	}
	return end == pl.p.At(r.conv.Out).Cols && r.scan.HeadDim%r.group == 0
}

// scanInputs says whether the multiplication and the norms in front of a scan make nothing but its steps, B and C, and whether workgroups
// can do so by themselves.
func (pl *planner) scanInputs(r *recurrence) bool {
	op, low := r.scan, compute.Ref(0)
	if m := r.low; m != nil {
		w := pl.p.At(m.W)
		if low = m.X; m.Bias != 0 || m.Out != op.DT || !pl.private(m.Out) || w.DType != compute.F32 || w.Cols > maxRank {
			return false
		}
	}
	for _, n := range r.normed {
		if n.Group != 0 || pl.p.At(n.Weight).Rows != compute.Rows(1) || n.Eps != r.normed[0].Eps || n.Out != op.B && n.Out != op.C && n.Out != low || !pl.private(n.Out) {
			return false
		}
	}
	channels := op.NumHeads * op.HeadDim
	for r.group > 8 && channels%r.group != 0 {
		r.group /= 2
	}
	return op.NumGroups == 1 && channels%r.group == 0
}

// normOf is the norm that makes a tensor that a recurrence reads, or nil.
func (r *recurrence) normOf(x compute.Ref) *compute.RMSNorm {
	for i := range r.normed {
		if r.normed[i].Out == x {
			return &r.normed[i]
		}
	}
	return nil
}

// deltaPicks says whether two results are the gates of a delta rule, side by side in one tensor, and notes them.
func (pl *planner) deltaPicks(r *recurrence, picks []compute.Columns) bool {
	if len(picks) != 2 {
		return false
	}
	a, b := picks[0], picks[1]
	if a.Out != r.delta.Beta {
		a, b = b, a
	}
	r.beta, r.dt = &a, &b
	return a.Out == r.delta.Beta && b.Out == r.delta.DT && a.A == b.A && a.Groups == b.Groups && a.NumA == b.NumA
}

// normsHeads says whether a norm is of a delta rule's heads, each of which one workgroup can have.
func (pl *planner) normsHeads(r *recurrence, op compute.RMSNorm) bool {
	if r.delta == nil || op.X != r.out || !pl.private(r.out) || op.Group != r.delta.ValueDim || pl.p.At(op.Weight).Cols != op.Group {
		return false
	}
	columns, keys := pow2(op.Group), r.delta.KeyDim
	if pl.caps.Registers > 0 && keys/pl.stateParts("delta_rule", keys, columns) > pl.fewElements("delta_rule") {
		return false // a head's columns in one workgroup leave each too few invocations
	}
	return columns <= min(maxHeadGroup, int(pl.caps.MaxInvocations))
}

// recurrent plans a recurrence.
func (pl *planner) recurrent(g *Group, at int, r recurrence) error {
	var d Dispatch
	if r.delta != nil {
		d = pl.deltaDispatch(*r.delta, r.group)
	} else {
		d = pl.scanDispatch(*r.scan, r.group)
	}
	d.Name = r.name
	window, width, cols, eps := uint32(0), 0, 0, float32(0)
	var w, bias, windows, norm compute.Ref
	if c := r.conv; c != nil {
		w, bias, windows, width, cols = c.W, c.Bias, c.State, pl.p.At(c.W).Cols, pl.p.At(c.X).Cols
		window = flag(bias != 0) | flag(c.SiLU)<<1
		d.Args[0] = addr(c.X)
		d.Reads = append(d.Reads, refs(c.X, w, bias, windows)...)
		d.Writes = append(d.Writes, refs(windows)...)
	}
	if r.beta != nil {
		both, cols := r.beta.A, pl.p.At(r.beta.A).Cols
		d.Args[1], d.Args[2] = addr(both), addr(both)
		d.Args = append(d.Args[:len(d.Args)-numGates], u32(r.beta.NumA), u32(cols/r.beta.Groups), u32(r.beta.FromA), u32(r.dt.FromA))
		d.Reads = append(d.Reads, refs(both)...)
	}
	rank, normed := 0, uint32(0)
	var lowW, lowNorm, bNorm, cNorm compute.Ref
	if m := r.low; m != nil {
		d.Args[1], lowW, rank = addr(m.X), m.W, pl.p.At(m.W).Cols
		d.Reads = append(d.Reads, refs(m.X, m.W)...)
	}
	// place says which argument a normalised tensor is.
	place := func(arg int, bit uint32) (weight compute.Ref) {
		n := r.normOf(d.Args[arg].Ref)
		if n == nil {
			return 0
		}
		d.Args[arg], eps, normed = addr(n.X), n.Eps, normed|bit
		d.Reads = append(d.Reads, refs(n.X, n.Weight)...)
		return n.Weight
	}
	if r.scan != nil {
		lowNorm, bNorm, cNorm = place(1, 1), place(4, 2), place(5, 4)
	}
	d.Reads = slices.DeleteFunc(d.Reads, func(a Access) bool { return pl.within(a.Ref, at, r.count) })
	if r.norm != nil {
		norm, eps = r.norm.Weight, r.norm.Eps
	}
	behind := flag(r.norm != nil) | flag(r.gate != 0)<<1
	if d.Spec[2], d.Spec[3], d.Spec[4] = uint32(width), window, behind; r.scan != nil {
		d.Spec[5], d.Spec[6] = uint32(rank), normed
	}
	d.Block = []Arg{addr(w), addr(bias), addr(windows), addr(norm), addr(r.gate), addr(lowW), addr(lowNorm), addr(bNorm), addr(cNorm), u32(cols), u32(r.fromX), u32(r.fromB), u32(r.fromC), f32(eps)}
	d.Reads = append(d.Reads, refs(norm, r.gate)...)
	for i, a := range d.Args {
		if a.Kind == ArgAddr && a.Ref == r.sum {
			d.Args[i] = addr(r.out)
		}
	}
	d.Issued = pl.recurrenceIssued(r, d.Issued)
	d.Writes[slices.Index(d.Writes, Access{Ref: r.sum})].Ref = r.out
	g.Ops = span(at, r.count)
	g.addIf(d, func(s Shape) bool { return !manyRows(s) })
	if pl.mayHaveManyRows() {
		for _, i := range g.Ops {
			if err := pl.recurrentMany(g, i); err != nil {
				return err
			}
		}
	}
	g.nameKernel()
	g.Why = "where sequences have few rows all of it by the workgroups of the recurrence; beyond, op by op"
	return nil
}

// recurrentMany appends op i for sequences of many rows; a multiplication may need temporaries.
func (pl *planner) recurrentMany(g *Group, i int) error {
	op, ok := pl.matMulAt(i)
	if !ok {
		return pl.singly(g, []int{i}, manyRows)
	}
	m, from := pl.newMatMulPlan(g, product{ops: []compute.MatMul{op}, out: op.Out}), len(g.Dispatches)
	m.next = maxVecRows + 1
	if err := m.many(); err != nil {
		return err
	}
	g.narrow(from, manyRows)
	return nil
}

// within says whether a tensor is a result of count ops from op at on, other than a state.
func (pl *planner) within(x compute.Ref, at, count int) bool {
	return pl.p.At(x).Role == compute.Scratch && slices.ContainsFunc(pl.p.Instrs[at:at+count], func(in compute.Instr) bool { return slices.Contains(in.Op.Writes(), x) })
}

// recurrenceIssued is what the recurrence itself issues, with the convolution of all that its workgroups read, the norm and the gate.
func (pl *planner) recurrenceIssued(r recurrence, alone issues) issues {
	return func(s *compute.Step) compute.Cost {
		c, tokens := alone(s), int64(len(s.Tokens))
		if v := r.conv; v != nil {
			width := int64(pl.p.At(v.W).Cols)
			each := 2*width - 1 + int64(flag(v.Bias != 0)) // rows and weights in the place of what they give
			c.Bytes += 4*tokens*r.inputs()*each + 8*int64(len(s.Seqs))*(width-1)*int64(pl.p.At(v.X).Cols)
			c.FLOPs += 2 * tokens * r.inputs() * width
		}
		if m := r.low; m != nil { // by every channel, from what each workgroup reads
			rank := int64(pl.p.At(m.W).Cols)
			c.Bytes += 4 * tokens * rank * int64(r.scan.NumHeads+r.groups())
			c.Bytes -= pl.tensorBytes(r.scan.DT, s) + 4*tokens*int64(r.scan.NumHeads)
			c.FLOPs += 2 * tokens * rank * int64(r.scan.NumHeads)
		}
		for _, n := range r.normed { // by every workgroup: elements once more, and weights
			elements := tokens * int64(pl.p.At(n.X).Cols) * int64(r.groups())
			c.Bytes += 8 * elements
			c.FLOPs += 4 * elements
		}
		if r.norm != nil { // each element's weight again in every row
			c.Bytes += pl.tensorBytes(r.norm.Out, s)
			c.FLOPs += r.norm.Cost(pl.p, s).FLOPs
		}
		if r.gate != 0 {
			c.Bytes += pl.tensorBytes(r.gate, s)
			c.FLOPs += compute.SwiGLU{Gate: r.gate, Up: r.gate, Out: r.out}.Cost(pl.p, s).FLOPs
		}
		return c
	}
}

// groups is the number of workgroups of a scan.
func (r *recurrence) groups() int { return ceilDiv(r.scan.NumHeads*r.scan.HeadDim, r.group) }

// inputs are the elements of X, B and C that the workgroups read for a token.
func (r *recurrence) inputs() int64 {
	if op := r.delta; op != nil {
		return int64(op.NumHeads) * int64(2*op.KeyDim*ceilDiv(op.ValueDim, r.group)+op.ValueDim)
	}
	channels := r.scan.NumHeads * r.scan.HeadDim
	return int64(channels + channels/r.group*2*r.scan.StateSize)
}

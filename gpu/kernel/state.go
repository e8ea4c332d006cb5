package kernel

import "tuff/host/compute"

// fewElements are as many of a state as an invocation keeps in registers. Drivers put what they have no registers for, or index by a variable,
// into memory; more elements are shared out to several invocations, which adds a barrier for each token. A CPU's stack is as good as its
// registers, and a barrier there costs more than all of a token's elements: it shares out only what would take long to compile.
const (
	fewElements      = 16
	fewElementsOfCPU = 128
)

// fewElements are those of an op. Variants named _parts share states out as on hardware, for tests.
func (pl *planner) fewElements(op string) int {
	if pl.caps.UniformLoads && pl.o.Variant[op] != op+"_parts" {
		return fewElementsOfCPU
	}
	return fewElements
}

// stateColumns is how many columns or channels with n elements of state each a workgroup has, of so many.
func (pl *planner) stateColumns(op string, n, columns int) int {
	if n > pl.fewElements(op) {
		return min(maxScanGroup/4, columns)
	}
	return min(maxScanGroup, columns)
}

// stateParts is how many invocations have the n elements of a column together.
func (pl *planner) stateParts(op string, n, columns int) int {
	p := 1
	for n%(2*p) == 0 && n/p > pl.fewElements(op) && 2*p*columns <= min(maxStateGroup, int(pl.caps.MaxInvocations)) {
		p *= 2
	}
	return p
}

// ssmScan plans invocations that have a channel's state, and walk the tokens of its sequence.
func (pl *planner) ssmScan(g *Group, op compute.SSMScan) {
	g.add(pl.scanDispatch(op, pl.scanGroup(op)), "a channel's state stays in registers")
}

func (pl *planner) scanGroup(op compute.SSMScan) int {
	n := pl.stateColumns("ssm_scan", op.StateSize, min(maxScanGroup, int(pl.caps.MaxInvocations)))
	for pl.caps.UniformLoads && n > 8 && scanAlike(op, n) == 0 { // what all read alike is worth more than a long workgroup
		n /= 2
	}
	return n
}

func (pl *planner) scanDispatch(op compute.SSMScan, columns int) Dispatch {
	channels, parts := op.NumHeads*op.HeadDim, pl.stateParts("ssm_scan", op.StateSize, columns)
	return Dispatch{Module: "ssm_scan", Name: "ssm_scan",
		Spec: []uint32{uint32(columns * parts), uint32(op.StateSize), 0, 0, 0, 0, 0, uint32(parts), uint32(pl.p.At(op.A).Cols), scanAlike(op, columns),
			flag(op.D != 0) | flag(op.DTBias != 0)<<1},
		Args: []Arg{addr(op.X), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.B), addr(op.C), addr(op.D), addr(op.State), addr(op.Out), stepArg(), {Kind: ArgBlock},
			u32(op.NumHeads), u32(op.HeadDim), u32(op.NumGroups)},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(ceilDiv(channels, columns)), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.DT, op.DTBias, op.A, op.B, op.C, op.D, op.State), Writes: refs(op.State, op.Out), Issued: pl.ssmScanIssued(op, columns)}
}

// scanAlike says whether every workgroup of so many channels has those of one head, 2, of one group, 1, or may have others, 0.
func scanAlike(op compute.SSMScan, columns int) uint32 {
	switch {
	case op.HeadDim%columns == 0:
		return 2
	case op.NumGroups == 1 || op.NumHeads/op.NumGroups*op.HeadDim%columns == 0:
		return 1
	}
	return 0
}

// deltaRule plans invocations that have a column of a head's state, and walk the tokens of its sequence.
func (pl *planner) deltaRule(g *Group, op compute.DeltaRule) {
	g.add(pl.deltaDispatch(op, pl.deltaGroup(op)), "a column of a head's state stays in registers")
}

// numGates are the arguments per, stride, fromBeta and fromDT.
const numGates = 4

func (pl *planner) deltaGroup(op compute.DeltaRule) int {
	return pl.stateColumns("delta_rule", op.KeyDim, min(maxScanGroup, max(8, (op.ValueDim+7)/8*8), int(pl.caps.MaxInvocations)))
}

// deltaDispatch ends its arguments with where beta and dt lie: numGates of them.
func (pl *planner) deltaDispatch(op compute.DeltaRule, columns int) Dispatch {
	chunks, parts := ceilDiv(op.ValueDim, columns), pl.stateParts("delta_rule", op.KeyDim, columns)
	return Dispatch{Module: "delta_rule", Name: "delta_rule", Spec: []uint32{uint32(columns * parts), uint32(op.KeyDim), 0, 0, 0, uint32(parts)},
		Args: []Arg{addr(op.X), addr(op.Beta), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.State), addr(op.Out), stepArg(), {Kind: ArgBlock},
			u32(op.NumHeads), u32(op.NumKeyHeads), u32(op.ValueDim), u32(chunks), u32(int(flag(op.Tiled))), f32(op.Eps),
			u32(op.NumHeads), u32(op.NumHeads), u32(0), u32(0)},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(op.NumHeads * chunks), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.Beta, op.DT, op.DTBias, op.A, op.State), Writes: refs(op.State, op.Out), Issued: pl.deltaRuleIssued(op, chunks)}
}

// ssmScanIssued: every workgroup of so many channels reads the inputs that its groups share, and its heads' steps.
func (pl *planner) ssmScanIssued(op compute.SSMScan, columns int) issues {
	channels := op.NumHeads * op.HeadDim
	touched := func(each int) (n int64) { // of runs of each channels, by all workgroups
		for at := 0; at < channels; at += columns {
			n += int64((min(at+columns, channels)-1)/each - at/each + 1)
		}
		return n
	}
	groups, heads := touched(channels/op.NumGroups), touched(op.HeadDim)
	return func(s *compute.Step) compute.Cost {
		c, tokens := op.Cost(pl.p, s), int64(len(s.Tokens))
		c.Bytes += 4*tokens*(2*groups*int64(op.StateSize)+heads) - pl.tensorBytes(op.B, s) - pl.tensorBytes(op.C, s) - pl.tensorBytes(op.DT, s)
		return c
	}
}

// deltaRuleIssued: every workgroup reads its head's query and key, which heads and chunks of columns share, and two numbers of the head.
func (pl *planner) deltaRuleIssued(op compute.DeltaRule, chunks int) issues {
	return func(s *compute.Step) compute.Cost {
		c, tokens := op.Cost(pl.p, s), int64(len(s.Tokens))
		c.Bytes += 4 * tokens * (2*int64(op.KeyDim)*int64(op.NumHeads*chunks-op.NumKeyHeads) + 2*int64(op.NumHeads*(chunks-1)))
		return c
	}
}

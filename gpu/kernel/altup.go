package kernel

import "tuff/host/compute"

// altUp plans one workgroup per token; where there are few, several share its columns, and each makes all weights for itself: that costs
// less than to wait for one that reads and writes a row of all streams alone.
func (pl *planner) altUp(g *Group, op compute.AltUp) {
	rows, cols := compute.PerToken(1), pl.p.At(op.Router).Cols
	parts := ceilDiv(cols, 2*int(pl.altUpGroup(op)))
	g.addFor(pl.altUpDispatch(op, parts), rows, 1, maxVecRows)
	if pl.most.Tokens > maxVecRows {
		g.addFor(pl.altUpDispatch(op, 1), rows, maxVecRows+1, pl.most.Tokens)
	}
	g.Kernel, g.Why = "altup", "to 8 tokens several workgroups share a token's columns"
}

// altUpGroup is the size of a workgroup, whose invocations each have a partial sum for every number of the router.
func (pl *planner) altUpGroup(op compute.AltUp) uint32 {
	router := pl.p.At(op.Router)
	wg := pl.rowGroup(router.Cols)
	for 4*int(wg)*(router.Rows.Fixed+1) > int(pl.caps.SharedBytes)/2 {
		wg /= 2
	}
	return wg
}

func (pl *planner) altUpDispatch(op compute.AltUp, parts int) Dispatch {
	router, rows := pl.p.At(op.Router), compute.PerToken(1)
	used, sums := op.Streams(pl.p)
	return Dispatch{Module: "altup", Name: "altup",
		Spec: []uint32{pl.altUpGroup(op), uint32(router.Rows.Fixed), uint32(used), uint32(sums), uint32(pl.p.At(op.X).Cols / router.Cols),
			flag(op.First != 0), flag(op.Scaled != 0)},
		Args: []Arg{addr(op.X), addr(op.Y), addr(op.Router), addr(op.Coefs), addr(op.Bias), addr(op.Scale), addr(op.Out), addr(op.First), addr(op.Scaled),
			rowsArg(rows), u32(router.Cols), u32(parts), f32(op.Eps)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(parts * s.Tokens) },
		Reads: refs(op.Reads()...), Writes: refs(op.Writes()...), Issued: pl.altUpIssued(op, parts)}
}

// altUpIssued: each workgroup reads the router, and the first stream to choose by it.
func (pl *planner) altUpIssued(op compute.AltUp, parts int) issues {
	router := pl.p.At(op.Router)
	return func(s *compute.Step) compute.Cost {
		c := op.Cost(pl.p, s)
		groups, first := int64(parts*len(s.Tokens)), 4*int64(router.Cols)
		for _, w := range []compute.Ref{op.Router, op.Coefs, op.Bias} {
			c.Bytes += (groups - 1) * pl.tensorBytes(w, s)
		}
		if op.Scale != 0 {
			c.Bytes += int64(len(s.Tokens)-1) * first
		}
		c.Bytes += groups * first
		c.FLOPs += (groups - int64(len(s.Tokens))) * 2 * int64(router.Rows.Fixed+1) * int64(router.Cols)
		return c
	}
}

package kernel

import "tuff/host/compute"

// matMulHeads plans multiplications by a matrix for each head on the kernels of experts: head h is expert h of every token, so
// that no ids are read and the tiles of each head are known beforehand.
func (pl *planner) matMulHeads(g *Group, op compute.MatMulHeads) error {
	m := headSlots(op)
	few := func(s Shape) bool { return pl.caps.SubgroupArith && s.Tokens <= maxVecRows }
	if pl.caps.SubgroupArith {
		d, err := pl.slotsVec(m, pl.caps.UniformLoads)
		if err != nil {
			return err
		}
		g.addIf(d, few)
	}
	if !few(pl.most) {
		t := tile32
		d, err := pl.slotsTile(m, t, func(s Shape) int { return m.matrices * ceilDiv(s.Tokens, t.bn) })
		if err != nil {
			return err
		}
		g.addIf(d, func(s Shape) bool { return !few(s) })
	}
	g.nameKernel()
	g.Why = "a head's matrix for an expert's; no ids"
	return nil
}

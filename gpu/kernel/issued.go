package kernel

import "tuff/host/compute"

// What a dispatch issues is what its workgroups move and compute, which is more than an op must (compute.Cost): an operand counts for each
// workgroup that goes through it, and again each time it does, sums count with the padded edges of tiles, and partial results that stop in
// memory both ways. What the invocations of a workgroup read together or find again in registers and shared memory counts once; arguments,
// the step and the tables of formats are left out. Caches may serve any part of the bytes: it is what a kernel asks for, not what reaches
// the memory. No Vulkan 1.0 counter tells either, but both follow from the plan.

// issues is what a dispatch issues in a step for which its grid is not empty.
type issues func(*compute.Step) compute.Cost

// Issued is what the group's dispatches issue in a step.
func (g *Group) Issued(s *compute.Step) (c compute.Cost) {
	shape := Shape{Tokens: len(s.Tokens), Outputs: len(s.Outputs), Seqs: len(s.Seqs)}
	for i := range g.Dispatches {
		d := &g.Dispatches[i]
		if grid := d.Grid(shape); grid[0] > 0 && grid[1] > 0 && grid[2] > 0 {
			c = c.Add(d.Issued(s))
		}
	}
	return c
}

// issuing sets what a dispatch issues.
func (d Dispatch) issuing(f issues) Dispatch {
	d.Issued = f
	return d
}

// once is an op whose kernel does just what it must, but for tensors that it goes through again.
func (pl *planner) once(op compute.Op, again ...compute.Ref) issues {
	return func(s *compute.Step) compute.Cost {
		c := op.Cost(pl.p, s)
		for _, r := range again {
			c.Bytes += pl.tensorBytes(r, s)
		}
		return c
	}
}

// tensorBytes are those of a tensor in a step; 0 of none.
func (pl *planner) tensorBytes(r compute.Ref, s *compute.Step) int64 {
	if r == 0 {
		return 0
	}
	n, _ := pl.p.At(r).Bytes(s.Sizes())
	return n
}

// inRows is a norm of groups of width columns, one to a workgroup: each reads its weights, and its columns passes times.
func (pl *planner) inRows(op compute.Op, x compute.Ref, groups compute.Extent, width, passes int, weights ...compute.Ref) issues {
	return func(s *compute.Step) compute.Cost {
		c := op.Cost(pl.p, s)
		c.Bytes += int64(passes-1) * pl.tensorBytes(x, s)
		for _, w := range weights {
			if w != 0 {
				c.Bytes += 4*int64(groups.At(s.Sizes()))*int64(width) - pl.tensorBytes(w, s)
			}
		}
		return c
	}
}

// rope and store in one: what they do one after the other, less the keys between them.
func (pl *planner) ropeStoreIssued(r ropeStore) issues {
	return func(s *compute.Step) compute.Cost {
		c := r.q.Cost(pl.p, s).Add(r.k.Cost(pl.p, s)).Add(r.store.Cost(pl.p, s))
		c.Bytes -= 2 * pl.tensorBytes(r.k.Out, s)
		return c
	}
}

// staged is a pass over X, some times, that leaves rows of so many bytes for a multiplication; flops are those of an element, and norm
// weights what each row is multiplied by, or none.
func (pl *planner) staged(x compute.Ref, passes, row, flops int, weights int) issues {
	t := pl.p.At(x)
	return func(s *compute.Step) compute.Cost {
		rows := int64(t.Rows.At(s.Sizes()))
		return compute.Cost{Bytes: rows * int64(4*passes*t.Cols+4*weights*t.Cols+row), FLOPs: rows * int64(flops*t.Cols)}
	}
}

// Bytes of a row of k elements in the forms that multiplications read X in.
func floatRow(k int) int  { return 4 * k }
func halvesRow(k int) int { return 16*ceilDiv(k, 8) + 4 }
func blocksRow(k int) int { return k / int8Block * (int8Block + 8) }
func eightsRow(k int) int { return k / 8 * (16 + 2) }

// eightsRead is eightsRow, with the scales read once more to find the largest of the row.
func eightsRead(k int) int { return k / 8 * (16 + 2 + 2) }

// form is how a product's kernel on matrix units reads X.
func (h inHalves) form() func(k int) int {
	if h.eights {
		return eightsRead
	}
	return halvesRow
}

package kernel

import "tuff/host/compute"

// convolution is a convolution over time, with what it reads a product of two tensors and its result multiplied by a third, or not.
type convolution struct {
	op             compute.Conv1D
	x, times, gate compute.Ref // times and gate may be absent
	out            compute.Ref
	products       []compute.Activation
	count          int // ops
}

// convolutionAt finds one that begins at op at and is more than itself.
func (pl *planner) convolutionAt(at int) (c convolution, ok bool) {
	i := at
	in, product := pl.productAt(i)
	if product {
		i++
	}
	if c.op, ok = opAt[compute.Conv1D](pl, i); !ok || product && (c.op.X != in.Out || !pl.private(in.Out)) {
		return c, false
	}
	if c.x, c.out = c.op.X, c.op.Out; product {
		c.x, c.times, c.products = in.X, in.Up, []compute.Activation{in}
	}
	i++
	if gate, ok := pl.productAt(i); ok && pl.private(c.out) && (gate.Up == c.out) != (gate.X == c.out) {
		if c.gate, c.out = gate.X, gate.Out; gate.X == c.op.Out {
			c.gate = gate.Up
		}
		c.products = append(c.products, gate)
		i++
	}
	c.count = i - at
	return c, c.count > 1
}

// productAt is the op at i if it multiplies two tensors.
func (pl *planner) productAt(i int) (compute.Activation, bool) {
	op, ok := opAt[compute.Activation](pl, i)
	return op, ok && op.Fn == compute.Identity && op.Up != 0 && !op.OneRow(pl.p)
}

func (pl *planner) conv1d(g *Group, op compute.Conv1D) {
	pl.convolve(g, convolution{op: op, x: op.X, out: op.Out})
}

// behindConv is BEHIND_CONV of shaders/include/few.glsl.
const behindConv = 1 << 7

// oneRowEach says whether every row is its sequence's only one.
func oneRowEach(s Shape) bool { return s.Tokens == s.Seqs }

// convRows are the rows that an invocation walks: more spare loads, which every invocation begins with, and leave fewer invocations.
const convRows = 4

// convolve plans invocations that walk a column of some rows.
func (pl *planner) convolve(g *Group, c convolution) {
	g.add(pl.convolveDispatch(c), "an invocation per column of 4 rows, the last rows in registers")
}

func (pl *planner) convolveDispatch(c convolution) Dispatch {
	op := c.op
	cols, width := pl.p.At(op.X).Cols, pl.p.At(op.W).Cols
	wg := min(128, int(pl.caps.MaxInvocations))
	flags := flag(op.Bias != 0) | flag(op.SiLU)<<1 | flag(c.times != 0)<<2 | flag(c.gate != 0)<<3
	return Dispatch{Module: "conv1d", Name: "conv1d", Spec: []uint32{uint32(wg), uint32(width), convRows},
		Args: []Arg{addr(c.x), addr(op.W), addr(op.Bias), addr(op.State), addr(c.out), stepArg(), addr(c.times), addr(c.gate),
			u32(cols), u32(int(flags))},
		Grid: func(s Shape) [3]uint32 {
			return [3]uint32{uint32(ceilDiv(cols, wg)), uint32(maxTiles(s.Tokens, s.Seqs)), tileRows / convRows}
		},
		Reads: refs(c.x, c.times, c.gate, op.W, op.Bias, op.State), Writes: refs(op.State, c.out), Issued: pl.convolveIssued(c)}
}

// convolveIssued: invocations read weights and biases once and their rows of X, and once more those before them; products as their two
// factors.
func (pl *planner) convolveIssued(v convolution) issues {
	op := v.op
	before, factors := int64(pl.p.At(op.W).Cols-1)*int64(pl.p.At(op.X).Cols), int64(flag(v.times != 0))
	return func(s *compute.Step) compute.Cost {
		c, pieces := op.Cost(pl.p, s), int64(0)
		for i := range s.Seqs {
			pieces += int64(ceilDiv(s.Seqs[i].Count, convRows))
		}
		again := (pieces - int64(len(s.Seqs))) * before
		c.Bytes += 4*again*(1+factors) + factors*pl.tensorBytes(op.X, s) + max(pieces-1, 0)*(pl.tensorBytes(op.W, s)+pl.tensorBytes(op.Bias, s)) + pl.tensorBytes(v.gate, s)
		for _, fn := range v.products {
			c.FLOPs += fn.Cost(pl.p, s).FLOPs
		}
		c.FLOPs += again * factors
		return c
	}
}

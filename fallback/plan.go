package fallback

import (
	"cmp"
	"fmt"
	"slices"

	"tuff/host/compute"
)

// place is where one scratch or output tensor lies in the arena and when it is alive: from the op that writes it to the
// last that reads it.
type place struct {
	ref         compute.Ref
	first, last int // ops
	off, size   int64
}

func (a *place) overlaps(b *place) bool { return a.first <= b.last && b.first <= a.last }

// planScratch lays out the tensors that the device owns, each at the lowest offset that no tensor alive at the same time
// takes. Outputs live to the end of the run; with keep everything lives for the whole of it. A gated product takes the place of its gate,
// which are the largest tensors of a layer, where nobody else reads that. It returns the arena's size.
func planScratch(p *compute.Program, sizes compute.Sizes, keep bool) ([]place, int64, error) {
	byRef := make([]*place, len(p.Tensors))
	var places []*place
	for i, in := range p.Instrs {
		for _, r := range slices.Concat(in.Op.Writes(), in.Op.Reads()) {
			t := p.At(r)
			if t.Role != compute.Scratch && t.Role != compute.Output {
				continue
			}
			if byRef[r] == nil {
				size, err := t.Bytes(sizes)
				if err != nil {
					return nil, 0, err
				}
				byRef[r] = &place{ref: r, first: i, size: (size + 63) &^ 63} // own cache lines: threads write side by side
				places = append(places, byRef[r])
			}
			byRef[r].last = i
			switch {
			case keep:
				byRef[r].first, byRef[r].last = 0, len(p.Instrs)
			case t.Role == compute.Output:
				byRef[r].last = len(p.Instrs)
			}
		}
	}
	var alone []*place // without those that take another's place
	for _, pl := range places {
		gate := byRef[gateOf(p.Instrs[pl.first].Op, pl.ref)]
		if keep || gate == nil || gate.last != pl.first || gate.size != pl.size {
			alone = append(alone, pl)
			continue
		}
		gate.last, byRef[pl.ref] = pl.last, gate
	}
	var size int64
	var done []*place // by offset
	for _, pl := range alone {
		for _, other := range done {
			if pl.overlaps(other) && pl.off < other.off+other.size && other.off < pl.off+pl.size {
				pl.off = other.off + other.size
			}
		}
		if pl.off > 1<<46-pl.size {
			return nil, 0, fmt.Errorf("scratch of %d tokens: got more than 2⁴⁶ bytes", sizes.Tokens)
		}
		size = max(size, pl.off+pl.size)
		at, _ := slices.BinarySearchFunc(done, pl, func(a, b *place) int { return cmp.Compare(a.off, b.off) })
		done = slices.Insert(done, at, pl)
	}
	out := make([]place, len(places))
	for i, pl := range places {
		pl.off = byRef[pl.ref].off
		out[i] = *pl
	}
	return out, size, nil
}

// gateOf is what an op whose kernel may write over it reads element by element to write out; 0: nothing.
func gateOf(op compute.Op, out compute.Ref) compute.Ref {
	switch o := op.(type) {
	case compute.SwiGLU:
		if o.Out == out {
			return o.Gate
		}
	case compute.Activation:
		if o.Out == out && o.Up != o.X { // Up may be one row for all
			return o.X
		}
	}
	return 0
}

package compute

import (
	"fmt"
	"slices"
	"strings"
)

// NewGroup describes ops run together: their labels and stems joined, and the shapes of the ops that carry weights or
// state, or the first op's where none does. The device adds the kernel and why.
func (p *Program) NewGroup(ops ...int) Group {
	g := Group{Ops: ops}
	var labels, stems, shapes []string
	for _, i := range ops {
		in := p.Instrs[i]
		labels = append(labels, in.Label)
		if !slices.Contains(stems, in.Op.Stem()) {
			stems = append(stems, in.Op.Stem())
		}
		switch in.Op.(type) {
		case MatMul, Attention, Embed:
			shapes = append(shapes, in.Op.Shape(p))
		}
	}
	if shapes == nil {
		shapes = append(shapes, p.Instrs[ops[0]].Op.Shape(p))
	}
	g.Label, g.Stem, g.Shape = strings.Join(labels, "+"), strings.Join(stems, "_"), strings.Join(shapes, "+")
	return g
}

// widthOf is the columns of a tensor, for Shape.
func widthOf(p *Program, r Ref) string { return fmt.Sprint(p.At(r).Cols) }

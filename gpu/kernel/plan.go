package kernel

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// planner is one call of Plan.
type planner struct {
	caps    Caps
	p       *compute.Program
	o       compute.Options
	most    Shape                    // the largest
	readers []int                    // ops that read each tensor
	kept    map[compute.Ref]*rowNorm // what norms give that a router's projection keeps: others may normalise once more
	without map[string]string        // of a stem, what its groups' Why says of variants that are left out
}

func newPlanner(caps Caps, p *compute.Program, o compute.Options) *planner {
	pl := &planner{caps: caps, p: p, o: o, readers: make([]int, len(p.Tensors)), kept: map[compute.Ref]*rowNorm{},
		most: Shape{Tokens: max(o.MaxTokens, 1), Outputs: max(o.MaxOutputs, 1), Seqs: max(o.MaxSeqs, 1)}}
	for _, in := range p.Instrs {
		for _, r := range in.Op.Reads() {
			pl.readers[r]++
		}
	}
	return pl
}

// Plan groups a program's ops and picks the dispatches of each group for a device. Groups are fused greedily in program
// order (fuse.go), one op each with o.NoFuse. An op, a format or a size that no kernel covers is a
// *compute.UnsupportedError; a name in o.Variant that is no variant is an error that lists those there are.
func Plan(caps Caps, p *compute.Program, o compute.Options) ([]Group, error) {
	pl := newPlanner(caps, p, o)
	if err := pl.checkVariants(); err != nil {
		return nil, err
	}
	pl.leaveOut()
	if err := pl.checkSizes(); err != nil {
		return nil, err
	}
	var groups []Group
	for at := 0; at < len(p.Instrs); {
		g, err := pl.next(at)
		if err == nil {
			err = pl.check(&g)
		}
		if err != nil {
			in := p.Instrs[at]
			if u := new(compute.UnsupportedError); errors.As(err, &u) {
				u.Device, u.Label, u.Stem = "gpu", in.Label, in.Op.Stem()
			}
			return nil, err
		}
		groups = append(groups, g)
		at += len(g.Ops)
	}
	return groups, nil
}

// next plans the group that begins with op at.
func (pl *planner) next(at int) (Group, error) {
	if !pl.o.NoFuse {
		if g, ok, err := pl.fuse(at); ok || err != nil {
			return g, err
		}
	}
	g := Group{Ops: []int{at}}
	var err error
	switch op := pl.p.Instrs[at].Op.(type) {
	case compute.Embed:
		err = pl.embed(&g, op)
	case compute.RMSNorm:
		pl.rmsNorm(&g, op)
	case compute.MatMul:
		err = pl.matMul(&g, product{ops: []compute.MatMul{op}, out: op.Out})
	case compute.RoPE:
		pl.rope(&g, op)
	case compute.KVStore:
		pl.kvStore(&g, op)
	case compute.Attention:
		err = pl.attention(&g, op)
	case compute.SwiGLU:
		pl.swiGLU(&g, op)
	case compute.Add:
		pl.add(&g, op)
	case compute.TakeRows:
		pl.takeRows(&g, op)
	case compute.TopK:
		pl.topK(&g, op)
	case compute.Sample:
		err = pl.sample(&g, op)
	case compute.LayerNorm:
		pl.layerNorm(&g, op)
	case compute.Activation:
		pl.activation(&g, op)
	case compute.Scale:
		pl.scale(&g, op)
	case compute.Route:
		pl.route(&g, op)
	case compute.MatMulExperts:
		err = pl.matMulExperts(&g, op)
	case compute.Mix:
		pl.mix(&g, op)
	case compute.MatMulHeads:
		err = pl.matMulHeads(&g, op)
	case compute.Conv1D:
		pl.conv1d(&g, op)
	case compute.SSMScan:
		pl.ssmScan(&g, op)
	case compute.DeltaRule:
		pl.deltaRule(&g, op)
	case compute.Columns:
		pl.columns(&g, op)
	case compute.AltUp:
		pl.altUp(&g, op)
	case compute.SparseGate:
		pl.sparseGate(&g, op)
	default:
		err = unsupported("got an op without a kernel")
	}
	return g, err
}

func unsupported(format string, args ...any) error {
	return &compute.UnsupportedError{What: fmt.Sprintf(format, args...)}
}

// check holds a group against the device's limits and the modules' needs.
func (pl *planner) check(g *Group) error {
	for i := range g.Dispatches {
		d := &g.Dispatches[i]
		m, ok := shaders.Find(d.Module)
		if !ok {
			return unsupported("got module %s, which is not in the manifest", d.Module)
		}
		if len(d.Spec) != len(m.Spec) {
			panic(fmt.Sprintf("BUG: kernel: %s: %d specialization constants, want %d", d.Module, len(d.Spec), len(m.Spec)))
		}
		for _, need := range m.Needs {
			if !pl.caps.Have(need) {
				return unsupported("%s needs %s", d.Module, need)
			}
		}
		if d.Issued == nil {
			panic(fmt.Sprintf("BUG: kernel: %s: nothing says what it issues", d.Name))
		}
		grid := d.Grid(pl.most)
		for axis, n := range grid {
			if n > pl.caps.MaxGrid[axis] {
				return unsupported("%s: got %v workgroups, want at most %v", d.Name, grid, pl.caps.MaxGrid)
			}
		}
	}
	return nil
}

// checkSizes refuses programs whose tensors kernels could not index with 32 bits. Weights and caches are reached by
// 64-bit addresses of rows.
func (pl *planner) checkSizes() error {
	for r := 1; r < len(pl.p.Tensors); r++ {
		t := pl.p.At(compute.Ref(r))
		rows := t.Rows.At(pl.most.Sizes())
		if t.Role == compute.Weight && t.DType != compute.F32 || t.Role == compute.State {
			rows = 1
		}
		if n := float64(rows) * float64(t.Cols); n > math.MaxUint32/4 && !pl.isMatrix(compute.Ref(r)) {
			return fmt.Errorf("gpu: plan %s: tensor %q: got %d × %d elements, want at most %d: compile with fewer tokens", pl.p.Name, t.Name, rows, t.Cols, math.MaxUint32/4)
		}
	}
	return nil
}

// isMatrix reports whether a tensor is only read by rows, as the weights of multiplications and lookups.
func (pl *planner) isMatrix(r compute.Ref) bool {
	for _, in := range pl.p.Instrs {
		switch op := in.Op.(type) {
		case compute.MatMul:
			if op.X == r || op.Bias == r || op.Out == r {
				return false
			}
		case compute.MatMulExperts:
			if op.X == r || op.Bias == r || op.Out == r || op.IDs == r {
				return false
			}
		case compute.MatMulHeads:
			if op.X == r || op.Out == r {
				return false
			}
		case compute.Embed:
			if op.Out == r {
				return false
			}
		default:
			if slices.Contains(op.Reads(), r) || slices.Contains(op.Writes(), r) {
				return false
			}
		}
	}
	return true
}

// moduleOf is the module of a stem that reads a weight format, such as matmul_q8_0_vec.
func moduleOf(stem string, t compute.DType, suffix string) (string, error) {
	name := stem + "_" + strings.ToLower(t.String()) + suffix
	if _, ok := shaders.Find(name); !ok {
		return "", unsupported("got weights of %v, want one of %s", t, strings.ToUpper(strings.Join(shaders.Formats, ", ")))
	}
	return name, nil
}

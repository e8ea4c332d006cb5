package kernel

import "tuff/host/compute"

// rowNorm is the normalisation of whole rows in front of multiplications, which kernels for few rows do as they read them.
type rowNorm struct {
	x, weight, bias, out compute.Ref // bias may be absent
	eps                  float32
	rms                  *compute.RMSNorm // or
	layer                *compute.LayerNorm
}

// rowNormAt is the one at op i. Of a LayerNorm each workgroup goes through its rows twice more, before anything else: that costs less than
// a dispatch of its own, but not where there are as many workgroups as a vocabulary makes.
func (pl *planner) rowNormAt(i int) (n *rowNorm, ok bool) {
	if op, ok := opAt[compute.RMSNorm](pl, i); ok {
		n = &rowNorm{x: op.X, weight: op.Weight, out: op.Out, eps: op.Eps, rms: &op}
		return n, op.Group == 0 && pl.p.At(op.Weight).Rows == compute.Rows(1) && pl.p.At(op.Out).Role == compute.Scratch
	}
	if op, ok := opAt[compute.LayerNorm](pl, i); ok {
		n = &rowNorm{x: op.X, weight: op.Weight, bias: op.Bias, out: op.Out, eps: op.Eps, layer: &op}
		return n, op.Group == 0 && pl.p.At(op.X).Rows == compute.PerToken(1) && pl.p.At(op.Out).Role == compute.Scratch
	}
	return nil, false
}

// ofSquares is the norm whose factor is applied to finished sums, or nil: the one that kernels make bytes and halves with.
func (n *rowNorm) ofSquares() *compute.RMSNorm {
	if n == nil {
		return nil
	}
	return n.rms
}

// constant is NORM of shaders/include/few.glsl.
func (n *rowNorm) constant() uint32 {
	switch {
	case n == nil:
		return 0
	case n.rms != nil:
		return 1
	}
	return 2 + flag(n.bias != 0)
}

// name is the op's.
func (n *rowNorm) name() string {
	if n.rms != nil {
		return "rmsnorm"
	}
	return "layernorm"
}

func (pl *planner) rowNormDispatch(n *rowNorm) Dispatch {
	if n.rms != nil {
		return pl.rmsNormDispatch(*n.rms)
	}
	return pl.layerNormDispatch(*n.layer)
}

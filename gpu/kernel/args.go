package kernel

import (
	"math"

	"tuff/host/compute"
)

func addr(r compute.Ref) Arg       { return Arg{Kind: ArgAddr, Ref: r} }
func temp(i int) Arg               { return Arg{Kind: ArgTemp, Value: uint32(i)} }
func stepArg() Arg                 { return Arg{Kind: ArgStep} }
func u32(v int) Arg                { return Arg{Kind: ArgU32, Value: uint32(v)} }
func f32(v float32) Arg            { return Arg{Kind: ArgU32, Value: math.Float32bits(v)} }
func rowsArg(e compute.Extent) Arg { return Arg{Kind: ArgRows, Rows: e} }
func scaled(e compute.Extent, n int) compute.Extent {
	return compute.Extent{Fixed: n * e.Fixed, PerToken: n * e.PerToken, PerOutput: n * e.PerOutput}
}

// codebook is the argument of formats that have one.
func codebook(t compute.DType) []Arg {
	if compute.Codebook(t) == nil {
		return nil
	}
	return []Arg{{Kind: ArgCodebook, Value: uint32(t)}}
}

// refs are accesses to whole tensors; the zero Ref is left out.
func refs(list ...compute.Ref) []Access {
	var a []Access
	for _, r := range list {
		if r != 0 {
			a = append(a, Access{Ref: r})
		}
	}
	return a
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// pow2 is the smallest power of two that is at least n.
func pow2(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// fold spreads n workgroups over x and, past the device's limit, y; kernels guard the last row's rest.
func (pl *planner) fold(n int) [3]uint32 {
	if n <= 0 {
		return [3]uint32{}
	}
	x := min(n, int(pl.caps.MaxGrid[0]))
	return [3]uint32{uint32(x), uint32(ceilDiv(n, x)), 1}
}

// elementwise is a dispatch with one invocation per element of rows × cols.
func (pl *planner) elementwise(module string, rows compute.Extent, cols int, spec []uint32, args []Arg, reads, writes []Access) Dispatch {
	wg := min(128, int(pl.caps.MaxInvocations))
	return Dispatch{
		Module: module, Spec: append([]uint32{uint32(wg)}, spec...), Args: args, Reads: reads, Writes: writes, Name: module,
		Grid: func(s Shape) [3]uint32 { return pl.fold(ceilDiv(rows.At(s.Sizes())*cols, wg)) },
	}
}

// flag is a boolean specialization constant.
func flag(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}

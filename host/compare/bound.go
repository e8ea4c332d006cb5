package compare

import (
	"math"

	"tuff/host/compute"
)

// u is float32's unit roundoff and slack the constant c of the bounds: 2 for a fused multiply-add against a separate one,
// and the reference's own last rounding.
const (
	u     = 0x1p-24
	slack = 2
)

// gamma is the error growth of n roundings, n·u/(1−n·u): Higham, Accuracy and Stability of Numerical Algorithms, 3.1.
func gamma(n int) float64 { return float64(n) * u / (1 - float64(n)*u) }

// tensors gives values of the reference run as float32: rows as many as the step has.
type tensors interface {
	values(r compute.Ref) ([]float32, error)
	// rowNorms are the Euclidean norms of rows lo to hi−1 of a weight matrix, where they lie in the whole; others need not be right.
	rowNorms(r compute.Ref, lo, hi int) ([]float64, error)
}

// boundOf is the proven bound of |got−want| for each element that op writes to out, when got was computed from the same
// inputs in float32 with sums in any order; nil where none is known. For sums of products it is c·γ_K·Σ|x·w|, with
// Σ|x·w| ≤ ‖x‖·‖w‖ by Cauchy and Schwarz, so that the product with |W| need not be formed. errs holds the bounds of inputs
// that the same group computed: their effect is added, which makes the bound of a fused group.
func boundOf(p *compute.Program, op compute.Op, out compute.Ref, v tensors, errs map[compute.Ref][]float64) ([]float64, error) {
	for _, r := range op.Reads() {
		if e, inside := errs[r]; inside && e == nil {
			return nil, nil // an input was computed in the group, and nobody knows how far off it may be
		}
	}
	want, err := v.values(out)
	if err != nil {
		return nil, err
	}
	bound := make([]float64, len(want))
	get := func(r compute.Ref) []float32 {
		x, e := v.values(r)
		if err == nil {
			err = e
		}
		return x
	}
	// in is the error of element i of an input.
	in := func(r compute.Ref, i int) float64 { return at(errs[r], i) }
	switch o := op.(type) {
	case compute.MatMul:
		return bound, matmulBound(p, o, v, bound, errs[o.X])
	case compute.MatMulExperts:
		return bound, expertsBound(p, o, v, bound, errs[o.X])
	case compute.MatMulHeads:
		return bound, headsBound(p, o, v, bound, errs[o.X])
	case compute.Mix:
		x := get(o.X)
		var w []float32
		if o.Weights != 0 {
			w = get(o.Weights)
		}
		if err != nil {
			return nil, err
		}
		out, row := p.At(o.Out), p.At(o.X)
		each, sums := out.Rows.PerToken*out.Cols, o.Sums(p) // of a token
		cols := each / sums
		used := row.Rows.PerToken * row.Cols / cols
		for i := range bound {
			t, c := i/each, i%cols
			for j := range used {
				at, by := (t*used+j)*cols+c, i/cols*used+j
				xv, wv := math.Abs(float64(x[at])), 1.0
				if w != nil {
					wv = math.Abs(float64(w[by]))
				}
				bound[i] += slack*gamma(used+1)*xv*wv + in(o.X, at)*wv + in(o.Weights, by)*(xv+in(o.X, at))
			}
		}
	case compute.Scale:
		if o.Cap != 0 {
			cappedBound(o, get(o.X), errs[o.X], bound)
			break
		}
		for i, w := range want {
			bound[i] = slack*u*math.Abs(float64(w)) + in(o.X, i)*math.Abs(float64(o.Factor))
		}
	case compute.Embed, compute.TakeRows:
		for i, w := range want { // one conversion, correctly rounded
			bound[i] = slack * u * math.Abs(float64(w))
		}
	case compute.KVStore:
		src := o.K
		if out == o.VCache {
			src = o.V
		}
		t := p.At(out).DType
		unit := unitOf(t)
		old := len(want) // rows stored by earlier steps are B's, converted
		if e := errs[src]; e != nil {
			old -= len(e)
		}
		for i, w := range want {
			bound[i] = slack * unit * math.Abs(float64(w))
			if i >= old {
				bound[i] += in(src, i-old) * (1 + slack*unit)
			}
		}
		if t.Quantized() {
			blockBound(t, want, bound)
		}
	case compute.Add:
		a, b := get(o.A), get(o.B)
		for i := range bound[:min(len(a), len(b))] {
			bound[i] = slack*u*(math.Abs(float64(a[i]))+math.Abs(float64(b[i]))) + in(o.A, i) + in(o.B, i)
		}
	case compute.Activation:
		return bound, activationBound(p, o, v, bound, errs)
	case compute.Columns:
		columnsBound(p, o, bound, errs)
	case compute.AltUp:
		return bound, altUpBound(p, o, out, v, bound, errs)
	case compute.SparseGate:
		return bound, sparseGateBound(p, o, v, bound, errs)
	case compute.LayerNorm:
		return bound, layerNormBound(p, o, v, want, bound, errs[o.X])
	case compute.RMSNorm:
		return bound, normBound(p, o, v, want, bound, errs[o.X])
	case compute.RoPE:
		ropeBound(o, get(o.X), errs[o.X], bound)
	case compute.SwiGLU:
		// exp is good to 3 + 2|x| ULP and division to 2.5 (Vulkan specification, precision of operations); the slope of
		// silu is at most 1.1.
		g, up := get(o.Gate), get(o.Up)
		for i, w := range want[:min(len(g), len(up))] {
			eg, eu := in(o.Gate, i), in(o.Up, i)
			gate := math.Abs(float64(g[i]))
			bound[i] = slack*2*(8+2*gate)*u*math.Abs(float64(w)) + 1.1*eg*(math.Abs(float64(up[i]))+eu) + gate*eu + 0x1p-126
		}
	case compute.Attention:
		if errs[o.Q] != nil || errs[o.K] != nil || errs[o.V] != nil {
			return nil, nil // made in the same group: how far a score is off then is not worked out
		}
		return attentionBound(p, o, v, bound)
	default:
		return nil, nil
	}
	return bound, err
}

// blockBound widens the bounds of blocks that each device made by itself: within a step of the level that the other chose, one half
// before rounding on either side, and what the largest element of the block may be off moves all of them in proportion.
func blockBound(t compute.DType, want []float32, bound []float64) {
	levels := 127.0
	if t == compute.Q4_0 {
		levels = 8
	}
	for at := 0; at < len(want); at += t.BlockLen() {
		var top, off float64
		for i := at; i < at+t.BlockLen(); i++ {
			top, off = max(top, math.Abs(float64(want[i]))), max(off, bound[i])
		}
		for i := at; i < at+t.BlockLen(); i++ {
			bound[i] += slack * (top/levels + top*0x1p-11 + off)
		}
	}
}

// storedNMSE is what rounding may do to values in a cache of type t that are right before: an element in the middle between two
// values of the type becomes either. It allows that to an eighth of all elements, or in a small tensor to the largest alone; a step
// is relative to the element, or in blocks to a root mean square of a third of the largest.
func storedNMSE(t compute.DType) float64 {
	step := 2 * unitOf(t)
	switch t {
	case compute.Q8_0:
		step = 3.0 / 127
	case compute.Q4_0:
		step = 3.0 / 8
	}
	return step * step / 8
}

// unitOf is the unit roundoff of a plain float type.
func unitOf(t compute.DType) float64 {
	switch t {
	case compute.F16:
		return 0x1p-11
	case compute.BF16:
		return 0x1p-8
	}
	return u
}

func matmulBound(p *compute.Program, o compute.MatMul, v tensors, bound, xErr []float64) error {
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	k, n := p.At(o.X).Cols, p.At(o.W).Rows.Fixed
	norms, err := v.rowNorms(o.W, 0, n)
	if err != nil {
		return err
	}
	for r := range len(x) / k {
		xn := slack * gamma(k+1) * norm(x[r*k:(r+1)*k])
		if xErr != nil {
			xn += norm(xErr[r*k : (r+1)*k])
		}
		for c := range n {
			bound[r*n+c] = xn * norms[c]
		}
	}
	if o.Bias == 0 {
		return nil
	}
	bias, err := v.values(o.Bias)
	if err != nil {
		return err
	}
	for i := range bound {
		bound[i] += slack * u * math.Abs(float64(bias[i%n]))
	}
	return nil
}

// optional are the values of a tensor, or nil where there is none.
func optional(v tensors, r compute.Ref) ([]float32, error) {
	if r == 0 {
		return nil, nil
	}
	return v.values(r)
}

// expertsBound is matmulBound with the rows of each expert that a token uses.
func expertsBound(p *compute.Program, o compute.MatMulExperts, v tensors, bound, xErr []float64) error {
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	ids, err := v.values(o.IDs)
	if err != nil {
		return err
	}
	bias, err := optional(v, o.Bias)
	if err != nil {
		return err
	}
	k, n := p.At(o.X).Cols, p.At(o.W).Rows.Fixed/o.NumExperts
	uses := len(ids) / (len(x) / k) // of a row of X
	for r, id := range ids {
		e := min(max(int(id), 0), o.NumExperts-1)
		norms, err := v.rowNorms(o.W, e*n, (e+1)*n)
		if err != nil {
			return err
		}
		at := r / uses * k
		xn := slack * gamma(k+1) * norm(x[at:at+k])
		if xErr != nil {
			xn += norm(xErr[at : at+k])
		}
		for c := range n {
			bound[r*n+c] = xn * norms[e*n+c]
			if bias != nil {
				bound[r*n+c] += slack * u * math.Abs(float64(bias[e*n+c]))
			}
		}
	}
	return nil
}

// headsBound is matmulBound with a matrix for each head.
func headsBound(p *compute.Program, o compute.MatMulHeads, v tensors, bound, xErr []float64) error {
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	rows := p.At(o.W).Rows.Fixed
	norms, err := v.rowNorms(o.W, 0, rows)
	if err != nil {
		return err
	}
	k, n := p.At(o.W).Cols, rows/o.NumHeads
	for i := range bound {
		at := i / n * k
		xn := slack * gamma(k+1) * norm(x[at:at+k])
		if xErr != nil {
			xn += norm(xErr[at : at+k])
		}
		bound[i] = xn * norms[i%rows]
	}
	return nil
}

// normBound: the sum of squares has only positive terms: relative error γ_C, halved by the root, then three roundings and inversesqrt's
// 2 ULP. An input that is off by e moves an element by its own share, e·|y/x|, and through the root by at most |y|·‖e‖/‖x‖.
func normBound(p *compute.Program, o compute.RMSNorm, v tensors, want []float32, bound, xErr []float64) error {
	cols := p.At(o.X).Cols
	if o.Group > 0 {
		cols = o.Group
	}
	for i, w := range want {
		bound[i] = slack * (gamma(cols)/2 + 6*u) * math.Abs(float64(w))
	}
	if xErr == nil {
		return nil
	}
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	weight := []float32{1}
	if o.Weight != 0 {
		if weight, err = v.values(o.Weight); err != nil {
			return err
		}
	}
	for at := 0; at < len(want); at += cols {
		size, off := norm(x[at:at+cols]), norm(xErr[at:at+cols])
		scale := 1 / math.Sqrt(size*size/float64(cols)+float64(o.Eps))
		for i := at; i < at+cols; i++ {
			bound[i] += slack * (xErr[i]*scale*math.Abs(float64(weight[i%len(weight)])) + math.Abs(float64(want[i]))*off/max(size, math.SmallestNonzeroFloat64))
		}
	}
	return nil
}

// ropeBound allows three roundings on the two products of each rotation, and the errors of both elements.
func ropeBound(o compute.RoPE, x []float32, xErr, bound []float64) {
	for i := range bound[:len(x)] {
		d := i % o.HeadDim
		if d >= o.RotDim {
			if xErr != nil {
				bound[i] = xErr[i] // copied
			}
			continue
		}
		j := i - d + (d ^ 1)
		if o.Pairing == compute.Halves {
			j = i - d + (d+o.RotDim/2)%o.RotDim
		}
		// A long-context scaling may enlarge cos and sin a little; 2 covers every published one.
		bound[i] = slack * 3 * u * 2 * (math.Abs(float64(x[i])) + math.Abs(float64(x[j])))
		if xErr != nil {
			bound[i] += 2 * (xErr[i] + xErr[j])
		}
	}
}

// attentionBound: a score is off by at most δ = c·γ_D·Scale·‖q‖·max‖k‖ plus exp's own error and the rounding of the cache's
// type, which moves every weight by e^δ−1 relative; the weighted mean of V then by 2(e^δ−1) plus γ_n, times the largest |v|
// of its column.
func attentionBound(p *compute.Program, o compute.Attention, v tensors, bound []float64) ([]float64, error) {
	q, err := v.values(o.Q)
	if err != nil {
		return nil, err
	}
	k, err := v.values(o.K)
	if err != nil {
		return nil, err
	}
	vals, err := v.values(o.V)
	if err != nil {
		return nil, err
	}
	kUnit, vUnit := unitOf(p.At(o.K).DType), unitOf(p.At(o.V).DType)
	group := o.NumHeads / o.NumKVHeads
	keys := len(k) / (o.NumKVHeads * o.HeadDim)
	kMax := make([]float64, o.NumKVHeads)
	vMax := make([]float64, o.NumKVHeads*o.HeadDimV)
	for j := range keys {
		for h := range o.NumKVHeads {
			at := (j*o.NumKVHeads + h) * o.HeadDim
			kMax[h] = max(kMax[h], norm(k[at:at+o.HeadDim]))
		}
		for c := range vMax {
			at := (j*o.NumKVHeads+c/o.HeadDimV)*o.ValueStride() + c%o.HeadDimV // values may be the beginnings of their keys
			vMax[c] = max(vMax[c], math.Abs(float64(vals[at])))
		}
	}
	for i := range bound {
		t, h, d := i/(o.NumHeads*o.HeadDimV), i/o.HeadDimV%o.NumHeads, i%o.HeadDimV
		at := (t*o.NumHeads + h) * o.HeadDim
		top := math.Abs(float64(o.Scale)) * norm(q[at:at+o.HeadDim]) * kMax[h/group]
		delta := slack*(gamma(o.HeadDim+2)+kUnit)*top + (3+4*top)*2*u
		bound[i] = slack * (2*math.Expm1(delta) + gamma(keys+4) + vUnit) * vMax[h/group*o.HeadDimV+d]
	}
	return bound, nil
}

func norm[F float32 | float64](x []F) float64 {
	var s float64
	for _, f := range x {
		s += float64(f) * float64(f)
	}
	return math.Sqrt(s)
}

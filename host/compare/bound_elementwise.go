package compare

import (
	"math"

	"tuff/host/compute"
	"tuff/host/conformance"
)

// activationBound is the suite's bound of the function, once for each side, with the error of the gate carried through its slope, and that of
// the factor as it is.
func activationBound(p *compute.Program, o compute.Activation, v tensors, bound []float64, errs map[compute.Ref][]float64) error {
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	up, err := optional(v, o.Up)
	if err != nil {
		return err
	}
	for i := range bound[:min(len(bound), len(x))] {
		xErr, upErr := at(errs[o.X], i), 0.0
		y, own := conformance.ActivationBound(o.Fn, float64(x[i]), xErr)
		bound[i] = slack * own
		if up == nil {
			continue
		}
		f := float64(up[i%len(up)]) // one row for all, or as many
		upErr = at(errs[o.Up], i%len(up))
		if o.Fn == compute.ClampedSiLU {
			f = min(max(f, -7), 7) + 1
			upErr += slack * u * math.Abs(f)
		}
		bound[i] = bound[i]*(math.Abs(f)+upErr) + math.Abs(y)*upErr + slack*2*u*math.Abs(y*f) + tiny
	}
	return nil
}

// tiny is what may become of numbers too small for float32: zero.
const tiny = 0x1p-126

// at is element i of errors, 0 where there are none.
func at(errs []float64, i int) float64 {
	if errs == nil {
		return 0
	}
	return errs[i]
}

// layerNormBound: the mean is off by μ = γ_n·Σ|x|/n and by the mean error of x; a difference by e = xErr + μ + u|d|; the variance relatively by
// ρ = (2Σ|d|e + Σe²)/Σd², of which the root takes at most all. An element is d·w/σ, off by |y|(ρ + γ_n + 8u) + e·|w|/σ.
func layerNormBound(p *compute.Program, o compute.LayerNorm, v tensors, want []float32, bound, xErr []float64) error {
	x, err := v.values(o.X)
	if err != nil {
		return err
	}
	w, err := v.values(o.Weight)
	if err != nil {
		return err
	}
	bias, err := optional(v, o.Bias)
	if err != nil {
		return err
	}
	cols := p.At(o.X).Cols
	size := cols
	if o.Group > 0 {
		size = o.Group
	}
	n := float64(size)
	for from := 0; from+size <= len(want); from += size {
		var sum, terms, off float64
		for i := from; i < from+size; i++ {
			sum += float64(x[i])
			terms += math.Abs(float64(x[i]))
			off += at(xErr, i)
		}
		mean, moved := sum/n, slack*gamma(size+2)*terms/n+off/n
		var squares, changed float64
		for i := from; i < from+size; i++ {
			d := float64(x[i]) - mean
			e := at(xErr, i) + moved + slack*u*math.Abs(d)
			squares += d * d
			changed += 2*math.Abs(d)*e + e*e
		}
		variance := squares/n + float64(o.Eps)
		root, rel := math.Sqrt(variance), slack*(gamma(size+2)+8*u)+changed/n/variance
		for i := from; i < from+size; i++ {
			c := i % cols % len(w)
			d, weight := float64(x[i])-mean, math.Abs(float64(w[c]))
			y := math.Abs(d) / root * weight
			bound[i] = y*rel + (at(xErr, i)+moved+slack*u*math.Abs(d))/root*weight*(1+rel) + tiny*(1+weight)
			if bias != nil {
				bound[i] += slack * u * (y + math.Abs(float64(bias[c])))
			}
		}
	}
	return nil
}

// cappedBound: tanh is good to 36u of the smaller of 1 and its argument on any device (shaders/include/tanh.glsl), its slope at most 1.
func cappedBound(o compute.Scale, x []float32, xErr, bound []float64) {
	factor, limit := float64(o.Factor), float64(o.Cap)
	for i := range bound[:min(len(bound), len(x))] {
		y := math.Abs(factor * float64(x[i]))
		bound[i] = math.Abs(factor)*at(xErr, i) + slack*(2*u*y+limit*min(1, y/limit)*36*u) + tiny*(1+limit)
	}
}

// columnsBound: copies are off by what their sources are, and not at all by themselves.
func columnsBound(p *compute.Program, o compute.Columns, bound []float64, errs map[compute.Ref][]float64) {
	width := o.NumA + o.NumB
	for i := range bound {
		item, j := i/width, i%width
		from, place := o.A, item*(p.At(o.A).Cols/o.Groups)+o.FromA+j
		if j >= o.NumA {
			from, place = o.B, item*(p.At(o.B).Cols/o.Groups)+o.FromB+j-o.NumA
		}
		bound[i] = at(errs[from], place) + tiny
	}
}

// whyUnbound says why boundOf has no bound for what an op writes.
func whyUnbound(p *compute.Program, op compute.Op, errs map[compute.Ref][]float64) string {
	switch op.(type) {
	case compute.Route, compute.TopK, compute.Sample:
		return "a choice: of two that are nearly equal either is right"
	case compute.Attention:
		return "its inputs are made in the same group: how far scores are off then depends on all keys"
	case compute.Conv1D:
		return "it reads what earlier steps left in its state, which is overwritten by then"
	case compute.SSMScan, compute.DeltaRule:
		return "errors are carried from token to token by factors that the inputs choose"
	}
	for _, r := range op.Reads() {
		if e, inside := errs[r]; inside && e == nil {
			return "an op of the same group before it has none"
		}
	}
	return "not worked out for " + op.Stem()
}

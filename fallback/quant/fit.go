package quant

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// Fit rounds len(src) elements within ±65504, the range of binary16 in which scales are stored, to blocks of format t that decode to
// numbers close to them: where Encode writes what the format's reference writes, Fit searches scales and minima for a small sum of
// squared errors. No block of a format that Encode knows gets a larger sum than Encode's. What larger elements come to is finite but
// may be far off.
//
// The search is the usual alternation: levels follow from scale and minimum by rounding, scale and minimum from levels by least
// squares, from several starts; sums are float32 and rounded after every product, so that every machine writes the same bytes.
// Source: Lloyd, Least Squares Quantization in PCM, 1982, with levels bound to a line.
func Fit(t compute.DType, dst []byte, src []float32) error {
	f := formats[t]
	if f.fit == nil {
		return fmt.Errorf("quant: fit %v: not supported", t)
	}
	if err := check("fit", t, len(src), len(dst)); err != nil {
		return err
	}
	n, b := t.BlockLen(), t.BlockBytes()
	for ; len(src) > 0; dst, src = dst[b:], src[n:] {
		f.fit(dst[:b], src[:n])
	}
	return nil
}

// Fittable reports whether Fit knows t.
func Fittable(t compute.DType) bool { return formats[t].fit != nil }

// maxHalf is the largest binary16 number.
const maxHalf = 65504

// toHalf rounds to the nearest finite binary16 number, but what is not zero to none: the least scale may still be of use.
func toHalf(f float32) float32 {
	const least = 0x1p-24
	switch {
	case f > 0 && f < least:
		return least
	case f < 0 && f > -least:
		return -least
	}
	return compute.F16ToF32(compute.F32ToF16(max(-maxHalf, min(maxHalf, f))))
}

// nearest rounds to a whole number, halves to even, for magnitudes below 2²².
func nearest(v float32) float32 { return (v + 0x1.8p23) - 0x1.8p23 }

// line is a candidate: x ≈ d·q + m with the sum of squared errors e; next is where least squares would go from its levels, and
// hope the sum it promises.
type line struct {
	d, m, e float32
	nextD   float32
	nextM   float32
	hope    float32
}

// scaled is the line through zero of scale d ≠ 0 with levels lo … hi.
func scaled(x []float32, d, lo, hi float32) line {
	inv := 1 / d
	var rr, rq, qq float32
	for _, v := range x {
		l := float32(v * inv)
		if l > hi {
			l = hi
		} else if l < lo {
			l = lo
		}
		l = nearest(l)
		r := v - float32(d*l)
		rr += float32(r * r)
		rq += float32(r * l)
		qq += float32(l * l)
	}
	c := line{d: d, e: rr, nextD: d, hope: rr}
	if qq > 0 {
		c.nextD = d + rq/qq
		c.hope = rr - float32(rq*rq)/qq
	}
	return c
}

// fitScale finds d, rounded by round, and levels lo … hi with x ≈ d·q. starts are the levels at which the element of largest
// magnitude may come to lie. A result of 0 says that nothing is closer than zero.
func fitScale(x []float32, lo, hi float32, starts []float32, round func(float32) float32) float32 {
	top := extreme(x)
	if top == 0 {
		return 0
	}
	var none float32
	for _, v := range x {
		none += float32(v * v)
	}
	best := line{e: none}
	var first, second line
	first.hope, second.hope = math.MaxFloat32, math.MaxFloat32
	consider := func(d float32) line {
		if d = round(d); d == 0 {
			return line{e: none, hope: none}
		}
		c := scaled(x, d, lo, hi)
		if c.e < best.e {
			best = c
		}
		return c
	}
	for _, at := range starts {
		switch c := consider(top / at); {
		case c.hope < first.hope:
			first, second = c, first
		case c.hope < second.hope:
			second = c
		}
	}
	for _, c := range [2]line{first, second} {
		for range 4 {
			if round(c.nextD) == c.d {
				break
			}
			next := consider(c.nextD)
			if !(next.e < c.e) {
				break
			}
			c = next
		}
	}
	return best.d
}

// affine is the line of scale d > 0 and offset m with levels 0 … top. below says that offsets above 0 are not allowed.
func affine(x []float32, d, m, top float32, below bool) line {
	inv := 1 / d
	var rr, r1, rq, q1, qq float32
	for _, v := range x {
		l := float32((v - m) * inv)
		if l > top {
			l = top
		} else if l < 0 {
			l = 0
		}
		l = nearest(l)
		r := v - (float32(d*l) + m)
		rr += float32(r * r)
		r1 += r
		rq += float32(r * l)
		q1 += l
		qq += float32(l * l)
	}
	n := float32(len(x))
	c := line{d: d, m: m, e: rr, nextD: d, nextM: m, hope: rr}
	if det := float32(n*qq) - float32(q1*q1); det > 0 {
		dd := (float32(n*rq) - float32(q1*r1)) / det
		dm := (float32(qq*r1) - float32(q1*rq)) / det
		c.nextD, c.nextM = d+dd, m+dm
		c.hope = rr - float32(dd*rq) - float32(dm*r1)
	}
	if below && c.nextM > 0 && qq > 0 { // the best line through zero
		c.nextD, c.nextM = d+(rq+float32(m*q1))/qq, 0
		c.hope = rr
	}
	return c
}

// trims are the parts of a step by which the lowest and highest level may lie within the range of the elements.
var trims = []float32{0, 0.6}

// fitLine finds d and m, rounded by round, and levels 0 … top with x ≈ d·q + m. Where d is 0, m alone stands for all.
func fitLine(x []float32, top float32, below bool, round func(float32) float32) (d, m float32) {
	lo, hi := bounds(x)
	if below {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	best, zero := line{m: round(lo)}, line{}
	for _, v := range x {
		r := v - best.m
		best.e += float32(r * r)
		zero.e += float32(v * v)
	}
	if zero.e < best.e {
		best = zero
	}
	if lo == hi {
		return 0, best.m
	}
	var first, second line
	first.hope, second.hope = math.MaxFloat32, math.MaxFloat32
	consider := func(d, m float32) line {
		d, m = round(d), round(m)
		if !(d > 0) {
			return line{e: best.e, hope: math.MaxFloat32}
		}
		c := affine(x, d, m, top, below)
		if c.e < best.e {
			best = c
		}
		return c
	}
	step := (hi - lo) / top
	for _, a := range trims {
		for _, b := range trims {
			from := lo + float32(a*step)
			if below {
				from = min(from, 0)
			}
			switch c := consider((hi-float32(b*step)-from)/top, from); {
			case c.hope < first.hope:
				first, second = c, first
			case c.hope < second.hope:
				second = c
			}
		}
	}
	for _, c := range [2]line{first, second} {
		for range 4 {
			if round(c.nextD) == c.d && round(c.nextM) == c.m {
				break
			}
			next := consider(c.nextD, c.nextM)
			if !(next.e < c.e) {
				break
			}
			c = next
		}
	}
	return best.d, best.m
}

// asIs is the rounding of a scale that is stored in some other way later.
func asIs(f float32) float32 { return f }

// levels writes the levels of x on the line (d, m) to q.
func levels(q, x []float32, d, m, lo, hi float32) {
	inv := inverse(d)
	for i, v := range x {
		q[i] = nearest(max(lo, min(hi, float32((v-m)*inv))))
	}
}

package conformance

import (
	"math"
	"slices"

	"tuff/host/compute"
)

// cacheRow is a row of the cache from a row of keys or values: v and e from x and xe.
func cacheRow(t compute.DType, x, xe, v, e []float64) {
	switch t {
	case compute.F32:
		for c := range x {
			v[c], e[c] = x[c], xe[c]
			if x[c] != 0 && abs(x[c]) < tiny {
				e[c] += tiny
			}
		}
	case compute.F16, compute.BF16: // an error may carry a value over the middle between two halves, and only then shows
		round := roundF16
		if t == compute.BF16 {
			round = roundBF16
		}
		for c := range x {
			v[c] = round(x[c])
			e[c] = max(round(x[c]+xe[c])-v[c], v[c]-round(x[c]-xe[c]))
			if v[c] != 0 && abs(v[c]) < tiny {
				e[c] += tiny
			}
		}
	default:
		for c := 0; c < len(x); c += 32 {
			cacheBlock(t, x[c:c+32], xe[c:c+32], v[c:c+32], e[c:c+32])
		}
	}
}

// cacheBlock stores 32 elements as Q8_0 or Q4_0. What a device may store instead is bounded by what its scale may be: the division is good to
// 2.5 ULP (Vulkan specification, precision of operations) and its dividend as far off as the input is, after which its half is the same or
// another; a level comes from a quotient that the scale's inverse and a product move by 8u; and with errors in it another element may be
// the largest, which for Q4_0 may have the other sign. The error of an element is the farthest of all these from the textbook's. A
// decoded element d·q has 19 bits, so reading it back adds none.
func cacheBlock(t compute.DType, x, xe, v, e []float64) {
	levels, level := 127.0, func(q float64) float64 { return math.Copysign(math.Floor(abs(q)+0.5), q) }
	if t == compute.Q4_0 {
		levels, level = 8, func(q float64) float64 { return min(max(math.Floor(q+8.5), 0), 15) - 8 }
	}
	sign := func(top float64) int { // of the scale: 0 for a positive one
		if t == compute.Q4_0 && top > 0 {
			return 1
		}
		return 0
	}
	var top, sure float64
	for c := range x {
		if abs(x[c]) > abs(top) { // the first of equals
			top = x[c]
		}
		sure = max(sure, abs(x[c])-xe[c])
	}
	var might [2][]float64 // scales by sign, without it
	add := func(top, err float64) {
		err += 5 * u * abs(top)
		might[sign(top)] = append(might[sign(top)], max(abs(top)-err, 0)/levels, (abs(top)+err)/levels)
	}
	add(top, 0)
	for c := range x {
		if abs(x[c])+xe[c] > sure && (xe[c] > tiny || x[c] == top) {
			add(x[c], xe[c])
		}
	}
	d := abs(top) / levels
	for c := range x {
		e[c], v[c] = tiny, 0
		sx := x[c] * []float64{1, -1}[sign(top)]
		if d > 0 {
			v[c] = roundF16(d) * level(sx/d) * []float64{1, -1}[sign(top)]
		}
		for s, list := range might {
			if list == nil {
				continue
			}
			f, off := []float64{1, -1}[s], xe[c]+8*u*abs(x[c])
			low, high := extremes(level, f*x[c]-off, f*x[c]+off, slices.Min(list), slices.Max(list))
			e[c] = max(e[c], abs(f*low-v[c]), abs(f*high-v[c]))
		}
	}
}

// extremes are the smallest and the largest of half(d)·level(x/d), for xlo ≤ x ≤ xhi and dlo ≤ d ≤ dhi. A level q is taken where
// (q−½)·d ≤ x ≤ (q+½)·d, the outermost also beyond, and d·q is farthest at the ends of the interval of d in which some x has it: an element's
// extremes may lie at a scale between dlo and dhi.
func extremes(level func(float64) float64, xlo, xhi, dlo, dhi float64) (low, high float64) {
	if dhi == 0 {
		return 0, 0
	}
	if dlo == 0 { // a block that may be all zeros, whose scale says nothing
		return min(0, xlo-dhi), max(0, xhi+dhi)
	}
	first, last := level(min(xlo/dlo, xlo/dhi)), level(max(xhi/dlo, xhi/dhi))
	low, high = math.Inf(1), math.Inf(-1)
	for q := first; q <= last; q++ {
		from, to := dlo, dhi
		if q > first { // x ≥ (q−½)·d for some x
			if below := q - 0.5; below > 0 {
				to = min(to, xhi/below)
			} else {
				from = max(from, xhi/below)
			}
		}
		if q < last { // x ≤ (q+½)·d for some x
			if above := q + 0.5; above > 0 {
				from = max(from, xlo/above)
			} else {
				to = min(to, xlo/above)
			}
		}
		if from <= to {
			a, b := roundF16(from)*q, roundF16(to)*q
			low, high = min(low, a, b), max(high, a, b)
		}
	}
	return low, high
}

func roundBF16(x float64) float64 {
	return float64(compute.BF16ToF32(compute.F32ToBF16(float32(x))))
}

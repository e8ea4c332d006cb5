package conformance

import (
	"math"

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

// cacheBlock stores 32 elements as Q8_0 or Q4_0. What a device may store instead is bounded by trying it: the scale's division is
// good to 2.5 ULP (Vulkan specification, precision of operations) and its dividend as far off as the input is, after which its
// half is the same or the next one; a level comes from a quotient that the scale's inverse and a product move by 8u; and with
// errors in it another element may be the largest, which for Q4_0 may have the other sign. The error of an element is the farthest
// of all these from the textbook's. A decoded element d·q has 19 bits, so reading it back adds none.
func cacheBlock(t compute.DType, x, xe, v, e []float64) {
	levels, level := 127.0, func(q float64) float64 { return math.Copysign(math.Floor(abs(q)+0.5), q) }
	if t == compute.Q4_0 {
		levels, level = -8, func(q float64) float64 { return min(max(math.Floor(q+8.5), 0), 15) - 8 }
	}
	var top, sure float64
	for c := range x {
		if abs(x[c]) > abs(top) { // the first of equals
			top = x[c]
		}
		sure = max(sure, abs(x[c])-xe[c])
	}
	if t == compute.Q8_0 {
		top = abs(top)
	}
	type scale struct{ exact, stored float64 }
	scaleOf := func(top float64) scale { return scale{top / levels, roundF16(top / levels)} }
	stored := func(s scale, x float64) float64 {
		if s.exact == 0 {
			return 0
		}
		return s.stored * level(x/s.exact)
	}
	might := []scale{}
	add := func(top, err float64) {
		for _, f := range []float64{-1, 1} {
			might = append(might, scaleOf(top+f*(err+5*u*abs(top))))
		}
	}
	add(top, 0)
	for c := range x {
		if abs(x[c])+xe[c] > sure {
			far := x[c]
			if t == compute.Q8_0 {
				far = abs(far)
			}
			if xe[c] > tiny || abs(far) == abs(top) && far == top {
				add(far, xe[c])
			}
		}
	}
	s := scaleOf(top)
	for c := range x {
		v[c] = stored(s, x[c])
		e[c] = tiny
		for _, m := range might {
			for _, f := range []float64{-1, 1} {
				e[c] = max(e[c], abs(stored(m, x[c]+f*(xe[c]+8*u*abs(x[c])))-v[c]))
			}
		}
	}
}

func roundBF16(x float64) float64 {
	return float64(compute.BF16ToF32(compute.F32ToBF16(float32(x))))
}

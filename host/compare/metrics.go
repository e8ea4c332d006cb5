package compare

import "math"

// Metrics say how far values A are from reference values B.
type Metrics struct {
	Count  int     `json:"count"`
	NMSE   float64 `json:"nmse"`    // Σ(a−b)² / Σb²
	MaxAbs float64 `json:"max_abs"` // max |a−b|
	// Bound is the largest |a−b| as a share of the proven bound of that element: above 1 the result is wrong, not merely
	// rounded differently. Zero where no bound is known.
	Bound  float64 `json:"bound"`
	MaxULP float64 `json:"max_ulp"` // largest |a−b| in units of b's last float32 place
	Cosine float64 `json:"cosine"`
	NaN    int     `json:"nan"` // of A, where B has none
	Inf    int     `json:"inf"`
	Worst  int     `json:"worst"` // element of the largest Bound, or of MaxAbs where there is none
	Got    float64 `json:"got"`   // a and b there
	Want   float64 `json:"want"`
	// ULPs counts elements by |a−b| in units of b's last place: equal ones, those of at most 1, of at most 2, 4, 8 and so on; the last
	// class, ulpClasses−1, takes all beyond and what is not finite.
	ULPs []int `json:"ulps"`
}

// ulpClasses of Metrics.ULPs: beyond 2^24 units nothing of b's digits is left.
const ulpClasses = 27

// ulpClass is the class of a distance in units of the last place.
func ulpClass(d float64) int {
	switch {
	case d == 0:
		return 0
	case d <= 1:
		return 1
	case !(d <= 1<<(ulpClasses-3)):
		return ulpClasses - 1
	}
	return 1 + int(math.Ceil(math.Log2(d)))
}

// Measure compares a with b element by element. bound, if not nil, is the proven error bound of each element.
func Measure(a, b []float32, bound []float64) Metrics {
	m := Metrics{Count: len(b), Worst: -1, ULPs: make([]int, ulpClasses)}
	var errSum, refSum, aSum, dot, worst float64
	for i, bv := range b {
		x, y := float64(a[i]), float64(bv)
		switch {
		case math.IsNaN(x) && !math.IsNaN(y):
			m.NaN++
			m.ULPs[ulpClasses-1]++
			m.worst(i, x, y, math.Inf(1), &worst)
			continue
		case math.IsInf(x, 0) && x != y:
			m.Inf++
			m.ULPs[ulpClasses-1]++
			m.worst(i, x, y, math.Inf(1), &worst)
			continue
		case math.IsNaN(y) || math.IsInf(y, 0):
			if x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
				m.NaN++ // the reference overflowed and A did not: as much a difference as the reverse
				m.ULPs[ulpClasses-1]++
				m.worst(i, x, y, math.Inf(1), &worst)
			} else {
				m.ULPs[0]++
			}
			continue
		}
		d := math.Abs(x - y)
		errSum += d * d
		refSum += y * y
		aSum += x * x
		dot += x * y
		m.MaxAbs = max(m.MaxAbs, d)
		units := d / ulp(bv)
		m.MaxULP = max(m.MaxULP, units)
		m.ULPs[ulpClass(units)]++
		score := d
		if bound != nil {
			score = share(d, bound[i])
			m.Bound = max(m.Bound, score)
		}
		m.worst(i, x, y, score, &worst)
	}
	if refSum > 0 {
		m.NMSE = errSum / refSum
	} else {
		m.NMSE = errSum
	}
	m.Cosine = 1
	if aSum > 0 && refSum > 0 {
		m.Cosine = dot / math.Sqrt(aSum*refSum)
	} else if aSum != refSum {
		m.Cosine = 0
	}
	return m
}

func (m *Metrics) worst(i int, a, b, score float64, best *float64) {
	if m.Worst < 0 || score > *best {
		m.Worst, m.Got, m.Want, *best = i, a, b, score
	}
}

// share is d in units of bound; an error where none is allowed is infinite.
func share(d, bound float64) float64 {
	if d == 0 {
		return 0
	}
	return d / bound
}

// ulp is the distance from |v| to the next larger float32.
func ulp(v float32) float64 {
	v = float32(math.Abs(float64(v)))
	return float64(math.Nextafter32(v, math.MaxFloat32)) - float64(v)
}

// Limits are what a comparison may not exceed.
type Limits struct {
	Bound float64 // of Metrics.Bound
	NMSE  float64
}

// Over says why m exceeds l, or nothing. NaN exceeds every limit.
func (m Metrics) Over(l Limits) string {
	switch {
	case m.NaN > 0:
		return "NaN"
	case m.Inf > 0:
		return "infinity"
	case !(m.Bound <= l.Bound):
		return "over the bound"
	case !(m.NMSE <= l.NMSE):
		return "NMSE"
	}
	return ""
}

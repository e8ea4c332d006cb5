package profile

import (
	"math/rand/v2"
	"slices"
)

// median is the middle value, or the mean of the two in the middle.
func median(v []float64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// resamples of a bootstrap: enough for the tails of an interval of 99 %.
const resamples = 4000

// Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// ratio is the interval at the given level of median(b)/median(a), by the percentile bootstrap: both are drawn anew with replacement and the
// ratios' quantiles taken (Efron and Tibshirani, An Introduction to the Bootstrap, 13.3). The generator has a fixed seed: the same runs give
// the same verdict.
func ratio(a, b []float64, level float64) (mid float64, ci Interval) {
	mid = median(b) / median(a)
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(from, to []float64) float64 {
		for i := range to {
			to[i] = from[rng.IntN(len(from))]
		}
		return median(to)
	}
	x, y := make([]float64, len(a)), make([]float64, len(b))
	r := make([]float64, resamples)
	for i := range r {
		r[i] = draw(b, y) / draw(a, x)
	}
	slices.Sort(r)
	tail := int((1 - level) / 2 * resamples)
	return mid, Interval{r[tail], r[resamples-1-tail]}
}

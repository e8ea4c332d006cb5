package profile

import (
	"fmt"
	"math"
	"slices"
)

// Verdicts of a difference.
const (
	Faster     = "faster"
	Slower     = "slower"
	NoEvidence = "no evidence"
	OnlyA      = "only in A"
	OnlyB      = "only in B"
)

// Levels of confidence: of whole phases, and of single ops, of which there are many, so that one in a hundred would differ by chance.
const (
	PhaseLevel = 0.95
	OpLevel    = 0.99
)

// MinRuns is the fewest runs of either side from which an interval can be drawn: with fewer the bootstrap has next to nothing to draw from.
const MinRuns = 5

// Diff is what became of the time from profile A to B.
type Diff struct {
	A      string      `json:"a"`
	B      string      `json:"b"`
	Phases []DiffPhase `json:"phases"`
}

// DiffPhase is one phase of both.
type DiffPhase struct {
	Name  string   `json:"name"`
	Whole Change   `json:"whole"` // seconds per token
	Ops   []Change `json:"ops"`   // nanoseconds per call
}

// Change is one time in A and in B.
type Change struct {
	Stem    string  `json:"stem,omitempty"`
	Shape   string  `json:"shape,omitempty"`
	KernelA string  `json:"kernel_a,omitempty"`
	KernelB string  `json:"kernel_b,omitempty"`
	TimeA   float64 `json:"time_a"` // median of the runs
	TimeB   float64 `json:"time_b"`
	Share   float64 `json:"share_a"` // of the phase's device time in A
	Ratio   float64 `json:"ratio"`   // TimeB / TimeA
	Low     float64 `json:"low"`     // of the confidence interval of Ratio
	High    float64 `json:"high"`
	Verdict string  `json:"verdict"`
}

// Compare pairs the ops of two profiles by stem and shape and judges each. It needs at least five runs of both, which should have taken turns:
// a machine that slows down by the minute makes B slower otherwise.
func Compare(a, b *Report) (*Diff, error) {
	d := &Diff{A: a.Device + ", " + a.Math, B: b.Device + ", " + b.Math}
	for i := range a.Regions {
		ga := &a.Regions[i]
		at := slices.IndexFunc(b.Regions, func(g Region) bool { return g.Name == ga.Name })
		if at < 0 {
			continue
		}
		gb := &b.Regions[at]
		if len(ga.Runs) < MinRuns || len(gb.Runs) < MinRuns {
			return nil, fmt.Errorf("profile: compare %s: got %d runs and %d, want at least %d each (-r)", ga.Name, len(ga.Runs), len(gb.Runs), MinRuns)
		}
		for _, g := range []*Region{ga, gb} {
			for _, v := range g.Runs {
				if !(v > 0 && v < math.MaxFloat64) {
					return nil, fmt.Errorf("profile: compare %s: got a run of %g tokens/s, want more than 0", g.Name, v)
				}
			}
		}
		p := DiffPhase{Name: ga.Name}
		p.Whole = Judge(inverse(ga.Runs), inverse(gb.Runs), PhaseLevel)
		p.Whole.Share = 1
		rest := slices.Clone(gb.Ops)
		for j := range ga.Ops {
			oa := &ga.Ops[j]
			c := Change{Verdict: OnlyA, TimeA: median(oa.Runs)}
			if k := pair(oa, rest); k >= 0 {
				if len(oa.Runs) < MinRuns || len(rest[k].Runs) < MinRuns {
					c = Change{TimeA: median(oa.Runs), TimeB: median(rest[k].Runs), Verdict: NoEvidence}
				} else {
					c = Judge(oa.Runs, rest[k].Runs, OpLevel)
				}
				c.KernelB = rest[k].Kernel
				rest = slices.Delete(rest, k, k+1)
			}
			c.Stem, c.Shape, c.KernelA, c.Share = oa.Stem, oa.Shape, oa.Kernel, oa.Share
			p.Ops = append(p.Ops, c)
		}
		for j := range rest {
			p.Ops = append(p.Ops, Change{Stem: rest[j].Stem, Shape: rest[j].Shape, KernelB: rest[j].Kernel, TimeB: median(rest[j].Runs), Verdict: OnlyB})
		}
		d.Phases = append(d.Phases, p)
	}
	if d.Phases == nil {
		return nil, fmt.Errorf("profile: compare: got no phase that both profiles have")
	}
	return d, nil
}

// pair finds the op of the same stem and shape, with the same kernel if there is one.
func pair(o *Op, list []Op) int {
	same := func(kernel bool) int {
		return slices.IndexFunc(list, func(x Op) bool { return x.Stem == o.Stem && x.Shape == o.Shape && (!kernel || x.Kernel == o.Kernel) })
	}
	if i := same(true); i >= 0 {
		return i
	}
	return same(false)
}

// Judge says how times b compare with times a at a level of confidence. They should have been taken in turns.
func Judge(a, b []float64, level float64) Change {
	r, ci := ratio(a, b, level)
	c := Change{TimeA: median(a), TimeB: median(b), Ratio: r, Low: ci.Low, High: ci.High, Verdict: NoEvidence}
	switch {
	case ci.High < 1:
		c.Verdict = Faster
	case ci.Low > 1:
		c.Verdict = Slower
	}
	return c
}

// Regress is the worst phase that is slower by more than share with evidence, as a sentence; nothing where none is.
func (d *Diff) Regress(share float64) string {
	for _, p := range d.Phases {
		if c := p.Whole; c.Verdict == Slower && c.Ratio > 1+share {
			return fmt.Sprintf("profile: %s takes %.1f %% more time in B (%.0f %% interval %+.1f to %+.1f %%), want at most %.1f %% more", p.Name, 100*(c.Ratio-1),
				100*PhaseLevel, 100*(c.Low-1), 100*(c.High-1), 100*share)
		}
	}
	return ""
}

func inverse(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = 1 / x
	}
	return out
}

package conformance

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Case is one program with its inputs. Op is the stem of the op or the joined stems of a fused form; Name is unique in Op
// and holds no slash, so that Op/Name is a path of subtests.
type Case struct {
	Op, Name string
	Seed     uint64
	Format   compute.DType // weight format that the device must have; NoDType: none in particular
	Quick    bool          // part of the short run
	Rows     int           // of X in the multiplications of op matmul, which choose kernels by it; else 0
	Exact    bool          // not for fast arithmetic: weights beyond the range of half precision, choices that its rounding may turn
	fill     func(*build)
}

// In says whether the case can be run in an arithmetic.
func (c Case) In(m compute.Math) bool { return m != compute.Fast || !c.Exact }

func (c Case) String() string { return c.Op + "/" + c.Name }

// Options of a run.
type Options struct {
	// Math is compiled with and widens the bounds when Fast.
	Math compute.Math
	// Short keeps the cases that are Quick.
	Short bool
	// Match keeps the cases whose Op/Name contains it.
	Match string
	// Formats keeps the cases of these weight formats; none: all.
	Formats []compute.DType
	// Spread keeps so many cases of each op, spread over those that all other options keep; 0 keeps them all.
	Spread int
	// Variant forces kernels, as in compute.Options.
	Variant map[string]string
	// Skip names cases (prefixes of Op/Name) that the device is known not to support, with the reason. They are still
	// compiled: an entry whose cases all compile is an error, so that the list cannot outlive its reasons.
	Skip map[string]string
	// Rerun is the command that runs one case again.
	Rerun func(Case) string
}

// Has says whether a case is among those that the options keep.
func (o *Options) Has(c Case) bool {
	return (!o.Short || c.Quick) && c.In(o.Math) && strings.Contains(c.String(), o.Match) && (o.Formats == nil || slices.Contains(o.Formats, c.Format))
}

// Of are the cases of one op that the options keep.
func (o *Options) Of(cases []Case) []Case {
	kept := slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return !o.Has(c) })
	if o.Spread == 0 || len(kept) <= o.Spread {
		return kept
	}
	some := make([]Case, o.Spread)
	for i := range some {
		some[i] = kept[i*len(kept)/o.Spread]
	}
	return some
}

// formulated are the weight formats that the suite decodes by formulas of its own (decode.go); trusted are the others, which the
// reference device decodes for it.
var formulated, trusted = func() (own, others []compute.DType) {
	for _, t := range compute.WeightFormats() {
		if elements[t] != nil {
			own = append(own, t)
		} else {
			others = append(others, t)
		}
	}
	return own, others
}()

// Status is how a case ended.
type Status uint8

const (
	Passed Status = iota + 1
	Failed
	Skipped
)

func (s Status) String() string {
	return [...]string{"none", "passed", "failed", "skipped"}[min(int(s), 3)]
}

// Result is what a case gave. Worst is the largest error as a share of its bound, over all elements and steps.
type Result struct {
	Case    Case
	Status  Status
	Err     error    // why it failed or was skipped
	Kernels []string // what ran
	Shapes  []string // stems and shapes of the groups
	Checked int      // elements compared
	NMSE    float64  // Σ(got−want)² / Σwant²
	Slack   float64  // root mean square of the bounds over that of the values: how much the bounds can tell
	Worst   float64
	// Where the worst element is.
	Tensor           string
	Step, Row, Col   int
	Got, Want, Bound float64
	Rerun            string
}

func (r Result) String() string {
	if r.Status == Skipped {
		return fmt.Sprintf("skipped %v: %v", r.Case, r.Err)
	}
	s := fmt.Sprintf("%v %v seed %d shape %s kernels %s: %d elements, NMSE %.3g, worst %.3g of the bound",
		r.Status, r.Case, r.Case.Seed, strings.Join(r.Shapes, " "), strings.Join(r.Kernels, " "), r.Checked, r.NMSE, r.Worst)
	if r.Tensor != "" {
		s += fmt.Sprintf(" at step %d %s[%d,%d]: got %.9g, want %.9g ± %.3g", r.Step, r.Tensor, r.Row, r.Col, r.Got, r.Want, r.Bound)
	}
	if r.Err != nil {
		s += fmt.Sprintf("\n  %v", r.Err)
	}
	if r.Status == Failed && r.Rerun != "" {
		s += "\n  again: " + r.Rerun
	}
	return s
}

// Cases is the whole suite, in the order of the program: ops first, then fused forms and programs.
func Cases() []Case {
	var l list
	l.embed()
	l.rmsnorm()
	l.matmul()
	l.rope()
	l.kvstore()
	l.attention()
	l.unseen()
	l.caches()
	l.elementwise()
	l.takerows()
	l.topk()
	l.sample()
	l.layernorm()
	l.activation()
	l.scale()
	l.experts()
	l.latent()
	l.streams()
	l.stateful()
	l.deltas()
	l.recurrences()
	l.scanInputs()
	l.projectedConvolutions()
	l.shortConvolutions()
	l.positions()
	l.textbook()
	l.fused()
	l.waysIn()
	l.behind()
	l.normed()
	l.attentionOut()
	l.feedForward()
	l.mixtures()
	l.programs()
	seen := make(map[string]bool, len(l))
	for i := range l {
		if seen[l[i].String()] || strings.Contains(l[i].Name, "/") {
			panic("BUG: conformance: case name used twice or with a slash: " + l[i].String())
		}
		seen[l[i].String()] = true
		h := fnv.New32a()
		h.Write([]byte(l[i].String()))
		l[i].Seed = uint64(h.Sum32())
	}
	return l
}

// list collects cases.
type list []Case

func (l *list) add(op, name string, format compute.DType, quick bool, fill func(*build)) {
	*l = append(*l, Case{Op: op, Name: name, Format: format, Quick: quick, fill: fill})
}

// Run runs the case on dev. The reference device decodes the rarer formats and runs the programs that have no bound.
func (c Case) Run(ctx context.Context, dev, ref compute.Device, o Options) Result {
	p := c.Prepare(ctx, dev, o)
	defer p.Close()
	p.Expect(ctx, ref)
	return p.Run(ctx, ref)
}

// describe lists what runs: kernels and shapes in order, without repetitions and without the feeds of inputs.
func (r *Result) describe(p *compute.Program, groups []compute.Group) {
	for _, g := range groups {
		if slices.ContainsFunc(g.Ops, func(i int) bool { return strings.HasPrefix(p.Instrs[i].Label, feedLabel) }) {
			continue
		}
		if shape := g.Stem + "(" + g.Shape + ")"; !slices.Contains(r.Shapes, shape) {
			r.Shapes = append(r.Shapes, shape)
		}
		if !slices.Contains(r.Kernels, g.Kernel) {
			r.Kernels = append(r.Kernels, g.Kernel)
		}
	}
}

func (c Case) skipReason(o Options) (string, bool) {
	for prefix, reason := range o.Skip {
		if strings.HasPrefix(c.String(), prefix) {
			return reason, true
		}
	}
	return "", false
}

// leastMean is the number of elements from which on their mean squared error is judged in fast arithmetic: its errors are relative to the
// terms of a sum, and the sums of a few elements may all be ones that cancel. Each element has its bound in any case.
const leastMean = 16

// errorSum gathers errors over the tensors and steps of a case.
type errorSum struct {
	diff2, want2, bound2 float64
	bad                  int
}

func (s *errorSum) nmse() float64 {
	if s.diff2 == 0 {
		return 0
	}
	return s.diff2 / s.want2
}

// compare checks one tensor after one step.
func (s *errorSum) compare(r *Result, pr *problem, step int, ref compute.Ref, got []float32, want value, m compute.Math) {
	p, cols := pr.p, pr.p.At(ref).Cols
	whole := pr.tolerance(ref, want, m)
	for i, g := range got {
		w, bound := want.v[i], want.e[i]
		if pr.program {
			bound = whole
		}
		if math.IsNaN(w) && p.At(ref).Role == compute.State { // a slot of no key; checkUntouched looks at its bits
			continue
		}
		if pr.odd && (math.IsNaN(w) || math.IsInf(w, 0)) {
			continue
		}
		diff := math.Abs(float64(g) - w)
		s.diff2 += diff * diff
		s.want2 += w*w + 0x1p-200 // values that a device may flush to zero count as zero
		share := 0.0
		if diff != 0 { // NaN included
			share = diff / bound
		}
		if math.IsNaN(share) {
			share = math.Inf(1)
		}
		s.bound2 += bound * bound
		if !(diff <= bound) || math.IsInf(bound, 1) {
			s.bad++
		}
		r.Checked++
		if r.Tensor == "" || share > r.Worst {
			r.Worst, r.Tensor, r.Step, r.Row, r.Col = share, p.At(ref).Name, step, i/cols, i%cols
			r.Got, r.Want, r.Bound = float64(g), w, bound
		}
	}
}

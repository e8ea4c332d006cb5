package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// Prepared is a case on a device. Many can be prepared before the first runs: what they must give is worked out by several goroutines then, and
// their kernels compiled at once.
type Prepared struct {
	o      Options
	pr     *problem
	on     *loaded
	values [][]value // of each step: of what is checked, in that order
	r      Result
	err    error
}

// Prepare puts a case on a device. What fails is the result of Run.
func (c Case) Prepare(ctx context.Context, dev compute.Device, o Options) *Prepared {
	b := newBuild(c.Seed)
	c.fill(b)
	p := &Prepared{o: o, pr: b.finish(), r: Result{Case: c, Status: Passed}}
	if o.Rerun != nil {
		p.r.Rerun = o.Rerun(c)
	}
	if p.on, p.err = p.pr.load(ctx, dev, o); p.err == nil {
		p.r.describe(p.pr.p, p.on.exe.Placement())
	}
	return p
}

// Executable is what runs, with the steps that it runs; nil where there is nothing to run.
func (p *Prepared) Executable() (compute.Executable, []*compute.Step) {
	if p.err != nil {
		return nil, nil
	}
	return p.on.exe, p.pr.steps
}

// Expect works out what the steps must give, on no device but the reference.
func (p *Prepared) Expect(ctx context.Context, ref compute.Device) {
	if p.err != nil {
		return
	}
	want := &naive{ctx: ctx, ref: ref, pr: p.pr, fast: p.o.Math == compute.Fast, halfSums: p.o.Variant["matmul"] == "" || p.o.Variant["matmul"] == "matmul_half"}
	for _, step := range p.pr.steps {
		if p.err = want.step(step); p.err != nil {
			return
		}
		var list []value
		for _, ref := range p.pr.checked {
			v := want.vals[ref]
			list = append(list, value{slices.Clone(v.v), slices.Clone(v.e), v.cols}) // states are written in place
		}
		p.values = append(p.values, list)
	}
}

// Run runs the case and compares.
func (p *Prepared) Run(ctx context.Context, ref compute.Device) Result {
	if p.err == nil {
		p.err = p.run(ctx, ref)
	}
	if p.err != nil {
		p.r.Status, p.r.Err = Failed, p.err
		var lacks *compute.UnsupportedError
		if reason, ok := p.r.Case.skipReason(p.o); ok && errors.As(p.err, &lacks) {
			p.r.Status, p.r.Err = Skipped, fmt.Errorf("%s (%w)", reason, p.err)
		}
	}
	return p.r
}

// Close frees what the device holds.
func (p *Prepared) Close() {
	if p.on != nil {
		p.on.close()
		p.on = nil
	}
}

func (p *Prepared) run(ctx context.Context, ref compute.Device) error {
	pr, on, o, r := p.pr, p.on, p.o, &p.r
	var twin *loaded
	if pr.program {
		var err error
		if twin, err = pr.load(ctx, ref, Options{}); err != nil {
			return err
		}
		defer twin.close()
	}
	var sum errorSum
	for i, step := range pr.steps {
		if err := on.run(ctx, step); err != nil {
			return err
		}
		for j, ref := range pr.checked {
			got, err := on.read(ref, step)
			if err != nil {
				return err
			}
			sum.compare(r, pr, i, ref, got, p.values[i][j], o.Math)
		}
		if twin != nil {
			if err := pr.compareTwin(ctx, on, twin, step, o.Math); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		if err := on.again(ctx, step); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	if err := on.checkUntouched(); err != nil {
		return err
	}
	r.NMSE, r.Slack = sum.nmse(), math.Sqrt(sum.bound2/sum.want2)
	limit := 1e-8 // two hundred times what rounding leaves in sums of 4096 float32 products; a wrong kernel gives 1e-4 and more
	if o.Math == compute.Fast {
		limit = pr.fastLimit()
		if r.Checked < leastMean {
			limit = math.Inf(1)
		}
	}
	switch {
	case sum.bad > 0:
		return fmt.Errorf("%d of %d elements are outside their bounds", sum.bad, r.Checked)
	case r.Checked == 0:
		return errors.New("nothing was compared")
	case !(r.NMSE <= limit):
		return fmt.Errorf("NMSE: got %.3g, want at most %.3g", r.NMSE, limit)
	}
	return nil
}

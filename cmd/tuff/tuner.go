package main

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/host/engine"
)

// shape is what is tried: of the multiplications of one row, or of a class of work on more.
type shape struct {
	few  *kernel.Few
	many *kernel.Many
}

func (s shape) String() string {
	switch {
	case s.few != nil:
		return s.few.String()
	case s.many != nil:
		return s.many.String()
	}
	return "as planned"
}

// found are shapes by what they were found for.
type found struct {
	few  kernel.Tuned
	many kernel.TunedMany
}

func (f found) count() int { return len(f.few) + len(f.many) }

// and is f with what another found besides or instead.
func (f found) and(other found) found {
	all := found{kernel.Tuned{}, kernel.TunedMany{}}
	for _, part := range []found{f, other} {
		maps.Copy(all.few, part.few)
		maps.Copy(all.many, part.many)
	}
	return all
}

// trial is the model's program for one token with one shape in every multiplication.
type trial struct {
	shape    shape
	taken    map[string]bool // the products that are run in it
	wins     bool            // it is the fastest of some product
	unproven bool            // it would be, but there was no time for its proof
	exe      compute.Executable
	groups   [][]float64 // seconds, by group and round
	total    []float64
}

// tuner runs a model's program for a step with kernels in several shapes.
type tuner struct {
	class    *kernel.Class // nil: the multiplications of one row
	before   found         // by the stages before this one: it is what trials are added to
	l        *loaded
	dev      *gpu.Device
	o        compute.Options
	session  *engine.Session
	step     *compute.Step
	cpu      compute.Device
	products [][]string // by group
	cases    []conformance.Case
	trials   []*trial // the first is as planned
	logits   []float64
}

// begin fills a context and runs the planned kernels, if there are any to be tuned.
func (t *tuner) begin(ctx context.Context) (some bool, err error) {
	if t.cpu, err = fallback.New(fallback.Options{}); err != nil {
		return false, err
	}
	if t.products, _, err = t.keys(found{}); err != nil {
		return false, err
	}
	if !slices.ContainsFunc(t.products, func(keys []string) bool { return len(keys) > 0 }) {
		return false, nil
	}
	t.cases = tuneCases(t.l.Program(), t.class, t.o.Math)
	t.session = t.l.NewSession()
	rows, depth := t.rows(), 16
	if t.class != nil && t.class.Op == "attention" && t.class.Rows == 1 {
		depth = min(1024, t.l.ContextLen()/2)
		if t.dev.Info().Kind == compute.Software {
			depth = min(64, depth)
		}
	}
	if err := t.session.Eval(ctx, make([]int32, max(min(depth, t.l.ContextLen()-rows), 0)), engine.WantNone, nil); err != nil {
		return false, err
	}
	if err := t.session.Step(t.step, make([]int32, rows), []int32{int32(rows - 1)}); err != nil {
		return false, err
	}
	planned, err := t.compile(ctx, shape{}, t.before)
	if err != nil {
		return false, err
	}
	t.trials = append(t.trials, planned)
	t.logits, err = t.run(ctx, planned)
	return true, err
}

// rows are those of the step. Software drivers choose a kernel by fewer, because they take seconds for many.
func (t *tuner) rows() int {
	if t.class == nil {
		return 1
	}
	rows := t.class.Rows
	if t.class.Kernels() && t.dev.Info().Kind == compute.Software {
		rows = min(rows, 64)
	}
	return min(rows, t.l.ContextLen()/2)
}

// keys name what in each group has shapes of the tuner's kind, and those for which the plan takes what is in f.
func (t *tuner) keys(f found) (products [][]string, taken map[string]bool, err error) {
	defer t.use(t.before.and(f))()
	all, err := t.dev.Tunable(t.l.Program(), t.o)
	taken = map[string]bool{}
	for _, k := range all {
		list := k.Products
		if t.class != nil {
			list = slices.DeleteFunc(k.Many, func(key string) bool { return !t.class.Matches(key) })
		}
		products = append(products, list)
		for _, key := range list {
			taken[key] = taken[key] || slices.Contains(k.Taken, key)
		}
	}
	return products, taken, err
}

// compile makes a trial of shapes. The device is left as planned.
func (t *tuner) compile(ctx context.Context, s shape, f found) (*trial, error) {
	defer t.use(f)()
	exe, err := t.dev.Compile(ctx, t.l.Program(), t.o)
	if err != nil {
		return nil, err
	}
	return newTrial(s, exe), nil
}

func newTrial(s shape, exe compute.Executable) *trial {
	return &trial{shape: s, exe: exe, groups: make([][]float64, len(exe.Placement()))}
}

// as is a shape in everything that it is tried in.
func (t *tuner) as(s shape) found {
	if s.few != nil {
		return found{few: kernel.Tuned{kernel.AnyProduct: *s.few}}
	}
	return found{many: kernel.TunedMany{kernel.AnyProduct + t.class.Name: *s.many}}
}

// everywhere is a shape of a kernel for many rows in all classes of its op, and that kernel in place of others: programs that are not
// the model's have rows and formats of their own.
func everywhere(s shape) found {
	if s.few != nil {
		return found{few: kernel.Tuned{kernel.AnyProduct: *s.few}}
	}
	f := found{many: kernel.TunedMany{}}
	op := s.many.Op()
	for _, c := range kernel.Classes {
		switch {
		case c.Op == op && !c.Kernels():
			f.many[kernel.AnyProduct+c.Name] = *s.many
		case c.Op == op && s.many.Kernel == "matmul_skinny":
			f.many[kernel.AnyProduct+c.Name] = kernel.Many{Kernel: "matmul_coop"} // which leaves few rows to it
		case c.Op == op:
			f.many[kernel.AnyProduct+c.Name] = kernel.Many{Kernel: s.many.Kernel}
		}
	}
	return f
}

// use gives the device shapes; what it returns takes them away.
func (t *tuner) use(f found) func() {
	t.dev.SetTuned(f.few)
	t.dev.SetTunedMany(f.many)
	return func() {
		t.dev.SetTuned(nil)
		t.dev.SetTunedMany(nil)
	}
}

// try takes a shape among the trials if the model's logits are right with it. One that nothing in the model can take is passed over.
func (t *tuner) try(ctx context.Context, s shape) (wrong, err error) {
	_, taken, err := t.keys(t.as(s))
	if err != nil || !slices.Contains(slices.Collect(maps.Values(taken)), true) {
		return nil, err
	}
	tr, err := t.compile(ctx, s, t.before.and(t.as(s)))
	if err != nil {
		return nil, err
	}
	tr.taken = taken
	got, err := t.run(ctx, tr)
	if err == nil {
		wrong = sameLogits(got, t.logits, t.o.Math)
	}
	if err != nil || wrong != nil {
		return wrong, errors.Join(err, tr.exe.Close())
	}
	t.trials = append(t.trials, tr)
	return nil, nil
}

// run runs a trial once and reads its logits.
func (t *tuner) run(ctx context.Context, tr *trial) ([]float64, error) {
	if err := tr.exe.Run(ctx, &compute.Call{Step: t.step}); err != nil {
		return nil, err
	}
	v, err := tr.exe.Locate(t.l.Model.Logits)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 4*t.l.Model.Width())
	if err := t.dev.Download(raw, v.Buffer, v.Offset); err != nil {
		return nil, err
	}
	logits := make([]float64, t.l.Model.Width())
	for i := range logits {
		logits[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return logits, nil
}

func (t *tuner) close() error {
	var errs []error
	for _, tr := range t.trials {
		errs = append(errs, tr.exe.Close())
	}
	if t.session != nil {
		t.session.Close()
	}
	if t.cpu != nil {
		errs = append(errs, t.cpu.Close())
	}
	return errors.Join(errs...)
}

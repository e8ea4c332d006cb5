package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

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

// tuneCases are quick cases of what a class is about, or of the multiplications of few rows, in the formats of a program: those that
// hold in an arithmetic.
func tuneCases(p *compute.Program, class *kernel.Class, math compute.Math) []conformance.Case {
	formats := map[compute.DType]bool{}
	for i := range p.Tensors {
		if p.Tensors[i].Role == compute.Weight {
			formats[p.Tensors[i].DType] = true
		}
	}
	type key struct {
		op     string
		format compute.DType
	}
	seen := map[key]int{}
	var list []conformance.Case
	for _, c := range conformance.Cases() {
		k := key{c.Op, c.Format}
		few := strings.Contains(c.Name, "_r1_")
		experts := strings.Contains(c.Op, "experts")
		matmul := formats[c.Format] && strings.Contains(c.Op, "matmul") && !experts
		wanted := matmul && few
		rows := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(c.Name, "_r"+n+"_") })
		}
		switch {
		case class == nil:
		case class.Covers(8):
			wanted = matmul && rows("5", "8")
		case class.Covers(2):
			wanted = matmul && rows("2", "3", "4")
		case class.Op == "matmul":
			wanted = matmul && rows("33", "65")
		case class.Op == "matmul_experts":
			wanted = formats[c.Format] && experts && rows("9", "40", "100")
		default:
			wanted, k.format = c.Op == "attention", compute.DType(seen[k]/2) // a few of all
		}
		if c.Quick && c.In(math) && wanted && seen[k] < 2 {
			seen[k]++
			list = append(list, c)
		}
	}
	return list
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

// proofTime is what an interruption leaves to a proof that is under way: a case or two where drivers compile for seconds.
var proofTime = 20 * time.Second

// proven judges, and holds what wins against the CPU in conformance cases: most shapes lose, and to compile cases for them is most of
// what tuning would take. A shape that fails is no longer among the trials, and named; then what is left is judged. What there is no
// time to prove, because ctx ended, does not win.
func (t *tuner) proven(ctx context.Context) (rows []tuneRow, f found, refused []string, err error) {
	right := map[*trial]bool{}
	soon, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(proofTime, stop) })()
	for {
		rows, f = t.judge()
		i := slices.IndexFunc(t.trials, func(tr *trial) bool { return !right[tr] && tr.wins })
		if i < 0 {
			return rows, f, refused, nil
		}
		tr := t.trials[i]
		wrong, err := t.conform(soon, tr.shape)
		if err != nil && soon.Err() != nil {
			tr.unproven = true
			continue
		}
		if err != nil {
			return nil, found{}, refused, err
		}
		if right[tr] = wrong == nil; wrong != nil {
			refused = append(refused, fmt.Sprintf("%v: %v", tr.shape, wrong))
			t.trials = slices.Delete(t.trials, i, i+1)
			if err := tr.exe.Close(); err != nil {
				return nil, found{}, refused, err
			}
		}
	}
}

// conform runs conformance cases with a shape.
func (t *tuner) conform(ctx context.Context, s shape) (wrong, err error) {
	defer t.use(everywhere(s))()
	for _, c := range t.cases {
		if r := c.Run(ctx, t.dev, t.cpu, conformance.Options{Math: t.o.Math}); r.Status == conformance.Failed {
			return fmt.Errorf("%v (%s): %w", c, strings.Join(r.Kernels, " "), r.Err), ctx.Err()
		}
	}
	return nil, ctx.Err()
}

// sameLogits holds logits against those of the planned kernels: sums in another order differ by roundings only; in fast arithmetic
// one side or the other may take activations in int8.
func sameLogits(got, want []float64, arithmetic compute.Math) error {
	limit := 1e-6
	if arithmetic == compute.Fast {
		limit = 2e-3
	}
	var diff2, want2 float64
	for i, w := range want {
		diff2 += (got[i] - w) * (got[i] - w)
		want2 += w * w
	}
	if nmse := diff2 / want2; !(nmse <= limit) {
		return fmt.Errorf("logits: got a normalised mean squared error of %.3g against the planned kernels, want at most %g", nmse, limit)
	}
	return nil
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

// round times every trial once.
func (t *tuner) round(ctx context.Context, counts bool) error {
	for _, tr := range t.trials {
		if err := tr.time(ctx, t.step, counts); err != nil {
			return err
		}
	}
	return nil
}

func (tr *trial) time(ctx context.Context, step *compute.Step, counts bool) error {
	var timing compute.Timing
	if err := tr.exe.Run(ctx, &compute.Call{Step: step, Timing: &timing}); err != nil || !counts {
		return err
	}
	groups, total := make([]float64, len(tr.groups)), 0.0
	for _, s := range timing.Spans {
		groups[s.Group] += (s.End - s.Begin).Seconds()
		total += (s.End - s.Begin).Seconds()
	}
	for g, s := range groups {
		tr.groups[g] = append(tr.groups[g], s)
	}
	tr.total = append(tr.total, total)
	return nil
}

// blocks number the ops of the program by what can be compared: ops of one block are in one group, or in groups of the same, in some trial. Another
// kernel may take along what stands before or behind it, or leave it to a group of its own.
func (t *tuner) blocks() []int {
	block := make([]int, len(t.l.Program().Instrs))
	joined := make([]bool, len(block)) // with the op before it
	for _, tr := range t.trials {
		for _, g := range tr.exe.Placement() {
			for op := slices.Min(g.Ops) + 1; op <= slices.Max(g.Ops); op++ {
				joined[op] = true
			}
		}
	}
	for op := 1; op < len(block); op++ {
		if block[op] = block[op-1]; !joined[op] {
			block[op]++
		}
	}
	return block
}

// of is the time of all blocks that a product is in.
func (t *tuner) of(tr *trial, product string, blocks []int) (seconds float64, count int) {
	in := map[int]bool{}
	for g, list := range t.products {
		if slices.Contains(list, product) {
			in[blocks[t.trials[0].exe.Placement()[g].Ops[0]]] = true
		}
	}
	for block := range in {
		sums := make([]float64, len(tr.total))
		for g, group := range tr.exe.Placement() {
			if blocks[group.Ops[0]] != block {
				continue
			}
			for i, s := range tr.groups[g] {
				sums[i] += s
			}
		}
		seconds += median(sums)
	}
	return seconds, len(in)
}

// judge fills the rows and returns the shapes that gain, by product.
func (t *tuner) judge() (rows []tuneRow, f found) {
	f = found{kernel.Tuned{}, kernel.TunedMany{}}
	var all []string
	blocks := t.blocks()
	for _, tr := range t.trials {
		tr.wins = false
	}
	for _, list := range t.products {
		for _, p := range list {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		row := tuneRow{Product: p}
		row.Planned, row.Groups = t.of(t.trials[0], p, blocks)
		row.Best = row.Planned
		var best *trial
		for _, tr := range t.trials[1:] {
			if s, _ := t.of(tr, p, blocks); tr.taken[p] && !tr.unproven && s < row.Best {
				row.Best, best = s, tr
			}
		}
		if row.Gain = row.Planned / row.Best; row.Gain < leastGain {
			row.Best, row.Gain, best = row.Planned, 1, nil
		}
		if best != nil {
			best.wins, row.Shape, row.Many = true, best.shape.few, best.shape.many
		}
		switch {
		case row.Shape != nil:
			f.few[p] = *row.Shape
		case row.Many != nil:
			f.many[p] = *row.Many
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b tuneRow) int { return cmp.Compare(b.Planned, a.Planned) })
	return rows, f
}

// together runs what was found against what was planned, in turns: gains of single products need not add up.
func (t *tuner) together(ctx context.Context, f found, rounds int) (before, after float64, err error) {
	tuned, err := t.compile(ctx, shape{}, t.before.and(f))
	if err != nil {
		return 0, 0, err
	}
	defer tuned.exe.Close()
	got, err := t.run(ctx, tuned)
	if err != nil {
		return 0, 0, err
	}
	if err := sameLogits(got, t.logits, t.o.Math); err != nil {
		return 0, 0, fmt.Errorf("tune: all shapes together: %w", err)
	}
	planned := newTrial(shape{}, t.trials[0].exe)
	for i := range rounds + 1 {
		if err := errors.Join(planned.time(ctx, t.step, i > 0), tuned.time(ctx, t.step, i > 0)); err != nil {
			return 0, 0, err
		}
	}
	return median(planned.total), median(tuned.total), nil
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

package gpu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// maxRecordings bounds the recordings an executable keeps. Decoding uses one; prompts of many lengths one each.
const maxRecordings = 16

// executable is a compiled program.
type executable struct {
	d         *Device
	p         *compute.Program
	o         compute.Options
	groups    []kernel.Group
	placement []compute.Group
	l         *layout
	step      *memory.Buffer
	records   []kernel.Indirect           // in the step, in this order
	ring      *memory.Buffer              // tokens chosen by a run of several steps; nil where there are none
	batch     []*vk.CommandBuffer         // of one run of several steps
	block     *memory.Buffer              // arguments that kernels read from memory
	blocks    map[*kernel.Dispatch]uint64 // their addresses
	counts    *memory.Buffer              // of all groups one behind the other, and where those of each begin
	countsAt  []uint64
	plain     recordings
	grouped   recordings
	timed     recordings
	now       *compute.Step // of the run
	speeds    speeds
	stats     Stats
}

// Stats count what an executable has done; tests assert on them.
type Stats struct {
	Recordings int // made so far
	Runs       int
	Dispatches int           // of the last plain recording made
	Barriers   int           // between its dispatches
	Waited     time.Duration // for the device, of all plain runs
	// Submissions are those of steps that became several.
	Submissions int
}

// Compile implements compute.Device.
func (d *Device) Compile(ctx context.Context, p *compute.Program, o compute.Options) (compute.Executable, error) {
	if d.mem == nil {
		return nil, errors.New("gpu: compile: the device was opened for Build only")
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	groups, err := kernel.Plan(d.caps, p, o)
	if err != nil {
		return nil, err
	}
	// Kernels are made when a step of a shape comes, or by Prepare: a short prompt never needs those of a long one, and the first token
	// of an answer none of those that follow.
	if err := d.makeCodebooks(groups); err != nil {
		return nil, err
	}
	x := &executable{d: d, p: p, o: o, groups: groups, records: kernel.Indirects(groups)}
	d.execs[x] = true
	if x.l, err = d.newLayout(p, groups, o); err != nil {
		return nil, errors.Join(fmt.Errorf("gpu: compile %s: %w", p.Name, err), x.Close())
	}
	if x.step, err = d.mem.Alloc(memory.Step, roundUp(uint64(kernel.StepBytes(o, len(x.records))), 4), "step of "+p.Name); err != nil {
		return nil, errors.Join(fmt.Errorf("gpu: compile %s: %w", p.Name, err), x.Close())
	}
	if o.MaxSteps > 0 {
		if x.ring, err = d.mem.Alloc(memory.Readback, kernel.RingBytes, "tokens of "+p.Name); err != nil {
			return nil, errors.Join(fmt.Errorf("gpu: compile %s: %w", p.Name, err), x.Close())
		}
	}
	if err := errors.Join(x.makeCounts(), x.makeBlocks()); err != nil {
		return nil, errors.Join(fmt.Errorf("gpu: compile %s: %w", p.Name, err), x.Close())
	}
	x.describe()
	return x, nil
}

// describe fills the placement; dispatches and barriers are those of the largest shape.
func (x *executable) describe() {
	events := x.events(kernel.Shape{Tokens: max(x.o.MaxTokens, 1), Outputs: max(x.o.MaxOutputs, 1), Seqs: max(x.o.MaxSeqs, 1)})
	for _, g := range x.groups {
		c := x.p.NewGroup(g.Ops...)
		c.Kernel, c.Why = g.Kernel, g.Why
		x.placement = append(x.placement, c)
	}
	for i, e := range events {
		if e.barrier { // it belongs to the dispatch behind it
			x.placement[events[i+1].group].Barriers++
		} else {
			x.placement[e.group].Dispatches++
		}
	}
}

// Prepare implements compute.Preparer.
func (x *executable) Prepare(ctx context.Context, tokens int) error {
	if x.d == nil || x.d.dev == nil {
		return errors.New("gpu: prepare: the executable is closed")
	}
	return x.d.makePipelines(ctx, x.groups, kernel.Shape{Tokens: tokens, Outputs: 1, Seqs: 1}, x.o.Progress)
}

// Placement implements compute.Executable.
func (x *executable) Placement() []compute.Group { return x.placement }

// Issued implements compute.Issuer.
func (x *executable) Issued(s *compute.Step) []compute.Cost {
	list := make([]compute.Cost, len(x.groups))
	for i := range x.groups {
		list[i] = x.groups[i].Issued(s)
	}
	return list
}

// Stats counts what was recorded and run.
func (x *executable) Stats() Stats { return x.stats }

// StatsOf are the counts of an executable of this package.
func StatsOf(x compute.Executable) (Stats, bool) {
	e, ok := x.(*executable)
	if !ok {
		return Stats{}, false
	}
	return e.stats, true
}

// Locate implements compute.Executable.
func (x *executable) Locate(r compute.Ref) (compute.View, error) {
	if r < 1 || int(r) >= len(x.p.Tensors) {
		return compute.View{}, fmt.Errorf("gpu: locate tensor %d: want 1 to %d", r, len(x.p.Tensors)-1)
	}
	v, ok := x.l.at[r]
	if !ok {
		return v, fmt.Errorf("gpu: locate %q: it was fused away, or the program was compiled without Keep", x.p.At(r).Name)
	}
	return v, nil
}

// Close implements compute.Executable.
func (x *executable) Close() error {
	if x.d == nil || x.d.mem == nil {
		return nil
	}
	err := x.d.mem.Flush()
	if errors.Is(err, vk.ErrTimeout) {
		return err // what is given back must not be in use
	}
	errs := []error{err}
	for _, r := range []*recordings{&x.plain, &x.grouped, &x.timed} {
		errs = append(errs, r.close()...)
	}
	if x.l != nil {
		errs = append(errs, x.l.close()...)
	}
	for _, b := range []*memory.Buffer{x.step, x.ring, x.block, x.counts} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	delete(x.d.execs, x)
	x.d = nil
	return errors.Join(errs...)
}

// Run implements compute.Executable.
func (x *executable) Run(ctx context.Context, c *compute.Call) error {
	if x.d == nil || x.d.dev == nil {
		return errors.New("gpu: run: the executable is closed")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	begun := time.Now()
	if err := c.Check(x.p, x.o); err != nil {
		return err
	}
	shape := kernel.Shape{Tokens: len(c.Step.Tokens), Outputs: len(c.Step.Outputs), Seqs: len(c.Step.Seqs)}
	x.stats.Runs++
	x.now = c.Step
	// The run before has been waited for, so the device no longer reads the step.
	if err := x.writeStep(c.Step); err != nil {
		return err
	}
	switch {
	case c.Steps > 0:
		return x.runSteps(ctx, shape, c)
	case c.Before != nil || c.After != nil:
		return x.runGroups(ctx, shape, c)
	case c.Timing != nil:
		return x.runTimed(ctx, shape, c.Timing, begun)
	}
	r, err := x.plain.get(ctx, shape, x.recordPlain)
	if err != nil {
		return err
	}
	_, err = x.replay(ctx, r, 1)
	return err
}

func (x *executable) writeStep(s *compute.Step) error {
	b := x.step.Bytes()
	if b == nil {
		return fmt.Errorf("gpu: run %s: the step buffer is out of the host's reach", x.p.Name)
	}
	return kernel.EncodeStep(b, s, x.p, x.o, x.records)
}

// wait waits for a submission of several command buffers, each of which has its time.
func (x *executable) wait(t vk.Ticket, buffers, dispatches int) error {
	limit := x.d.o.Timeout * time.Duration(buffers)
	if err := x.d.dev.Wait(t, limit); err != nil {
		return lost(fmt.Errorf("gpu: wait for %s (%d dispatches, %v at most): %w", x.p.Name, dispatches, limit, err), x.p.Name)
	}
	return nil
}

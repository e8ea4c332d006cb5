package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// stage is one kind of work with the shapes that are tried for it.
type stage struct {
	class  *kernel.Class // nil: the multiplications of one row
	shapes []shape
}

func (st stage) String() string {
	if st.class == nil {
		return "one row"
	}
	return strings.TrimPrefix(st.class.Name, ", ")
}

// stagesOf are all stages for a device: one row first, which decoding is made of.
func stagesOf(dev *gpu.Device, math compute.Math) []stage {
	list := []stage{fewStage(kernel.Fews(dev.Caps(), math))}
	for i := range kernel.Classes {
		st := stage{class: &kernel.Classes[i]}
		for _, m := range kernel.Manys(dev.Caps(), kernel.Classes[i], math, dev.Info().Kind == compute.Software) {
			st.shapes = append(st.shapes, shape{many: &m})
		}
		list = append(list, st)
	}
	return list
}

func fewStage(shapes []kernel.Few) (st stage) {
	for i := range shapes {
		st.shapes = append(st.shapes, shape{few: &shapes[i]})
	}
	return st
}

// without are the shapes that are not yet lost, those that are known first: of known there are so many.
func (st stage) without(lost []string, known map[string]bool) (list []shape, first int) {
	var others []shape
	for _, s := range st.shapes {
		switch name := s.String(); {
		case slices.Contains(lost, name):
		case known[name]:
			list = append(list, s)
		default:
			others = append(others, s)
		}
	}
	return append(list, others...), len(list)
}

// past says whether a time has passed, if it is one.
func past(t time.Time) bool { return !t.IsZero() && time.Now().After(t) }

// tune tries the shapes of each stage and, with keep, remembers what gains as soon as a stage is through, and where it ended: it goes on
// with what an earlier run left. An error leaves the report of what was done before it; an interruption also that of the stage under way.
func (c *common) tune(ctx context.Context, l *loaded, dev *gpu.Device, stages []stage, rounds int, budget time.Duration, keep bool) (*tuneReport, error) {
	if err := l.wantText("tune"); err != nil {
		return nil, err
	}
	info := dev.Info()
	report := &tuneReport{Device: info.Name, Driver: info.Driver}
	record := &unfinished{}
	if keep {
		record = goOn(info, workOf(l))
	}
	if len(record.Stages) > 0 {
		stages, shapes := record.tried()
		c.note("goes on with what was left at %s: %d stages are done, of others %d shapes were tried; --forget begins anew", record.When.Local().Format("15:04 on 2006-01-02"), stages, shapes)
	}
	bar := c.bar("tune")
	defer bar.done()
	var sofar found
	var end time.Time
	if budget > 0 {
		end = time.Now().Add(budget)
	}
	earlier := unfinished{Stages: slices.Clone(record.Stages)}
	some := false // was tried
	for i, st := range stages {
		done := earlier.of(st.String())
		if done.Done {
			report.add(done)
			sofar = sofar.and(done.found())
			continue
		}
		if past(end) && some || ctx.Err() != nil && i > 0 {
			report.add(done)
			left, _ := st.without(done.Lost, nil)
			report.Left += len(left)
			continue
		}
		until := end
		if budget > 0 { // what a stage leaves of its part is the others'
			until = time.Now().Add(time.Until(end) / time.Duration(len(stages)-i))
		}
		run := stageRun{tuner: &tuner{class: st.class, before: sofar, l: l, dev: dev, step: new(compute.Step)}, c: c, bar: bar, stage: st, done: done, rounds: rounds, until: until, keep: keep}
		if err := run.run(ctx); err != nil {
			return report, err
		}
		some = some || run.done.Step != nil
		report.add(run.done)
		report.Left += len(run.left)
		record.set(run.done)
		f := run.done.found()
		sofar = sofar.and(f)
		if keep {
			remember(info, run.done.Rows, f, run.left, record)
		}
	}
	if keep && report.Left == 0 {
		remember(info, nil, found{}, nil, nil)
	}
	return report, ctx.Err()
}

// stageRun is one stage under way.
type stageRun struct {
	*tuner
	c      *common
	bar    *progress
	stage  stage
	done   stageDone // before, and after
	rounds int
	until  time.Time // no new shape but the first is begun behind it
	keep   bool
	left   map[string]bool // shapes that were not tried, or not proven
}

// run tries what is left of the stage, on top of what stages before it found: tiles are those of the kernel that was found for many rows.
// An interruption ends the trials; those that were made are judged all the same.
func (r *stageRun) run(ctx context.Context) (err error) {
	t := r.tuner
	t.o = t.l.CompileOptions(t.rows())
	r.left = map[string]bool{}
	defer func() { err = errors.Join(err, t.close()) }()
	if some, err := t.begin(ctx); err != nil || !some {
		r.done.Done = err == nil
		return err
	}
	begun, before := time.Now(), r.done.Shapes
	if err := r.tryAll(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		r.bar.clear()
		r.c.note("interrupted: what was tried is judged and kept; once more ends it at once")
	}
	through := context.WithoutCancel(ctx)
	for i := range r.rounds + 1 { // the first warms caches
		if ctx.Err() != nil && i > 3 {
			break
		}
		r.bar.count(fmt.Sprintf("%d rows, round", t.rows()), i, r.rounds)
		if err := t.round(through, i > 0); err != nil {
			return err
		}
	}
	list, f, wrong, err := t.proven(ctx)
	if err != nil {
		return err
	}
	r.done.Refused = append(r.done.Refused, wrong...)
	r.done.Rows = list
	r.lose()
	step := tuneStep{Rows: t.rows(), Planned: median(t.trials[0].total)}
	if r.stage.class != nil {
		step.Class = r.stage.String()
	}
	if step.Tuned = step.Planned; f.count() > 0 {
		if step.Planned, step.Tuned, err = t.together(through, f, r.rounds); err != nil {
			return err
		}
	}
	step.Kept = r.keep && step.Tuned < step.Planned
	r.done.Step, r.done.Done = &step, len(r.left) == 0
	r.bar.clear()
	r.c.note("%s: %d shapes in %v, %d of %d products gain", step.what(), r.done.Shapes-before, time.Since(begun).Round(100*time.Millisecond), f.count(), len(list))
	return nil
}

// tryAll tries shapes, those that are remembered first, until all were, or time is up, or ctx ends: then the others are left.
func (r *stageRun) tryAll(ctx context.Context) error {
	won := names(r.done.won())
	known := names(readTuned(r.dev.Info()).and(r.done.won()))
	list, first := r.stage.without(r.done.Lost, known)
	for i, s := range list {
		if ctx.Err() != nil || i > first && past(r.until) {
			r.left[s.String()] = true
			continue
		}
		r.bar.count(fmt.Sprintf("%d rows, %v", r.rows(), s), i+1, len(list))
		trials := len(r.trials)
		wrong, err := r.try(ctx, s)
		switch {
		case err != nil && ctx.Err() != nil:
			r.left[s.String()] = true
		case err != nil:
			return err
		case wrong != nil:
			r.done.Refused = append(r.done.Refused, fmt.Sprintf("%v: %v", s, wrong))
			r.done.Shapes++
		case len(r.trials) > trials && !won[s.String()]: // it was not passed over, and is new
			r.done.Shapes++
		}
	}
	return nil
}

// lose lists what need not be tried again: all but the fastest, what was not tried, and what would be the fastest but was not proven.
func (r *stageRun) lose() {
	won := names(r.done.won())
	for _, t := range r.trials {
		if t.unproven {
			r.left[t.shape.String()] = true
			r.done.Shapes--
		}
	}
	for _, s := range r.stage.shapes {
		if name := s.String(); !won[name] && !r.left[name] && !slices.Contains(r.done.Lost, name) {
			r.done.Lost = append(r.done.Lost, name)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// job is one case of the self-check, with a variant of an op's stem or, without, as planned.
type job struct {
	variant, stem string
	c             conformance.Case
	math          compute.Math
}

func (j job) key() string { return j.variant + " " + j.c.String() + " " + j.math.String() }

// of is 1 where a job concerns a model of these formats: those without a format concern all.
func (j job) of(formats []compute.DType) int {
	if j.c.Format == compute.NoDType || slices.Contains(formats, j.c.Format) {
		return 1
	}
	return 0
}

// checker runs jobs and keeps the verdict's file.
type checker struct {
	v     *verdict
	dev   *gpu.Device
	path  string
	cpus  []compute.Device // one for each goroutine that works out what is to come out
	alone []string         // variants of which one ended a process
	size  int              // jobs of a batch
	spent time.Duration    // beside compiling
}

// batchSize is how many cases are compiled at once, and how far beyond its budget a check may go.
const batchSize = 16

// newChecker goes on where the verdict ended. A variant that was under way alone when the process ended is refused; of several, each is
// checked alone now.
func newChecker(dev *gpu.Device, v *verdict, path string) (*checker, error) {
	k := &checker{v: v, dev: dev, path: path, size: batchSize}
	if v.Refused == nil {
		v.Refused = map[string]string{}
	}
	if v.Ran == nil {
		v.Ran = map[string]bool{}
	}
	if k.alone = v.Running; len(k.alone) == 1 {
		v.Refused[k.alone[0]] = "its check did not come to an end"
	}
	v.Running = nil
	for range runtime.NumCPU() {
		cpu, err := fallback.New(fallback.Options{Threads: 1})
		if err != nil {
			return nil, errors.Join(err, k.close())
		}
		k.cpus = append(k.cpus, cpu)
	}
	return k, nil
}

func (k *checker) close() (err error) {
	for _, cpu := range k.cpus {
		err = errors.Join(err, cpu.Close())
	}
	return err
}

// run runs jobs until all that was spent reaches the budget, if there is one, and returns those that are left.
func (k *checker) run(ctx context.Context, list []job, budget time.Duration) ([]job, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(j job) bool { return k.v.Ran[j.key()] })
	for len(list) > 0 && (budget == 0 || k.spent < budget) {
		n := min(k.size, len(list))
		if i := slices.IndexFunc(list[:n], func(j job) bool { return slices.Contains(k.alone, j.variant) }); i >= 0 {
			n = max(i, 1)
		}
		if err := k.batch(ctx, list[:n]); err != nil {
			return nil, err
		}
		list = list[n:]
	}
	return list, nil
}

// waiting are the variants that jobs are left of.
func waiting(left []job) (names []string) {
	for _, j := range left {
		if !slices.Contains(names, j.variant) {
			names = append(names, j.variant)
		}
	}
	return names
}

// batch puts cases on the device, compiles their kernels on all cores and works out on all cores what they must give; then it runs one
// after another. The file says meanwhile which variants are under way, in case that this ends the process.
func (k *checker) batch(ctx context.Context, list []job) (err error) {
	begun, v := time.Now(), k.v
	list = slices.DeleteFunc(slices.Clone(list), func(j job) bool { return v.Refused[j.variant] != "" })
	v.Running = slices.DeleteFunc(waiting(list), func(name string) bool { return name == "" })
	writeCached(k.path, v)
	cases, steps := make([]*conformance.Prepared, len(list)), map[compute.Executable][]*compute.Step{}
	for i, j := range list {
		o := conformance.Options{Math: j.math}
		if j.variant != "" {
			o.Variant = map[string]string{j.stem: j.variant}
		}
		cases[i] = j.c.Prepare(ctx, k.dev, o)
		defer cases[i].Close()
		if x, s := cases[i].Executable(); x != nil {
			steps[x] = s
		}
	}
	at := time.Now()
	if err := k.dev.PrepareAll(ctx, steps); errors.Is(err, gpu.ErrDeviceLost) {
		return fmt.Errorf("self-check of %v: %w", v.Running, err)
	} // what does not compile fails again in its own case
	compiled := time.Since(at)
	k.expect(ctx, cases)
	for i, j := range list {
		if v.Refused[j.variant] != "" {
			continue
		}
		r := cases[i].Run(ctx, k.cpus[0])
		switch {
		case ctx.Err() != nil:
			v.Running = nil
			writeCached(k.path, v)
			return ctx.Err()
		case errors.Is(r.Err, gpu.ErrDeviceLost) && j.variant != "":
			v.Refused[j.variant], v.Running = failure(r), nil
			writeCached(k.path, v)
			return fmt.Errorf("self-check of %s: %w; it is left out from the next start on", j.variant, r.Err)
		case r.Status == conformance.Failed && j.variant != "":
			v.Refused[j.variant] = failure(r)
		case r.Status == conformance.Failed:
			v.Failed = append(v.Failed, failure(r))
		case r.Status == conformance.Passed:
			v.Passed++
		}
		v.Ran[j.key()] = true
	}
	v.Running = nil
	took := time.Since(begun)
	k.spent, v.Took, v.Compiled = k.spent+took-compiled, v.Took+took, v.Compiled+compiled
	return nil
}

// expect works out what cases must give, on all cores.
func (k *checker) expect(ctx context.Context, cases []*conformance.Prepared) {
	work := make(chan *conformance.Prepared)
	var wg sync.WaitGroup
	for _, cpu := range k.cpus {
		wg.Go(func() {
			for c := range work {
				c.Expect(ctx, cpu)
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	wg.Wait()
}

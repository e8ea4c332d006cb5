package gpu

import (
	"context"
	"errors"
	"slices"
	"time"

	"tuff/gpu/memory"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// Sizes of the measurement. The stream is larger than any cache; every timed run takes some milliseconds, so that the
// clock's resolution does not matter.
const (
	streamBytes     = 512 << 20 // the largest caches of graphics cards hold 256 MiB
	streamBytesSoft = 256 << 20 // of CPUs that run a software driver, where touching memory costs more
	measureWG       = 128
	measureRuns     = 5
	enough          = 5 * time.Millisecond
	bestTime        = time.Second      // after it, a kernel that was timed once is not timed again
	measureTime     = 12 * time.Second // after it, no part of a measurement begins
)

// measureGroups is a number of workgroups that fills the device several times over. A software driver runs them on a few
// cores, each walking memory in strides of the whole grid: there, few keep neighbouring loads close together.
func (d *Device) measureGroups() uint32 { return 32 * d.caps.Units }

// part measures some of the limits.
type part func(context.Context, *scratchpad, *compute.Limits) error

// Measure implements compute.Measurer: the best of a few runs each, since a limit is what the device can do at all.
func (d *Device) Measure(ctx context.Context) (compute.Limits, error) {
	l, err := d.measure(ctx, d.measureBandwidth, d.measureFLOPs, d.measureDispatch)
	l.Full = false
	return l, err
}

// MeasureAll measures everything that the device has: Measure's, and the peaks of half precision, packed dot products and matrix
// units, independent dispatches, and copies between host and device. It takes about 3 s, on a software driver at most 15.
func (d *Device) MeasureAll(ctx context.Context) (compute.Limits, error) {
	parts := append([]part{d.measureBandwidth, d.measureFLOPs, d.measureDispatch}, d.peaks()...)
	return d.measure(ctx, append(parts, d.measureIndependent, d.measureCopies)...)
}

// measure runs parts one after the other, and stops early on a device so slow that they take too long. What they allocated is given back after each, so that the largest decides what is needed.
func (d *Device) measure(ctx context.Context, parts ...part) (l compute.Limits, err error) {
	if d.mem == nil {
		return l, errors.New("gpu: measure: the device was opened to compile only")
	}
	l.Measured = time.Now()
	for _, p := range parts {
		if time.Since(l.Measured) > measureTime {
			l.Took = time.Since(l.Measured)
			return l, nil
		}
		pad := &scratchpad{d: d}
		if err := errors.Join(append([]error{p(ctx, pad, &l)}, pad.close()...)...); err != nil {
			return l, err
		}
	}
	l.Took, l.Full = time.Since(l.Measured), true
	return l, nil
}

func (d *Device) measureBandwidth(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
	limit, used := d.mem.Budget(memory.Weights)
	want := uint64(streamBytes)
	if d.software() {
		want = streamBytesSoft
	}
	size := min(want, (limit-min(used, limit))/4, d.mem.MaxSize()) &^ 255
	src, err := pad.alloc(memory.Weights, max(size, 1<<20), "stream")
	if err != nil {
		return err
	}
	out, err := pad.alloc(memory.Scratch, 4*measureWG*uint64(d.measureGroups()), "sums")
	if err != nil {
		return err
	}
	if err := d.mem.Fill(src, 0, src.Size(), 0x3f800000); err != nil {
		return err
	}
	// The way of hardware, and on a CPU those that its cores like: the limit is what any kernel could do.
	wg, groups := uint32(measureWG), d.measureGroups()
	type way struct{ wg, alike, lanes, groups uint32 }
	ways := []way{{wg, 0, wg * groups, groups}}
	if d.software() {
		lanes := min(max(d.caps.SubgroupSize, 1), wg)
		ways = []way{{wg, 0, lanes, groups}}
		if d.caps.UniformLoads {
			ways = append(ways, way{lanes, 1, lanes, groups})
		}
	}
	for _, w := range ways {
		push := pack(src.Address(), out.Address(), uint32(src.Size()/16), w.lanes)
		err := d.best(ctx, "measure_bandwidth", push, w.groups, func(t time.Duration) {
			l.Bandwidth = max(l.Bandwidth, float64(src.Size())/t.Seconds())
		}, w.wg, w.alike)
		if err != nil {
			return err
		}
	}
	return nil
}

// software reports whether a driver runs the kernels on the machine's CPU.
func (d *Device) software() bool { return d.dev.Info().Type == vk.TypeCPU }

// best times a kernel of the measure family a few times, fewer where that takes long; report is told every time but the first.
func (d *Device) best(ctx context.Context, module string, push []byte, groups uint32, report func(time.Duration), spec ...uint32) (err error) {
	b, err := d.newBench(module, len(push), spec...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(append([]error{err}, b.close()...)...) }()
	begun := time.Now()
	for i := range measureRuns + 1 {
		if i > 1 && time.Since(begun) > bestTime {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := b.time(push, [3]uint32{groups, 1, 1}, 1)
		if err != nil {
			return err
		}
		if i > 0 {
			report(max(t, 1))
		}
	}
	return nil
}

// Dispatches of the recordings whose difference is the cost of one.
const manyDispatches, fewDispatches = 257, 1

// measureDispatch takes medians: these are costs, not abilities. One more dependent dispatch is the difference between many
// and few; submit and wait is an almost empty recording, as the host sees it.
func (d *Device) measureDispatch(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
	each, submit, err := d.dispatches(ctx, pad, false)
	l.Dispatch, l.Submit = each, submit
	return err
}

// measureIndependent is measureDispatch without barriers.
func (d *Device) measureIndependent(ctx context.Context, pad *scratchpad, l *compute.Limits) (err error) {
	l.Independent, _, err = d.dispatches(ctx, pad, true)
	return err
}

func (d *Device) dispatches(ctx context.Context, pad *scratchpad, independent bool) (each, submit time.Duration, err error) {
	out, err := pad.alloc(memory.Scratch, 256, "nothing")
	if err != nil {
		return 0, 0, err
	}
	push := pack(out.Address(), uint32(0))
	b, err := d.newBench("measure_empty", len(push), 32)
	if err != nil {
		return 0, 0, err
	}
	b.independent = independent
	defer func() { err = errors.Join(append([]error{err}, b.close()...)...) }()
	const runs = 15
	var costs, submits []time.Duration
	for i := range runs + 1 {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		long, err := b.time(push, [3]uint32{1, 1, 1}, manyDispatches)
		if err != nil {
			return 0, 0, err
		}
		begun := time.Now()
		short, err := b.time(push, [3]uint32{1, 1, 1}, fewDispatches)
		if err != nil {
			return 0, 0, err
		}
		if i > 0 {
			submits = append(submits, time.Since(begun))
			costs = append(costs, max(long-short, 0)/(manyDispatches-fewDispatches))
		}
	}
	slices.Sort(costs)
	slices.Sort(submits)
	return costs[len(costs)/2], submits[len(submits)/2], nil
}

package gpu

import (
	"context"
	"errors"
	"slices"
	"time"

	"tuff/gpu/memory"
	"tuff/host/compute"
)

// Sizes of the measurement. The stream is larger than any cache; every timed run takes some milliseconds, so that the
// clock's resolution does not matter.
const (
	streamBytes = 256 << 20
	measureWG   = 128
	measureRuns = 5
	enough      = 5 * time.Millisecond
)

// measureGroups is a number of workgroups that fills the device several times over. A software driver runs them on a few
// cores, each walking memory in strides of the whole grid: there, few keep neighbouring loads close together.
func (d *Device) measureGroups() uint32 { return 32 * d.caps.Units }

// Measure implements compute.Measurer: the best of a few runs each, since a limit is what the device can do at all.
func (d *Device) Measure(ctx context.Context) (l compute.Limits, err error) {
	pad := &scratchpad{d: d}
	defer func() { err = errors.Join(append([]error{err}, pad.close()...)...) }()
	l.Measured = time.Now()
	for _, part := range []func(context.Context, *scratchpad, *compute.Limits) error{d.measureBandwidth, d.measureFLOPs, d.measureDispatch} {
		if err := part(ctx, pad, &l); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (d *Device) measureBandwidth(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
	limit, used := d.mem.Budget(memory.Weights)
	size := min(uint64(streamBytes), (limit-min(used, limit))/4, d.mem.MaxSize()) &^ 255
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
	return d.best(ctx, "measure_bandwidth", pack(src.Address(), out.Address(), uint32(src.Size()/16)), func(t time.Duration) {
		l.Bandwidth = max(l.Bandwidth, float64(src.Size())/t.Seconds())
	})
}

func (d *Device) measureFLOPs(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
	out, err := pad.alloc(memory.Scratch, 4*measureWG*uint64(d.measureGroups()), "sums")
	if err != nil {
		return err
	}
	for rounds := uint32(16); ; rounds *= 2 {
		var fastest time.Duration
		err := d.best(ctx, "measure_flops", pack(out.Address(), rounds, float32(0.999), float32(0.001)), func(t time.Duration) {
			if fastest == 0 || t < fastest {
				fastest = t
			}
		})
		if err != nil {
			return err
		}
		if fastest >= enough || rounds >= 1<<24 {
			l.FLOPs = 64 * float64(rounds) * measureWG * float64(d.measureGroups()) / fastest.Seconds()
			return nil
		}
	}
}

// best times a kernel of the measure family a few times; report is told every time but the first.
func (d *Device) best(ctx context.Context, module string, push []byte, report func(time.Duration)) (err error) {
	b, err := d.newBench(module, len(push), measureWG)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(append([]error{err}, b.close()...)...) }()
	for i := range measureRuns + 1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := b.time(push, [3]uint32{d.measureGroups(), 1, 1}, 1)
		if err != nil {
			return err
		}
		if i > 0 {
			report(max(t, 1))
		}
	}
	return nil
}

// measureDispatch takes medians: these are costs, not abilities. One more dependent dispatch is the difference between many
// and few; submit and wait is an almost empty recording, as the host sees it.
func (d *Device) measureDispatch(ctx context.Context, pad *scratchpad, l *compute.Limits) (err error) {
	out, err := pad.alloc(memory.Scratch, 256, "nothing")
	if err != nil {
		return err
	}
	push := pack(out.Address(), uint32(0))
	b, err := d.newBench("measure_empty", len(push), 32)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(append([]error{err}, b.close()...)...) }()
	const many, few, runs = 257, 1, 15
	var each, submit []time.Duration
	for i := range runs + 1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		long, err := b.time(push, [3]uint32{1, 1, 1}, many)
		if err != nil {
			return err
		}
		begun := time.Now()
		short, err := b.time(push, [3]uint32{1, 1, 1}, few)
		if err != nil {
			return err
		}
		if i > 0 {
			submit = append(submit, time.Since(begun))
			each = append(each, max(long-short, 0)/(many-few))
		}
	}
	slices.Sort(each)
	slices.Sort(submit)
	l.Dispatch, l.Submit = each[len(each)/2], submit[len(submit)/2]
	return nil
}

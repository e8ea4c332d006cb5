package gpu

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/host/compute"
)

// maxRounds bounds the loop of a peak, on a device whose clock does not advance.
const maxRounds = 1 << 24

// peaks are the measurements of arithmetic beyond float32 for which the device has what their modules need.
func (d *Device) peaks() (list []part) {
	if d.caps.Float16 {
		list = append(list, d.measureHalf)
	}
	if d.caps.IntegerDot {
		list = append(list, d.measureDot)
	}
	for _, kind := range []kernel.CoopMatKind{kernel.CoopMatHalf, kernel.CoopMatFloat, kernel.CoopMatInt8} {
		for _, s := range d.caps.CoopMat {
			if s.Kind == kind && d.caps.SubgroupSize <= measureWG {
				list = append(list, func(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
					return d.measureMatrix(ctx, pad, l, s)
				})
			}
		}
	}
	return list
}

// MeasureSums measures the peaks of matrix units that kernels choose between: products of halves with sums in either precision, by the
// fragments that they take. It takes a tenth of a second on hardware; a device that lacks either kind has no peaks.
func (d *Device) MeasureSums(ctx context.Context) ([]compute.MatrixPeak, error) {
	s, _ := d.caps.Matrix(kernel.CoopMatFloat)
	half := s
	half.Kind = kernel.CoopMatHalf
	if !slices.Contains(d.caps.CoopMat, half) || d.caps.SubgroupSize > measureWG {
		return nil, nil
	}
	var parts []part
	for _, s := range []kernel.CoopMatShape{half, s, half} { // the first while clocks rise; the best of a kind counts
		parts = append(parts, func(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
			return d.measureMatrix(ctx, pad, l, s)
		})
	}
	l, err := d.measure(ctx, parts...)
	return l.Matrix, err
}

// UsePeaks makes programs that are compiled from now on take the sums that matrix units are faster with.
func (d *Device) UsePeaks(list []compute.MatrixPeak) {
	rates := map[string]float64{}
	for _, p := range list {
		rates[p.Types] = p.Rate
		d.peak = max(d.peak, p.Rate)
	}
	d.caps.JudgeSums(rates[kernel.CoopMatHalf.String()], rates[kernel.CoopMatFloat.String()])
}

func (d *Device) measureFLOPs(ctx context.Context, pad *scratchpad, l *compute.Limits) (err error) {
	l.FLOPs, err = d.vectorPeak(ctx, pad, "measure_flops", 8, 256, float32(0.999), float32(0.001))
	return err
}

func (d *Device) measureHalf(ctx context.Context, pad *scratchpad, l *compute.Limits) (err error) {
	l.Half, err = d.vectorPeak(ctx, pad, "measure_half", 16, 256, float32(0.9), float32(0.1))
	return err
}

func (d *Device) measureDot(ctx context.Context, pad *scratchpad, l *compute.Limits) (err error) {
	l.Dot8, err = d.vectorPeak(ctx, pad, "measure_dot", 16, 512, uint32(0x7f35_81e3), uint32(0x1234_5679))
	return err
}

// vectorPeak is the operations per second of a register-only kernel of so many chains, and operations a round; a and b are
// its last two arguments. CPUs have 16 or 32 registers, so that a software driver would keep most chains in memory.
func (d *Device) vectorPeak(ctx context.Context, pad *scratchpad, module string, chains, operations uint32, a, b any) (float64, error) {
	if d.software() {
		chains /= 4
	}
	out, err := pad.alloc(memory.Scratch, 4*measureWG*uint64(d.measureGroups()), "sums")
	if err != nil {
		return 0, err
	}
	perSecond, err := d.rounds(ctx, module, func(rounds uint32) []byte { return pack(out.Address(), rounds, a, b) }, measureWG, chains)
	return perSecond * float64(operations) * measureWG * float64(d.measureGroups()), err
}

// matrixModules are the modules of the kinds of cooperative matrices.
var matrixModules = [...]string{kernel.CoopMatHalf: "measure_matrix_half", kernel.CoopMatFloat: "measure_matrix_float", kernel.CoopMatInt8: "measure_matrix_int8"}

// measureMatrix measures one shape, and keeps it where it is the fastest of its kind.
func (d *Device) measureMatrix(ctx context.Context, pad *scratchpad, l *compute.Limits, s kernel.CoopMatShape) error {
	out, err := pad.alloc(memory.Scratch, 4*measureWG*uint64(d.measureGroups()), "sums")
	if err != nil {
		return err
	}
	count, err := pad.alloc(memory.Scratch, 256, "subgroups")
	if err != nil {
		return err
	}
	// Small factors, as those of models: sums of halves then grow for a while before they stand still.
	a, b := float32(0.03125), float32(0.0625)
	if s.Kind == kernel.CoopMatInt8 {
		a, b = 3, 7
	}
	vary := uint32(0)
	if d.software() {
		vary = 1 // its compiler sees loops and sums
	}
	perSecond, err := d.rounds(ctx, matrixModules[s.Kind], func(rounds uint32) []byte {
		return pack(out.Address(), count.Address(), rounds, a, b, float32(1))
	}, measureWG, s.M, s.N, s.K, vary)
	if err != nil {
		return err
	}
	// A driver may choose other subgroups for matrices than it says it does for the rest, so the kernel counts them.
	var subgroups [4]byte
	if err := d.mem.Download(subgroups[:], count, 0); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(subgroups[:])
	rate := perSecond * 8 * float64(s.M) * float64(s.N) * float64(s.K) * float64(n) * float64(d.measureGroups())
	p := compute.MatrixPeak{Types: s.Kind.String(), M: int(s.M), N: int(s.N), K: int(s.K), Rate: rate}
	for i := range l.Matrix {
		if l.Matrix[i].Types == p.Types {
			if p.Rate > l.Matrix[i].Rate {
				l.Matrix[i] = p
			}
			return nil
		}
	}
	l.Matrix = append(l.Matrix, p)
	return nil
}

// rounds is how many rounds a second the loop of a kernel makes: the best of a few runs that are long enough.
func (d *Device) rounds(ctx context.Context, module string, push func(rounds uint32) []byte, spec ...uint32) (best float64, err error) {
	b, err := d.newBench(module, len(push(0)), spec...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(append([]error{err}, b.close()...)...) }()
	run := func(rounds uint32) (time.Duration, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t, err := b.time(push(rounds), [3]uint32{d.measureGroups(), 1, 1}, 1)
		return max(t, 1), err
	}
	rounds := uint32(16)
	for {
		t, err := run(rounds)
		if err != nil {
			return 0, err
		}
		if t >= enough || rounds >= maxRounds {
			break
		}
		// At most eight times as many, since the first run may have waited for something.
		rounds = min(rounds*uint32(min(2*enough/t, 7)+1), maxRounds)
	}
	for range measureRuns {
		t, err := run(rounds)
		if err != nil {
			return 0, err
		}
		best = max(best, float64(rounds)/t.Seconds())
	}
	return best, nil
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// cachedLimits is the file of a device's limits, as devices --measure found them.
type cachedLimits struct {
	cached
	Limits compute.Limits `json:"limits"`
}

// readLimits are the remembered limits of a device, if there are any. A CPU's are not kept: they take a second, and depend on
// threads and on the program.
func readLimits(info compute.Info) (*compute.Limits, bool) {
	var c cachedLimits
	if info.Kind == compute.Host || !readCached(cachePath("limits", info), &c) || c.cached != cachedFor(info) || c.Limits.Check() != nil {
		return nil, false
	}
	return &c.Limits, true
}

// measureLimits measures all of a device's limits anew and remembers them.
func measureLimits(ctx context.Context, dev *gpu.Device) (*compute.Limits, error) {
	l, err := dev.MeasureAll(ctx)
	if err != nil {
		return nil, err
	}
	info := dev.Info()
	writeCached(cachePath("limits", info), cachedLimits{cachedFor(info), l})
	return &l, nil
}

// cachedPeaks is the file of what matrix units reached with both kinds of sums, where the limits were not measured.
type cachedPeaks struct {
	cached
	Matrix []compute.MatrixPeak `json:"matrix"`
}

// usePeaks makes a device choose between sums in half precision and in float32 by its peaks: those of its limits, or else those two alone,
// measured at the first start. Software drivers have no matrix units; where measuring fails, what is known of the vendor stays.
func usePeaks(ctx context.Context, dev *gpu.Device) {
	info := dev.Info()
	if info.Kind == compute.Software || info.Emulated {
		return
	}
	if l, ok := readLimits(info); ok && len(l.Matrix) > 0 {
		dev.UsePeaks(l.Matrix)
		return
	}
	var c cachedPeaks
	if path := cachePath("sums", info); !readCached(path, &c) || c.cached != cachedFor(info) {
		list, err := dev.MeasureSums(ctx)
		if err != nil {
			return
		}
		c = cachedPeaks{cachedFor(info), list}
		writeCached(path, c)
	}
	dev.UsePeaks(c.Matrix)
}

// measuredHere are the limits that this process has measured for want of remembered ones: a report runs many commands.
var measuredHere sync.Map // of compute.Info without what changes → compute.Limits

// limitsOf are what the figures of a device are shares of: its remembered limits, or else those that every report needs, measured
// once. They are zero for a device that cannot measure or is emulated.
func limitsOf(ctx context.Context, dev compute.Device) (compute.Limits, error) {
	info := dev.Info()
	if l, ok := readLimits(info); ok {
		return *l, nil
	}
	key := fmt.Sprint(info.ID, info.Name, info.Driver, info.Threads)
	if l, ok := measuredHere.Load(key); ok {
		return l.(compute.Limits), nil
	}
	m, ok := dev.(compute.Measurer)
	if !ok || info.Emulated {
		return compute.Limits{}, nil
	}
	l, err := m.Measure(ctx)
	if err != nil {
		return l, fmt.Errorf("measure limits: %w", err)
	}
	measuredHere.Store(key, l)
	return l, nil
}

// timed is an error where times mean nothing.
func timed(info compute.Info) error {
	if info.Emulated {
		return usageError{fmt.Errorf("--device: got the %s, want a device whose times mean something", info.Name)}
	}
	return nil
}

// limitsLine is the limits that reports are about, in one line.
func limitsLine(l *compute.Limits) string {
	parts := []string{rate(l.Bandwidth, "B/s") + " read", rate(l.FLOPs, "FLOP/s") + " float32"}
	if l.Half > 0 {
		parts = append(parts, rate(l.Half, "FLOP/s")+" half")
	}
	if l.Dot8 > 0 {
		parts = append(parts, rate(l.Dot8, "OP/s")+" packed int8")
	}
	if m := l.MatrixFLOPs(); m > 0 {
		parts = append(parts, rate(m, "FLOP/s")+" matrix")
	}
	return strings.Join(append(parts, cost(l.Dispatch)+" a dependent dispatch", cost(l.Submit)+" submit and wait"), ", ")
}

func cost(d time.Duration) string { return d.Round(10 * time.Nanosecond).String() }

// printLimits writes a row for each limit that was measured, in two columns.
func printLimits(w io.Writer, l *compute.Limits) {
	took := ""
	if l.Took > 0 {
		took = fmt.Sprintf(", in %v", l.Took.Round(100*time.Millisecond))
	}
	fmt.Fprintf(w, "  measured\t%s%s\n", l.Measured.Local().Format("2006-01-02 15:04"), took)
	row := func(name string, v float64, unit string) {
		if v > 0 {
			fmt.Fprintf(w, "    %s\t%s\n", name, rate(v, unit))
		}
	}
	row("memory read", l.Bandwidth, "B/s")
	row("float32", l.FLOPs, "FLOP/s")
	row("float64", l.Double, "FLOP/s")
	row("half", l.Half, "FLOP/s")
	row("packed int8", l.Dot8, "OP/s")
	for _, m := range l.Matrix {
		unit := "FLOP/s"
		if strings.HasPrefix(m.Types, "int") {
			unit = "OP/s"
		}
		row("matrix "+m.String(), m.Rate, unit)
	}
	if l.Dispatch > 0 {
		fmt.Fprintf(w, "    dependent dispatch\t%s\n", cost(l.Dispatch))
	}
	if l.Independent > 0 {
		fmt.Fprintf(w, "    independent dispatch\t%s\n", cost(l.Independent))
	}
	if l.Submit > 0 {
		fmt.Fprintf(w, "    submit and wait\t%s\n", cost(l.Submit))
	}
	row("host to device", l.Upload, "B/s")
	row("device to host", l.Download, "B/s")
	row("into mapped memory", l.MappedWrite, "B/s")
	row("out of mapped memory", l.MappedRead, "B/s")
}

// Arithmetic that the fallback alone has: of its matrix units, and of exact multiplications, which sum up in float64.
const (
	tierAMX    = "AMX, bfloat16"
	tierDouble = "float64"
)

// tierOf is the arithmetic that a kernel of any device multiplies in, by the name that a placement gives it.
func tierOf(name string) string {
	switch {
	case strings.HasSuffix(name, "_amx"):
		return tierAMX
	case strings.HasSuffix(name, "_float64"):
		return tierDouble
	}
	return kernel.Tier(name)
}

// peakOf is the arithmetic peak that a tier of kernels is held against: float32's where the tier's own was not measured.
func peakOf(tier string, l *compute.Limits) float64 {
	peak := map[string]float64{"packed int8": l.Dot8, "half": l.Half, kernel.TierMatrix: l.MatrixRate(kernel.CoopMatFloat.String()), tierAMX: l.MatrixFLOPs(), tierDouble: l.Double,
		kernel.TierMatrixHalf: l.MatrixRate(kernel.CoopMatHalf.String())}[tier]
	return cmp.Or(peak, l.FLOPs)
}

// Package fallback runs compute programs in Go. Its exact arithmetic is the executable definition of every op: each
// is written from the formula in host/compute with float64 accumulators and sums taken in ascending order, so that
// results are bit for bit the same for any number of threads. Shaders are checked against it. Where the processor has vector
// instructions (fallback/simd), multiplications, attention and decoding of weights use them, in exact arithmetic to the same bits.
//
// One file per op, named by the op's stem. The package must not know models, Vulkan or file formats: of weights it knows
// the block formats that fallback/quant decodes.
package fallback

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Options of New.
type Options struct {
	Threads int // workers; 0: one per core
	// Plain keeps to plain Go, the definition of every op, where the processor has vector instructions. Exact results are the same.
	Plain bool
}

// Device is the machine's processor as a compute.Device.
type Device struct {
	pool  *pool
	level simd.Level
	used  atomic.Int64 // bytes that the device made

	cache   int64 // bytes of the last-level cache
	memory  int64 // of the machine
	regions regions
}

// New makes a device.
func New(o Options) (*Device, error) {
	if o.Threads < 0 || o.Threads > 1024 {
		return nil, fmt.Errorf("fallback: open: got %d threads, want 0 (one per core) to 1024", o.Threads)
	}
	if _, err := compute.Float32s(make([]byte, 4)); err != nil {
		return nil, fmt.Errorf("fallback: open: %w", err)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	d := &Device{pool: newPool(o.Threads, spinsOf(o.Threads)), level: simd.Best(), cache: lastLevelCache()}
	d.memory, _ = memory()
	if o.Plain {
		d.level = simd.Plain
	}
	return d, nil
}

// Info describes the device. Free memory is what the system calls available.
func (d *Device) Info() compute.Info {
	total, free := memory()
	return compute.Info{
		Name: "CPU", Driver: fmt.Sprintf("tuff fallback (Go, %v)", d.level), API: runtime.Version(), Kind: compute.Host,
		MemoryTotal: total, MemoryFree: min(free, total), MemoryUsed: d.used.Load(),
		Threads: d.pool.threads, Tiers: d.tiers(),
		ID: fmt.Sprintf("cpu-%s-%s-%v-%s", runtime.GOOS, runtime.GOARCH, d.level, runtime.Version()),
	}
}

// Close ends the workers. Buffers stay valid memory until nothing refers to them.
func (d *Device) Close() error {
	d.pool.close()
	return nil
}

// Compile prepares a program: every op bound to its kernel and tensors, scratch planned and allocated for the largest step.
func (d *Device) Compile(ctx context.Context, p *compute.Program, o compute.Options) (compute.Executable, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("fallback: compile: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("fallback: compile %s: %w", p.Name, err)
	}
	e, err := newExecutable(d, p, o)
	if err != nil {
		if e != nil {
			e.Close()
		}
		return nil, fmt.Errorf("fallback: compile %s: %w", p.Name, err)
	}
	return e, nil
}

// tiers are the kinds of arithmetic that multiplications are in, here or there.
func (d *Device) tiers() []string {
	t := []string{"exact", "float32"}
	if dot := quant.DotOf(d.level, compute.Q8_0); dot == quant.BytesDot || dot == quant.UnpackedDot {
		t = append(t, "packed int8")
	}
	if d.level >= simd.AMX {
		t = append(t, "AMX, bfloat16")
	}
	return t
}

// memory is the total and available bytes of the system as Linux tells them; elsewhere zero.
func memory() (total, available int64) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "MemTotal:":
			total = n << 10
		case "MemAvailable:":
			available = n << 10
		}
	}
	return total, available
}

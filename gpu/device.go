// Package gpu is compute.Device on Vulkan. It compiles a program into dispatches, plans scratch memory, puts barriers where
// two dispatches truly depend on each other, records everything once per shape and replays it; what changes from one run to
// the next lies in a small step buffer that the device reads. It knows ops and buffers, but no model: no layer, vocabulary
// or architecture. Vendors and drivers are mentioned in caps.go, statistics.go and kernel/vendors.go only.
package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// Options of Open and Devices.
type Options struct {
	// Validation loads the Khronos validation layer; Device.Messages has what it said.
	Validation bool
	// Emulate opens no driver but a device that is emulated in Go: one of vk.EmulatedKinds.
	Emulate string
	// CacheDir holds the pipeline cache. "": the user's cache folder; "-": none.
	CacheDir string
	// Timeout bounds the wait for a command buffer; 0: a minute, and ten for software drivers. Drivers of hardware end what hangs after some
	// ten seconds themselves. Those of CPUs end nothing, and compile a kernel when it first runs, which takes many seconds beside other work.
	Timeout time.Duration
	// MaxDispatches bounds the dispatches of one command buffer; 0: 512.
	MaxDispatches int
	// MaxWork bounds the work of one command buffer, in operations, where it has a barrier; 0: what suits the device. A step that takes long
	// becomes several submissions of command buffers, so that no driver takes it for one that hangs.
	MaxWork float64
	// PieceTime is what such a submission should take; 0: 100 ms, a twentieth of what any driver allows.
	PieceTime time.Duration
	// NoConditions does without conditional rendering, as on devices that lack it.
	NoConditions bool
	Hooks        *vk.Hooks // counts calls and handles, injects failures; for tests
	// Statistics keeps what drivers tell of compiled kernels, for compute.Inspector. Some compile everything anew for it.
	Statistics bool
	// CompileOnly opens a device for Build alone, which allocates and runs nothing: Mesa's null hardware can do no more.
	CompileOnly bool
	// Shader replaces the SPIR-V of a module, for the kernel lab; nil or a nil result keeps the built-in one.
	Shader func(module string) []uint32
}

// Device runs programs on one Vulkan device. One goroutine at a time may use it.
type Device struct {
	o    Options
	inst *vk.Instance
	dev  *vk.Device
	mem  *memory.Manager
	caps kernel.Caps

	mu        sync.Mutex // guards the fields below: pipelines are made by several goroutines
	cache     *vk.PipelineCache
	cachePath string
	pipelines map[string]*vk.Pipeline
	fresh     int // pipelines made since the cache was saved
	execs     map[*executable]bool
	kind      compute.Kind
	peak      float64 // of matrix units, operations a second; 0: not measured
	codebooks map[compute.DType]*memory.Buffer
}

// open makes a device of what the instance found. The device owns the instance.
func open(inst *vk.Instance, phys *vk.PhysicalInfo, o Options) (_ *Device, err error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
		if infoOf(phys).Kind == compute.Software || phys.Emulated {
			o.Timeout = 10 * time.Minute
		}
	}
	if o.MaxDispatches == 0 {
		o.MaxDispatches = 512
	}
	if phys.Emulated {
		o.CacheDir = "-"
	}
	o.PieceTime = cmp.Or(o.PieceTime, 100*time.Millisecond)
	d := &Device{o: o, inst: inst, pipelines: map[string]*vk.Pipeline{}, execs: map[*executable]bool{}, codebooks: map[compute.DType]*memory.Buffer{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.dev, err = inst.OpenDevice(phys, vk.DeviceOptions{Features: vk.AllFeatures()}); err != nil {
		return nil, err
	}
	if !o.CompileOnly {
		if d.mem, err = memory.New(d.dev, memory.Options{Timeout: o.Timeout, Apart: phys.Emulated}); err != nil {
			return nil, err
		}
	}
	d.caps, d.kind = capsOf(d.dev), infoOf(phys).Kind
	d.Refuse(unproven())
	return d, d.loadCache()
}

// loadCache opens the pipeline cache of this device and driver. A damaged or foreign file only costs compile time.
func (d *Device) loadCache() (err error) {
	dir := d.o.CacheDir
	if dir == "" {
		if user, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(user, "tuff")
		}
	}
	if dir == "" || dir == "-" || os.MkdirAll(dir, 0o755) != nil {
		d.cache, err = d.dev.NewPipelineCache(nil)
		return err
	}
	d.cachePath = filepath.Join(dir, fmt.Sprintf("pipelines-%x.bin", d.dev.Info().PipelineCacheUUID))
	d.cache, _, err = d.dev.LoadPipelineCache(d.cachePath)
	return err
}

// saveCache writes the cache if pipelines were made. A full disk is no reason to fail.
func (d *Device) saveCache() {
	if d.fresh > 0 && d.cachePath != "" && d.cache.Save(d.cachePath) == nil {
		d.fresh = 0
	}
}

// Info implements compute.Device.
func (d *Device) Info() compute.Info {
	info := infoOf(d.dev.Info())
	if d.mem == nil {
		return info
	}
	limit, used := d.mem.Budget(memory.Weights)
	info.MemoryFree = int64(limit - min(used, limit))
	info.MemoryUsed = int64(d.mem.Used())
	return info
}

// Messages are what the validation layer has said so far.
func (d *Device) Messages() []string {
	if d.inst == nil {
		return nil
	}
	return d.inst.Messages()
}

// Close implements compute.Device.
func (d *Device) Close() error {
	var errs []error
	for x := range d.execs {
		errs = append(errs, x.Close())
	}
	if d.dev != nil && d.mem != nil {
		errs = append(errs, d.mem.Flush())
	}
	for _, p := range d.pipelines {
		errs = append(errs, p.Close())
	}
	if d.cache != nil {
		errs = append(errs, d.cache.Close())
	}
	if d.mem != nil {
		errs = append(errs, d.mem.Close())
	}
	if d.dev != nil {
		errs = append(errs, d.dev.Close())
	}
	if d.inst != nil {
		errs = append(errs, d.inst.Close())
	}
	d.pipelines, d.cache, d.mem, d.dev, d.inst, d.execs = nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// lost says what was running when a call failed because the device is gone.
func lost(err error, what string) error {
	if errors.Is(err, vk.ErrDeviceLost) {
		return fmt.Errorf("gpu: device lost while running %s: %w", what, err)
	}
	return err
}

// ErrDeviceLost is matched by errors of a device that is gone: open it again.
var ErrDeviceLost = vk.ErrDeviceLost

// Variants are the kernels that programs on this device can be made to use by name, and what it lacks for the others.
func (d *Device) Variants() []kernel.Variant { return kernel.Variants(d.caps) }

// Caps are what plans for this device may rely on.
func (d *Device) Caps() kernel.Caps { return d.caps }

package vk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// DeviceOptions are what the caller wants of a device.
type DeviceOptions struct {
	// Features wanted; what is available of them is enabled. BufferDeviceAddress and TimelineSemaphore are always enabled.
	Features Features
}

// Device is an open device with one queue. Its methods may be used by several goroutines; objects made by it (Commands,
// CommandBuffer, …) each by one at a time. A lost device stays lost: close it and open it again.
type Device struct {
	in       *Instance
	drv      deviceDriver
	hooks    *Hooks
	info     PhysicalInfo
	features Features
	pool     uint64 // command pool
	timeline uint64

	recordMu sync.Mutex // the command pool

	submitMu sync.Mutex // the queue
	last     Ticket
	scratch  []uint64 // handles of one submit, kept so that submitting allocates nothing

	done atomic.Uint64 // highest ticket known to be complete
	lost atomic.Bool

	layoutMu sync.Mutex
	layouts  map[uint32]uint64 // push constant size → pipeline layout

	closed atomic.Bool
}

// OpenDevice opens a device of this instance.
func (in *Instance) OpenDevice(p *PhysicalInfo, o DeviceOptions) (*Device, error) {
	if p.handle == 0 {
		return nil, invalid("open device: got a description that no instance made")
	}
	if p.family < 0 {
		return nil, unsupported("open device %q: no compute queue", p.Name)
	}
	o.Features.BufferDeviceAddress, o.Features.TimelineSemaphore = true, true
	enabled := p.Features.And(o.Features)
	if !enabled.BufferDeviceAddress || !enabled.TimelineSemaphore {
		return nil, unsupported("open device %q: got Vulkan %s without buffer device addresses or timeline semaphores, want both", p.Name, p.APIVersion)
	}
	if !enabled.CooperativeMatrix {
		// VK_NV_cooperative_matrix2 cannot be enabled without the KHR extension.
		enabled.CooperativeMatrixWorkgroupScope, enabled.CooperativeMatrixFlexibleDimensions = false, false
		enabled.CooperativeMatrixReductions, enabled.CooperativeMatrixConversions = false, false
		enabled.CooperativeMatrixPerElement, enabled.CooperativeMatrixTensorAddressing = false, false
		enabled.CooperativeMatrixBlockLoads = false
	}
	extensions, chains := enabled.request(p.APIVersion)
	if p.HasExtension("VK_KHR_portability_subset") {
		extensions = append(extensions, "VK_KHR_portability_subset") // mandatory where it is offered
	}

	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, fmt.Errorf("vk: open device %q: instance: %w", p.Name, ErrClosed)
	}
	d := &Device{in: in, hooks: in.hooks, info: *p, features: enabled, layouts: map[uint32]uint64{}, scratch: make([]uint64, 0, 16)}
	r := in.hooks.run(callCreateDevice, func() (r Result) {
		d.drv, r = in.drv.createDevice(p.handle, p.family, extensions, chains)
		return r
	})
	if r != Success {
		return nil, failed(callCreateDevice, r, "open device %q", p.Name)
	}
	in.hooks.born(objDevice)
	r = in.hooks.run(callCreateCommandPool, func() (r Result) { d.pool, r = d.drv.createCommandPool(p.family); return r })
	if r != Success {
		d.destroy()
		return nil, failed(callCreateCommandPool, r, "open device %q", p.Name)
	}
	in.hooks.born(objCommandPool)
	in.devices++
	return d, nil
}

// request lists the extensions and structures that enable the features.
func (f *Features) request(api Version) ([]string, []chain) {
	exts := map[string]bool{}
	var chains []chain
	for i := range featureGroups {
		g := &featureGroups[i]
		c := chain{g.sType, make([]uint32, len(g.bits))}
		some := false
		for j, b := range g.bits {
			if b != nil && *b(f) {
				c.bits[j], some = 1, true
			}
		}
		if !some {
			continue
		}
		if e := g.needs(api); e != "" {
			exts[e] = true
		}
		if g.sType != 0 {
			chains = append(chains, c)
		}
	}
	return slices.Sorted(maps.Keys(exts)), chains
}

// Info describes the device as it was when it was opened. The caller must not change it.
func (d *Device) Info() *PhysicalInfo { return &d.info }

// Features are the enabled ones.
func (d *Device) Features() Features { return d.features }

// Heaps are the device's heaps with their budgets now.
func (d *Device) Heaps() []Heap { return d.in.Budgets(&d.info) }

// Hooks are the counters of the device's instance.
func (d *Device) Hooks() *Hooks { return d.hooks }

// Lost says that a call has answered that the device is lost. Nothing but Close is of use then.
func (d *Device) Lost() bool { return d.lost.Load() }

// failed makes an error and remembers a lost device.
func (d *Device) failed(c call, r Result, format string, args ...any) error {
	if r == ErrorDeviceLost {
		d.lost.Store(true)
	}
	e := &Error{Call: callNames[c], Result: r, Detail: fmt.Sprintf(format, args...), Note: "on " + d.info.Name}
	if x, ok := d.drv.(interface{ explain(Result) string }); ok {
		e.Note += x.explain(r)
	}
	return e
}

func (d *Device) open(what string) error {
	if d.closed.Load() {
		return fmt.Errorf("vk: %s: device: %w", what, ErrClosed)
	}
	return nil
}

// Close waits for the queue and gives the device back. What was made by the device must be closed first: what is left is
// reported, and can no longer be used.
func (d *Device) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	var err error
	// Destroying objects that the device still uses is undefined, so a wait that fails for want of memory is tried again.
	for tries := 3; tries > 0 && d.Last() > 0; tries-- { // there is nothing to wait for where nothing was submitted
		r := d.hooks.run(callDeviceWaitIdle, d.drv.waitIdle)
		if r == Success {
			err = nil
			break
		}
		err = d.failed(callDeviceWaitIdle, r, "close device")
		if r == ErrorDeviceLost {
			break
		}
	}
	d.destroy()
	d.in.mu.Lock()
	d.in.devices--
	last := d.in.devices == 0
	d.in.mu.Unlock()
	if left := d.hooks.Live(); last {
		delete(left, objectNames[objInstance])
		delete(left, objectNames[objDevice])
		if len(left) > 0 {
			err = errors.Join(err, invalid("close device %q: got live objects %v, want none", d.info.Name, left))
		}
	}
	return err
}

// destroy gives back what the device itself made.
func (d *Device) destroy() {
	d.layoutMu.Lock()
	for _, l := range d.layouts {
		d.drv.destroyPipelineLayout(l)
		d.hooks.gone(objPipelineLayout)
	}
	clear(d.layouts)
	d.layoutMu.Unlock()
	if d.timeline != 0 {
		d.drv.destroySemaphore(d.timeline)
		d.hooks.gone(objSemaphore)
	}
	if d.pool != 0 {
		d.drv.destroyCommandPool(d.pool)
		d.hooks.gone(objCommandPool)
	}
	d.drv.destroy()
	d.hooks.gone(objDevice)
}

package vk

import (
	"context"
	"fmt"
	"sync"

	"tuff/gpu/emulator"
)

// emulatedAlign is how buffers are aligned, in bytes.
const emulatedAlign = 256

// emulatedDevice holds the objects of a device by their handles, and its queue.
type emulatedDevice struct {
	in      *emulatedInstance
	machine *emulator.Machine

	mu      sync.Mutex
	objects map[uint64]any
	next    uint64

	// The queue. changed is signalled when a job comes or ends.
	changed *sync.Cond
	jobs    []emulatedJob
	running bool
	value   uint64 // of the timeline: the last job done
	seen    uint64 // the last that the host waited for
	queued  uint64
	stop    context.CancelFunc
	why     error // of a lost device
	refused error // the last module that was
}

// The objects behind handles.
type (
	emulatedMemory struct {
		bytes []byte
		typ   int
	}
	emulatedBuffer struct {
		size, address uint64
		bytes         []byte
	}
	emulatedModule   struct{ words []uint32 }
	emulatedPipeline struct{ p *emulator.Program }
	emulatedCommands struct{ words []uint64 }
	emulatedQueries  struct{ ticks []uint64 }
	emulatedThing    struct{} // layouts, caches, pools and semaphores hold nothing
)

func (d *emulatedDevice) add(o any) (uint64, Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.objects[d.next] = o
	return d.next, Success
}

func (d *emulatedDevice) drop(h uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.objects, h)
}

// held is what a handle stands for: vk has checked that it is one.
func held[T any](d *emulatedDevice, h uint64) T {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.objects[h].(T)
}

func (d *emulatedDevice) createBuffer(size uint64, _ uint32, _ bool) (uint64, Result) {
	return d.add(&emulatedBuffer{size: size})
}

func (d *emulatedDevice) bufferRequirements(buffer uint64) (size, align uint64, types uint32) {
	b := held[*emulatedBuffer](d, buffer)
	return (b.size + emulatedAlign - 1) &^ (emulatedAlign - 1), emulatedAlign, 0xf
}

func (d *emulatedDevice) bufferAddress(buffer uint64) uint64 {
	return held[*emulatedBuffer](d, buffer).address
}

func (d *emulatedDevice) destroyBuffer(buffer uint64) {
	if b := held[*emulatedBuffer](d, buffer); b.address != 0 {
		d.machine.Unmap(b.address)
	}
	d.drop(buffer)
}

// allocate gives memory that holds what nobody meant: no number in half and single precision.
func (d *emulatedDevice) allocate(size uint64, memoryType int, host []byte) (uint64, Result) {
	if host == nil {
		host = make([]byte, size)
		emulator.Poison(host)
	}
	return d.add(&emulatedMemory{host, memoryType})
}

func (d *emulatedDevice) hostPointerTypes([]byte) (uint32, Result) { return 0, ErrorFeatureNotPresent }
func (d *emulatedDevice) free(memory uint64)                       { d.drop(memory) }

func (d *emulatedDevice) bind(buffer, memory, off uint64) Result {
	b, m := held[*emulatedBuffer](d, buffer), held[*emulatedMemory](d, memory)
	b.bytes = m.bytes[off : off+b.size : off+b.size]
	var err error
	if b.address, err = d.machine.Map(b.bytes); err != nil {
		d.in.say("%v", err)
		return ErrorOutOfDeviceMemory
	}
	return Success
}

func (d *emulatedDevice) mapMemory(memory, size uint64) ([]byte, Result) {
	return held[*emulatedMemory](d, memory).bytes[:size], Success
}

func (d *emulatedDevice) unmap(uint64) {}

func (d *emulatedDevice) createShaderModule(spirv []uint32) (uint64, Result) {
	return d.add(&emulatedModule{spirv})
}

func (d *emulatedDevice) createPipeline(p *rawPipeline) (uint64, Result) {
	o := emulator.Options{Name: p.name, Entry: p.entry, Spec: map[uint32]uint32{}, Lanes: int(p.subgroupSize)}
	if o.Lanes == 0 {
		o.Lanes = int(d.in.kind.subgroup)
	}
	for i, id := range p.specIDs {
		o.Spec[id] = p.specValues[i]
	}
	prog, err := emulator.Compile(held[*emulatedModule](d, p.module).words, o)
	if err == nil {
		err = d.fits(prog, p)
	}
	if err != nil {
		d.in.say("%v", err)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.refused = err
		return 0, ErrorInvalidShader
	}
	return d.add(&emulatedPipeline{prog})
}

// fits checks a program against the limits of the kind.
func (d *emulatedDevice) fits(prog *emulator.Program, p *rawPipeline) error {
	k := d.in.kind
	switch n, s := prog.Invocations(), prog.Shared(); {
	case n > int(k.invocations):
		return fmt.Errorf("%s: got a workgroup of %d invocations, want at most %d", p.name, n, k.invocations)
	case s > int(k.shared):
		return fmt.Errorf("%s: got %d bytes of shared memory, want at most %d", p.name, s, k.shared)
	case p.fullSubgroups && n%prog.Lanes() != 0:
		return fmt.Errorf("%s: got a workgroup of %d invocations, want full subgroups of %d", p.name, n, prog.Lanes())
	}
	return nil
}

func (d *emulatedDevice) destroyShaderModule(h uint64)   { d.drop(h) }
func (d *emulatedDevice) destroyPipeline(h uint64)       { d.drop(h) }
func (d *emulatedDevice) destroyPipelineLayout(h uint64) { d.drop(h) }
func (d *emulatedDevice) destroyPipelineCache(h uint64)  { d.drop(h) }
func (d *emulatedDevice) destroyCommandPool(h uint64)    { d.drop(h) }
func (d *emulatedDevice) destroySemaphore(h uint64)      { d.drop(h) }
func (d *emulatedDevice) destroyQueryPool(h uint64)      { d.drop(h) }
func (d *emulatedDevice) freeCommandBuffer(_, h uint64)  { d.drop(h) }

func (d *emulatedDevice) createPipelineLayout(uint32) (uint64, Result) { return d.add(emulatedThing{}) }
func (d *emulatedDevice) createPipelineCache([]byte) (uint64, Result)  { return d.add(emulatedThing{}) }
func (d *emulatedDevice) pipelineCacheData(uint64) ([]byte, Result) {
	return []byte("emulated"), Success
}
func (d *emulatedDevice) createCommandPool(int) (uint64, Result) { return d.add(emulatedThing{}) }
func (d *emulatedDevice) createTimeline() (uint64, Result)       { return d.add(emulatedThing{}) }
func (d *emulatedDevice) executables(uint64) ([]Executable, Result) {
	return nil, ErrorFeatureNotPresent
}

func (d *emulatedDevice) allocateCommandBuffer(uint64) (uint64, Result) {
	return d.add(&emulatedCommands{})
}

func (d *emulatedDevice) begin(cb uint64) Result {
	held[*emulatedCommands](d, cb).words = nil
	return Success
}

func (d *emulatedDevice) replay(cb uint64, words []uint64) Result {
	c := held[*emulatedCommands](d, cb)
	c.words = append(c.words, words...)
	return Success
}

func (d *emulatedDevice) end(uint64) Result { return Success }

func (d *emulatedDevice) createQueryPool(n uint32) (uint64, Result) {
	return d.add(&emulatedQueries{make([]uint64, n)})
}

func (d *emulatedDevice) queryResults(pool uint64, first uint32, dst []uint64, wait bool) Result {
	q := held[*emulatedQueries](d, pool)
	d.mu.Lock()
	defer d.mu.Unlock()
	for wait && d.running && d.why == nil {
		d.changed.Wait()
	}
	for i := range dst {
		dst[i] = q.ticks[int(first)+i]
		if dst[i] == 0 {
			return NotReady
		}
	}
	return Success
}

func (d *emulatedDevice) resetQueries(pool uint64, first, n uint32) {
	q := held[*emulatedQueries](d, pool)
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(q.ticks[first : first+n])
}

func (d *emulatedDevice) calibrated(uint32) (device, host, deviation uint64, r Result) {
	now := emulatedClock()
	return now, now, 0, Success
}

func (d *emulatedDevice) hostClock() uint64 { return emulatedClock() }

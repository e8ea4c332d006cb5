// Command planted runs a little work on the first Vulkan device with one fault of a chosen kind in it. check.sh runs it as
// the tests are run under the validation layer, and demands that the fault is reported: it is the test of that gate.
// It goes through the engine's own Vulkan package, so that the gate is tested on the path that the engine takes.
// It must not know the engine's ops, kernels or memory management.
//
// There is no fault "missing barrier between kernels": the engine's kernels reach memory by address, and no layer sees what
// they read and write. That fault is for the hazard tracker of package gpu and its tests.
package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tuff/gpu/vk"
)

//go:embed good.spv
var good []byte

//go:embed race.spv
var race []byte

const (
	n    = 4096 // values
	size = 4 * n
)

// work is what is run: the faults change one thing of it.
type work struct {
	shader  []byte
	usage   vk.BufferUsage
	offset  uint64 // bytes from the buffer's start to where the kernel works
	divisor uint32
	barrier bool // between the copy and the fill that overwrites its result
}

// faults, by name: what each changes, and which check of the layer is to see it.
var faults = map[string]func(*work){
	"none":    func(*work) {},
	"core":    func(w *work) { w.usage = vk.UsageTransferSrc }, // core: a fill needs UsageTransferDst
	"sync":    func(w *work) { w.barrier = false },             // synchronization: write after write
	"outside": func(w *work) { w.offset = size / 2 },           // GPU-assisted: half of the values lie past the end
	"race":    func(w *work) { w.shader = race },               // GPU-assisted: shared memory without a barrier
	"divide":  func(w *work) { w.divisor = 0 },                 // GPU-assisted: integer division by zero
}

func main() {
	if len(os.Args) != 2 || faults[os.Args[1]] == nil {
		names := make([]string, 0, len(faults))
		for name := range faults {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: planted %s\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	w := work{shader: good, usage: vk.UsageTransferSrc | vk.UsageTransferDst, divisor: 3, barrier: true}
	faults[os.Args[1]](&w)
	if err := run(w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does the work. What it computes with a fault in it is of no interest.
func run(w work) (err error) {
	instance, err := vk.Open(vk.Options{AppName: "planted"})
	if err != nil {
		return err
	}
	defer closing(instance, &err)
	physical, err := instance.PhysicalDevices()
	if err != nil {
		return err
	}
	device, err := instance.OpenDevice(&physical[0], vk.DeviceOptions{})
	if err != nil {
		return err
	}
	defer closing(device, &err)

	need, err := device.BufferRequirements(size, w.usage)
	if err != nil {
		return err
	}
	kind := slices.IndexFunc(physical[0].MemoryTypes, func(t vk.MemoryType) bool { return t.Flags&vk.DeviceLocal != 0 })
	if kind < 0 || need.Types>>kind&1 == 0 {
		return fmt.Errorf("planted: find memory: got types %#b, want the device's own", need.Types)
	}
	// Memory for several buffers, as a program that splits its memory has: what is outside the buffer is still mapped,
	// so that nothing but the layer notices.
	memory, err := device.Allocate(8*need.Size, kind)
	if err != nil {
		return err
	}
	defer closing(memory, &err)
	buffers := make([]*vk.Buffer, 2)
	for i := range buffers {
		// The second half lies beyond a gap of the same size.
		if buffers[i], err = device.CreateBuffer(size, w.usage, memory, uint64(4*i)*need.Size); err != nil {
			return err
		}
		defer closing(buffers[i], &err)
	}

	words, err := vk.SPIRV(w.shader)
	if err != nil {
		return err
	}
	pipeline, err := device.CreatePipeline(vk.PipelineInfo{Name: "planted", SPIRV: words, PushSize: 12})
	if err != nil {
		return err
	}
	defer closing(pipeline, &err)

	c := device.NewCommands()
	c.Fill(buffers[0], 0, size, 7)
	c.Barrier(vk.SyncTransfer, vk.SyncCompute)
	c.Bind(pipeline)
	params := binary.LittleEndian.AppendUint64(nil, buffers[0].Address()+w.offset)
	c.Push(binary.LittleEndian.AppendUint32(params, w.divisor))
	c.Dispatch(n/64, 1, 1)
	c.Barrier(vk.SyncCompute, vk.SyncTransfer)
	c.Copy(buffers[1], 0, buffers[0], 0, size)
	if w.barrier {
		c.Barrier(vk.SyncTransfer, vk.SyncTransfer)
	}
	c.Fill(buffers[1], 0, size, 9)
	recorded, err := device.Record(c)
	if err != nil {
		return err
	}
	defer closing(recorded, &err)
	ticket, err := device.Submit(recorded)
	if err != nil {
		return err
	}
	return device.Wait(ticket, time.Minute)
}

// closing closes c at the end of a function and joins its error to what the function returns.
func closing(c interface{ Close() error }, err *error) { *err = errors.Join(*err, c.Close()) }

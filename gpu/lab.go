package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/gpu/vk"
)

// bench is a sequence of equal dispatches outside any program, for measuring devices and single kernels.
type bench struct {
	d       *Device
	pipe    *vk.Pipeline
	queries *vk.QueryPool
	cb      *vk.CommandBuffer
	// independent leaves the barriers between the dispatches out.
	independent bool
}

// newBench makes a kernel ready. Its pipeline belongs to the device, like those of programs.
func (d *Device) newBench(module string, push int, spec ...uint32) (*bench, error) {
	disp := &kernel.Dispatch{Module: module, Name: module, Spec: spec, Args: make([]kernel.Arg, push/4)}
	for i := range disp.Args {
		disp.Args[i].Kind = kernel.ArgU32
	}
	b := &bench{d: d}
	key := pipelineKey(disp)
	d.mu.Lock()
	b.pipe = d.pipelines[key]
	d.mu.Unlock()
	if b.pipe != nil {
		return b, nil
	}
	var err error
	if b.pipe, err = d.makePipeline(disp); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.pipelines[key] = b.pipe
	d.fresh++
	d.mu.Unlock()
	return b, nil
}

// time runs n dispatches, dependent unless b.independent, with one set of arguments and returns what all of them took, by the device's clock
// where it has one.
func (b *bench) time(push []byte, grid [3]uint32, n int) (time.Duration, error) {
	d := b.d
	c := d.dev.NewCommands()
	c.Barrier(vk.SyncCompute|vk.SyncTransfer, vk.SyncCompute|vk.SyncTransfer)
	clock := d.dev.Info().Limits.TimestampValidBits > 0
	if clock {
		if b.queries == nil {
			var err error
			if b.queries, err = d.dev.NewQueryPool(2); err != nil {
				return 0, err
			}
		}
		c.ResetQueries(b.queries, 0, 2)
		c.Timestamp(b.queries, 0)
	}
	for i := range n {
		if i > 0 && !b.independent {
			c.Barrier(vk.SyncCompute, vk.SyncCompute)
		}
		c.Bind(b.pipe)
		c.Push(push)
		c.Dispatch(grid[0], grid[1], grid[2])
	}
	if clock {
		c.Timestamp(b.queries, 1)
	}
	c.Barrier(vk.SyncCompute, vk.SyncHost|vk.SyncTransfer)
	if b.cb != nil {
		if err := b.cb.Record(c); err != nil {
			return 0, err
		}
	} else {
		var err error
		if b.cb, err = d.dev.Record(c); err != nil {
			return 0, err
		}
	}
	begun := time.Now()
	t, err := d.dev.Submit(b.cb)
	if err != nil {
		return 0, err
	}
	if err := d.dev.Wait(t, d.o.Timeout); err != nil {
		return 0, lost(fmt.Errorf("gpu: wait for %s (%v at most): %w", b.pipe.Name(), d.o.Timeout, err), b.pipe.Name())
	}
	if !clock {
		return time.Since(begun), nil
	}
	var ticks [2]uint64
	if err := b.queries.Results(0, ticks[:], true); err != nil {
		return 0, err
	}
	return d.dev.Elapsed(ticks[0], ticks[1]), nil
}

func (b *bench) close() (errs []error) {
	if b.cb != nil {
		errs = append(errs, b.cb.Close())
	}
	if b.queries != nil {
		errs = append(errs, b.queries.Close())
	}
	return errs
}

// pack lays out push constants: uint64 are addresses, uint32 and float32 as they are.
func pack(values ...any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		case float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		default:
			panic(fmt.Sprintf("BUG: gpu: push constant of type %T", v))
		}
	}
	return b
}

// scratchpad is memory for the lab, freed together.
type scratchpad struct {
	d    *Device
	list []*memory.Buffer
}

func (s *scratchpad) alloc(p memory.Purpose, size uint64, name string) (*memory.Buffer, error) {
	b, err := s.d.mem.Alloc(p, size, name)
	if err == nil {
		s.list = append(s.list, b)
	}
	return b, err
}

func (s *scratchpad) close() []error {
	errs := []error{s.d.mem.Flush()}
	for _, b := range s.list {
		errs = append(errs, b.Close())
	}
	return errs
}

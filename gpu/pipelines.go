package gpu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/gpu/vk"
	"tuff/host/compute"
	"tuff/shaders"
)

// pipelineKey names a module with its constants.
func pipelineKey(d *kernel.Dispatch) string { return fmt.Sprint(d.Module, d.Spec, pushSize(d.Args)) }

// pushSize is the bytes of a dispatch's arguments.
func pushSize(args []kernel.Arg) int {
	n := 0
	for _, a := range args {
		n += argSize(a)
	}
	return (n + 3) / 4 * 4
}

func argSize(a kernel.Arg) int {
	switch a.Kind {
	case kernel.ArgAddr, kernel.ArgTemp, kernel.ArgStep, kernel.ArgRing, kernel.ArgCounts, kernel.ArgCodebook, kernel.ArgBlock:
		return 8
	}
	return 4
}

// makePipelines makes all pipelines that groups need for steps of a shape and the device does not have yet, on all cores.
func (d *Device) makePipelines(ctx context.Context, groups []kernel.Group, s kernel.Shape, progress func(done, total int)) error {
	return d.compile(ctx, d.missing(nil, map[string]bool{}, groups, s), progress)
}

// missing appends the dispatches of groups, for steps of a shape, that the device has no pipelines for and seen does not have.
func (d *Device) missing(list []*kernel.Dispatch, seen map[string]bool, groups []kernel.Group, s kernel.Shape) []*kernel.Dispatch {
	for g := range groups {
		for i := range groups[g].Dispatches {
			disp := &groups[g].Dispatches[i]
			key := pipelineKey(disp)
			if d.pipelines[key] == nil && !seen[key] && runs(disp.Grid(s)) {
				seen[key] = true
				list = append(list, disp)
			}
		}
	}
	return list
}

// PrepareAll makes the pipelines that executables of this device need for their steps, all of them at once on all cores.
func (d *Device) PrepareAll(ctx context.Context, steps map[compute.Executable][]*compute.Step) error {
	var todo []*kernel.Dispatch
	seen := map[string]bool{}
	for x, list := range steps {
		for _, s := range list {
			todo = d.missing(todo, seen, x.(*executable).groups, kernel.Shape{Tokens: len(s.Tokens), Outputs: len(s.Outputs), Seqs: len(s.Seqs)})
		}
	}
	return d.compile(ctx, todo, nil)
}

// compile makes pipelines on all cores.
func (d *Device) compile(ctx context.Context, todo []*kernel.Dispatch, progress func(done, total int)) error {
	if todo == nil {
		return ctx.Err()
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	made := 0
	progress(made, len(todo))
	work := make(chan *kernel.Dispatch)
	var wg sync.WaitGroup
	var errs []error
	for range min(runtime.NumCPU(), len(todo)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for disp := range work {
				p, err := d.makePipeline(disp)
				if err == nil && d.software() {
					if err = d.launchNone(p, disp); err != nil {
						err = errors.Join(err, p.Close())
					}
				}
				d.mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					d.pipelines[pipelineKey(disp)] = p
					d.fresh++
				}
				made++
				progress(made, len(todo))
				d.mu.Unlock()
			}
		}()
	}
	for _, disp := range todo {
		if ctx.Err() != nil {
			break
		}
		work <- disp
	}
	close(work)
	wg.Wait()
	d.saveCache()
	return errors.Join(append(errs, ctx.Err())...)
}

// runs reports whether a grid launches anything.
func runs(grid [3]uint32) bool { return grid[0] != 0 && grid[1] != 0 && grid[2] != 0 }

func (d *Device) makePipeline(disp *kernel.Dispatch) (*vk.Pipeline, error) {
	var code []uint32
	if d.o.Shader != nil {
		code = d.o.Shader(disp.Module)
	}
	if code == nil {
		var err error
		if code, err = shaders.Module(disp.Module); err != nil {
			return nil, err
		}
		code = shaders.Specialize(code, disp.Spec)
	}
	info := vk.PipelineInfo{Name: disp.Name, SPIRV: code, Spec: vk.SpecConstants(disp.Spec...), PushSize: uint32(pushSize(disp.Args)), Cache: d.cache, Statistics: d.o.Statistics}
	if disp.Subgroup != 0 {
		f, s := d.dev.Features(), d.dev.Info().Subgroup
		if info.FullSubgroups = f.ComputeFullSubgroups; s.Min != s.Max && f.SubgroupSizeControl && s.RequiredInCompute {
			info.RequiredSubgroupSize = disp.Subgroup
		}
	}
	p, err := d.dev.CreatePipeline(info)
	if err != nil {
		return nil, fmt.Errorf("gpu: compile %s: %w", disp.Name, err)
	}
	return p, nil
}

// launchNone launches a pipeline for no workgroup. Mesa's drivers for CPUs compile it at its first launch, which takes most of the time:
// now it is where progress is seen and while other cores translate the next one, and not in a run.
func (d *Device) launchNone(p *vk.Pipeline, disp *kernel.Dispatch) error {
	c := d.dev.NewCommands()
	c.Bind(p)
	if n := pushSize(disp.Args); n > 0 {
		c.Push(make([]byte, n))
	}
	c.Dispatch(0, 0, 0)
	cb, err := d.dev.Record(c)
	if err != nil {
		return fmt.Errorf("gpu: compile %s: %w", disp.Name, err)
	}
	t, err := d.dev.Submit(cb)
	if err == nil {
		err = d.dev.Wait(t, d.o.Timeout)
	}
	if err = errors.Join(err, cb.Close()); err != nil {
		return lost(fmt.Errorf("gpu: compile %s: %w", disp.Name, err), disp.Name)
	}
	return nil
}

// pushBytes lays out a dispatch's arguments for a shape. 8-byte members come first (kernel.Arg), so there is no padding.
func (x *executable) pushBytes(buf []byte, group int, d *kernel.Dispatch, s kernel.Shape) []byte {
	return x.encode(buf, group, d.Args, x.blocks[d], s)
}

// encode lays out args; block is the address for ArgBlock.
func (x *executable) encode(buf []byte, group int, args []kernel.Arg, block uint64, s kernel.Shape) []byte {
	buf = buf[:0]
	for _, a := range args {
		switch a.Kind {
		case kernel.ArgU32:
			buf = binary.LittleEndian.AppendUint32(buf, a.Value)
		case kernel.ArgRows:
			buf = binary.LittleEndian.AppendUint32(buf, uint32(a.Rows.At(s.Sizes())))
		case kernel.ArgAddr:
			var at uint64
			if a.Ref != 0 {
				at = x.l.addr[a.Ref].lo + uint64(a.Offset)
			}
			buf = binary.LittleEndian.AppendUint64(buf, at)
		case kernel.ArgTemp:
			buf = binary.LittleEndian.AppendUint64(buf, x.l.temps[group][a.Value].lo+uint64(a.Offset))
		case kernel.ArgCodebook:
			buf = binary.LittleEndian.AppendUint64(buf, x.d.codebooks[compute.DType(a.Value)].Address())
		case kernel.ArgBlock:
			buf = binary.LittleEndian.AppendUint64(buf, block)
		case kernel.ArgCounts:
			var at uint64
			if x.counts != nil {
				at = x.countsAt[group] + uint64(a.Offset)
			}
			buf = binary.LittleEndian.AppendUint64(buf, at)
		case kernel.ArgRing:
			var at uint64
			if x.ring != nil {
				at = x.ring.Address()
			}
			buf = binary.LittleEndian.AppendUint64(buf, at)
		case kernel.ArgStep:
			buf = binary.LittleEndian.AppendUint64(buf, x.step.Address())
		}
	}
	for len(buf)%4 != 0 {
		buf = append(buf, 0)
	}
	return buf
}

// makeCounts makes the counts of all groups, which are 0 at first.
func (x *executable) makeCounts() (err error) {
	x.countsAt = make([]uint64, len(x.groups))
	words := 0
	for g := range x.groups {
		x.countsAt[g] = 4 * uint64(words)
		words += x.groups[g].Counts
	}
	if words == 0 {
		return nil
	}
	if x.counts, err = x.d.mem.Alloc(memory.Scratch, 4*uint64(words), "counts of "+x.p.Name); err != nil {
		return err
	}
	for g := range x.groups {
		x.countsAt[g] += x.counts.Address()
	}
	return x.d.mem.Fill(x.counts, 0, x.counts.Size(), 0)
}

// makeBlocks puts the blocks of all dispatches into the device's memory.
func (x *executable) makeBlocks() error {
	const align = 16
	var all []byte
	at := map[*kernel.Dispatch]int{}
	var buf [256]byte
	for g := range x.groups {
		for i := range x.groups[g].Dispatches {
			if d := &x.groups[g].Dispatches[i]; d.Block != nil {
				at[d] = len(all)
				all = append(all, x.encode(buf[:], g, d.Block, 0, kernel.Shape{})...)
				all = append(all, make([]byte, -len(all)&(align-1))...)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	var err error
	if x.block, err = x.d.mem.Alloc(memory.Weights, uint64(len(all)), "arguments of "+x.p.Name); err != nil {
		return err
	}
	x.blocks = make(map[*kernel.Dispatch]uint64, len(at))
	for d, off := range at {
		x.blocks[d] = x.block.Address() + uint64(off)
	}
	return x.d.mem.Upload(x.block, 0, all)
}

// makeCodebooks puts the codebooks that groups read into the device's memory, once for all programs.
func (d *Device) makeCodebooks(groups []kernel.Group) error {
	for g := range groups {
		for i := range groups[g].Dispatches {
			for _, a := range groups[g].Dispatches[i].Args {
				t := compute.DType(a.Value)
				if a.Kind != kernel.ArgCodebook || d.codebooks[t] != nil {
					continue
				}
				var words []byte
				for _, point := range compute.Codebook(t) {
					words = binary.LittleEndian.AppendUint16(words, point)
				}
				b, err := d.mem.Alloc(memory.Weights, uint64(len(words)), "codebook of "+t.String())
				if err != nil {
					return err
				}
				d.codebooks[t] = b
				if err := d.mem.Upload(b, 0, words); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

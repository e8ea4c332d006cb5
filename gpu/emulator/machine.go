package emulator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// Machine runs programs on memory.
type Machine struct {
	Memory
	// Workers run workgroups at a time; 0: one a core.
	Workers int
	// Unchecked leaves out the checks of races between invocations and between dispatches, which take most of the time.
	Unchecked bool

	atomics  sync.Mutex
	dispatch uint32 // number of the last
	since    uint32 // the first behind the last barrier
}

// Barrier orders what was dispatched before it and what comes after.
func (m *Machine) Barrier() { m.since = m.dispatch + 1 }

// Touch notes that a command, such as a copy, reads or writes memory, with the same check as between dispatches.
func (m *Machine) Touch(command string, ranges ...Range) (err error) {
	defer func() {
		if r := recover(); r != nil {
			w, ok := r.(wrongness)
			if !ok {
				panic(r)
			}
			err = &Fault{Kernel: command, Invocation: -1, What: string(w)}
		}
	}()
	m.dispatch++
	list := *m.list.Load()
	for _, r := range ranges {
		to, _ := at(list, r.Address, r.Size)
		if !m.Unchecked {
			to.touch(r.Address&(1<<32-1), r.Size, newVisit(m.dispatch, commandGroup, false), max(m.since, 1), r.Write)
		}
	}
	return nil
}

// Range is memory that a command touches.
type Range struct {
	Address, Size uint64
	Write         bool
}

// Dispatch runs x·y·z workgroups of a program and answers when they are done. One at a time may run. The error is a *Fault where the program
// did wrong, and the context's where that ended.
func (m *Machine) Dispatch(ctx context.Context, p *Program, push []byte, x, y, z uint32) error {
	if len(push) < p.push {
		return fmt.Errorf("emulator: dispatch %s: got %d bytes of push constants, want %d", p.name, len(push), p.push)
	}
	m.dispatch++
	n := uint64(x) * uint64(y) * uint64(z)
	if n == 0 {
		return nil
	}
	list := []*mapping(nil)
	if l := m.list.Load(); l != nil {
		list = *l
	}
	workers := m.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = int(min(uint64(workers), n))
	var next, failed atomic.Uint64
	var first error
	var once sync.Once
	var wg sync.WaitGroup
	// Workgroups come in an order of their own: from a random one on, around.
	start := rand.Uint64N(n)
	for range workers {
		wg.Go(func() {
			var g *group
			for failed.Load() == 0 {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				if g == nil {
					g = newGroup(m, p, list, push, [3]uint32{x, y, z})
				}
				i = (i + start) % n
				err := ctx.Err()
				if err == nil {
					err = g.run(ctx, [3]uint32{uint32(i % uint64(x)), uint32(i / uint64(x) % uint64(y)), uint32(i / uint64(x) / uint64(y))})
				}
				if err != nil {
					once.Do(func() { first = err })
					failed.Store(1)
				}
			}
		})
	}
	wg.Wait()
	return first
}

// group is a workgroup: it is used for one after the other.
type group struct {
	m        *Machine
	p        *Program
	list     []*mapping
	push     []byte
	grid     [3]uint32
	id       [3]uint32
	shared   []byte
	races    *races
	warps    []*warp
	dispatch uint32
	since    uint32
	nth      uint32 // in the dispatch, from 1
	now      *warp
}

// visit is an access by this workgroup.
func (g *group) visit(coherent bool) visit { return newVisit(g.dispatch, g.nth, coherent) }

func newGroup(m *Machine, p *Program, list []*mapping, push []byte, grid [3]uint32) *group {
	g := &group{m: m, p: p, list: list, push: push, grid: grid, shared: make([]byte, p.shared), dispatch: m.dispatch, since: max(m.since, 1)}
	if !m.Unchecked && p.shared > 0 {
		g.races = newRaces(p.shared, p.unit)
	}
	for first := 0; first < p.total; first += p.lanes {
		g.warps = append(g.warps, newWarp(g, first))
	}
	return g
}

// run runs one workgroup: subgroups from barrier to barrier, in an order that changes.
func (g *group) run(ctx context.Context, id [3]uint32) (err error) {
	g.id = id
	g.nth = 1 + id[0] + g.grid[0]*(id[1]+g.grid[1]*id[2])
	Poison(g.shared)
	if g.races != nil {
		g.races.epoch++
	}
	defer func() {
		if r := recover(); r != nil {
			f := &Fault{Kernel: g.p.name, Workgroup: id, Invocation: -1}
			if w, ok := r.(wrongness); ok {
				f.What = string(w)
			} else {
				f.What = fmt.Sprintf("a damaged module, or a mistake of the emulator: %v", r)
			}
			if n := g.now; n != nil {
				f.Subgroup, f.Block = int(n.id), g.p.blocks[n.at].label
				if n.lane >= 0 {
					f.Invocation = int(n.lane)
				}
			}
			err = f
		}
	}()
	for _, w := range g.warps {
		w.begin()
	}
	order := rand.Perm(len(g.warps))
	for {
		waiting, done := 0, 0
		var first *warp
		for _, i := range order {
			w := g.warps[i]
			g.now = w
			if w.live > 0 {
				w.run(ctx)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if w.live == 0 {
				done++
				continue
			}
			waiting++
			if first == nil {
				first = w
			}
			if first.at != w.at || first.ip != w.ip {
				panic(wrong("subgroups wait at different barriers"))
			}
		}
		if waiting == 0 {
			return nil
		}
		if done > 0 {
			g.now = first
			panic(wrong("a barrier that %d of %d subgroups never come to", done, len(g.warps)))
		}
		if g.races != nil {
			g.races.epoch++
		}
	}
}

// Invocations is the size of a workgroup; Shared what it has of shared memory, in bytes; Lanes the size of a subgroup.
func (p *Program) Invocations() int { return p.total }
func (p *Program) Shared() int      { return p.shared }
func (p *Program) Lanes() int       { return p.lanes }

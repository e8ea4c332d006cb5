package fallback

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"tuff/host/compute"
)

// task is work in units that may run in any order and on any worker: no unit may depend on another or on which worker
// runs it, which is what makes results independent of the number of threads.
type task interface {
	unit(w *worker, i int)
}

// worker is a thread's own memory, kept across runs.
type worker struct {
	number  int
	floats  []float32
	doubles []float64
	rows    [][]float64 // of a tile
	state   []float32   // of a softmax
	halves  []uint16
	bytes   *bytePanels
}

// float32s is n values of scratch, contents unspecified.
func (w *worker) float32s(n int) []float32 {
	if cap(w.floats) < n {
		w.floats = make([]float32, n)
	}
	return w.floats[:n]
}

// float64s is n values of scratch, contents unspecified.
func (w *worker) float64s(n int) []float64 {
	if cap(w.doubles) < n {
		w.doubles = make([]float64, n)
	}
	return w.doubles[:n]
}

// bfloats is n values of scratch, contents unspecified.
func (w *worker) bfloats(n int) []uint16 {
	w.halves = grown(w.halves, n)
	return w.halves
}

// bytePanels is memory for panels of bytes, contents unspecified.
func (w *worker) bytePanels() *bytePanels {
	if w.bytes == nil {
		w.bytes = new(bytePanels)
	}
	return w.bytes
}

// pool runs tasks. The caller's goroutine is worker 0; the others look out for tasks, briefly without rest and then asleep: an op takes
// some ten microseconds, and to wake a sleeper takes as long.
type pool struct {
	threads int
	workers []worker
	helpers []*helper // of workers 1, 2, …; nil once closed
	spins   int

	// The task in progress; written before the helpers are called.
	task   task
	shares []share             // by worker
	fault  atomic.Pointer[any] // first panic of a worker
	left   atomic.Int64        // helpers that have not finished
	caller sleeper             // until none is left
}

// share is the units that a worker takes first, one behind the other, as they lie in memory; then it takes what is left of others'.
type share struct {
	next atomic.Int64
	end  int64
	_    [48]byte // a cache line of its own
}

// take is the next unit, or −1.
func (s *share) take() int {
	if s.next.Load() < s.end {
		if i := s.next.Add(1) - 1; i < s.end {
			return int(i)
		}
	}
	return -1
}

// helper is what wakes a worker.
type helper struct {
	sleeper
	calls atomic.Uint64
}

// sleeper is a goroutine that waits for what others do: it looks at it for a while, then sleeps until rung.
type sleeper struct {
	asleep atomic.Bool
	bell   chan struct{} // of one place
}

// wait returns when done does, or false when the bell is gone.
func (s *sleeper) wait(spins int, done func() bool) bool {
	for {
		for range spins {
			if done() {
				return true
			}
		}
		// A swap, because the look behind it must not overtake it: QEMU lets it overtake a store of arm64.
		s.asleep.Swap(true)
		// What came between the last look and the line above was done before, or its bell rings after it: one of them is seen here.
		if done() && s.asleep.CompareAndSwap(true, false) {
			return true
		}
		if _, open := <-s.bell; !open {
			return false
		}
		if done() { // else the bell was for what this sleeper had seen without it
			return true
		}
	}
}

// ring wakes the sleeper if it is asleep. What it waits for must have been done.
func (s *sleeper) ring() {
	if s.asleep.CompareAndSwap(true, false) {
		s.bell <- struct{}{}
	}
}

// spinning is how many looks a waiting worker takes before it sleeps, some 30 µs of them.
const spinning = 20000

// spinsOf is the looks for so many threads: with more of them than processors they would take each other's time.
func spinsOf(threads int) int {
	if threads > runtime.GOMAXPROCS(0) {
		return 0
	}
	return spinning
}

func newPool(threads, spins int) *pool {
	p := &pool{threads: threads, workers: make([]worker, threads), shares: make([]share, threads), spins: spins, caller: sleeper{bell: make(chan struct{}, 1)}}
	for i := range p.workers {
		p.workers[i].number = i
	}
	for i := 1; i < threads; i++ {
		h := &helper{sleeper: sleeper{bell: make(chan struct{}, 1)}}
		p.helpers = append(p.helpers, h)
		go p.serve(&p.workers[i], h)
	}
	return p
}

func (p *pool) close() {
	for _, h := range p.helpers {
		close(h.bell)
	}
	p.helpers = nil
}

func (p *pool) serve(w *worker, h *helper) {
	debug.SetPanicOnFault(true)
	var seen uint64
	called := func() bool { return h.calls.Load() != seen }
	for h.wait(p.spins, called) {
		seen++
		p.work(w)
		if p.left.Add(-1) == 0 {
			p.caller.ring()
		}
	}
}

// work takes units until none is left.
func (p *pool) work(w *worker) {
	defer func() {
		if r := recover(); r != nil {
			fault := r // r itself would be allocated in every call
			p.fault.CompareAndSwap(nil, &fault)
			for i := range p.shares { // nobody starts another unit
				p.shares[i].next.Store(p.shares[i].end)
			}
		}
	}()
	for n := range p.shares {
		s := &p.shares[(w.number+n)%len(p.shares)]
		for i := s.take(); i >= 0; i = s.take() {
			p.task.unit(w, i)
		}
	}
}

// run executes all units and returns when they are done. A fault in mapped memory (a weights file that was truncated
// while in use) is an error; any other panic is a bug and goes on in the caller.
func (p *pool) run(t task, units int) error {
	if units == 0 {
		return nil
	}
	p.task = t
	helpers := p.helpers[:min(units-1, len(p.helpers))]
	for i := range p.shares {
		n := len(helpers) + 1
		lo, hi := min(i, n)*units/n, min(i+1, n)*units/n
		p.shares[i].next.Store(int64(lo))
		p.shares[i].end = int64(hi)
	}
	p.left.Store(int64(len(helpers)))
	for _, h := range helpers {
		h.calls.Add(1)
		h.ring()
	}
	old := debug.SetPanicOnFault(true)
	p.work(&p.workers[0])
	debug.SetPanicOnFault(old)
	p.caller.wait(p.spins, p.finished)
	p.task = nil
	r := p.fault.Swap(nil)
	if r == nil {
		return nil
	}
	if e, ok := (*r).(runtime.Error); ok {
		if a, ok := e.(interface{ Addr() uintptr }); ok {
			return fmt.Errorf("read memory at %#x: %w (was a weights file truncated while in use?)", a.Addr(), e)
		}
	}
	panic(*r)
}

// runKernel runs a kernel's step, with what it prepares before.
func (p *pool) runKernel(k kernel, s *compute.Step) error {
	units := k.begin(s)
	if pre, ok := k.(preparer); ok && units > 0 {
		for t, n := pre.prepare(); n > 0; t, n = pre.prepare() {
			if err := p.run(t, n); err != nil {
				return err
			}
		}
	}
	return p.run(k, units)
}

func (p *pool) finished() bool { return p.left.Load() == 0 }

// chunk is how many of n items one unit should take so that it does about 32768 of the given work per item: less costs
// more in handing over than it gains.
func chunk(n, work int) int {
	return max(1, min(n, 32768/max(work, 1)))
}

// ceil is n/d rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }

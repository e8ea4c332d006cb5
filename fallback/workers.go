package fallback

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// task is work in units that may run in any order and on any worker: no unit may depend on another or on which worker
// runs it, which is what makes results independent of the number of threads.
type task interface {
	unit(w *worker, i int)
}

// worker is a thread's own memory, kept across runs.
type worker struct {
	floats  []float32
	doubles []float64
	rows    [][]float64 // of a tile
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

// pool runs tasks. The caller's goroutine is worker 0; the others wait on channels of their own.
type pool struct {
	threads int
	workers []worker
	wake    []chan struct{} // of workers 1, 2, …; nil once closed
	done    sync.WaitGroup

	// The task in progress; written before the workers wake.
	task  task
	units int
	next  atomic.Int64
	fault atomic.Pointer[any] // first panic of a worker
}

func newPool(threads int) *pool {
	p := &pool{threads: threads, workers: make([]worker, threads)}
	for i := 1; i < threads; i++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		go p.serve(&p.workers[i], wake)
	}
	return p
}

func (p *pool) close() {
	for _, c := range p.wake {
		close(c)
	}
	p.wake = nil
}

func (p *pool) serve(w *worker, wake chan struct{}) {
	debug.SetPanicOnFault(true)
	for range wake {
		p.work(w)
		p.done.Done()
	}
}

// work takes units until none is left.
func (p *pool) work(w *worker) {
	defer func() {
		if r := recover(); r != nil {
			fault := r // r itself would be allocated in every call
			p.fault.CompareAndSwap(nil, &fault)
			p.next.Store(int64(p.units)) // nobody starts another unit
		}
	}()
	for i := p.next.Add(1) - 1; i < int64(p.units); i = p.next.Add(1) - 1 {
		p.task.unit(w, int(i))
	}
}

// run executes all units and returns when they are done. A fault in mapped memory (a weights file that was truncated
// while in use) is an error; any other panic is a bug and goes on in the caller.
func (p *pool) run(t task, units int) error {
	if units == 0 {
		return nil
	}
	p.task, p.units = t, units
	p.next.Store(0)
	helpers := min(units-1, len(p.wake))
	p.done.Add(helpers)
	for _, c := range p.wake[:helpers] {
		c <- struct{}{}
	}
	old := debug.SetPanicOnFault(true)
	p.work(&p.workers[0])
	debug.SetPanicOnFault(old)
	p.done.Wait()
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

// chunk is how many of n items one unit should take so that it does about 32768 of the given work per item: less costs
// more in handing over than it gains.
func chunk(n, work int) int {
	return max(1, min(n, 32768/max(work, 1)))
}

// ceil is n/d rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }

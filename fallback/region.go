package fallback

import (
	"sync"

	"tuff/fallback/quant"
	"tuff/host/compute"
)

// Weights that the last-level cache holds are copied into memory in huge pages: from there a walk through the tables of pages would cost
// more than the data. Beyond it that walk still costs formats of blocks a tenth of their time, and those are copied where they fit half of
// the memory; the copy takes the place of the file's pages. Plain floats are read where they lie: they wait for memory in any case.

// regions are the memory of such copies.
type regions struct {
	mu      sync.Mutex
	current *region
}

// region is memory in huge pages, given out from its beginning and given back as a whole.
type region struct {
	data []byte
	used int64
	refs int
}

// hugePage is what regions begin at a multiple of, lineBytes what buffers in them do.
const (
	hugePage  = 2 << 20
	lineBytes = 64
)

// take is size bytes of zeros, of among that will be wanted in all; nil where there is no such memory. done gives them back.
func (r *regions) take(size, among int64) (data []byte, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.current
	if g == nil || int64(len(g.data))-g.used < size {
		data := hugePages(among + among/64 + hugePage) // and what alignment costs
		if int64(len(data)) < size {
			return nil, nil
		}
		g = &region{data: data}
		r.current = g
	}
	data = g.data[g.used : g.used+size : g.used+size]
	g.used = min(int64(ceil(int(g.used+size), lineBytes)*lineBytes), int64(len(g.data)))
	g.refs++
	return data, func() { r.giveBack(g) }
}

func (r *regions) giveBack(g *region) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.refs--; g.refs > 0 {
		return
	}
	if r.current == g {
		r.current = nil
	}
	releasePages(g.data)
}

// copying is a copy, in units for all workers.
type copying struct {
	dst, src []byte
	size     int // bytes of a unit
	cols     int // of rows that become interleaved; 0: bytes stay in their order
	format   compute.DType
	taken    func(lo, hi int64)
}

const copyUnit = 1 << 20

func newCopying(dst []byte, s compute.BufferSpec, interleaved bool) *copying {
	c := &copying{dst: dst, src: s.Data, size: copyUnit, taken: s.Taken}
	if interleaved {
		group := len(dst) / s.Rows * quant.InterleavedRows
		c.size, c.cols, c.format = ceil(copyUnit, group)*group, s.Cols, s.DType
	}
	return c
}

func (c *copying) unit(_ *worker, i int) {
	lo, hi := i*c.size, min((i+1)*c.size, len(c.dst))
	if c.cols > 0 {
		quant.Interleave(c.format, c.dst[lo:hi], c.src[lo:hi], c.cols)
	} else {
		copy(c.dst[lo:hi], c.src[lo:])
	}
	if c.taken != nil {
		c.taken(int64(lo), int64(hi))
	}
}

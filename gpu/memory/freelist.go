package memory

import (
	"cmp"
	"fmt"
	"slices"
)

// freeList is the free ranges of a block, sorted by offset, no two touching. Blocks hold few hundred buffers, so that walking
// it costs less than the call that made the block.
type freeList []span

type span struct{ off, size uint64 }

func newFreeList(size uint64) freeList { return freeList{{0, size}} }

// take finds the smallest range that holds size and cuts it from its front.
func (f *freeList) take(size uint64) (uint64, bool) {
	best := -1
	for i, s := range *f {
		if s.size >= size && (best < 0 || s.size < (*f)[best].size) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	s := &(*f)[best]
	off := s.off
	s.off += size
	s.size -= size
	if s.size == 0 {
		*f = slices.Delete(*f, best, best+1)
	}
	return off, true
}

// give returns a range and joins it with its neighbours.
func (f *freeList) give(off, size uint64) {
	i, _ := slices.BinarySearchFunc(*f, off, func(s span, o uint64) int { return cmp.Compare(s.off, o) })
	if i > 0 && (*f)[i-1].off+(*f)[i-1].size > off || i < len(*f) && off+size > (*f)[i].off {
		panic(fmt.Sprintf("BUG: memory: range %d of %d B freed twice", off, size))
	}
	*f = slices.Insert(*f, i, span{off, size})
	if i+1 < len(*f) && off+size == (*f)[i+1].off {
		(*f)[i].size += (*f)[i+1].size
		*f = slices.Delete(*f, i+1, i+2)
	}
	if i > 0 && (*f)[i-1].off+(*f)[i-1].size == off {
		(*f)[i-1].size += (*f)[i].size
		*f = slices.Delete(*f, i, i+1)
	}
}

func (f freeList) total() (n uint64) {
	for _, s := range f {
		n += s.size
	}
	return n
}

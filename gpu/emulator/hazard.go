package emulator

import "sync/atomic"

// shadow remembers which dispatch touched memory last, for each two bytes: kernels of one epoch, between two barriers, may run at the same
// time on a GPU, so that one must not touch what another writes.
type shadow struct {
	pages atomic.Pointer[[]atomic.Pointer[page]]
}

const pageBytes = 4096

// page is the shadow of a few kibibytes: numbers of dispatches.
type page struct {
	write, read [pageBytes / 2]atomic.Uint32
}

// page is the shadow of the page that a byte is in. Two may make one at a time; one of them wins.
func (s *shadow) page(off uint64, size int) *page {
	all := s.pages.Load()
	if all == nil {
		fresh := make([]atomic.Pointer[page], (size+pageBytes-1)/pageBytes)
		if !s.pages.CompareAndSwap(nil, &fresh) {
			return s.page(off, size)
		}
		all = &fresh
	}
	p := &(*all)[off/pageBytes]
	if g := p.Load(); g != nil {
		return g
	}
	p.CompareAndSwap(nil, &page{})
	return p.Load()
}

// touch notes an access of n bytes, and ends the dispatch where it meets another's of the same epoch.
func (m *mapping) touch(off, n uint64, dispatch, since uint32, write bool) {
	for i := off &^ 1; i < off+n; i += 2 {
		p := m.shadow.page(i, len(m.bytes))
		k := i % pageBytes / 2
		w := p.write[k].Load()
		if w != dispatch && w >= since {
			panic(wrong("byte %d of a buffer of %d, which dispatch %d writes, is touched by dispatch %d without a barrier between them", i, len(m.bytes), w, dispatch))
		}
		if !write {
			if p.read[k].Load() != dispatch {
				p.read[k].Store(dispatch)
			}
			continue
		}
		if r := p.read[k].Load(); r != dispatch && r >= since {
			panic(wrong("byte %d of a buffer of %d, which dispatch %d reads, is written by dispatch %d without a barrier between them", i, len(m.bytes), r, dispatch))
		}
		if w != dispatch {
			p.write[k].Store(dispatch)
		}
	}
}

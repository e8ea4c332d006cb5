package emulator

import "sync/atomic"

// shadow remembers who touched memory last, for each two bytes. Dispatches of one epoch, between two barriers, may run at the same time on a
// GPU, and so may the workgroups of one: what one writes no other may touch. Workgroups may where both do so as coherent, past caches that are
// not shared; then atomic operations keep them apart, which is not looked at here.
type shadow struct {
	pages atomic.Pointer[[]atomic.Pointer[page]]
}

const pageBytes = 4096

// page is the shadow of a few kibibytes.
type page struct {
	write, read [pageBytes / 2]atomic.Uint64 // visits
}

// visit is an access: the number of the dispatch, that of the workgroup in it, from 1, and whether it was coherent.
type visit uint64

// severalGroups is the workgroup of a visit by more than one, and commandGroup that of commands.
const (
	severalGroups = 1<<31 - 1
	commandGroup  = 0
)

func newVisit(dispatch, group uint32, coherent bool) visit {
	v := visit(dispatch)<<32 | visit(group&severalGroups)<<1
	if coherent {
		v |= 1
	}
	return v
}

func (v visit) dispatch() uint32 { return uint32(v >> 32) }
func (v visit) group() uint32    { return uint32(v) >> 1 }
func (v visit) coherent() bool   { return v&1 != 0 }

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

// touch notes an access of n bytes, and ends the dispatch where it meets another of the same epoch. Dispatches before since are behind a
// barrier. Each side of a meeting notes its own access before it looks for the other's, so that of two at one time one sees the other.
func (m *mapping) touch(off, n uint64, now visit, since uint32, write bool) {
	for i := off &^ 1; i < off+n; i += 2 {
		p := m.shadow.page(i, len(m.bytes))
		k := i % pageBytes / 2
		r := visit(p.read[k].Load())
		w := visit(p.write[k].Load())
		switch {
		case write && w != now:
			w = visit(p.write[k].Swap(uint64(now)))
			r = visit(p.read[k].Load())
		case !write && r != now:
			next := now
			if r.dispatch() == now.dispatch() { // others of the dispatch read it too
				group := r.group()
				if group != now.group() {
					group = severalGroups
				}
				next = newVisit(now.dispatch(), group, r.coherent() && now.coherent())
			}
			if r != next {
				p.read[k].Store(uint64(next))
			}
			w = visit(p.write[k].Load())
		}
		if w != now && w.dispatch() >= since {
			w.meets(now, i, len(m.bytes), "writes")
		}
		if write && r != now && r.dispatch() >= since {
			r.meets(now, i, len(m.bytes), "reads")
		}
	}
}

// meets ends the dispatch if two accesses of one epoch, one of which writes, are not kept apart.
func (v visit) meets(now visit, at uint64, size int, does string) {
	switch {
	case v.dispatch() != now.dispatch():
		panic(wrong("byte %d of a buffer of %d, which dispatch %d %s, is touched by dispatch %d without a barrier between them", at, size, v.dispatch(), does, now.dispatch()))
	case v.group() != now.group() && !(v.coherent() && now.coherent()):
		panic(wrong("byte %d of a buffer of %d, which workgroup %d %s, is touched by workgroup %d of the same dispatch, and one of them not as coherent", at, size, v.group()-1, does, now.group()-1))
	}
}

package gpu

// span is a range of bytes of the device's address space.
type span struct{ lo, hi uint64 }

func overlap(a, b []span) bool {
	for _, x := range a {
		for _, y := range b {
			if x.lo < y.hi && y.lo < x.hi {
				return true
			}
		}
	}
	return false
}

// access is what one dispatch reads and writes.
type access struct{ reads, writes []span }

// hazard reports whether b must wait for a: it reads what a wrote, or writes what a read or wrote.
func hazard(a, b *access) bool {
	return overlap(a.writes, b.reads) || overlap(a.writes, b.writes) || overlap(a.reads, b.writes)
}

// tracker decides where barriers are needed. No validation layer sees a missing barrier between kernels that use addresses,
// so this is the only guard; check is its independent proof.
type tracker struct{ open []access } // dispatches since the last barrier

// before reports whether a barrier must come before dispatch a, and counts a as running.
func (t *tracker) before(a access) bool {
	need := false
	for i := range t.open {
		if hazard(&t.open[i], &a) {
			need = true
			break
		}
	}
	if need {
		t.open = t.open[:0]
	}
	t.open = append(t.open, a)
	return need
}

// event is one entry of a recorded sequence: a dispatch, or a barrier.
type event struct {
	barrier bool
	name    string
	access  access
}

// race is two dispatches that depend on each other without a barrier between them.
type race struct{ first, second int }

// check finds every race in a sequence, by comparing all pairs that no barrier separates.
func check(events []event) []race {
	var found []race
	for j := range events {
		if events[j].barrier {
			continue
		}
		for i := j - 1; i >= 0 && !events[i].barrier; i-- {
			if hazard(&events[i].access, &events[j].access) {
				found = append(found, race{i, j})
			}
		}
	}
	return found
}

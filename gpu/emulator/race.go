package emulator

// races remembers who touched each number of shared memory since the last barrier. Invocations of other subgroups are kept apart by barriers of
// the workgroup only, those of one subgroup also by its own.
type races struct {
	write, read []touch
	unit        int    // bytes that one entry stands for
	epoch       uint32 // barriers of the workgroup passed
}

// touch is the last access of a kind to a number.
type touch struct {
	epoch    uint32 // of the workgroup, when it was
	passed   uint32 // barriers of its subgroup then
	subgroup int32
	lane     int32 // anyone: several of the subgroup, or all together
}

const anyone = -1

func newRaces(bytes, unit int) *races {
	n := (bytes + unit - 1) / unit
	return &races{write: make([]touch, n), read: make([]touch, n), unit: unit, epoch: 1}
}

// check notes an access and ends the dispatch if it races with another.
func (r *races) check(w *warp, lane int32, off, n int, write bool) {
	for i := off / r.unit; i*r.unit < off+n; i++ {
		if r.write[i].races(r.epoch, w, lane) {
			panic(wrong("byte %d of shared memory is written by %v and touched by %v without a barrier between them", i*r.unit, who{r.write[i].subgroup, r.write[i].lane}, who{w.id, lane}))
		}
		now := touch{r.epoch, w.passed, w.id, lane}
		if !write {
			t := &r.read[i]
			if t.epoch == r.epoch && t.subgroup != w.id {
				now.subgroup = anyone
			}
			if t.epoch == r.epoch && t.passed == w.passed && t.lane != lane {
				now.lane = anyone
			}
			*t = now
			continue
		}
		if r.read[i].races(r.epoch, w, lane) {
			panic(wrong("byte %d of shared memory is read by %v and written by %v without a barrier between them", i*r.unit, who{r.read[i].subgroup, r.read[i].lane}, who{w.id, lane}))
		}
		r.write[i] = now
	}
}

// races says whether an access by an invocation now may come at the same time as this one.
func (t *touch) races(epoch uint32, w *warp, lane int32) bool {
	if t.epoch != epoch {
		return false
	}
	if t.subgroup != w.id {
		return true
	}
	return t.passed == w.passed && (t.lane != lane || lane == anyone)
}

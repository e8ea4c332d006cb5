package emulator

import "fmt"

// Fault is what a kernel did wrong.
type Fault struct {
	Kernel     string
	Workgroup  [3]uint32
	Subgroup   int // of the workgroup
	Invocation int // of the subgroup, or -1: the subgroup as a whole
	Block      uint32
	What       string
}

func (f *Fault) Error() string {
	who := fmt.Sprintf("subgroup %d", f.Subgroup)
	if f.Invocation >= 0 {
		who = fmt.Sprintf("invocation %d of subgroup %d", f.Invocation, f.Subgroup)
	}
	return fmt.Sprintf("emulator: %s: workgroup %d,%d,%d, %s, block %%%d: %s", f.Kernel, f.Workgroup[0], f.Workgroup[1], f.Workgroup[2], who, f.Block, f.What)
}

// wrong is what functions of numbers and memory panic with; run adds where.
type wrongness string

func wrong(format string, args ...any) wrongness { return wrongness(fmt.Sprintf(format, args...)) }

// who is an invocation of a workgroup, for messages.
type who struct{ subgroup, lane int32 }

func (w who) String() string {
	switch {
	case w.subgroup == anyone:
		return "several subgroups"
	case w.lane == anyone:
		return fmt.Sprintf("several invocations of subgroup %d", w.subgroup)
	}
	return fmt.Sprintf("invocation %d of subgroup %d", w.lane, w.subgroup)
}

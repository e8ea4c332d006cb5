package compare

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/dump"
)

// recordings compares what two runs left, by name: with errors carried along only, since nothing can be run again.
func recordings(r *Report, a, b *Recording, o Options) error {
	for _, phase := range []string{"prefill", "decode"} {
		want, of := a.phase(phase)
		have, in := b.phase(phase)
		pairs, extra := dump.Match(have, want, slices.Concat(a.renames, b.renames))
		if phase == "decode" && (len(pairs) == 0 || !slices.Equal(decoded(a), decoded(b))) {
			break // another token went in
		}
		if phase == "prefill" {
			r.Unmatched = extra
		}
		for _, name := range want {
			from, ok := pairs[name]
			if !ok {
				if phase == "prefill" {
					r.Unknown = append(r.Unknown, name)
				}
				continue
			}
			op, err := carriedOp(phase, name, of[name], in[from], o.Limits)
			if err != nil {
				return fmt.Errorf("compare: %s against %s of %s: %w", name, from, b.Path, err)
			}
			if a.Info != nil {
				op.Kernel = a.Info.Kernels[phase+"."+name]
			}
			r.Ops = append(r.Ops, *op)
		}
		if err := recordedLogits(r, of, in, pairs); err != nil {
			return err
		}
	}
	if len(r.Ops) == 0 {
		return fmt.Errorf("compare: %s against %s: got no name that both have, want some; see --map", a.Path, b.Path)
	}
	r.Greedy.First = -1
	if a.Info != nil && b.Info != nil {
		r.Greedy = sameText(&a.Info.Prompts[0], &b.Info.Prompts[0])
	}
	return nil
}

func decoded(r *Recording) []int32 {
	if r.Info == nil {
		return nil
	}
	return r.Info.Decoded
}

// carriedOp compares one tensor.
func carriedOp(phase, name string, a, b *dump.Tensor, lim Limits) (*Op, error) {
	x, err := a.Floats()
	if err != nil {
		return nil, err
	}
	y, err := b.Floats()
	if err != nil {
		return nil, err
	}
	n := min(len(x), len(y)) // one of them may have the last row alone
	rows, cols := 1, n
	if len(x) == len(y) && len(a.Shape) > 1 {
		cols = a.Shape[len(a.Shape)-1]
		rows = n / max(cols, 1)
	}
	if n == 0 || len(x)%n != 0 || len(y)%n != 0 || len(x) != len(y) && !isRows(a.Shape, len(x)/n, n) && !isRows(b.Shape, len(y)/n, n) {
		return nil, fmt.Errorf("got shapes %v and %v, want the same elements", a.Shape, b.Shape)
	}
	x, y = x[len(x)-n:], y[len(y)-n:]
	op := &Op{Phase: phase, Label: name, Stem: name[strings.LastIndex(name, ".")+1:], Tensor: name, Rows: rows, Cols: cols, Carried: Measure(x, y, nil), Verdict: "ok"}
	op.Isolated.ULPs = make([]int, ulpClasses)
	if why := op.Carried.Over(Limits{Bound: lim.Bound, NMSE: lim.NMSE}); why != "" {
		op.Verdict = why
	}
	return op, nil
}

// recordedLogits adds the positions that both have.
func recordedLogits(r *Report, a, b map[string]*dump.Tensor, pairs map[string]string) error {
	for _, name := range []string{"logits", "output"} {
		from, ok := pairs[name]
		if !ok {
			continue
		}
		x, err := a[name].Floats()
		if err != nil {
			return err
		}
		y, err := b[from].Floats()
		if err != nil {
			return err
		}
		n := min(len(x), len(y))
		x, y = x[len(x)-n:], y[len(y)-n:]
		shape := a[name].Shape
		r.Logits.addRows(x, y, shape[len(shape)-1])
		return nil
	}
	return nil
}

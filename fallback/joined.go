package fallback

import "tuff/host/compute"

// Multiplications that follow each other and take the same rows of X, as query, key and value do, or gate and up, are one task: workers
// meet behind the last of them, not behind each.

// multiplication is a kernel of products by weights.
type multiplication interface {
	kernel
	preparer
}

// joined are several of them.
type joined struct {
	kernels []multiplication
	ends    []int // units up to and with each
}

func (k *joined) begin(s *compute.Step) int {
	n := 0
	for i, m := range k.kernels {
		n += m.begin(s)
		k.ends[i] = n
	}
	return n
}

func (k *joined) prepare() (task, int) {
	for _, m := range k.kernels {
		if t, n := m.prepare(); n > 0 {
			return t, n
		}
	}
	return nil, 0
}

func (k *joined) unit(w *worker, i int) {
	from := 0
	for n, end := range k.ends {
		if i < end {
			k.kernels[n].unit(w, i-from)
			return
		}
		from = end
	}
}

// inputs are what a multiplication's rows of X are made of, zero of other ops.
func inputs(op compute.Op) (x, ids compute.Ref) {
	switch o := op.(type) {
	case compute.MatMul:
		return o.X, 0
	case compute.MatMulExperts:
		return o.X, o.IDs
	}
	return 0, 0
}

// runs gives each op the number of the first of those that follow each other and have the same inputs, from 1 on.
func runs(p *compute.Program) []int {
	out := make([]int, len(p.Instrs))
	for i, in := range p.Instrs {
		out[i] = i + 1
		if x, ids := inputs(in.Op); i > 0 && x != 0 {
			if x0, ids0 := inputs(p.Instrs[i-1].Op); x0 == x && ids0 == ids {
				out[i] = out[i-1]
			}
		}
	}
	return out
}

// join gives each op that begins a run the kernel of all of them, nil to the others. What is written and never read could lie in the place of what another of
// the run writes, where they did not come one behind the other.
func (e *executable) join(runs []int) {
	lastRead := make([]int, len(e.p.Tensors))
	for i, in := range e.p.Instrs {
		for _, r := range in.Op.Reads() {
			lastRead[r] = i
		}
	}
	e.joined = make([]*joined, len(runs))
	for i := 0; i < len(runs); {
		k, end := &joined{}, i
		for ; end < len(runs) && runs[end] == runs[i]; end++ {
			m, ok := e.kernels[end].(multiplication)
			for _, r := range e.p.Instrs[end].Op.Writes() {
				ok = ok && (e.p.At(r).Role == compute.Output || lastRead[r] > end)
			}
			if !ok {
				break
			}
			k.kernels = append(k.kernels, m)
		}
		if len(k.kernels) > 1 {
			k.ends = make([]int, len(k.kernels))
			e.joined[i] = k
		}
		i = max(end, i+1)
	}
}

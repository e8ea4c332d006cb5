package gpu

import (
	"fmt"
	"slices"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/host/compute"
)

// life is the stretch of groups during which a piece of scratch memory is in use.
type life struct {
	ref         compute.Ref // or a temporary of group first
	temp        int
	first, last int
	size        uint64
	off         uint64
}

// lives finds the scratch tensors and temporaries that the groups touch, with the groups of their first and last use.
func lives(p *compute.Program, groups []kernel.Group, o compute.Options) ([]life, error) {
	most := kernel.Shape{Tokens: max(o.MaxTokens, 1), Outputs: max(o.MaxOutputs, 1), Seqs: max(o.MaxSeqs, 1)}
	byRef := map[compute.Ref]int{}
	var list []life
	touch := func(g int, r compute.Ref) error {
		t := p.At(r)
		if t.Role != compute.Scratch {
			return nil
		}
		if i, ok := byRef[r]; ok {
			list[i].last = g
			return nil
		}
		n, err := t.Bytes(most.Sizes())
		if err != nil {
			return err
		}
		byRef[r] = len(list)
		list = append(list, life{ref: r, first: g, last: g, size: roundUp(max(uint64(n), 1), memory.Align)})
		return nil
	}
	for g := range groups {
		for i := range groups[g].Dispatches {
			d := &groups[g].Dispatches[i]
			for _, accesses := range [][]kernel.Access{d.Reads, d.Writes} {
				for _, a := range accesses {
					if a.Ref == 0 {
						continue
					}
					if err := touch(g, a.Ref); err != nil {
						return nil, err
					}
				}
			}
		}
		for i, t := range groups[g].Temps {
			list = append(list, life{temp: i, first: g, last: g, size: roundUp(max(uint64(t.Bytes(most)), 1), memory.Align)})
		}
	}
	return list, nil
}

// place gives every life an offset, so that lives in use at the same time do not overlap, and returns the bytes needed.
// A life rests for some groups after its last use: memory taken over at once would make the next group wait for a read that
// it does not depend on.
func place(list []life, rest int) uint64 {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	// Large pieces first: small ones fit between them.
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case list[a].size > list[b].size:
			return -1
		case list[a].size < list[b].size:
			return 1
		}
		return list[a].first - list[b].first
	})
	var top uint64
	var placed []int
	for _, i := range order {
		l := &list[i]
		var taken []span
		for _, j := range placed {
			o := &list[j]
			if o.first <= l.last+rest && l.first <= o.last+rest {
				taken = append(taken, span{o.off, o.off + o.size})
			}
		}
		slices.SortFunc(taken, func(a, b span) int {
			switch {
			case a.lo < b.lo:
				return -1
			case a.lo > b.lo:
				return 1
			}
			return 0
		})
		l.off = 0
		for _, t := range taken {
			if t.lo >= l.off+l.size {
				break
			}
			l.off = max(l.off, t.hi)
		}
		placed = append(placed, i)
		top = max(top, l.off+l.size)
	}
	return top
}

// layout is where everything of an executable lies.
type layout struct {
	arena   *buffer // scratch and temporaries, nil when there are none
	outputs []*buffer
	at      map[compute.Ref]compute.View
	addr    map[compute.Ref]span // addresses
	temps   [][]span             // by group and temporary
}

// restOf is how long memory rests: where it is little, for as long as parts of a layer that do not depend on each other run side by
// side (a shared expert beside the router); where it is much, just behind its last use. With Keep, for ever.
func restOf(o compute.Options, groups int) int {
	switch {
	case o.Keep:
		return groups
	case o.MaxTokens <= 8:
		return 4
	}
	return 1
}

// newLayout allocates scratch and outputs.
func (d *Device) newLayout(p *compute.Program, groups []kernel.Group, o compute.Options) (*layout, error) {
	l := &layout{at: map[compute.Ref]compute.View{}, addr: map[compute.Ref]span{}, temps: make([][]span, len(groups))}
	list, err := lives(p, groups, o)
	if err != nil {
		return nil, err
	}
	if total := place(list, restOf(o, len(groups))); total > 0 {
		mem, err := d.mem.Alloc(memory.Scratch, total, "scratch of "+p.Name)
		if err != nil {
			return nil, err
		}
		l.arena = &buffer{d: d, mem: mem, spec: compute.BufferSpec{Name: mem.Name(), Size: int64(total)}}
		if o.Keep { // tensors are read by the host; none may hold what another program left
			if err := d.mem.Fill(mem, 0, total, 0); err != nil {
				return nil, err
			}
		}
	}
	for i := range groups {
		l.temps[i] = make([]span, len(groups[i].Temps))
	}
	for _, v := range list {
		s := span{l.arena.mem.Address() + v.off, l.arena.mem.Address() + v.off + v.size}
		if v.ref == 0 {
			l.temps[v.first][v.temp] = s
			continue
		}
		l.addr[v.ref] = s
		if o.Keep {
			l.at[v.ref] = compute.View{Buffer: l.arena, Offset: int64(v.off)}
		}
	}
	for r := compute.Ref(1); int(r) < len(p.Tensors); r++ {
		t := p.At(r)
		switch t.Role {
		case compute.Output:
			n, err := t.Bytes(compute.Sizes{Tokens: max(o.MaxTokens, 1), Outputs: max(o.MaxOutputs, 1)})
			if err != nil {
				return nil, err
			}
			b, err := d.NewBuffer(compute.BufferSpec{Name: t.Name, Usage: compute.UseReadback, Size: n})
			if err != nil {
				return nil, err
			}
			out := b.(*buffer)
			l.outputs = append(l.outputs, out)
			l.at[r] = compute.View{Buffer: out}
			l.addr[r] = span{out.mem.Address(), out.mem.Address() + out.mem.Size()}
		case compute.Weight, compute.State:
			b, err := d.own("compile with", t.Buffer, t.Offset, 0)
			if err != nil {
				return nil, fmt.Errorf("%w (tensor %q)", err, t.Name)
			}
			off, n, err := b.place(t)
			if err != nil {
				return nil, fmt.Errorf("gpu: compile: tensor %q: %w", t.Name, err)
			}
			lo := b.mem.Address() + uint64(off)
			l.at[r] = compute.View{Buffer: b, Offset: t.Offset}
			l.addr[r] = span{lo, lo + uint64(n)}
		}
	}
	return l, nil
}

func (l *layout) close() (errs []error) {
	if l.arena != nil {
		errs = append(errs, l.arena.Close())
	}
	for _, b := range l.outputs {
		errs = append(errs, b.Close())
	}
	return errs
}

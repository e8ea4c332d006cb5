package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// part is a group of ops of a model's program, as they are fused on a device: a case of the lab.
type part struct {
	p      *compute.Program
	o      compute.Options
	ops    []int
	stem   string
	shape  string
	stems  []string              // of the ops, each once
	groups int                   // of the program that are alike
	kept   map[compute.Ref][]int // of the program: see keptNorms. What reads such a tensor normalises once more, so that the router belongs beside it
}

// partsOf are the different groups of a model's program that have an op of a stem; matmul stands for experts' and heads' too.
func (c *common) partsOf(ctx context.Context, dev *gpu.Device, stem string, rows, positions int) ([]part, error) {
	p, o, err := c.programOf(ctx, dev, rows, positions)
	if err != nil {
		return nil, err
	}
	groups, err := kernel.Plan(dev.Caps(), p, o)
	if err != nil {
		return nil, err
	}
	var list []part
	var known []string
	kept := keptNorms(p, groups)
	for _, planned := range groups {
		g := p.NewGroup(planned.Ops...)
		x := part{p: p, o: o, ops: planned.Ops, stem: g.Stem, shape: g.Shape, groups: 1, kept: kept}
		for _, i := range planned.Ops {
			s := p.Instrs[i].Op.Stem()
			if !slices.Contains(x.stems, s) {
				x.stems = append(x.stems, s)
			}
			if !slices.Contains(known, s) {
				known = append(known, s)
			}
		}
		has := slices.Contains(x.stems, stem) || stem == "matmul" && (slices.Contains(x.stems, "matmul_experts") || slices.Contains(x.stems, "matmul_heads"))
		if !has {
			continue
		}
		if i := slices.IndexFunc(list, func(l part) bool { return l.stem == x.stem && l.shape == x.shape }); i >= 0 {
			list[i].groups++
			continue
		}
		list = append(list, x)
	}
	if list == nil {
		return nil, usageError{fmt.Errorf("got op %q, want one of the model's program: %v", stem, known)}
	}
	return list, nil
}

// keptNorms are what norms give that are fused with a router, with the ops of its group.
func keptNorms(p *compute.Program, groups []kernel.Group) map[compute.Ref][]int {
	kept := map[compute.Ref][]int{}
	for _, g := range groups {
		if !slices.ContainsFunc(g.Ops, func(i int) bool { _, routes := p.Instrs[i].Op.(compute.Route); return routes }) {
			continue
		}
		for _, i := range g.Ops {
			if norm, ok := p.Instrs[i].Op.(compute.RMSNorm); ok {
				kept[norm.Out] = g.Ops
			}
		}
	}
	return kept
}

// attends says whether the time of a part depends on the keys of the sequence: those in a cache.
func (x *part) attends() bool {
	return slices.ContainsFunc(x.ops, func(i int) bool {
		op, ok := x.p.Instrs[i].Op.(compute.Attention)
		return ok && op.Paged
	})
}

// formats are those of the weights and caches of a part.
func (x *part) formats() (list []compute.DType) {
	for _, i := range x.ops {
		for _, r := range x.p.Instrs[i].Op.Reads() {
			if t := x.p.At(r); t.Role != compute.Scratch && !slices.Contains(list, t.DType) {
				list = append(list, t.DType)
			}
		}
	}
	return list
}

// part adds the ops of one, on weights and states of their own, of so many bytes. What they read of others is made beside: rows of random
// numbers, and what the program makes of such where it must fit together, such as the experts that a router chooses.
func (b *bench1) part(s *labShape) (size int, err error) {
	src := s.part.p
	writer := map[compute.Ref]int{}
	readers := map[compute.Ref][]int{}
	for i, in := range src.Instrs {
		for _, r := range in.Op.Writes() {
			writer[r] = i
		}
		for _, r := range in.Op.Reads() {
			readers[r] = append(readers[r], i)
		}
	}
	ops := slices.Clone(s.part.ops)
	if next := ops[len(ops)-1] + 1; next < len(src.Instrs) && slices.ContainsFunc(src.Instrs[next].Op.Reads(), func(r compute.Ref) bool {
		i, made := writer[r]
		return made && slices.Contains(ops, i)
	}) {
		ops = append(ops, next) // what is fused may depend on what comes behind it
	}
	var inputs []compute.Ref
	for at := 0; at < len(ops); at++ {
		for _, r := range src.Instrs[ops[at]].Op.Reads() {
			t := src.At(r)
			if t.Role != compute.Scratch || slices.Contains(ops, writer[r]) || slices.Contains(inputs, r) {
				continue
			}
			if router, ok := s.part.kept[r]; ok {
				for _, i := range router {
					if !slices.Contains(ops, i) {
						ops = append(ops, i)
					}
				}
				continue
			}
			if _, routed := src.Instrs[writer[r]].Op.(compute.Route); t.Rows == compute.PerToken(1) && !routed {
				inputs = append(inputs, r)
			} else {
				ops = append(ops, writer[r])
			}
		}
	}
	slices.Sort(ops)
	// An input that one of the ops makes after all comes from there.
	inputs = slices.DeleteFunc(inputs, func(r compute.Ref) bool { return slices.Contains(ops, writer[r]) })
	at := map[compute.Ref]compute.Ref{}
	for _, r := range inputs {
		if at[r], err = b.random(src.At(r).Cols); err != nil {
			return 0, err
		}
	}
	var shared []compute.Ref // tensors that others read too: no op may keep them to itself
	for _, i := range ops {
		in := src.Instrs[i]
		for _, r := range slices.Concat(in.Op.Reads(), in.Op.Writes()) {
			if _, ok := at[r]; ok {
				continue
			}
			t := src.At(r)
			if t.Role == compute.Weight || t.Role == compute.State {
				var n int
				if at[r], n, err = b.tensor(t.Name, t.Role, t.DType, t.Rows.Fixed, t.Cols); err != nil {
					return 0, err
				}
				size += n
				continue
			}
			at[r] = b.p.Scratch(t.Name, t.Rows, t.Cols)
			inside := func(i int) bool { return slices.Contains(ops, i) }
			outside := func(i int) bool { return !inside(i) }
			if slices.ContainsFunc(readers[r], inside) && slices.ContainsFunc(readers[r], outside) {
				shared = append(shared, at[r])
			}
		}
		if slices.Contains(s.part.ops, i) {
			b.measured[len(b.measured)-1] = append(b.measured[len(b.measured)-1], len(b.p.Instrs))
		}
		b.p.Add(in.Label, onto(in.Op, at))
	}
	for _, r := range shared {
		b.p.Add("read", compute.Scale{X: r, Out: b.p.Scratch("read", b.p.At(r).Rows, b.p.At(r).Cols), Factor: 1})
	}
	return size, nil
}

// onto is an op over other tensors.
func onto(op compute.Op, at map[compute.Ref]compute.Ref) compute.Op {
	v := reflect.New(reflect.TypeOf(op)).Elem()
	v.Set(reflect.ValueOf(op))
	for i := range v.NumField() {
		if r, ok := v.Field(i).Interface().(compute.Ref); ok && r != 0 {
			v.Field(i).Set(reflect.ValueOf(at[r]))
		}
	}
	return v.Interface().(compute.Op)
}

// random is a tensor of one row per token, made by an op of its own: another one for each position.
func (b *bench1) random(cols int) (compute.Ref, error) {
	r := rand.New(rand.NewPCG(1, uint64(cols)))
	values := make([]float32, b.p.MaxPos*cols)
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
	spec := compute.BufferSpec{Name: "x", Usage: compute.UseWeights, Size: int64(4 * len(values)), DType: compute.F32, Rows: b.p.MaxPos, Cols: cols, Data: compute.Bytes(values)}
	buf, err := b.dev.NewBuffer(spec)
	if err != nil {
		return 0, err
	}
	b.made = append(b.made, buf)
	table := b.p.Declare(compute.Tensor{Name: "x", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(b.p.MaxPos), Cols: cols, Buffer: buf})
	x := b.p.Scratch("x", compute.PerToken(1), cols)
	b.p.Add("x", compute.Embed{Table: table, Out: x, Scale: 1, Positions: true})
	return x, nil
}

// asIn gives the bench's program and step what those of the model have: vocabulary, positions, pages and states.
func (b *bench1) asIn(x *part, n, keys int) {
	b.p.VocabSize, b.p.MaxPos, b.p.PageSize, b.p.NumPages, b.p.NumStates = x.p.VocabSize, max(x.p.MaxPos, n, keys), x.p.PageSize, x.p.NumPages, x.p.NumStates
	variant, math := b.o.Variant, b.o.Math
	b.o = x.o
	b.o.Variant, b.o.Math, b.o.MaxTokens, b.o.MaxOutputs, b.o.MaxSteps = variant, math, n, 1, 0
	b.step.Outputs = []int32{int32(n - 1)}
	b.step.Seqs[0].StateIn, b.step.Seqs[0].StateOut, b.step.Seqs[0].StateSpare = 0, 1, 2
	for i := range b.p.NumPages {
		b.step.Seqs[0].Pages = append(b.step.Seqs[0].Pages, int32(i))
	}
}

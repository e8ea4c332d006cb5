package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/gpu"
	"tuff/host/compute"
)

// With --cold, as many copies of what is read take turns as do not fit the caches together: the largest of graphics cards hold 256 MiB,
// those of CPUs less.
const (
	coldBytes     = 512 << 20
	coldBytesSoft = 128 << 20
	mostCopies    = 64
)

// bench1 is a program of one op, or of several that read copies of the same, and what it was made of.
type bench1 struct {
	p    *compute.Program
	dev  *gpu.Device
	o    compute.Options
	step *compute.Step
	made []compute.Buffer
	exe  compute.Executable
	// measured are the ops of each copy that are timed, and copies which of them each group of the executable is of; -1: of none.
	measured [][]int
	copies   []int
}

// benchShape times one op alone.
func (c *common) benchShape(ctx context.Context, dev *gpu.Device, op string, s *labShape, n, keys int, variant string, arithmetic compute.Math) (row kernelRow, err error) {
	b, err := newBench1(ctx, dev, op, s, n, keys, variant, arithmetic)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return b.run(ctx, op, s.runs, n, keys, variant)
}

// newBench1 makes a program of an op at a shape, and of copies where caches are to be cold.
func newBench1(ctx context.Context, dev *gpu.Device, op string, s *labShape, n, keys int, variant string, arithmetic compute.Math) (_ *bench1, err error) {
	b := &bench1{p: compute.NewProgram("bench of " + op), dev: dev, o: compute.Options{Math: arithmetic, MaxTokens: n, MaxOutputs: 1, MaxSeqs: 1},
		step: &compute.Step{Seqs: []compute.Seq{{Count: n, Len: max(keys, n)}}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for i := range n {
		b.step.Tokens, b.step.Pos = append(b.step.Tokens, 0), append(b.step.Pos, int32(max(keys, n)-n+i))
	}
	if b.o.Variant, err = forced(dev, op, variant); err != nil {
		return nil, err
	}
	ops := b.matMul
	switch {
	case s.part != nil:
		b.asIn(s.part, n, keys)
		ops = b.part
	case op == "attention":
		b.pages(max(keys, n))
		ops = b.attention
	}
	add := func(s *labShape) (int, error) {
		b.measured = append(b.measured, nil)
		return ops(s)
	}
	size, err := add(s)
	if err != nil {
		return nil, err
	}
	if s.cold {
		enough := coldBytes
		if dev.Info().Kind == compute.Software {
			enough = coldBytesSoft
		}
		for range max(min((enough-1)/max(size, 1), mostCopies-1), 1) {
			if _, err := add(s); err != nil {
				return nil, err
			}
		}
	}
	if b.exe, err = dev.Compile(ctx, b.p, b.o); err != nil {
		return nil, err
	}
	b.made = append([]compute.Buffer{closer{b.exe}}, b.made...)
	for _, g := range b.exe.Placement() {
		b.copies = append(b.copies, slices.IndexFunc(b.measured, func(ops []int) bool { // a variant may join them to an op before
			return slices.ContainsFunc(g.Ops, func(op int) bool { return slices.Contains(ops, op) })
		}))
	}
	return b, nil
}

// tensor declares one with a buffer of its own. 0x3c in every byte is a number near 1 or 0.01 in every format, whatever its blocks look like.
func (b *bench1) tensor(name string, role compute.Role, t compute.DType, rows, cols int) (compute.Ref, int, error) {
	if rows < 1 || cols < 1 || rows > 1<<24 || cols > 1<<24 {
		return 0, 0, usageError{fmt.Errorf("got a tensor of %d × %d, want sides of 1 to %d", rows, cols, 1<<24)}
	}
	size, err := t.Bytes(rows, cols)
	if err != nil {
		return 0, 0, usageError{err}
	}
	spec := compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: size, DType: t, Rows: rows, Cols: cols, Data: bytes.Repeat([]byte{0x3c}, int(size))}
	if role == compute.State {
		spec.Usage = compute.UseState
	}
	buf, err := b.dev.NewBuffer(spec)
	if err != nil {
		return 0, 0, err
	}
	b.made = append(b.made, buf)
	return b.p.Declare(compute.Tensor{Name: name, Role: role, DType: t, Rows: compute.Rows(rows), Cols: cols, Buffer: buf}), int(size), nil
}

// x is a tensor of one row per token, made by an op of its own: what follows is not fused with what came before.
func (b *bench1) x(cols int) (compute.Ref, error) {
	t, _, err := b.tensor("x", compute.Weight, compute.F32, 1, cols)
	if err != nil {
		return 0, err
	}
	b.p.VocabSize = 1
	x := b.p.Scratch("x", compute.PerToken(1), cols)
	b.p.Add("x", compute.Embed{Table: t, Out: x, Scale: 1})
	return x, nil
}

// out is where results go: those of copies are nobody's.
func (b *bench1) out(cols int) compute.Ref {
	if len(b.p.Instrs) > 1 {
		return b.p.Scratch("out", compute.PerToken(1), cols)
	}
	return b.p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: cols})
}

// matMul adds a multiplication by a matrix of its own, of so many bytes.
func (b *bench1) matMul(s *labShape) (size int, err error) {
	t, err := parseType(s.typ)
	if err != nil {
		return 0, err
	}
	x, err := b.x(s.k)
	if err != nil {
		return 0, err
	}
	w, size, err := b.tensor("w", compute.Weight, t, s.m, s.k)
	if err != nil {
		return 0, err
	}
	b.measure(compute.MatMul{X: x, W: w, Out: b.out(s.m)})
	return size, nil
}

// pages gives the step's sequence a cache of so many positions.
func (b *bench1) pages(positions int) {
	b.p.PageSize = 64
	b.p.NumPages = (positions + 63) / 64
	b.o.MaxPages = b.p.NumPages
	for i := range b.p.NumPages {
		b.step.Seqs[0].Pages = append(b.step.Seqs[0].Pages, int32(i))
	}
}

// attention adds one over a cache of its own, of so many bytes.
func (b *bench1) attention(s *labShape) (size int, err error) {
	q, err := b.x(s.heads * s.dim)
	if err != nil {
		return 0, err
	}
	k, size, err := b.tensor("k", compute.State, compute.F16, b.p.NumPages*b.p.PageSize, s.kvHeads*s.dim)
	if err != nil {
		return 0, err
	}
	v, _, err := b.tensor("v", compute.State, compute.F16, b.p.NumPages*b.p.PageSize, s.kvHeads*s.dim)
	if err != nil {
		return 0, err
	}
	b.measure(compute.Attention{Q: q, K: k, V: v, Out: b.out(s.heads * s.dim), NumHeads: s.heads, NumKVHeads: s.kvHeads, HeadDim: s.dim,
		HeadDimV: s.dim, Scale: float32(1 / math.Sqrt(float64(s.dim))), Causal: true, Paged: true})
	return 2 * size, nil
}

// once is the seconds that each copy took in one run, but for what makes x, and the kernels.
func (b *bench1) once(ctx context.Context) (times []float64, names []string, err error) {
	var t compute.Timing
	if err := b.exe.Run(ctx, &compute.Call{Step: b.step, Timing: &t}); err != nil {
		return nil, nil, err
	}
	times = make([]float64, len(b.measured))
	for _, sp := range t.Spans {
		at := b.copies[sp.Group]
		if at < 0 {
			continue
		}
		if times[at] += (sp.End - sp.Begin).Seconds(); at == 0 {
			names = append(names, sp.Kernel)
		}
	}
	return times, names, nil
}

// measure adds an op that is timed.
func (b *bench1) measure(op compute.Op) {
	last := len(b.measured) - 1
	b.measured[last] = append(b.measured[last], len(b.p.Instrs))
	b.p.Add("bench", op)
}

// forced is the option that runs an op on a variant, or on what is planned without one; matmul stands for experts' and heads' too.
func forced(dev *gpu.Device, op, variant string) (map[string]string, error) {
	if variant == "" {
		return nil, nil
	}
	for _, v := range dev.Variants() {
		if v.Name == variant {
			return map[string]string{v.Op: variant}, nil
		}
	}
	return map[string]string{op: variant}, nil // which the plan refuses, with those that there are
}

// run times every copy in every run but the first.
func (b *bench1) run(ctx context.Context, op string, runs, n, keys int, variant string) (row kernelRow, err error) {
	var times []float64
	var names []string
	for i := range runs + 1 {
		var once []float64
		if once, names, err = b.once(ctx); err != nil {
			return row, err
		}
		if i > 0 {
			times = append(times, once...)
		}
	}
	slices.Sort(times)
	cost := b.p.CostOf(b.measured[0], b.step)
	row = kernelRow{Op: op, Shape: b.shape(), Rows: n, Keys: keys, Kernel: strings.Join(names, "+"), Variant: variant, Why: b.exe.Placement()[slices.Index(b.copies, 0)].Why,
		Tier: tierOf(strings.Join(names, "+")), Math: b.o.Math.String(), Copies: len(b.measured), Seconds: times[len(times)/2], Min: times[0]}
	row.BytesPerSec, row.FLOPsPerSec = float64(cost.Bytes)/row.Seconds, float64(cost.FLOPs)/row.Seconds
	return row, nil
}

// shape is what is timed, for tables: with the ops where there are several.
func (b *bench1) shape() string {
	g := b.p.NewGroup(b.measured[0]...)
	if len(g.Ops) == 1 {
		return g.Shape
	}
	return g.Stem + " " + g.Shape
}

func (b *bench1) close() (err error) {
	for _, m := range b.made {
		err = errors.Join(err, m.Close())
	}
	return err
}

// closer lets an executable stand in the list of what is closed.
type closer struct{ compute.Executable }

func (closer) Name() string { return "" }
func (closer) Size() int64  { return 0 }

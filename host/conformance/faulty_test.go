package conformance

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"tuff/host/compute"
)

// fault is a mistake that a kernel could have. Its parts are applied to what the inner device sees or gives.
type fault struct {
	op, name string
	program  func(*compute.Program)                                  // before Compile; a copy
	op2      func(compute.Op) compute.Op                             // on every op of the program
	step     func(*compute.Program, *compute.Step)                   // before Run; a copy
	buffer   func(*compute.BufferSpec)                               // before NewBuffer; Data is a copy
	result   func(t *compute.Tensor, got, before []float32, n int)   // on every output after run n, row-major
	after    func(d *faulty, p *compute.Program, s *compute.Step)    // after Run
	prepare  func(d *faulty, p *compute.Program) (closeLater func()) // at Compile, may replace buffers of the copy
}

// faulty is a device that makes one mistake.
type faulty struct {
	compute.Device
	fault
	runs int
}

func (d *faulty) NewBuffer(s compute.BufferSpec) (compute.Buffer, error) {
	if d.buffer != nil {
		s.Data = slices.Clone(s.Data)
		d.buffer(&s)
	}
	return d.Device.NewBuffer(s)
}

func (d *faulty) Compile(ctx context.Context, p *compute.Program, o compute.Options) (compute.Executable, error) {
	c := *p
	c.Tensors, c.Instrs = slices.Clone(p.Tensors), slices.Clone(p.Instrs)
	if d.program != nil {
		d.program(&c)
	}
	if d.op2 != nil {
		for i := range c.Instrs {
			c.Instrs[i].Op = d.op2(c.Instrs[i].Op)
		}
	}
	done := func() {}
	if d.prepare != nil {
		done = d.prepare(d, &c)
	}
	exe, err := d.Device.Compile(ctx, &c, o)
	if err != nil {
		return nil, err
	}
	return &faultyExecutable{exe, d, &c, o, done}, nil
}

type faultyExecutable struct {
	compute.Executable
	d    *faulty
	p    *compute.Program
	o    compute.Options
	done func()
}

func (e *faultyExecutable) Close() error {
	e.done()
	return e.Executable.Close()
}

func (e *faultyExecutable) Run(ctx context.Context, c *compute.Call) error {
	s := *c.Step
	s.Tokens, s.Pos, s.Seqs, s.Outputs = slices.Clone(s.Tokens), slices.Clone(s.Pos), slices.Clone(s.Seqs), slices.Clone(s.Outputs)
	before := e.outputs(&s)
	if e.d.step != nil {
		e.d.step(e.p, &s)
	}
	call := *c
	call.Step = &s
	if err := e.Executable.Run(ctx, &call); err != nil {
		return err
	}
	e.d.runs++
	if e.d.result != nil {
		for r, got := range e.outputs(&s) {
			t := e.p.At(r)
			e.d.result(t, got, before[r], e.d.runs)
			v, _ := e.Locate(r)
			if err := e.d.Upload(v.Buffer, v.Offset, compute.Bytes(got)); err != nil {
				return err
			}
		}
	}
	if e.d.after != nil {
		e.d.after(e.d, e.p, c.Step)
	}
	return nil
}

// outputs reads all outputs.
func (e *faultyExecutable) outputs(s *compute.Step) map[compute.Ref][]float32 {
	all := make(map[compute.Ref][]float32)
	for i := 1; i < len(e.p.Tensors); i++ {
		r := compute.Ref(i)
		t := e.p.At(r)
		if t.Role != compute.Output {
			continue
		}
		v, err := e.Locate(r)
		if err != nil {
			panic(err)
		}
		f := make([]float32, t.Rows.At(s.Sizes())*t.Cols)
		if err := e.d.Download(compute.Bytes(f), v.Buffer, v.Offset); err != nil {
			panic(err)
		}
		all[r] = f
	}
	return all
}

// at changes an op of one type.
func on[T compute.Op](f func(*T)) func(compute.Op) compute.Op {
	return func(o compute.Op) compute.Op {
		t, ok := o.(T)
		if !ok {
			return o
		}
		f(&t)
		return t
	}
}

// each changes all float32 values of a buffer whose name begins so.
func each(name string, f func(i int, v float32) float32) func(*compute.BufferSpec) {
	return func(s *compute.BufferSpec) {
		if s.DType != compute.F32 || len(s.Name) < len(name) || s.Name[:len(name)] != name {
			return
		}
		for i := 0; i+4 <= len(s.Data); i += 4 {
			v := f(i/4%s.Cols, math.Float32frombits(binary.LittleEndian.Uint32(s.Data[i:])))
			binary.LittleEndian.PutUint32(s.Data[i:], math.Float32bits(v))
		}
	}
}

// blocks changes every block of quantized weights.
func blocks(f func(t compute.DType, b []byte, col, cols int)) func(*compute.BufferSpec) {
	return blocksOfA(compute.UseWeights, f)
}

// cached changes every block of a cache before a program reads it.
func cached(f func(t compute.DType, b []byte, col, cols int)) func(*compute.BufferSpec) {
	return blocksOfA(compute.UseState, f)
}

func blocksOfA(usage compute.Usage, f func(t compute.DType, b []byte, col, cols int)) func(*compute.BufferSpec) {
	return func(s *compute.BufferSpec) {
		if s.Usage != usage || !s.DType.Quantized() {
			return
		}
		size, length := s.DType.BlockBytes(), s.DType.BlockLen()
		for i := 0; i < len(s.Data); i += size {
			f(s.DType, s.Data[i:i+size], i/size*length%s.Cols, s.Cols)
		}
	}
}

// truncated is a half rounded toward zero.
func truncated(v float32) float32 {
	h := compute.F32ToF16(v)
	if f := compute.F16ToF32(h); math.Abs(float64(f)) > math.Abs(float64(v)) {
		h--
	}
	return compute.F16ToF32(h)
}

// stored changes the rows of block types that a step has just put into a cache.
func stored(f func(t compute.DType, row []byte)) func(*faulty, *compute.Program, *compute.Step) {
	return func(d *faulty, p *compute.Program, s *compute.Step) {
		for _, in := range p.Instrs {
			o, ok := in.Op.(compute.KVStore)
			if !ok {
				continue
			}
			for _, r := range o.Writes() {
				t := p.At(r)
				row := make([]byte, len(poisonOf(t, 1)))
				for i := range s.Seqs {
					q := &s.Seqs[i]
					for at := q.First; at < q.First+q.Count && t.DType.Quantized(); at++ {
						off := t.Offset + int64(len(row)*slot(p, q, int(s.Pos[at])))
						if err := d.Download(row, t.Buffer, off); err != nil {
							panic(err)
						}
						f(t.DType, row)
						if err := d.Upload(t.Buffer, off, row); err != nil {
							panic(err)
						}
					}
				}
			}
		}
	}
}

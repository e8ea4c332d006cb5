package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// problem is a program with its inputs, not yet on any device.
type problem struct {
	p     *compute.Program
	o     compute.Options
	data  map[compute.Ref][]byte // contents of weights and state
	lead  map[compute.Ref]int    // rows of poison in the same buffer, in front and behind
	steps []*compute.Step
	// checked are compared after every step: all outputs and states.
	checked []compute.Ref
	// program marks long programs: worst-case bounds grow tenfold with every matrix and would let everything pass, so they
	// have a tolerance, and the reference device must agree too.
	program bool
	// odd marks cases with NaN and infinities where some results do not depend on them. Those that do are not compared: devices may
	// assume that there are none.
	odd bool
	// once runs every step a single time, for large cases.
	once bool
}

// loaded is a problem on a device.
type loaded struct {
	pr      *problem
	dev     compute.Device
	p       *compute.Program
	exe     compute.Executable
	buffers []compute.Buffer
	poison  map[compute.Ref][]byte // bits around inputs that nobody may change
}

// poisonBits is a quiet NaN that no arithmetic produces.
const poisonBits = 0x7fc0dead

// poisonOf is n rows of t that decode to NaN where the format has one.
func poisonOf(t *compute.Tensor, rows int) []byte {
	size, err := t.DType.Bytes(rows, t.Cols)
	if err != nil {
		panic("BUG: conformance: " + err.Error())
	}
	b := make([]byte, size)
	switch t.DType {
	case compute.F32:
		for i := 0; i < len(b); i += 4 {
			binary.LittleEndian.PutUint32(b[i:], poisonBits)
		}
	default: // 0x7fff is NaN as a half, a bfloat16 and as the scale of most block formats
		for i := range b {
			b[i] = [2]byte{0xff, 0x7f}[i%2]
		}
	}
	return b
}

// load puts a problem on a device.
func (pr *problem) load(ctx context.Context, dev compute.Device, o Options) (_ *loaded, err error) {
	p := *pr.p
	p.Tensors = slices.Clone(p.Tensors)
	on := &loaded{pr: pr, dev: dev, p: &p, poison: make(map[compute.Ref][]byte)}
	defer func() {
		if err != nil {
			on.close()
		}
	}()
	for ref := compute.Ref(1); int(ref) < len(p.Tensors); ref++ {
		t := p.At(ref)
		if t.Role != compute.Weight && t.Role != compute.State {
			continue
		}
		around := poisonOf(t, pr.lead[ref])
		usage := compute.UseWeights
		if t.Role == compute.State {
			usage = compute.UseState
		}
		data := slices.Concat(around, pr.data[ref], around)
		b, err := dev.NewBuffer(compute.BufferSpec{Name: t.Name, Usage: usage, Size: int64(len(data)), DType: t.DType,
			Rows: t.Rows.Fixed + 2*pr.lead[ref], Cols: t.Cols, Data: data})
		if err != nil {
			return nil, fmt.Errorf("make buffer: %w", err)
		}
		on.buffers = append(on.buffers, b)
		t.Buffer, t.Offset = b, int64(len(around))
	}
	opt := pr.o
	opt.Math, opt.Variant = o.Math, o.Variant
	if err := p.Check(); err != nil {
		return nil, err
	}
	if on.exe, err = dev.Compile(ctx, &p, opt); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	return on, nil
}

func (on *loaded) close() {
	if on.exe != nil {
		on.exe.Close()
	}
	for _, b := range on.buffers {
		b.Close()
	}
}

// run poisons the outputs and runs one step.
func (on *loaded) run(ctx context.Context, s *compute.Step) error {
	sizes := compute.Sizes{Tokens: on.pr.o.MaxTokens, Outputs: on.pr.o.MaxOutputs}
	for _, ref := range on.pr.checked {
		t := on.p.At(ref)
		if t.Role != compute.Output {
			continue
		}
		v, err := on.exe.Locate(ref)
		if err != nil {
			return err
		}
		if err := on.dev.Upload(v.Buffer, v.Offset, poisonOf(t, t.Rows.At(sizes))); err != nil {
			return fmt.Errorf("poison %s: %w", t.Name, err)
		}
	}
	return on.exe.Run(ctx, &compute.Call{Step: s})
}

// bytes are the rows of a tensor that a step uses, as the device holds them.
func (on *loaded) bytes(ref compute.Ref, s *compute.Step) ([]byte, error) {
	t := on.p.At(ref)
	size, err := t.Bytes(s.Sizes())
	if err != nil {
		return nil, err
	}
	v := compute.View{Buffer: t.Buffer, Offset: t.Offset}
	if t.Buffer == nil {
		if v, err = on.exe.Locate(ref); err != nil {
			return nil, err
		}
	}
	b := make([]byte, size)
	if err := on.dev.Download(b, v.Buffer, v.Offset); err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return b, nil
}

// read is bytes as numbers.
func (on *loaded) read(ref compute.Ref, s *compute.Step) ([]float32, error) {
	b, err := on.bytes(ref, s)
	if err != nil {
		return nil, err
	}
	if t := on.p.At(ref).DType; t != compute.F32 {
		element, length, size := elements[t], t.BlockLen(), t.BlockBytes()
		f := make([]float32, len(b)/size*length)
		for i := range f {
			v, _ := element(b[i/length*size:], i%length)
			f[i] = float32(v)
		}
		return f, nil
	}
	f := make([]float32, len(b)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return f, nil
}

// again runs the step a second time, a replay on devices that record, and wants the same bits: a sum whose order depends
// on which group of threads comes first is no definition of anything.
func (on *loaded) again(ctx context.Context, s *compute.Step) error {
	if on.pr.once {
		return nil
	}
	first := make([][]byte, len(on.pr.checked))
	for i, ref := range on.pr.checked {
		b, err := on.bytes(ref, s)
		if err != nil {
			return err
		}
		first[i] = b
	}
	if err := on.run(ctx, s); err != nil {
		return fmt.Errorf("second run: %w", err)
	}
	for i, ref := range on.pr.checked {
		b, err := on.bytes(ref, s)
		if err != nil {
			return err
		}
		if !bytes.Equal(b, first[i]) {
			return fmt.Errorf("second run: got other bits of %s than the first", on.p.At(ref).Name)
		}
	}
	return nil
}

// checkUntouched compares state with what was there where the program must leave it alone: the poison around a tensor
// and the slots that no position reached, which still hold poison.
func (on *loaded) checkUntouched() error {
	for ref := compute.Ref(1); int(ref) < len(on.p.Tensors); ref++ {
		t := on.p.At(ref)
		if t.Role != compute.State {
			continue
		}
		got := make([]byte, t.Buffer.Size())
		if err := on.dev.Download(got, t.Buffer, 0); err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
		around := poisonOf(t, on.pr.lead[ref])
		if !bytes.HasPrefix(got, around) || !bytes.HasSuffix(got, around) {
			return fmt.Errorf("%s: the memory in front of it or behind it was written", t.Name)
		}
		row := len(poisonOf(t, 1))
		poison := poisonOf(t, 1)
		body, before := got[len(around):len(got)-len(around)], on.pr.data[ref]
		reached := on.pr.reached()
		for r := 0; r*row < len(body); r++ {
			if !reached[r] && bytes.Equal(before[r*row:(r+1)*row], poison) && !bytes.Equal(body[r*row:(r+1)*row], poison) {
				return fmt.Errorf("%s: row %d was written, which no position of the step lies in", t.Name, r)
			}
		}
	}
	return nil
}

// reached are the slots of positions that some step stores.
func (pr *problem) reached() map[int]bool {
	slots := make(map[int]bool)
	for _, s := range pr.steps {
		for i := range s.Seqs {
			q := &s.Seqs[i]
			for r := q.First; r < q.First+q.Count; r++ {
				if pr.p.PageSize > 0 {
					slots[slot(pr.p, q, int(s.Pos[r]))] = true
				}
			}
		}
	}
	return slots
}

// slot is the row of a paged tensor that holds a position.
func slot(p *compute.Program, q *compute.Seq, pos int) int {
	page, within := pos/p.PageSize, pos%p.PageSize
	return p.PageSize*int(q.Pages[page]) + within
}

// tolerance of a long program's values, by the root mean square of a tensor. Rounding errors of float32 are random there:
// an exact device of float64 sums is at 1e-6 after two layers, one of float32 sums at 1e-5. Keys and values stored as
// halves differ by 2⁻¹¹ where they lie in the middle between two, and half or int8 arithmetic by a percent a layer.
func (pr *problem) tolerance(ref compute.Ref, want value, m compute.Math) float64 {
	if !pr.program {
		return 0
	}
	var sum float64
	n := 0
	for _, w := range want.v {
		if !math.IsNaN(w) {
			sum += w * w
			n++
		}
	}
	rms := math.Sqrt(sum / float64(n))
	switch {
	case m == compute.Fast:
		return 0.3 * rms
	case pr.halves():
		return 1e-2 * rms
	}
	return 1e-4 * rms
}

// fastLimit is the most that NMSE may be in fast arithmetic. An error of e in a result that is then stored in steps of d moves it to another
// step with probability e/d, so it leaves e·d on average, and not e², where e is far below d. Int8 activations have errors of step/√12 at a
// step of max/127, 0.45 % of a result's root mean square where blocks of activations reach twice theirs, and Q4_0 has steps of a quarter of
// it: mean |e|·d is 9e-4 of the mean square. (Q8_0's steps are a sixteenth of that and leave 6e-5.) Against a reference that rounds
// activations in the same way, the same cases differ by 1e-10 at most. All levels off by one would be 6e-2.
func (pr *problem) fastLimit() float64 {
	switch {
	case pr.program:
		return 2e-3
	case slices.ContainsFunc(pr.p.Tensors, func(t compute.Tensor) bool { return t.DType == compute.Q4_0 && t.Role == compute.State }):
		return 2.5e-3
	}
	return 5e-4
}

// halves tells a program that stores keys and values in half precision.
func (pr *problem) halves() bool {
	return slices.ContainsFunc(pr.p.Tensors, func(t compute.Tensor) bool { return t.DType == compute.F16 && t.Role == compute.State })
}

// compareTwin runs the step on the reference device and compares all outputs as a whole: the root mean square of the
// difference against that of the values.
func (pr *problem) compareTwin(ctx context.Context, on, twin *loaded, s *compute.Step, m compute.Math) error {
	if err := twin.run(ctx, s); err != nil {
		return fmt.Errorf("reference device: %w", err)
	}
	limit := 1e-10 // relative error 1e-5: sixty float32 roundings that all go one way
	if pr.halves() {
		limit = 1e-7 // a key or value that lies between two halves may be stored as either
	}
	if m == compute.Fast {
		limit = 2e-3 // a whole layer in half or int8 arithmetic
	}
	for _, ref := range pr.checked {
		if pr.p.At(ref).Role == compute.State {
			continue
		}
		got, err := on.read(ref, s)
		want, err2 := twin.read(ref, s)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		var diff2, want2 float64
		for i, w := range want {
			g, w := float64(got[i]), float64(w)
			diff2 += (g - w) * (g - w)
			want2 += w * w
		}
		if !(diff2 <= limit*want2) {
			return fmt.Errorf("%s against the reference device: NMSE: got %.3g, want at most %.3g", pr.p.At(ref).Name, diff2/want2, limit)
		}
	}
	return nil
}

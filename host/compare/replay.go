package compare

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"tuff/host/compute"
)

// Replay is one group of ops with everything that it read, taken from B's run: enough to run it again on any device, with no model at hand.
type Replay struct {
	Model   string `json:"model"`
	A       string `json:"a"` // device, driver and arithmetic that it was found on
	Driver  string `json:"driver"`
	Math    string `json:"math"`
	Shaders string `json:"shaders,omitempty"` // digest of the kernels of the build
	Phase   string `json:"phase"`
	Label   string `json:"label"`
	Kernel  string `json:"kernel"`
	Verdict string `json:"verdict"`
	// Variant are the kernels that were asked for, by op.
	Variant map[string]string `json:"variant,omitempty"`

	VocabSize int            `json:"vocab_size"`
	MaxPos    int            `json:"max_pos"`
	PageSize  int            `json:"page_size"`
	NumPages  int            `json:"num_pages"`
	NumStates int            `json:"num_states"`
	Step      compute.Step   `json:"step"`
	Tensors   []replayTensor `json:"tensors"`
	Ops       []replayOp     `json:"ops"`
}

// replayTensor is a tensor of the group. Fed ones are scratch that ops outside of the group wrote: their Data are float32 rows of the step.
type replayTensor struct {
	Name  string         `json:"name"`
	Role  compute.Role   `json:"role"`
	Fed   bool           `json:"fed,omitempty"`
	DType compute.DType  `json:"dtype"`
	Rows  compute.Extent `json:"rows"`
	Cols  int            `json:"cols"`
	Bytes int64          `json:"bytes"` // of Data, which lie in the file beside the header
	Data  []byte         `json:"-"`
}

// replayOp is one op; Refs in Op are places in Tensors, counted from 1.
type replayOp struct {
	Label string     `json:"label"`
	Stem  string     `json:"stem"`
	Op    compute.Op `json:"op"`
}

// capture takes group g of A with the inputs that B had. Ops that wrote what cannot be fed, such as the indices of experts, come along.
func (c *comparison) capture(phase string, got *reader, want source, g compute.Group) (*Replay, error) {
	p := got.p
	info := c.live.Device.Info()
	r := &Replay{Model: c.r.Model, A: info.Name, Driver: info.Driver, Math: c.live.Math().String(), Phase: phase, Label: g.Label,
		VocabSize: p.VocabSize, MaxPos: p.MaxPos, PageSize: p.PageSize, NumStates: p.NumStates, Step: *got.step}
	r.Variant = c.live.CompileOptions(1).Variant
	ops := c.closure(p, g.Ops)
	r.Step.Sampling = compute.Sampling{}
	// The session writes its next step into the same memory.
	r.Step.Tokens, r.Step.Pos, r.Step.Outputs, r.Step.Seqs = slices.Clone(r.Step.Tokens), slices.Clone(r.Step.Pos), slices.Clone(r.Step.Outputs), slices.Clone(r.Step.Seqs)
	r.Step.Seqs[0].Pages = slices.Clone(r.Step.Seqs[0].Pages)
	if p.PageSize > 0 { // the sequence's pages alone, in order
		seq := &r.Step.Seqs[0]
		r.NumPages = (seq.Len + p.PageSize - 1) / p.PageSize
		seq.Pages = make([]int32, r.NumPages)
		for i := range seq.Pages {
			seq.Pages[i] = int32(i)
		}
	}
	places := map[compute.Ref]compute.Ref{}
	written := map[compute.Ref]bool{}
	for _, i := range ops {
		op := p.Instrs[i].Op
		for _, ref := range slices.Concat(op.Reads(), op.Writes()) {
			if places[ref] != 0 {
				continue
			}
			t, err := c.captureTensor(got, want, ref, written[ref] || !slices.Contains(op.Reads(), ref))
			if err != nil {
				return nil, fmt.Errorf("compare: save %s: tensor %s: %w", g.Label, p.At(ref).Name, err)
			}
			r.Tensors = append(r.Tensors, *t)
			places[ref] = compute.Ref(len(r.Tensors))
		}
		for _, ref := range op.Writes() {
			written[ref] = true
		}
		r.Ops = append(r.Ops, replayOp{Label: p.Instrs[i].Label, Stem: op.Stem(), Op: moved(op, places)})
	}
	return r, nil
}

// feedable says whether rows can be brought in by looking them up: float32, one for each token or output of the step.
func feedable(t compute.DType, rows compute.Extent) bool {
	return t == compute.F32 && (rows == compute.PerToken(1) || rows == compute.PerOutput(1))
}

// closure is the ops of a group and, before them, those that wrote what cannot be fed.
func (c *comparison) closure(p *compute.Program, ops []int) []int {
	all := slices.Clone(ops)
	for again := true; again; {
		again = false
		for _, i := range all {
			for _, ref := range p.Instrs[i].Op.Reads() {
				if t := p.At(ref); t.Role != compute.Scratch || feedable(t.DType, t.Rows) {
					continue
				}
				j := slices.IndexFunc(p.Instrs, func(in compute.Instr) bool { return slices.Contains(in.Op.Writes(), ref) })
				if j >= 0 && !slices.Contains(all, j) {
					all = append(all, j)
					again = true
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// captureTensor takes one tensor; inside says that the ops write it before they read it.
func (c *comparison) captureTensor(got *reader, want source, ref compute.Ref, inside bool) (*replayTensor, error) {
	t := got.p.At(ref)
	out := &replayTensor{Name: t.Name, Role: t.Role, DType: t.DType, Rows: t.Rows, Cols: t.Cols}
	var err error
	switch {
	case t.Role == compute.Weight:
		from := got
		if r, ok := want.(*reader); ok {
			from = r
		}
		w := from.p.At(ref)
		out.Data = make([]byte, sizeOf(*w))
		err = from.dev.Download(out.Data, w.Buffer, w.Offset)
	case got.states()[ref]:
		var v []float32
		if v, err = known(got, want, ref, source.inputs); err == nil { // every row but the step's own is of no matter
			row, e := got.narrow(t.DType, v)
			out.Data, err = make([]byte, sizeOf(*t)), e
			copy(out.Data[got.step.Seqs[0].StateIn*len(row):], row)
		}
	case t.Role == compute.State:
		var v []float32
		if v, err = known(got, want, ref, source.values); err == nil {
			rows := (got.step.Seqs[0].Len + got.p.PageSize - 1) / got.p.PageSize * got.p.PageSize
			out.Rows = compute.Rows(rows)
			padded := make([]float32, rows*t.Cols)
			copy(padded, v)
			if inside { // this step's rows are to be written
				for i := (got.step.Seqs[0].Len - len(got.step.Tokens)) * t.Cols; i < len(v); i++ {
					padded[i] = float32(math.NaN())
				}
			}
			out.Data, err = got.narrow(t.DType, padded)
		}
	case inside:
		out.Role = compute.Scratch
	default:
		out.Fed = true
		var v []float32
		if v, err = known(got, want, ref, source.inputs); err == nil {
			out.Data, err = got.narrow(compute.F32, v)
		}
	}
	out.Bytes = int64(len(out.Data))
	return out, err
}

// known is what want has of a tensor, or where that is not all of it what the live side has.
func known(got *reader, want source, ref compute.Ref, take func(source, compute.Ref) ([]float32, error)) ([]float32, error) {
	if want.whole(ref) {
		if v, err := take(want, ref); v != nil || err != nil {
			return v, err
		}
	}
	return take(got, ref)
}

func sizeOf(t compute.Tensor) int64 {
	n, err := t.Bytes(compute.Sizes{})
	if err != nil {
		panic("BUG: compare: " + err.Error()) // the program was checked
	}
	return n
}

// moved is op with its tensors renamed.
func moved(op compute.Op, places map[compute.Ref]compute.Ref) compute.Op {
	v := reflect.New(reflect.TypeOf(op)).Elem()
	v.Set(reflect.ValueOf(op))
	for i := range v.NumField() {
		switch f := v.Field(i).Interface().(type) {
		case compute.Ref:
			v.Field(i).Set(reflect.ValueOf(places[f]))
		case []compute.Ref:
			list := make([]compute.Ref, len(f))
			for j, r := range f {
				list[j] = places[r]
			}
			v.Field(i).Set(reflect.ValueOf(list))
		}
	}
	return v.Interface().(compute.Op)
}

// feedLabel begins the labels of ops that only bring inputs into scratch memory.
const feedLabel = "replay."

// program makes the program of a replay on a device, with its buffers.
func (r *Replay) program(dev compute.Device) (p *compute.Program, buffers []compute.Buffer, err error) {
	p = compute.NewProgram("replay of " + r.Label)
	p.VocabSize, p.MaxPos, p.PageSize, p.NumPages, p.NumStates = r.VocabSize, r.MaxPos, r.PageSize, r.NumPages, r.NumStates
	buffer := func(name string, usage compute.Usage, t compute.DType, rows, cols int, data []byte) (compute.Buffer, error) {
		b, err := dev.NewBuffer(compute.BufferSpec{Name: name, Usage: usage, Size: int64(len(data)), DType: t, Rows: rows, Cols: cols, Data: data})
		if err == nil {
			buffers = append(buffers, b)
		}
		return b, err
	}
	var feeds []compute.Ref
	for i := range r.Tensors {
		t := &r.Tensors[i]
		d := compute.Tensor{Name: t.Name, Role: t.Role, DType: t.DType, Rows: t.Rows, Cols: t.Cols}
		switch {
		case t.Role == compute.Weight || t.Role == compute.State:
			usage := compute.UseWeights
			if t.Role == compute.State {
				usage = compute.UseState
			}
			if d.Buffer, err = buffer(t.Name, usage, t.DType, t.Rows.Fixed, t.Cols, slices.Clone(t.Data)); err != nil {
				return p, buffers, err
			}
		default:
			d.Role = compute.Scratch
		}
		ref := p.Declare(d)
		if t.Fed {
			feeds = append(feeds, ref)
		}
	}
	rows := len(r.Step.Tokens)
	if len(feeds) > 0 {
		p.VocabSize = rows
	}
	for _, to := range feeds { // a table of the rows, looked up by token ids that are 0, 1, 2, …
		t := &r.Tensors[to-1]
		data, per := t.Data, 4*t.Cols
		if t.Rows == compute.PerOutput(1) {
			data = make([]byte, rows*per)
			for o, at := range r.Step.Outputs {
				copy(data[int(at)*per:], t.Data[o*per:(o+1)*per])
			}
		}
		b, err := buffer(t.Name+".fed", compute.UseWeights, compute.F32, rows, t.Cols, data)
		if err != nil {
			return p, buffers, err
		}
		table := p.Declare(compute.Tensor{Name: t.Name + ".fed", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: t.Cols, Buffer: b})
		if t.Rows != compute.PerOutput(1) {
			p.Add(feedLabel+t.Name, compute.Embed{Table: table, Out: to, Scale: 1})
			continue
		}
		all := p.Scratch(t.Name+".rows", compute.PerToken(1), t.Cols)
		p.Add(feedLabel+t.Name, compute.Embed{Table: table, Out: all, Scale: 1})
		p.Add(feedLabel+t.Name, compute.TakeRows{X: all, Out: to})
	}
	for _, o := range r.Ops {
		p.Add(o.Label, o.Op)
	}
	return p, buffers, p.Check()
}

// step is the step to run: where inputs are fed, rows are looked up by their numbers.
func (r *Replay) step() *compute.Step {
	s := r.Step
	if slices.ContainsFunc(r.Tensors, func(t replayTensor) bool { return t.Fed }) {
		s.Tokens = make([]int32, len(r.Step.Tokens))
		for i := range s.Tokens {
			s.Tokens[i] = int32(i)
		}
	}
	return &s
}

// Run runs the ops on device a, with the variant of its kernels that o asks for, and on the reference b, and measures every result of a's that is
// in memory.
func (r *Replay) Run(ctx context.Context, a, b compute.Device, o compute.Options, opts Options) (_ []Op, err error) {
	if opts.Limits == (Limits{}) {
		opts.Limits, _ = DefaultLimits(o.Math)
	}
	c := &comparison{o: opts, norms: map[compute.Ref][]float64{}, r: &Report{}}
	step := r.step()
	o.Keep, o.MaxTokens, o.MaxOutputs, o.MaxSeqs = true, len(step.Tokens), len(step.Outputs), len(step.Seqs)
	for i := range step.Seqs {
		o.MaxPages = max(o.MaxPages, len(step.Seqs[i].Pages))
	}
	var sides [2]*reader
	for i, dev := range []compute.Device{a, b} {
		p, buffers, err := r.program(dev)
		defer func() {
			for _, x := range buffers {
				x.Close()
			}
		}()
		if err != nil {
			return nil, fmt.Errorf("compare: replay %s: %w", r.Label, err)
		}
		if i == 1 {
			o = compute.Options{Keep: true, NoFuse: true, MaxTokens: o.MaxTokens, MaxOutputs: o.MaxOutputs, MaxSeqs: o.MaxSeqs, MaxPages: o.MaxPages}
		}
		x, err := dev.Compile(ctx, p, o)
		if err != nil {
			return nil, fmt.Errorf("compare: replay %s: %w", r.Label, err)
		}
		defer x.Close()
		side := &reader{dev: dev, x: x, p: p, step: step, cmp: c, exact: i == 1}
		groups := x.Placement()
		if err := x.Run(ctx, &compute.Call{Step: step, Before: func(g int) error { return side.poison(groups[g]) }}); err != nil {
			return nil, fmt.Errorf("compare: replay %s: %w", r.Label, err)
		}
		sides[i] = side
	}
	got, want := sides[0], sides[1]
	groups := got.x.Placement()
	results := make([][]Op, len(groups))
	for g, group := range groups {
		if !slices.ContainsFunc(group.Ops, func(i int) bool { return !isFeed(got.p.Instrs[i].Label) }) {
			continue
		}
		if err := c.measure(r.Phase, got, want, group, &results[g], false); err != nil {
			return nil, fmt.Errorf("compare: replay %s: %w", r.Label, err)
		}
	}
	if _, err := nameKernels(ctx, got.x, step, results); err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

func isFeed(label string) bool {
	return len(label) > len(feedLabel) && label[:len(feedLabel)] == feedLabel
}

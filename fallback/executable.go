package fallback

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// kernel is an op bound to its tensors.
type kernel interface {
	task
	// begin prepares for a step and tells how many units it takes.
	begin(*compute.Step) int
}

// preparer is a kernel with units of work, shared out as well, that all come before those of its own, none of which may be needed.
type preparer interface {
	prepare() (task, int)
}

// multiplier is a kernel that multiplies few rows otherwise than many. Its tier, of the step that it is at, ends its name.
type multiplier interface {
	tier() string
}

// executable runs a program op by op.
type executable struct {
	dev     *Device
	p       *compute.Program
	o       compute.Options
	tensors []*tensor // by Ref; nil where no op touches it
	kernels []kernel
	joined  []*joined // by op: what begins there; nil where a kernel runs alone
	groups  []compute.Group
	arena   *buffer
	kept    []bool // by Ref: has memory of its own for the whole run
	panels  panels
	bytes   byteRows
	rounded roundings
}

// newExecutable gives what it has made even with an error.
func newExecutable(d *Device, p *compute.Program, o compute.Options) (*executable, error) {
	for stem, name := range o.Variant {
		if !slices.Contains(stems, stem) {
			return nil, fmt.Errorf("got variant %q for %s, which is no op of this device", name, stem)
		}
	}
	e := &executable{dev: d, p: p, o: o, tensors: make([]*tensor, len(p.Tensors)), kept: make([]bool, len(p.Tensors))}
	if err := e.bindAll(); err != nil {
		return e, err
	}
	runs := runs(p)
	for i, in := range p.Instrs {
		k, err := e.newKernel(in, runs[i])
		if err != nil {
			return e, err
		}
		e.kernels = append(e.kernels, k)
		g := p.NewGroup(i)
		g.Kernel, g.Why = d.kernelName(p, in.Op, o.Math)
		if name, ok := o.Variant[in.Op.Stem()]; ok && name != g.Kernel {
			return e, fmt.Errorf("got variant %q for %s, want %q", name, in.Op.Stem(), g.Kernel)
		}
		g.Dispatches = 1
		e.groups = append(e.groups, g)
	}
	e.join(runs)
	return e, nil
}

// bindAll gives every tensor its memory.
func (e *executable) bindAll() error {
	for i := 1; i < len(e.p.Tensors); i++ {
		t := e.p.At(compute.Ref(i))
		if t.Buffer == nil {
			continue
		}
		bound, err := e.dev.bind(t, t.Buffer, t.Offset)
		if err != nil {
			return err
		}
		e.tensors[i], e.kept[i] = bound, true
	}
	sizes := compute.Sizes{Tokens: max(e.o.MaxTokens, 1), Outputs: max(e.o.MaxOutputs, 1)}
	places, size, err := planScratch(e.p, sizes, e.o.Keep)
	if err != nil {
		return err
	}
	b, err := e.dev.NewBuffer(compute.BufferSpec{Name: e.p.Name + " scratch", Usage: compute.UseState, Size: size})
	if err != nil {
		return err
	}
	e.arena = b.(*buffer)
	for _, pl := range places {
		t := e.p.At(pl.ref)
		if e.tensors[pl.ref], err = e.dev.bind(t, b, pl.off); err != nil {
			return err
		}
		e.kept[pl.ref] = e.o.Keep || t.Role == compute.Output
	}
	return nil
}

// stems are the ops that the device has.
var stems = []string{"activation", "add", "altup", "attention", "columns", "conv1d", "delta_rule", "embed", "kvstore", "layernorm", "matmul", "matmul_experts", "matmul_heads", "mix", "rmsnorm", "rope",
	"route", "sample", "scale", "sparse_gate", "ssm_scan", "swiglu", "takerows", "topk"}

// fused reports whether an op is attention in float32 and one pass.
func (d *Device) fused(stem string, m compute.Math) bool {
	return stem == "attention" && m == compute.Fast && d.level > simd.Plain
}

// kernelName names what runs an op, by its ending the arithmetic of many rows, and says why; a step says what it was (activations.tier).
func (d *Device) kernelName(p *compute.Program, op compute.Op, m compute.Math) (name, why string) {
	stem, level := op.Stem(), d.level.String()
	multiplies := strings.HasPrefix(stem, "matmul")
	float32s := stem == "rmsnorm" || stem == "layernorm" || stem == "swiglu" || stem == "altup" || stem == "mix"
	switch o := op.(type) {
	case compute.Activation:
		float32s = vectorActivations[o.Fn] != nil
	case compute.SparseGate:
		float32s = vectorActivations[o.Fn] != nil
	}
	switch t := weightOf(p, op); {
	case multiplies && m == compute.Fast && d.level >= simd.AMX && t != compute.F32:
		return stem + "_amx", level + ", many rows in bfloat16, float32 sums: fast arithmetic"
	case multiplies && m == compute.Fast && d.multipliesBytes(t):
		return stem + "_int8", level + ", many rows in whole numbers of 16 bits, float32 sums of blocks: fast arithmetic"
	case d.fused(stem, m), multiplies && m == compute.Fast && d.level > simd.Plain:
		return stem + "_float32", level + ", float32 sums: fast arithmetic"
	case multiplies && m == compute.Fast:
		return stem + "_float32", "plain Go, eight float32 sums: fast arithmetic"
	case float32s && m == compute.Fast && d.level > simd.Plain:
		return stem, level + ", float32: fast arithmetic"
	case (multiplies || stem == "attention") && d.level > simd.Plain, (stem == "swiglu" || stem == "rope") && d.level >= simd.AVX512,
		stem == "add" && d.level >= simd.AVX2:
		return stem, level + ", float64: bit for bit what plain Go gives"
	}
	return stem, "plain Go, float64 sums: the definition of the op"
}

// multipliesBytes reports whether many rows are multiplied in whole numbers by weights of a format.
func (d *Device) multipliesBytes(t compute.DType) bool {
	_, ok := quant.ByteForm(d.level, t)
	return ok && d.level < simd.AMX
}

// weightOf is the format of a multiplication's weights.
func weightOf(p *compute.Program, op compute.Op) compute.DType {
	switch o := op.(type) {
	case compute.MatMul:
		return p.At(o.W).DType
	case compute.MatMulExperts:
		return p.At(o.W).DType
	case compute.MatMulHeads:
		return p.At(o.W).DType
	}
	return compute.F32
}

// newKernel binds an op. run is the number of the first of those multiplications that follow each other and have the same inputs.
func (e *executable) newKernel(in compute.Instr, run int) (kernel, error) {
	at := func(r compute.Ref) *tensor { return e.tensors[r] } // the zero Ref has no tensor
	a := activations{exact: e.o.Math != compute.Fast, level: e.dev.level, threads: e.dev.pool.threads, roundings: &e.rounded}
	fast := simd.Plain // the level of elementwise ops, which are exact in plain Go
	if !a.exact {
		fast = e.dev.level
	}
	switch a.run = run; {
	case a.exact:
	case a.level >= simd.AMX:
		a.panels = &e.panels
	default: // formats that the level does not multiply so have no use for it
		a.byteRows = &e.bytes
	}
	var weight compute.Ref
	var k kernel
	switch o := in.Op.(type) {
	case compute.Embed:
		weight, k = o.Table, &embed{op: o, table: at(o.Table), out: at(o.Out)}
	case compute.RMSNorm:
		k = &rmsnorm{op: o, x: at(o.X), weight: at(o.Weight), out: at(o.Out), level: fast}
	case compute.MatMul:
		weight = o.W
		k = &matmul{op: o, x: at(o.X), w: at(o.W), bias: at(o.Bias), out: at(o.Out), fast: e.o.Math == compute.Fast, a: a}
	case compute.RoPE:
		k = &rope{op: o, x: at(o.X), table: at(o.Table), long: at(o.Long), out: at(o.Out), level: e.dev.level}
	case compute.KVStore:
		k = &kvstore{op: o, k: at(o.K), v: at(o.V), kCache: at(o.KCache), vCache: at(o.VCache), pageSize: e.p.PageSize}
	case compute.Attention:
		exact := attention{op: o, q: at(o.Q), k: at(o.K), v: at(o.V), sinks: at(o.Sinks), bias: at(o.Bias), out: at(o.Out), pageSize: e.p.PageSize}
		if k = &exact; e.dev.fused(o.Stem(), e.o.Math) {
			k = newFastAttention(exact, e.dev.level)
		}
	case compute.SwiGLU:
		k = &swiglu{op: o, gate: at(o.Gate), up: at(o.Up), out: at(o.Out), level: e.dev.level, fast: !a.exact}
	case compute.Add:
		k = &add{op: o, a: at(o.A), b: at(o.B), out: at(o.Out), one: o.OneRow(e.p), level: e.dev.level}
	case compute.LayerNorm:
		k = &layernorm{op: o, x: at(o.X), weight: at(o.Weight), bias: at(o.Bias), out: at(o.Out), level: fast}
	case compute.Activation:
		k = &activation{op: o, x: at(o.X), up: at(o.Up), out: at(o.Out), one: o.OneRow(e.p), level: fast}
	case compute.Scale:
		k = &scale{op: o, x: at(o.X), out: at(o.Out), level: fast}
	case compute.Route:
		k = &route{op: o, logits: at(o.Logits), bias: at(o.Bias), scale: at(o.Scale), ids: at(o.IDs), weights: at(o.Weights)}
	case compute.MatMulExperts:
		weight = o.W
		k = &matmulExperts{op: o, x: at(o.X), w: at(o.W), bias: at(o.Bias), ids: at(o.IDs), out: at(o.Out), fast: e.o.Math == compute.Fast, a: a}
	case compute.MatMulHeads:
		weight = o.W
		k = &matmulHeads{op: o, x: at(o.X), w: at(o.W), out: at(o.Out), fast: e.o.Math == compute.Fast, a: a}
	case compute.Columns:
		k = &columns{op: o, a: at(o.A), b: at(o.B), out: at(o.Out)}
	case compute.Conv1D:
		k = &conv1d{op: o, x: at(o.X), w: at(o.W), bias: at(o.Bias), state: at(o.State), out: at(o.Out),
			level: e.dev.level, fast: !a.exact}
	case compute.SSMScan:
		k = &ssmScan{op: o, x: at(o.X), dt: at(o.DT), dtBias: at(o.DTBias), a: at(o.A), b: at(o.B), c: at(o.C), d: at(o.D), state: at(o.State), out: at(o.Out),
			level: e.dev.level, fast: !a.exact}
	case compute.DeltaRule:
		k = &deltaRule{op: o, x: at(o.X), beta: at(o.Beta), dt: at(o.DT), dtBias: at(o.DTBias), a: at(o.A), state: at(o.State), out: at(o.Out), fast: fast}
	case compute.Mix:
		k = &mix{op: o, x: at(o.X), weights: at(o.Weights), out: at(o.Out), sums: o.Sums(e.p), level: fast}
	case compute.AltUp:
		used, sums := o.Streams(e.p)
		k = &altup{op: o, x: at(o.X), y: at(o.Y), router: at(o.Router), coefs: at(o.Coefs), bias: at(o.Bias), scale: at(o.Scale), out: at(o.Out),
			first: at(o.First), scaled: at(o.Scaled), level: e.dev.level, fast: !a.exact && e.dev.level > simd.Plain, used: used, sums: sums}
	case compute.SparseGate:
		k = &sparseGate{op: o, x: at(o.X), up: at(o.Up), out: at(o.Out), level: fast}
	case compute.TakeRows:
		k = &takerows{op: o, x: at(o.X), out: at(o.Out)}
	case compute.Sample:
		k = &sample{op: o, x: at(o.X), out: at(o.Out)}
	case compute.TopK:
		k = &topk{op: o, x: at(o.X), out: at(o.Out)}
	default:
		return nil, &compute.UnsupportedError{Device: "fallback", Label: in.Label, Stem: in.Op.Stem(), What: fmt.Sprintf("no kernel for %T", in.Op)}
	}
	if weight != 0 && !quant.Supported(e.p.At(weight).DType) {
		return nil, &compute.UnsupportedError{Device: "fallback", Label: in.Label, Stem: in.Op.Stem(),
			What: fmt.Sprintf("no decoder for %v", e.p.At(weight).DType)}
	}
	return k, nil
}

// Placement lists one group per op.
func (e *executable) Placement() []compute.Group { return e.groups }

// Run executes one step.
func (e *executable) Run(ctx context.Context, c *compute.Call) error {
	begin := time.Now()
	if err := c.Check(e.p, e.o); err != nil {
		return fmt.Errorf("fallback: run %s: %w", e.p.Name, err)
	}
	for _, t := range e.tensors {
		if t != nil && t.buf.data == nil {
			return fmt.Errorf("fallback: run %s: tensor %q: %w", e.p.Name, t.Name, errClosed)
		}
	}
	first := time.Now()
	if c.Timing != nil {
		*c.Timing = compute.Timing{Spans: c.Timing.Spans[:0], Clock: "Go's monotonic clock, 1 ns", Encode: first.Sub(begin), HostOffset: first.Sub(begin)}
	}
	e.forget()
	for i, n := 0, 0; i < len(e.kernels); i += n {
		var k kernel
		k, n = e.kernels[i], 1
		if all := e.joined[i]; all != nil && c.Before == nil && c.After == nil && c.Timing == nil { // nobody looks between them
			k, n = all, len(all.kernels)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("fallback: run %s: stopped before %s: %w", e.p.Name, e.groups[i].Label, err)
		}
		if c.Before != nil {
			if err := c.Before(i); err != nil {
				return fmt.Errorf("fallback: run %s: before %s: %w", e.p.Name, e.groups[i].Label, err)
			}
			e.forget() // X may be another now
		}
		start := time.Now()
		if err := e.dev.pool.runKernel(k, c.Step); err != nil {
			return fmt.Errorf("fallback: run %s: %s: %w", e.p.Name, e.groups[i].Label, err)
		}
		if c.Timing != nil {
			end := time.Now()
			name := e.groups[i].Kernel
			if m, ok := k.(multiplier); ok {
				name = e.groups[i].Stem + m.tier()
			}
			c.Timing.Spans = append(c.Timing.Spans, compute.Span{Group: i, Kernel: name, Begin: start.Sub(first), End: end.Sub(first)})
		}
		if c.After != nil {
			if err := c.After(i); err != nil {
				return fmt.Errorf("fallback: run %s: after %s: %w", e.p.Name, e.groups[i].Label, err)
			}
		}
	}
	if c.Steps > 0 { // one step, however many are wanted: the next costs no more in a run of its own
		out, _ := e.p.Sampled()
		c.Sampled = append(c.Sampled[:0], int32(e.tensors[out].row(0)[0]))
	}
	if c.Timing != nil {
		end := time.Now() // the caller waited from the first op to the last
		c.Timing.Wait, c.Timing.Wall = end.Sub(first), end.Sub(begin)
	}
	return nil
}

// forget leaves nothing known of rows of X.
func (e *executable) forget() {
	e.panels.packed, e.bytes.packed = 0, 0
	e.rounded.forget()
}

// Locate finds the memory of a tensor that is not shared with another one.
func (e *executable) Locate(r compute.Ref) (compute.View, error) {
	if r < 1 || int(r) >= len(e.tensors) {
		return compute.View{}, fmt.Errorf("fallback: locate tensor %d: want 1 to %d", r, len(e.tensors)-1)
	}
	if e.tensors[r] == nil || !e.kept[r] {
		return compute.View{}, fmt.Errorf("fallback: locate tensor %q: its memory is reused (compile with Keep)", e.p.At(r).Name)
	}
	return compute.View{Buffer: e.tensors[r].buf, Offset: e.tensors[r].off}, nil
}

// Close releases the scratch memory.
func (e *executable) Close() error {
	if e.arena == nil {
		return nil
	}
	return e.arena.Close()
}

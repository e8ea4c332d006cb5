package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Builder appends ops to a model's program. Its methods are the vocabulary in which families are written: each declares
// the result, appends the op under the label of its weights and returns the result. The first error sticks.
type Builder struct {
	cfg       *Config
	f         *weights.File
	o         Options
	p         *compute.Program
	logits    compute.Ref
	residuals []compute.Ref
	layer     string // prefix of labels and tensor names, such as "blk.3."
	wanted    []wanted
	rope      compute.Ref
	err       error
}

// wanted is a tensor that the program names and fill puts on the device.
type wanted struct {
	ref   compute.Ref
	t     weights.Tensor // empty for tables and caches
	table []float32      // contents made here, or nil
	embed bool           // read by rows only
}

func newBuilder(f *weights.File, cfg *Config, o Options) *Builder {
	b := &Builder{cfg: cfg, f: f, o: o, p: compute.NewProgram(cfg.Arch)}
	b.p.VocabSize = cfg.VocabSize
	b.p.MaxPos = o.ContextLen
	b.p.PageSize = o.PageSize
	b.p.NumPages = (o.ContextLen + o.PageSize - 1) / o.PageSize * o.NumSeqs
	return b
}

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

// Layer sets the prefix of the names that follow; Layer(-1) is the part outside all layers.
func (b *Builder) Layer(i int) {
	b.layer = ""
	if i >= 0 {
		b.layer = fmt.Sprintf("blk.%d.", i)
	}
}

// Weight is the tensor NAME.weight of shape [rows, cols], in the format of the file.
func (b *Builder) Weight(name string, rows, cols int) compute.Ref {
	return b.tensor(name+".weight", rows, cols, false)
}

// Vector is the tensor NAME.KIND (weight or bias) of n elements, converted to float32; zero Ref when optional and absent.
func (b *Builder) Vector(name, kind string, n int, optional bool) compute.Ref {
	full := b.layer + name + "." + kind
	if _, ok := b.f.Tensor(full); !ok && optional {
		return 0
	}
	return b.tensor(name+"."+kind, 1, n, true)
}

func (b *Builder) tensor(name string, rows, cols int, vector bool) compute.Ref {
	full := b.layer + name
	decl := compute.Tensor{Name: full, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols}
	t, ok := b.f.Tensor(full)
	switch {
	case !ok:
		b.fail("tensor %q: got none, want [%d, %d]", full, rows, cols)
	case t.Rows != rows || t.Cols != cols:
		b.fail("tensor %q: got [%d, %d], want [%d, %d]", full, t.Rows, t.Cols, rows, cols)
	case !vector:
		decl.DType = t.DType
	case t.DType != compute.F32 && t.DType != compute.F16 && t.DType != compute.BF16:
		b.fail("tensor %q: got %v, want F32, F16 or BF16", full, t.DType)
	}
	ref := b.p.Declare(decl)
	w := wanted{ref: ref, t: t}
	if vector && ok && b.err == nil && t.DType != compute.F32 {
		v, err := floats(b.f, t)
		if err != nil {
			b.fail("tensor %q: %w", full, err)
		}
		w.table = v
	}
	b.wanted = append(b.wanted, w)
	return ref
}

// Embed looks up the tokens.
func (b *Builder) Embed(table compute.Ref) compute.Ref {
	for i := range b.wanted {
		b.wanted[i].embed = b.wanted[i].embed || b.wanted[i].ref == table
	}
	out := b.p.Scratch("embed", compute.PerToken(1), b.cfg.HiddenDim)
	b.p.Add("token_embd", compute.Embed{Table: table, Out: out, Scale: 1})
	return out
}

// Residual notes x as the next value of the residual stream.
func (b *Builder) Residual(x compute.Ref) { b.residuals = append(b.residuals, x) }

// RMSNorm normalises x by the weights of name.
func (b *Builder) RMSNorm(name string, x compute.Ref) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.Vector(name, "weight", t.Cols, false), Out: out, Eps: b.cfg.NormEps})
	return out
}

// Linear multiplies x by the weights of name, giving rows of n columns; a bias is added where the file has one.
func (b *Builder) Linear(name string, x compute.Ref, n int) compute.Ref {
	t := *b.p.At(x)
	return b.linear(name, x, b.Weight(name, n, t.Cols), b.Vector(name, "bias", n, true))
}

func (b *Builder) linear(name string, x, w, bias compute.Ref) compute.Ref {
	out := b.p.Scratch(b.layer+name, b.p.At(x).Rows, b.p.At(w).Rows.Fixed)
	b.p.Add(b.layer+name, compute.MatMul{X: x, W: w, Bias: bias, Out: out})
	return out
}

// RoPE rotates the heads of x.
func (b *Builder) RoPE(name string, x compute.Ref, heads int, pairing compute.Pairing) compute.Ref {
	r := &b.cfg.RoPE
	if b.rope == 0 {
		b.rope = b.p.Declare(compute.Tensor{Name: "rope_table", Role: compute.Weight, DType: compute.F32,
			Rows: compute.Rows(b.p.MaxPos), Cols: r.Dim})
		b.wanted = append(b.wanted, wanted{ref: b.rope, table: r.Table(b.p.MaxPos)})
	}
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), b.p.At(x).Cols)
	b.p.Add(b.layer+name, compute.RoPE{X: x, Table: b.rope, Out: out, NumHeads: heads, HeadDim: b.cfg.HeadDim,
		RotDim: r.Dim, Pairing: pairing})
	return out
}

// CachedAttention stores k and v in the layer's KV cache and attends to all that the cache holds.
func (b *Builder) CachedAttention(q, k, v compute.Ref) compute.Ref {
	c := b.cfg
	rows := compute.Rows(b.p.NumPages * b.p.PageSize)
	cache := func(name string, cols int) compute.Ref {
		r := b.p.Declare(compute.Tensor{Name: b.layer + name, Role: compute.State, DType: b.o.KVType, Rows: rows, Cols: cols})
		b.wanted = append(b.wanted, wanted{ref: r})
		return r
	}
	kc, vc := cache("k_cache", c.NumKVHeads*c.HeadDim), cache("v_cache", c.NumKVHeads*c.HeadDimV)
	b.p.Add(b.layer+"kv_store", compute.KVStore{K: k, V: v, KCache: kc, VCache: vc})
	out := b.p.Scratch(b.layer+"attn", compute.PerToken(1), c.NumHeads*c.HeadDimV)
	b.p.Add(b.layer+"attn", compute.Attention{Q: q, K: kc, V: vc, Out: out, NumHeads: c.NumHeads, NumKVHeads: c.NumKVHeads,
		HeadDim: c.HeadDim, HeadDimV: c.HeadDimV, Scale: float32(1 / math.Sqrt(float64(c.HeadDim))), Causal: true,
		Window: c.Window, Paged: true})
	return out
}

// SwiGLU gates up by gate.
func (b *Builder) SwiGLU(gate, up compute.Ref) compute.Ref {
	t := *b.p.At(gate)
	out := b.p.Scratch(b.layer+"ffn_act", t.Rows, t.Cols)
	b.p.Add(b.layer+"ffn_act", compute.SwiGLU{Gate: gate, Up: up, Out: out})
	return out
}

// Add sums the residual stream and a branch.
func (b *Builder) Add(name string, x, branch compute.Ref) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	b.p.Add(b.layer+name, compute.Add{A: x, B: branch, Out: out})
	return out
}

// TakeRows keeps the rows that the step wants logits of.
func (b *Builder) TakeRows(x compute.Ref) compute.Ref {
	out := b.p.Scratch("take_rows", compute.PerOutput(1), b.p.At(x).Cols)
	b.p.Add("take_rows", compute.TakeRows{X: x, Out: out})
	return out
}

// Logits multiplies by the output matrix, or by the embedding table where the file has none, and ends the program.
func (b *Builder) Logits(x, table compute.Ref) {
	w := table
	if _, ok := b.f.Tensor("output.weight"); ok {
		w = b.Weight("output", b.cfg.VocabSize, b.cfg.HiddenDim)
	} else {
		for i := range b.wanted {
			if b.wanted[i].ref == table {
				b.wanted[i].embed = false // a tied table is read whole by the last multiplication
			}
		}
	}
	b.logits = b.linear("output", x, w, b.Vector("output", "bias", b.cfg.VocabSize, true))
	b.p.At(b.logits).Role = compute.Output
}

// fill makes the buffers of all tensors the program names.
func (b *Builder) fill(ctx context.Context, m *Model, progress func(done, total int64)) error {
	var total int64
	for _, w := range b.wanted {
		if n, err := b.p.At(w.ref).Bytes(compute.Sizes{}); err != nil {
			return err
		} else if b.p.At(w.ref).Role == compute.Weight {
			total += n
		}
	}
	kind := m.device.Info().Kind
	for _, w := range b.wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := b.p.At(w.ref)
		size, _ := t.Bytes(compute.Sizes{}) // taken without error above
		spec := compute.BufferSpec{Name: t.Name, Usage: compute.UseWeights, Size: size, DType: t.DType, Rows: t.Rows.Fixed, Cols: t.Cols}
		switch {
		case t.Role == compute.State:
			spec.Usage = compute.UseState
		case w.table != nil:
			spec.Data = floatBytes(w.table)
		default:
			spec.Data = b.f.Data(w.t)
		}
		buf, err := m.device.NewBuffer(spec)
		if err != nil {
			return err
		}
		t.Buffer = buf
		m.buffers = append(m.buffers, buf)
		if w.table == nil && t.Role == compute.Weight && kind != compute.Host {
			if err := b.f.Release(w.t); err != nil { // the device has a copy: on an integrated GPU the file's would be a second one
				return err
			}
		}
		if t.Role == compute.State {
			m.StateBytes += size
			continue
		}
		m.WeightBytes += size
		if w.embed {
			m.EmbedBytes += size
		}
		if progress != nil {
			progress(m.WeightBytes, total)
		}
	}
	return nil
}

// floats reads a small tensor of plain floats.
func floats(f *weights.File, t weights.Tensor) ([]float32, error) {
	data := f.Data(t)
	out := make([]float32, t.Rows*t.Cols)
	for i := range out {
		switch t.DType {
		case compute.F32:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		case compute.F16:
			out[i] = compute.F16ToF32(binary.LittleEndian.Uint16(data[2*i:]))
		case compute.BF16:
			out[i] = compute.BF16ToF32(binary.LittleEndian.Uint16(data[2*i:]))
		default:
			return nil, fmt.Errorf("got %v, want F32, F16 or BF16", t.DType)
		}
	}
	return out, nil
}

// floatBytes is v as little-endian bytes.
func floatBytes(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
	}
	return b
}

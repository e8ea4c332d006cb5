package model

import (
	"fmt"

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
	root      string // before every layer's name
	layer     string // prefix of labels and tensor names, such as "blk.3."
	wanted    []wanted
	ropes     map[*RoPE]ropeTables // made so far
	slopes    compute.Ref          // ALiBi's table, once made
	keyRoPE   map[*RoPE]*RoPE      // by the angles of queries with a temperature, those of keys
	whole     map[string]int       // by name, 1 + the index in wanted of tensors that parts are taken from
	needs     *[]Need              // set by Needs, which lists the tensors instead of looking for them
	err       error
}

// ropeTables are the tables of one RoPE; long is none but for LongRoPE.
type ropeTables struct{ short, long compute.Ref }

// wanted is a tensor that the program names and fill puts on the device.
type wanted struct {
	ref   compute.Ref
	t     weights.Tensor // empty for tables and caches
	table []float32      // contents made here, or nil
	embed bool           // read by rows only
	// parent is 1 + the index of the wanted tensor of which this one is the rows (or of a vector, the elements) from from on.
	parent, from int
}

func newBuilder(f *weights.File, cfg *Config, o Options) *Builder {
	b := &Builder{cfg: cfg, f: f, o: o, p: compute.NewProgram(cfg.Arch), ropes: map[*RoPE]ropeTables{}, whole: map[string]int{}}
	b.p.VocabSize = cfg.VocabSize
	b.p.MaxPos = o.ContextLen
	b.p.PageSize = o.PageSize
	pages := func(positions int) int { return (positions + o.PageSize - 1) / o.PageSize }
	b.p.NumPages = max(pages(o.ContextLen)*o.NumSeqs, pages(o.Positions))
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
		b.layer = fmt.Sprintf("%sblk.%d.", b.root, i)
	}
}

// Has reports whether the file has the tensor NAME of the layer.
func (b *Builder) Has(name string) bool {
	_, ok := b.f.Tensor(b.layer + name)
	return ok
}

// Pairing is the family's in GGUF files, or halves where the file says that its rows are in their checkpoint's order.
func (b *Builder) Pairing(p compute.Pairing) compute.Pairing {
	if halves, ok := b.f.Bool("tuff.rope.halves"); ok && halves {
		return compute.Halves
	}
	return p
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

// Part is rows from to from+rows of the tensor NAME.weight of shape [total, cols]: one of several matrices in one tensor.
func (b *Builder) Part(name string, total, from, rows, cols int) compute.Ref {
	return b.part(name+".weight", total, from, rows, cols, false)
}

// VectorPart is elements from to from+n of the tensor NAME.bias of total elements; zero Ref where the file has none.
func (b *Builder) VectorPart(name string, total, from, n int) compute.Ref {
	if _, ok := b.f.Tensor(b.layer + name + ".bias"); !ok {
		return 0
	}
	return b.part(name+".bias", total, from, n, 1, true)
}

func (b *Builder) part(name string, total, from, rows, cols int, vector bool) compute.Ref {
	full := b.layer + name
	if b.whole[full] == 0 {
		if vector {
			b.tensor(name, 1, total, true)
		} else {
			b.tensor(name, total, cols, false)
		}
		b.whole[full] = len(b.wanted)
	}
	parent := b.whole[full]
	t := *b.p.At(b.wanted[parent-1].ref)
	t.Name = fmt.Sprintf("%s[%d:%d]", full, from, from+rows)
	if t.Rows = compute.Rows(rows); vector {
		t.Rows, t.Cols = compute.Rows(1), rows
	}
	ref := b.p.Declare(t)
	b.wanted = append(b.wanted, wanted{ref: ref, parent: parent, from: from})
	return ref
}

func (b *Builder) tensor(name string, rows, cols int, vector bool) compute.Ref {
	return b.declare(name, rows, cols, rows, cols, vector)
}

// tensorOf is a small tensor of [fileRows, fileCols] in the file and of as many elements, [rows, cols], in the program.
func (b *Builder) tensorOf(name string, rows, cols, fileRows, fileCols int) compute.Ref {
	return b.declare(name, rows, cols, fileRows, fileCols, true)
}

func (b *Builder) declare(name string, rows, cols, fileRows, fileCols int, vector bool) compute.Ref {
	full := b.layer + name
	decl := compute.Tensor{Name: full, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols}
	t, ok := b.f.Tensor(full)
	switch {
	case b.needs != nil:
		b.need(full, fileRows, fileCols, vector)
		ok = false
	case !ok:
		b.fail("tensor %q: got none, want [%d, %d]", full, fileRows, fileCols)
	case t.Rows != fileRows || t.Cols != fileCols:
		b.fail("tensor %q: got [%d, %d], want [%d, %d]", full, t.Rows, t.Cols, fileRows, fileCols)
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

// Embed looks up the tokens and scales their rows.
func (b *Builder) Embed(table compute.Ref, scale float32) compute.Ref {
	return b.Lookup("token_embd", "embed", table, scale)
}

// Lookup is Embed in another table; the op and its result are named.
func (b *Builder) Lookup(op, name string, table compute.Ref, scale float32) compute.Ref {
	for i := range b.wanted {
		b.wanted[i].embed = b.wanted[i].embed || b.wanted[i].ref == table
	}
	out := b.p.Scratch(name, compute.PerToken(1), b.p.At(table).Cols)
	b.p.Add(op, compute.Embed{Table: table, Out: out, Scale: scale})
	return out
}

// EmbedPositions looks up learned positions.
func (b *Builder) EmbedPositions(name string) compute.Ref {
	rows := b.cfg.ContextLen
	if t, ok := b.f.Tensor(name + ".weight"); ok {
		rows = t.Rows
	}
	if b.p.MaxPos > rows {
		b.fail("%s: got a context of %d, want at most the %d positions that the model learned", name, b.p.MaxPos, rows)
	}
	table := b.Weight(name, rows, b.cfg.HiddenDim)
	b.wanted[len(b.wanted)-1].embed = true
	out := b.p.Scratch(name, compute.PerToken(1), b.cfg.HiddenDim)
	b.p.Add(name, compute.Embed{Table: table, Out: out, Scale: 1, Positions: true})
	return out
}

// Residual notes x as the next value of the residual stream.
func (b *Builder) Residual(x compute.Ref) { b.residuals = append(b.residuals, x) }

// Norm normalises the rows of x as the family does, by the weights (and for LayerNorm the bias, where there is one) of name.
func (b *Builder) Norm(name string, x compute.Ref) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	if b.cfg.LayerNorm {
		var weight compute.Ref
		if b.cfg.plainNorms {
			weight = b.table(b.layer+name+".one", 1, t.Cols, ones(t.Cols))
		} else {
			weight = b.Vector(name, "weight", t.Cols, false)
		}
		b.p.Add(b.layer+name, compute.LayerNorm{X: x, Weight: weight, Bias: b.Vector(name, "bias", t.Cols, true),
			Out: out, Eps: b.cfg.NormEps})
	} else {
		b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.normWeight(name, t.Cols), Out: out, Eps: b.cfg.NormEps})
	}
	return out
}

// normWeight is NAME.weight, or NAME alone, as files of falcon-h1 have it.
func (b *Builder) normWeight(name string, n int) compute.Ref {
	if !b.Has(name+".weight") && b.Has(name) {
		return b.tensor(name, 1, n, true)
	}
	return b.Vector(name, "weight", n, false)
}

// HeadNorm normalises every head of x by itself. RMSNorm has one weight for all heads, LayerNorm one for each.
func (b *Builder) HeadNorm(name string, x compute.Ref, dim int) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	if b.cfg.LayerNorm {
		w := b.tensorOf(name+".weight", 1, t.Cols, t.Cols/dim, dim)
		b.p.Add(b.layer+name, compute.LayerNorm{X: x, Weight: w, Out: out, Group: dim, Eps: b.cfg.NormEps})
	} else {
		b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.Vector(name, "weight", dim, false), Out: out, Group: dim, Eps: b.cfg.NormEps})
	}
	return out
}

// groupNorm normalises each of groups of the columns of x by itself, with weights of its own: a row of the file for each.
func (b *Builder) groupNorm(name string, x compute.Ref, groups int) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	w := b.tensorOf(name+".weight", 1, t.Cols, groups, t.Cols/groups)
	b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: w, Out: out, Group: t.Cols / groups, Eps: b.cfg.NormEps})
	return out
}

// plainHeadNorm normalises every head of x by itself, without weights.
func (b *Builder) plainHeadNorm(name string, x compute.Ref, dim int) compute.Ref {
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.table(b.layer+name+".one", 1, dim, ones(dim)), Out: out, Group: dim, Eps: b.cfg.NormEps})
	return out
}

// Linear multiplies x by the weights of name, giving rows of n columns; a bias is added where the file has one.
func (b *Builder) Linear(name string, x compute.Ref, n int) compute.Ref {
	t := *b.p.At(x)
	return b.linear(name, x, b.Weight(name, n, t.Cols), b.Vector(name, "bias", n, true))
}

// LinearPart is Linear by rows from to from+n of a tensor of total rows.
func (b *Builder) LinearPart(name string, x compute.Ref, total, from, n int) compute.Ref {
	t := *b.p.At(x)
	return b.linear(fmt.Sprintf("%s[%d:%d]", name, from, from+n), x, b.Part(name, total, from, n, t.Cols), b.VectorPart(name, total, from, n))
}

func (b *Builder) linear(name string, x, w, bias compute.Ref) compute.Ref {
	out := b.p.Scratch(b.layer+name, b.p.At(x).Rows, b.p.At(w).Rows.Fixed)
	b.p.Add(b.layer+name, compute.MatMul{X: x, W: w, Bias: bias, Out: out})
	return out
}

// Gate applies the family's activation to gate and multiplies by up; without up it applies it alone.
func (b *Builder) Gate(name string, fn compute.Function, gate, up compute.Ref) compute.Ref {
	t := *b.p.At(gate)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	if fn == compute.SiLU && up != 0 {
		b.p.Add(b.layer+name, compute.SwiGLU{Gate: gate, Up: up, Out: out})
	} else {
		b.p.Add(b.layer+name, compute.Activation{X: gate, Up: up, Out: out, Fn: fn})
	}
	return out
}

// Scale multiplies x by factor; 0 and 1 leave it as it is.
func (b *Builder) Scale(name string, x compute.Ref, factor float32) compute.Ref {
	if factor == 0 || factor == 1 {
		return x
	}
	t := *b.p.At(x)
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	b.p.Add(b.layer+name, compute.Scale{X: x, Out: out, Factor: factor})
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
	if c := b.cfg; c.LogitScale != 0 && c.LogitScale != 1 || c.LogitCap > 0 {
		factor := c.LogitScale
		if factor == 0 {
			factor = 1
		}
		out := b.p.Scratch("logits", compute.PerOutput(1), c.VocabSize)
		b.p.Add("logits", compute.Scale{X: b.logits, Out: out, Factor: factor, Cap: c.LogitCap})
		b.logits = out
	}
	b.p.At(b.logits).Role = compute.Output
}

package model

import "tuff/host/compute"

// Encoder is the wiring of an encoder, which sees its whole input at once and in both directions, and whose result is a vector
// for each token. The zero value is BERT without positions.
type Encoder struct {
	Output     string // tensor of the matrix behind attention; "": attn_output
	Root       string // before the names of layers and of the last norm
	PreNorm    bool   // norms stand before the parts and behind the last layer, not behind each residual
	Positions  bool   // learned positions
	Pairing    compute.Pairing
	Rotate     bool
	FusedQKV   bool             // one tensor attn_qkv with the rows of queries, keys and values
	FusedGate  bool             // one tensor ffn_up with the rows of gate and up
	Gated      bool             // the feed-forward part has a gate: tensor ffn_gate
	Activation compute.Function // SiLU unless said otherwise
	// Local says which layers attend to the window only; LocalRoPE gives those angles of their own.
	Local     func(layer int) bool
	LocalRoPE func(*Config) *RoPE
	// Bias, if set, makes the table of what distances add to scores.
	Bias func(*Builder) compute.Ref
}

// Build appends the model's ops.
func (d Encoder) Build(b *Builder) {
	c := b.cfg
	b.root = d.Root
	b.p.PageSize, b.p.NumPages = 0, 0 // nothing is kept from step to step
	x := b.Embed(b.Weight("token_embd", c.VocabSize, c.HiddenDim), 1)
	if b.Has("token_types.weight") { // every token is of the first type
		x = b.Add("embed_types", x, b.FirstRow("token_types", c.HiddenDim))
	}
	if d.Positions {
		x = b.Add("embed_positions", x, b.EmbedPositions("position_embd"))
	}
	if b.Has("token_embd_norm.weight") {
		x = b.Norm("token_embd_norm", x)
	}
	b.Residual(x)
	var bias compute.Ref
	if d.Bias != nil {
		bias = d.Bias(b)
	}
	global, local := &c.RoPE, &c.RoPE
	if d.LocalRoPE != nil {
		local = d.LocalRoPE(c)
	}
	for i := range c.NumLayers {
		b.Layer(i)
		isLocal := c.Window > 0 && d.Local != nil && d.Local(i)
		if c.Window > 0 && len(c.LocalLayers) == c.NumLayers { // the file knows better
			isLocal = c.LocalLayers[i]
		}
		angles, window := global, 0
		if isLocal {
			angles, window = local, c.Window/2+1 // the file's counts both sides
		}
		x = b.Add("attn_residual", x, d.attention(b, d.normed(b, "attn_norm", x), angles, window, bias))
		if !d.PreNorm {
			x = b.Norm("attn_output_norm", x)
		}
		x = b.Add("ffn_residual", x, d.feedForward(b, d.normed(b, "ffn_norm", x)))
		if !d.PreNorm {
			x = b.Norm("layer_output_norm", x)
		}
		b.Residual(x)
	}
	b.Layer(-1)
	h := b.TakeRows(x)
	if d.PreNorm {
		h = b.Norm(d.Root+"output_norm", h)
	}
	b.Residual(h)
	b.logits = h
	b.p.At(h).Role = compute.Output
}

// normed is x behind the norm of that name; a layer that lacks it, as ModernBERT's first does, takes x as it is.
func (d Encoder) normed(b *Builder, name string, x compute.Ref) compute.Ref {
	if !d.PreNorm || !b.Has(name+".weight") {
		return x
	}
	return b.Norm(name, x)
}

func (d Encoder) attention(b *Builder, h compute.Ref, angles *RoPE, window int, bias compute.Ref) compute.Ref {
	c := b.cfg
	q, k, v := b.QKV(h, d.FusedQKV)
	if d.Rotate {
		q = b.RoPE("attn_q_rope", q, angles, c.NumHeads, b.Pairing(d.Pairing))
		k = b.RoPE("attn_k_rope", k, angles, c.NumKVHeads, b.Pairing(d.Pairing))
	}
	out := b.p.Scratch(b.layer+"attn", compute.PerToken(1), c.NumHeads*c.HeadDimV)
	b.p.Add(b.layer+"attn", compute.Attention{Q: q, K: k, V: v, Bias: bias, Out: out, NumHeads: c.NumHeads, NumKVHeads: c.NumKVHeads,
		HeadDim: c.HeadDim, HeadDimV: c.HeadDimV, Scale: c.attnScale(), Window: window})
	name := d.Output
	if name == "" {
		name = "attn_output"
	}
	return b.Linear(name, out, c.HiddenDim)
}

func (d Encoder) feedForward(b *Builder, h compute.Ref) compute.Ref {
	c := b.cfg
	var act compute.Ref
	switch {
	case d.FusedGate:
		gate := b.LinearPart("ffn_up", h, 2*c.FFNDim, 0, c.FFNDim)
		act = b.Gate("ffn_act", d.Activation, gate, b.LinearPart("ffn_up", h, 2*c.FFNDim, c.FFNDim, c.FFNDim))
	case d.Gated:
		act = b.Gate("ffn_act", d.Activation, b.Linear("ffn_gate", h, c.FFNDim), b.Linear("ffn_up", h, c.FFNDim))
	default:
		act = b.Gate("ffn_act", d.Activation, b.Linear("ffn_up", h, c.FFNDim), 0)
	}
	return b.Linear("ffn_down", act, c.HiddenDim)
}

// FirstRow is the first row of the tensor NAME.weight of n columns, as float32.
func (b *Builder) FirstRow(name string, n int) compute.Ref {
	full := b.layer + name + ".weight"
	return b.table(full+"[0]", 1, n, b.numbers(full, 0, n, maxTokenTypes)[:n])
}

// maxTokenTypes bounds a table of which one row is used: BERT has two.
const maxTokenTypes = 1024

// table declares a float32 weight with contents made here.
func (b *Builder) table(name string, rows, cols int, v []float32) compute.Ref {
	ref := b.p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols})
	b.wanted = append(b.wanted, wanted{ref: ref, table: v})
	return ref
}

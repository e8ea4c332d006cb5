package model

import "tuff/host/compute"

// Parallel says whether attention and feed-forward part follow each other or both start from the layer's input.
type Parallel uint8

const (
	Sequential Parallel = iota
	OneNorm             // in parallel, from one normalised input
	TwoNorms            // in parallel, each with a norm of its own
)

// QKNorm is the normalisation of queries and keys before they are rotated.
type QKNorm uint8

const (
	NoQKNorm     QKNorm = iota
	HeadWise            // every head by itself
	RowWise             // all heads together
	PlainRotated        // every head by itself, without weights, in layers that rotate
)

// Decoder is the wiring of a causal decoder: what distinguishes one family from the next. The zero value is Llama.
type Decoder struct {
	Pairing    compute.Pairing
	Parallel   Parallel
	NoPreNorm  bool // norms stand behind the parts only
	PostNorm   bool // norms stand behind the parts, before the residual is added
	QKNorm     QKNorm
	FusedQKV   bool             // one tensor attn_qkv with the rows of queries, keys and values
	FusedGate  bool             // one tensor ffn_up with the rows of gate and up
	NoGate     bool             // the feed-forward part has no gate
	Activation compute.Function // SiLU unless said otherwise
	Positions  bool             // learned positions instead of rotary ones
	AttnNorm   string           // tensor of the norm before attention; "": attn_norm
	NormLast   bool             // queries and keys are normalised behind their rotation, not before
	LastNorm   string           // tensor of the norm behind the last layer; "": output_norm
	NoFFN      bool             // layers end with their mixer
	Beside     bool             // every layer has a state-space mixer beside its attention; both are added to the stream
	Delta      bool             // layers that have the tensors of linear attention have it in place of the other
	// GatedAttention: queries come with gates of what the heads give, head by head.
	GatedAttention bool
	FFNNorm        string // tensor of the norm before the feed-forward part; "": ffn_norm

	// ParallelOf, if set, chooses Parallel by what the layer's tensors are.
	ParallelOf func(*Builder) Parallel
	// Local says which layers attend to the window only; nil: all, where there is a window.
	Local func(layer int) bool
	// Rotate says which layers rotate queries and keys; nil: all.
	Rotate func(layer int) bool
	// LocalRoPE gives local layers angles of their own; nil: the same.
	LocalRoPE func(*Config) *RoPE
}

// Build appends the model's ops.
func (d Decoder) Build(b *Builder) {
	c := b.cfg
	scale := c.EmbedScale
	if scale == 0 {
		scale = 1
	}
	table := b.Weight("token_embd", c.VocabSize, c.HiddenDim)
	x := b.Embed(table, scale)
	if d.Positions {
		x = b.Add("embed_positions", x, b.EmbedPositions("position_embd"))
	}
	lastNorm := "output_norm"
	if d.LastNorm != "" && b.Has(d.LastNorm+".weight") {
		lastNorm = d.LastNorm
	} else if b.Has("token_embd_norm.weight") {
		x = b.Norm("token_embd_norm", x)
	}
	rope, local := &c.RoPE, &c.RoPE
	if d.LocalRoPE != nil {
		local = d.LocalRoPE(c)
	}
	rotated, _ := b.f.Bools("tuff.rope.layers")
	b.Residual(x)
	for i := range c.NumLayers {
		b.Layer(i)
		isLocal := c.Window > 0 && (d.Local == nil || d.Local(i))
		if c.Window > 0 && len(c.LocalLayers) == c.NumLayers { // the file knows better
			isLocal = c.LocalLayers[i]
		}
		angles := rope
		if isLocal {
			angles = local
		}
		rotate := d.Rotate == nil || d.Rotate(i)
		if len(rotated) == c.NumLayers { // the file knows better
			rotate = rotated[i]
		}
		if d.Positions || !rotate || c.MaxALiBi > 0 {
			angles = nil
		}
		x = d.layer(b, x, i, angles, isLocal)
		b.Residual(x)
	}
	b.Layer(-1)
	h := b.Norm(lastNorm, b.TakeRows(x))
	b.Residual(h)
	b.Logits(h, table)
}

// layer appends one layer.
func (d Decoder) layer(b *Builder, x compute.Ref, i int, angles *RoPE, local bool) compute.Ref {
	parallel := d.Parallel
	if d.ParallelOf != nil {
		parallel = d.ParallelOf(b)
	}
	ffnNorm := d.FFNNorm
	if ffnNorm == "" {
		ffnNorm = "ffn_norm"
	}
	h := x
	attnNorm := d.AttnNorm
	if attnNorm == "" {
		attnNorm = "attn_norm"
	}
	if !d.NoPreNorm {
		h = b.Norm(attnNorm, x)
	}
	beside := h // what the feed-forward part takes where it stands beside attention
	if parallel == TwoNorms {
		beside = b.Norm(ffnNorm, x)
	}
	if d.Beside {
		x = d.beside(b, x, h, angles, local)
		return b.Add("ffn_residual", x, d.feedForward(b, b.Norm(ffnNorm, x), i))
	}
	a := d.mix(b, h, angles, local)
	if d.PostNorm {
		a = b.Norm("post_attention_norm", a)
	}
	a = b.Scale("attn_scaled", a, b.cfg.ResidualScale)
	if d.NoFFN {
		return b.Add("mixer_residual", x, a)
	}
	x = b.Add("attn_residual", x, a)
	if parallel != Sequential {
		return b.Add("ffn_residual", x, d.feedForward(b, beside, i))
	}
	if h = x; !d.NoPreNorm {
		h = b.Norm(ffnNorm, x)
	}
	f := d.feedForward(b, h, i)
	if d.PostNorm {
		f = b.Norm("post_ffw_norm", f)
	}
	return b.Add("ffn_residual", x, b.Scale("ffn_scaled", f, b.cfg.ResidualScale))
}

// mix appends what mixes tokens in a layer, as its tensors say: attention, a state-space mixer or a short convolution.
func (d Decoder) mix(b *Builder, h compute.Ref, angles *RoPE, local bool) compute.Ref {
	switch {
	case d.Delta && b.Has("ssm_out.weight"):
		return d.deltaRule(b, h)
	case b.cfg.SSM.Conv > 0 && b.Has("ssm_in.weight"):
		return d.mixer(b, h)
	case b.cfg.SSM.Conv > 0 && b.Has("shortconv.in_proj.weight"):
		return d.shortConv(b, h)
	}
	return d.attention(b, h, angles, local)
}

// beside appends attention and a mixer of one input, and adds both to x. All that reads the input comes first, so that devices read it
// once.
func (d Decoder) beside(b *Builder, x, h compute.Ref, angles *RoPE, local bool) compute.Ref {
	q, k, v := b.QKV(h, d.FusedQKV)
	in := d.mixerInput(b, h)
	x = b.Add("attn_residual", x, d.attend(b, q, k, v, 0, angles, local))
	return b.Add("mixer_residual", x, d.mixed(b, in))
}

// attention appends the attention part without its residual.
func (d Decoder) attention(b *Builder, h compute.Ref, angles *RoPE, local bool) compute.Ref {
	if b.cfg.Latent.Dim > 0 {
		return d.latentAttention(b, h, angles)
	}
	if d.GatedAttention {
		q, gate, k, v := b.gatedQKV(h)
		return d.attend(b, q, k, v, gate, angles, local)
	}
	q, k, v := b.QKV(h, d.FusedQKV)
	return d.attend(b, q, k, v, 0, angles, local)
}

// attend appends what follows the projections; gate may be none.
func (d Decoder) attend(b *Builder, q, k, v, gate compute.Ref, angles *RoPE, local bool) compute.Ref {
	c := b.cfg
	if !d.NormLast {
		q, k = d.normedHeads(b, q, k)
	}
	if angles != nil {
		q = b.RoPE("attn_q_rope", q, angles, c.NumHeads, b.Pairing(d.Pairing))
		k = b.RoPE("attn_k_rope", k, b.cooled(angles), c.NumKVHeads, b.Pairing(d.Pairing))
	}
	if d.NormLast && (d.QKNorm != PlainRotated || angles != nil) {
		q, k = d.normedHeads(b, q, k)
	}
	if angles == nil {
		q = b.warmed(q)
	}
	window := 0
	if local {
		window = c.Window
	}
	a := b.CachedAttention(q, k, v, b.Vector("attn_sinks", "weight", c.NumHeads, true), window)
	if gate != 0 {
		a = b.Gate("attn_gated", compute.Sigmoid, gate, a)
	}
	return b.Linear("attn_output", a, c.HiddenDim)
}

// normedHeads normalises queries and keys where the family does.
func (d Decoder) normedHeads(b *Builder, q, k compute.Ref) (compute.Ref, compute.Ref) {
	switch {
	case d.QKNorm == PlainRotated:
		return b.plainHeadNorm("attn_q_normed", q, b.cfg.HeadDim), b.plainHeadNorm("attn_k_normed", k, b.cfg.HeadDim)
	case d.QKNorm == RowWise:
		return b.Norm("attn_q_norm", q), b.Norm("attn_k_norm", k)
	case d.QKNorm == HeadWise && b.Has("attn_q_norm.weight"):
		return b.HeadNorm("attn_q_norm", q, b.cfg.HeadDim), b.HeadNorm("attn_k_norm", k, b.cfg.HeadDim)
	}
	return q, k
}

// feedForward appends the feed-forward part, or the experts, without the residual.
func (d Decoder) feedForward(b *Builder, h compute.Ref, layer int) compute.Ref {
	c := b.cfg
	switch {
	case c.MoE.at(layer) && !(c.SSM.Conv > 0 && b.Has("ffn_gate.weight")):
		return d.experts(b, h)
	case d.FusedGate && !b.Has("ffn_gate.weight"):
		gate := b.LinearPart("ffn_up", h, 2*c.FFNDim, 0, c.FFNDim)
		up := b.LinearPart("ffn_up", h, 2*c.FFNDim, c.FFNDim, c.FFNDim)
		return b.Linear("ffn_down", b.Gate("ffn_act", d.Activation, gate, up), c.HiddenDim)
	case d.NoGate:
		return b.Linear("ffn_down", b.Gate("ffn_act", d.Activation, b.Linear("ffn_up", h, c.FFNDim), 0), c.HiddenDim)
	}
	gate, up := b.Linear("ffn_gate", h, c.FFNDim), b.Linear("ffn_up", h, c.FFNDim)
	return b.Linear("ffn_down", b.Gate("ffn_act", d.Activation, gate, up), c.HiddenDim)
}

package model

import (
	"math"
	"slices"

	"tuff/host/compute"
	"tuff/host/weights"
)

// gemma4 gives its global layers larger heads, normalises values too, lets the last layers attend to the keys and values of earlier
// ones, adds to every layer an embedding of its own of the token, and may have experts beside the feed-forward part.
// Source: Gemma Team, Gemma 4, 2026, and its reference implementation.
var gemma4 = Family{Archs: []string{"gemma4"}, Uneven: true, Config: readGemma4, Build: buildGemma4}

// Gemma is what only Gemma 3n and 4 have. Of the pairs, the first is of global layers and the second of local ones.
type Gemma struct {
	PerLayer   int       // width of each layer's own embedding; 0: there are none
	FirstBound int       // first of the layers that attend to the keys and values of the last layer of their kind before it
	HeadDim    [2]int    // of queries, keys and values
	KVHeads    []int     // of each layer
	FFNDims    []int     // of each layer
	Angles     [2]*RoPE  // of the heads
	Streams    int       // of Gemma 3n
	Sparsity   []float32 // of each layer of Gemma 3n: deviations above the mean from which gates count; 0: all do
}

func readGemma4(c *Config, f *weights.File) error {
	c.MoE.Normalize = true
	return readGemmaLayers(c, f)
}

func readGemmaLayers(c *Config, f *weights.File) error {
	r := reader{f: f, arch: c.Arch}
	g := &c.Gemma
	c.EmbedScale, c.AttnScale = rootOf(c.HiddenDim), 1
	if v := multiplier(f, c, "final_logit_softcapping"); v != 0 {
		c.LogitCap = v
	}
	g.PerLayer = r.count("embedding_length_per_layer_input", 0, maxDim, 0)
	g.FirstBound = c.NumLayers - r.count("attention.shared_kv_layers", 0, c.NumLayers-1, 0)
	g.HeadDim = [2]int{c.HeadDim, r.count("attention.key_length_swa", 1, maxDim, c.HeadDim)}
	g.KVHeads = r.each("attention.head_count_kv", c.NumLayers, 1, maxHeads, c.NumHeads)
	g.FFNDims = r.each("feed_forward_length", c.NumLayers, 1, maxDim, 0)
	local := localAngles(c)
	local.Dim = r.count("rope.dimension_count_swa", 0, maxDim, g.HeadDim[1])
	g.Angles = [2]*RoPE{&c.RoPE, local}
	if len(c.LocalLayers) != c.NumLayers {
		c.LocalLayers = make([]bool, c.NumLayers)
		for i := range c.LocalLayers {
			c.LocalLayers[i] = c.Window > 0 && (i+1)%6 != 0
		}
	}
	for i, kv := range g.KVHeads {
		switch {
		case r.err != nil:
		case c.NumHeads%kv != 0:
			r.fail("attention.head_count_kv", "got %d in layer %d, want a divisor of %d heads", kv, i, c.NumHeads)
		case i < g.FirstBound:
			c.kCols += kv * g.HeadDim[kindOf(c, i)]
			c.vCols = c.kCols
		case g.source(c, i) < 0 || g.KVHeads[g.source(c, i)] != kv:
			r.fail("attention.shared_kv_layers", "layer %d finds no layer of its kind with %d KV heads before layer %d", i, kv, g.FirstBound)
		}
	}
	if r.err == nil && (local.Dim > g.HeadDim[1] || local.check() != nil || c.HeadDimV != c.HeadDim) {
		r.fail("rope.dimension_count_swa", "got %d of heads of %d, with values of %d beside keys of %d", local.Dim, g.HeadDim[1], c.HeadDimV, c.HeadDim)
	}
	return r.err
}

// kindOf is the place of a layer's number in a pair of Gemma.
func kindOf(c *Config, layer int) int {
	if c.LocalLayers[layer] {
		return 1
	}
	return 0
}

// source is the layer whose keys and values a bound layer attends to, -1 where there is none.
func (g *Gemma) source(c *Config, layer int) int {
	for i := g.FirstBound - 1; i >= 0; i-- {
		if c.LocalLayers[i] == c.LocalLayers[layer] {
			return i
		}
	}
	return -1
}

func buildGemma4(b *Builder) {
	c := b.cfg
	table := b.Weight("token_embd", c.VocabSize, c.HiddenDim)
	x := b.Embed(table, c.EmbedScale)
	inputs := b.perLayerInputs(x)
	if b.needs != nil && slices.Contains(c.LocalLayers, false) { // RoPE reads it where it is there, and files have it
		b.need("rope_freqs.weight", 1, c.RoPE.Dim/2, true)
	}
	b.Residual(x)
	caches := make([][2]compute.Ref, c.NumLayers)
	for i := range c.NumLayers {
		b.Layer(i)
		x = b.Add("attn_residual", x, b.Norm("post_attention_norm", b.gemmaAttention(b.Norm("attn_norm", x), i, caches)))
		x = b.Add("ffn_residual", x, b.Norm("post_ffw_norm", b.gemma4FeedForward(x, c.Gemma.FFNDims[i])))
		if inputs != 0 {
			x = b.Add("inp_residual", x, b.perLayerBranch(x, inputs, i))
		}
		if b.Has("layer_output_scale.weight") {
			x = b.Scale("layer_output_scale", x, b.numbers(b.layer+"layer_output_scale.weight", 1, 1, 1)[0])
		}
		b.Residual(x)
	}
	b.Layer(-1)
	h := b.Norm("output_norm", b.TakeRows(x))
	b.Residual(h)
	b.Logits(h, table)
}

// perLayerInputs are what every layer adds of its own, side by side: the token's embeddings of the layers and a projection of the
// common one, (emb·√n + norm(proj·x/√h))/√2, or nothing.
func (b *Builder) perLayerInputs(x compute.Ref) compute.Ref {
	c := b.cfg
	n := c.Gemma.PerLayer
	if n == 0 {
		return 0
	}
	all := c.NumLayers * n
	own := b.Lookup("per_layer_token_embd", "per_layer_embed", b.Weight("per_layer_token_embd", c.VocabSize, all), rootOf(n)*(math.Sqrt2/2))
	// The norm of x/√h is that of x with h times its epsilon; its weights and the embeddings' scale have the sum's factor in them.
	projected := b.Linear("per_layer_model_proj", x, all)
	weight := append([]float32{}, b.numbers("per_layer_proj_norm.weight", 1, n, 1)...)
	for i := range weight {
		weight[i] *= math.Sqrt2 / 2
	}
	out := b.p.Scratch("per_layer_proj_norm", compute.PerToken(1), all)
	b.p.Add("per_layer_proj_norm", compute.RMSNorm{X: projected, Weight: b.table("per_layer_proj_norm.scaled", 1, n, weight), Out: out, Group: n,
		Eps: c.NormEps * float32(c.HiddenDim)})
	return b.Add("per_layer_sum", out, own)
}

// perLayerBranch is what a layer adds of its own input, gated by x.
func (b *Builder) perLayerBranch(x, inputs compute.Ref, layer int) compute.Ref {
	n := b.cfg.Gemma.PerLayer
	gate := b.Linear("inp_gate", x, n)
	own := b.Columns("inp_own", compute.Columns{A: inputs, Groups: 1, FromA: layer * n, NumA: n})
	gated := b.Gate("inp_act", compute.GELUTanh, gate, own)
	return b.Norm("post_norm", b.Linear("proj", gated, b.cfg.HiddenDim))
}

// gemmaAttention appends the attention of a layer.
func (b *Builder) gemmaAttention(h compute.Ref, layer int, caches [][2]compute.Ref) compute.Ref {
	return b.Linear("attn_output", b.Attend(b.gemmaHeads(h, layer, caches)), b.cfg.HiddenDim)
}

// gemmaHeads appends what a layer's attention reads, whose caches it notes, and returns that attention. A global layer of Gemma 4 without
// values of its own takes its keys, not yet normalised, for them.
func (b *Builder) gemmaHeads(h compute.Ref, layer int, caches [][2]compute.Ref) compute.Attention {
	c, g := b.cfg, &b.cfg.Gemma
	dim, angles, kv := g.HeadDim[kindOf(c, layer)], g.Angles[kindOf(c, layer)], g.KVHeads[layer]
	op := compute.Attention{NumHeads: c.NumHeads, NumKVHeads: kv, HeadDim: dim, HeadDimV: dim, Scale: c.attnScale()}
	if c.LocalLayers[layer] {
		op.Window = c.Window
	}
	q := b.Linear("attn_q", h, c.NumHeads*dim)
	if layer < g.FirstBound {
		k := b.Linear("attn_k", h, kv*dim)
		v := k
		if g.Streams > 0 || c.LocalLayers[layer] || b.Has("attn_v.weight") {
			v = b.Linear("attn_v", h, kv*dim)
		}
		q, k, v = b.HeadNorm("attn_q_norm", q, dim), b.HeadNorm("attn_k_norm", k, dim), b.plainHeadNorm("attn_v_norm", v, dim)
		op.Q = b.RoPE("attn_q_rope", q, angles, c.NumHeads, compute.Halves)
		k = b.RoPE("attn_k_rope", k, angles, kv, compute.Halves)
		op.K, op.V = b.StoreKV(k, v)
		caches[layer] = [2]compute.Ref{op.K, op.V}
	} else {
		if b.needs != nil && g.Streams > 0 { // files of Gemma 3n have what nobody reads
			b.need(b.layer+"attn_k.weight", kv*dim, c.HiddenDim, false)
			b.need(b.layer+"attn_v.weight", kv*dim, c.HiddenDim, false)
			b.need(b.layer+"attn_k_norm.weight", 1, dim, true)
		}
		from := caches[g.source(c, layer)]
		op.K, op.V = from[0], from[1]
		op.Q = b.RoPE("attn_q_rope", b.HeadNorm("attn_q_norm", q, dim), angles, c.NumHeads, compute.Halves)
	}
	return op
}

// gemma4FeedForward appends the feed-forward part of x and, where the layer has them, the experts beside it, each with norms.
func (b *Builder) gemma4FeedForward(x compute.Ref, width int) compute.Ref {
	c, m := b.cfg, &b.cfg.MoE
	h := b.Norm("ffn_norm", x)
	act := b.Gate("ffn_act", compute.GELUTanh, b.Linear("ffn_gate", h, width), b.Linear("ffn_up", h, width))
	out := b.Linear("ffn_down", act, c.HiddenDim)
	if m.NumExperts == 0 {
		return out
	}
	out = b.Norm("post_ffw_norm_1", out)
	// The router's norm has weights, scaled by 1/√h.
	scaled := append([]float32{}, b.numbers(b.layer+"ffn_gate_inp.scale", 1, c.HiddenDim, 1)...)
	for i := range scaled {
		scaled[i] /= rootOf(c.HiddenDim)
	}
	r := b.p.Scratch(b.layer+"ffn_gate_inp_norm", compute.PerToken(1), c.HiddenDim)
	b.p.Add(b.layer+"ffn_gate_inp_norm", compute.RMSNorm{X: x, Weight: b.table(b.layer+"ffn_gate_inp.scaled", 1, c.HiddenDim, scaled), Out: r, Eps: c.NormEps})
	ids, weights := b.Route(b.Linear("ffn_gate_inp", r, m.NumExperts))

	h = b.Norm("pre_ffw_norm_2", x)
	var gate, up compute.Ref
	if b.Has("ffn_gate_up_exps.weight") { // the gate's rows before those of up
		both := b.LinearExperts("ffn_gate_up_exps", h, ids, 2*m.FFNDim)
		gate = b.Columns("ffn_gate_exps", compute.Columns{A: both, Groups: 1, NumA: m.FFNDim})
		up = b.Columns("ffn_up_exps", compute.Columns{A: both, Groups: 1, FromA: m.FFNDim, NumA: m.FFNDim})
	} else {
		gate, up = b.LinearExperts("ffn_gate_exps", h, ids, m.FFNDim), b.LinearExperts("ffn_up_exps", h, ids, m.FFNDim)
	}
	act = b.Gate("ffn_moe_act", compute.GELUTanh, gate, up)
	experts := b.Mix("ffn_moe_out", b.LinearExperts("ffn_down_exps", act, ids, c.HiddenDim), weights)
	return b.Add("ffn_moe_sum", out, b.Norm("post_ffw_norm_2", experts))
}

package model

import (
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// gemma3n runs several streams side by side, of which one goes through each layer and all are predicted before and corrected behind it;
// beside attention there is a path of low rank; the feed-forward parts of the first layers keep only the largest of their gates; the
// rest is as in Gemma 4. Sources: Google DeepMind, Gemma 3n, 2025, and its reference implementation; Baykal et al., Alternating Updates
// for Efficient Transformers, 2023; Menghani et al., LAuReL, 2024.
var gemma3n = Family{Archs: []string{"gemma3n"}, Uneven: true, Config: readGemma3n, Build: buildGemma3n}

// defaultSparsity is how many deviations above the mean a gate must lie to count, in the first layers of the published models: nineteen
// of twenty do not.
const (
	defaultSparsity = 1.6448535
	sparseLayers    = 10
	laurelRank      = 64
)

// tinyEps keeps rows of zeros from becoming something else.
const tinyEps = 1e-20

func readGemma3n(c *Config, f *weights.File) error {
	if f.Value(c.Arch+".final_logit_softcapping") == nil {
		c.LogitCap = 30
	}
	if err := readGemmaLayers(c, f); err != nil {
		return err
	}
	r := reader{f: f, arch: c.Arch}
	g := &c.Gemma
	g.Streams = r.count("altup.num_inputs", 2, 16, 4)
	if active := r.count("altup.active_idx", 0, 15, 0); active != 0 {
		return &UnsupportedError{f.Name, fmt.Sprintf("stream %d of %d going through the layers, want the first", active, g.Streams)}
	}
	g.Sparsity = make([]float32, c.NumLayers)
	list, ok := f.Floats(c.Arch + ".activation_sparsity_scale")
	for i := range g.Sparsity {
		switch {
		case ok && i < len(list):
			g.Sparsity[i] = max(list[i], 0) // minus infinity keeps all
		case !ok && i < sparseLayers:
			g.Sparsity[i] = defaultSparsity
		}
		if !(g.Sparsity[i] >= 0) || g.Sparsity[i] > 100 {
			r.fail("activation_sparsity_scale", "got %g for layer %d, want at most 100", g.Sparsity[i], i)
		}
	}
	if g.PerLayer == 0 {
		r.fail("embedding_length_per_layer_input", "got 0, want a width")
	}
	return r.err
}

// streams are the values of AltUp between layers: all are side by side in x, [T, n·H], but that added lacks in all but the first, which
// first is.
type streams struct{ x, added, first compute.Ref }

func buildGemma3n(b *Builder) {
	c, g := b.cfg, &b.cfg.Gemma
	table := b.Weight("token_embd", c.VocabSize, c.HiddenDim)
	x := b.Embed(table, c.EmbedScale)
	inputs := b.perLayerInputs(x)
	s := b.gemma3nStreams(x)
	b.Residual(x)
	caches := make([][2]compute.Ref, c.NumLayers)
	for i := range c.NumLayers {
		b.Layer(i)
		s = b.gemma3nLayer(s, inputs, i, caches)
		b.Residual(s.first)
	}
	b.Layer(-1)
	// The norm of the streams' mean is that of their sum with n² times its epsilon.
	x = b.TakeRows(b.gemma3nSum(s))
	h := b.p.Scratch("output_norm", b.p.At(x).Rows, c.HiddenDim)
	b.p.Add("output_norm", compute.RMSNorm{X: x, Weight: b.Vector("output_norm", "weight", c.HiddenDim, false), Out: h,
		Eps: c.NormEps * float32(g.Streams*g.Streams)})
	b.Residual(h)
	b.Logits(h, table)
}

// gemma3nStreams makes the others of the first stream: projections of it, as large as it is.
func (b *Builder) gemma3nStreams(x compute.Ref) streams {
	c, n := b.cfg, b.cfg.Gemma.Streams-1
	unit, others := b.unit("altup_unit", x), b.Linear("altup_proj", x, n*c.HiddenDim)
	size := b.rowSize("altup", x, unit)
	others = b.unit("altup_proj_unit", others)
	resized := b.p.Scratch("altup_proj_resized", compute.PerToken(1), n*c.HiddenDim)
	b.p.Add("altup_proj_resized", compute.Mix{X: others, Weights: size, Out: resized, Streams: 1})
	all := b.Columns("altup_streams", compute.Columns{A: x, B: resized, Groups: 1, NumA: c.HiddenDim, NumB: n * c.HiddenDim})
	return streams{x: all, first: x}
}

// gemma3nSum is the first stream and, as large as that, projections of the others. Each step of all others is appended before the next,
// and the size of the first beside them: they do not depend on each other.
func (b *Builder) gemma3nSum(s streams) compute.Ref {
	c, n := b.cfg, b.cfg.Gemma.Streams-1
	others := make([]compute.Ref, n)
	each := func(step func(i int, name string) compute.Ref) {
		for i := range others {
			others[i] = step(i, fmt.Sprintf("altup_unembd_%d", i+1))
		}
	}
	unit := b.unit("altup_last_unit", s.first)
	each(func(i int, name string) compute.Ref {
		return b.Columns(name+"_stream", compute.Columns{A: s.x, Groups: 1, FromA: (i + 1) * c.HiddenDim, NumA: c.HiddenDim})
	})
	each(func(i int, name string) compute.Ref { return b.Add(name+"_whole", others[i], s.added) })
	size := b.rowSize("altup_last", s.first, unit)
	each(func(i int, _ string) compute.Ref {
		return b.LinearPart("altup_unembd_proj", others[i], n*c.HiddenDim, i*c.HiddenDim, c.HiddenDim)
	})
	each(func(i int, name string) compute.Ref { return b.unit(name+"_unit", others[i]) })
	each(func(i int, name string) compute.Ref { return b.Mix(name+"_resized", others[i], size) })
	x := s.first
	for i, other := range others {
		x = b.Add(fmt.Sprintf("altup_unembd_%d_sum", i+1), x, other)
	}
	return x
}

// gemma3nLayer appends a layer. What does not depend on each other stands side by side: the path of low rank beside attention.
func (b *Builder) gemma3nLayer(s streams, inputs compute.Ref, layer int, caches [][2]compute.Ref) streams {
	c, n := b.cfg, b.cfg.Gemma.Streams
	router, used := b.altUpRouter(), n
	if s.added != 0 {
		used++
	}
	predicted := compute.AltUp{X: s.x, Y: s.added, Router: router, Coefs: b.predictWeights(used), Bias: b.predictBias(used)}
	predicted = b.altUp("altup_predict", predicted)
	active := predicted.First

	h := b.Norm("attn_norm", active)
	rank := laurelRank
	if t, ok := b.f.Tensor(b.layer + "laurel_l.weight"); ok && b.needs == nil {
		rank = t.Rows
	}
	low := b.Linear("laurel_l", h, rank)
	attention := b.gemmaHeads(h, layer, caches)
	laurel := b.Add("laurel", h, b.Norm("laurel_post_norm", b.Linear("laurel_r", low, c.HiddenDim)))
	x := b.Linear("attn_output", b.Attend(attention), c.HiddenDim)
	x = b.Add("attn_residual", active, b.Norm("post_attention_norm", x))
	x = b.Scale("laurel_mean", b.Add("laurel_residual", x, laurel), float32(math.Sqrt2/2))
	x = b.Add("ffn_residual", x, b.Norm("post_ffw_norm", b.sparseFeedForward(b.Norm("ffn_norm", x), layer)))

	corrected := compute.AltUp{X: x, Y: predicted.Out, Router: router, Coefs: b.correctWeights(), Bias: b.correctBias()}
	if b.Has("altup_correct_scale.weight") {
		corrected.Scale = b.Vector("altup_correct_scale", "weight", c.HiddenDim, false)
	}
	corrected = b.altUp("altup_correct", corrected)
	x = corrected.First
	if corrected.Scaled != 0 {
		x = corrected.Scaled
	}
	return streams{x: corrected.Out, first: corrected.First, added: b.perLayerBranch(x, inputs, layer)}
}

// sparseFeedForward appends the feed-forward part, of whose gates with g.Sparsity only those count that lie so many deviations above
// the mean of the row: relu(x − mean − k·deviation).
func (b *Builder) sparseFeedForward(h compute.Ref, layer int) compute.Ref {
	c, n := b.cfg, b.cfg.Gemma.FFNDims[layer]
	gate, up := b.Linear("ffn_gate", h, n), b.Linear("ffn_up", h, n)
	if k := c.Gemma.Sparsity[layer]; k > 0 {
		out := b.p.Scratch(b.layer+"ffn_act", compute.PerToken(1), n)
		b.p.Add(b.layer+"ffn_act", compute.SparseGate{X: gate, Up: up, Out: out, Cutoff: k, Fn: compute.GELUTanh})
		return b.Linear("ffn_down", out, c.HiddenDim)
	}
	return b.Linear("ffn_down", b.Gate("ffn_act", compute.GELUTanh, gate, up), c.HiddenDim)
}

// altUpRouter is the matrix that says by the normalised first stream how all are mixed, router·g/h: the norm's weights are in it.
func (b *Builder) altUpRouter() compute.Ref {
	n, hidden := b.cfg.Gemma.Streams, b.cfg.HiddenDim
	norm := b.numbers(b.layer+"altup_router_norm.weight", 1, hidden, 1)
	w := append([]float32{}, b.numbers(b.layer+"altup_router.weight", n, hidden, n)...)
	for i := range w {
		w[i] *= norm[i%hidden] / float32(hidden)
	}
	return b.table(b.layer+"altup_router.scaled", n, hidden, w)
}

// altUp appends op, which lacks its results: as many streams as there are.
func (b *Builder) altUp(name string, op compute.AltUp) compute.AltUp {
	n, hidden := b.cfg.Gemma.Streams, b.cfg.HiddenDim
	op.Eps = b.cfg.NormEps
	op.Out = b.p.Scratch(b.layer+name, compute.PerToken(1), n*hidden)
	op.First = b.p.Scratch(b.layer+name+"_first", compute.PerToken(1), hidden)
	if op.Scale != 0 {
		op.Scaled = b.p.Scratch(b.layer+name+"_scaled", compute.PerToken(1), hidden)
	}
	b.p.Add(b.layer+name, op)
	return op
}

// predictWeights are the matrix, [n·used, n], that makes of the router's numbers what each predicted stream i has of each given one j:
// coefs[i·n+j], beside one of itself (the bias). The last of n+1 given ones is what all but the first have too.
func (b *Builder) predictWeights(used int) compute.Ref {
	n := b.cfg.Gemma.Streams
	coefs := b.numbers(b.layer+"altup_predict_coef.weight", n*n, n, n*n)
	w := make([]float32, n*used*n)
	for i := range n {
		for j := range n {
			for k := range n {
				v := coefs[(i*n+j)*n+k]
				w[(i*used+j)*n+k] = v
				if used > n && j > 0 {
					w[(i*used+n)*n+k] += v
				}
			}
		}
	}
	return b.table(b.layer+"altup_predict_coef.mixed", n*used, n, w)
}

func (b *Builder) predictBias(used int) compute.Ref {
	n := b.cfg.Gemma.Streams
	bias := make([]float32, n*used)
	for i := range n {
		if bias[i*used+i] = 1; used > n && i > 0 {
			bias[i*used+n] = 1
		}
	}
	return b.table(b.layer+"altup_predict_coef.bias", 1, n*used, bias)
}

// correctWeights are the matrix, [n·(n+1), n], of what each corrected stream i has of the layer's result and of the predicted ones:
// predicted[i] + (coefs[i]·router + 1)·(result − predicted[0]).
func (b *Builder) correctWeights() compute.Ref {
	n := b.cfg.Gemma.Streams
	coefs := b.numbers(b.layer+"altup_correct_coef.weight", n, n, n)
	w := make([]float32, n*(n+1)*n)
	for i := range n {
		for k := range n {
			w[i*(n+1)*n+k] = coefs[i*n+k]
			w[(i*(n+1)+1)*n+k] = -coefs[i*n+k]
		}
	}
	return b.table(b.layer+"altup_correct_coef.mixed", n*(n+1), n, w)
}

func (b *Builder) correctBias() compute.Ref {
	n := b.cfg.Gemma.Streams
	bias := make([]float32, n*(n+1))
	for i := range n {
		bias[i*(n+1)]++
		bias[i*(n+1)+1]--
		bias[i*(n+1)+1+i]++
	}
	return b.table(b.layer+"altup_correct_coef.bias", 1, n*(n+1), bias)
}

// rowSize is the root mean square of each row of x: the mean of its product with unit, which is x with one of one.
func (b *Builder) rowSize(name string, x, unit compute.Ref) compute.Ref {
	n := b.p.At(x).Cols
	product := b.Gate(name+"_size_product", compute.Identity, x, unit)
	return b.linear(name+"_size", product, b.table(b.layer+name+"_size.mean", 1, n, filled(n, 1/float32(n))), 0)
}

// unit is x with a root mean square of one for each stream of a row.
func (b *Builder) unit(name string, x compute.Ref) compute.Ref {
	t, n := *b.p.At(x), b.cfg.HiddenDim
	out := b.p.Scratch(b.layer+name, t.Rows, t.Cols)
	b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.table(b.layer+name+".one", 1, n, ones(n)), Out: out, Group: n, Eps: tinyEps})
	return out
}

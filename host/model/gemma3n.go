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
// active is.
type streams struct{ x, added, active compute.Ref }

func buildGemma3n(b *Builder) {
	c, g := b.cfg, &b.cfg.Gemma
	table := b.Weight("token_embd", c.VocabSize, c.HiddenDim)
	x := b.Embed(table, c.EmbedScale)
	inputs := b.perLayerInputs(x)
	s := streams{x: x, active: x}
	size := b.rowSize("altup", x)
	for i := range g.Streams - 1 {
		name := fmt.Sprintf("altup_proj_%d", i+1)
		p := b.resized(name, b.LinearPart("altup_proj", x, (g.Streams-1)*c.HiddenDim, i*c.HiddenDim, c.HiddenDim), size)
		s.x = b.beside(name+"_joined", s.x, p)
	}
	b.Residual(x)
	caches := make([][2]compute.Ref, c.NumLayers)
	for i := range c.NumLayers {
		b.Layer(i)
		s = b.gemma3nLayer(s, inputs, i, caches)
		b.Residual(s.active)
	}
	b.Layer(-1)
	x = s.active
	size = b.rowSize("altup_last", x)
	for i := range g.Streams - 1 {
		name := fmt.Sprintf("altup_unembd_%d", i+1)
		one := b.Columns(name+"_stream", compute.Columns{A: s.x, Groups: 1, FromA: (i + 1) * c.HiddenDim, NumA: c.HiddenDim})
		one = b.Add(name+"_whole", one, s.added)
		one = b.LinearPart("altup_unembd_proj", one, (g.Streams-1)*c.HiddenDim, i*c.HiddenDim, c.HiddenDim)
		x = b.Add(name+"_sum", x, b.resized(name, one, size))
	}
	h := b.Norm("output_norm", b.TakeRows(b.Scale("altup_mean", x, 1/float32(g.Streams))))
	b.Residual(h)
	b.Logits(h, table)
}

// gemma3nLayer appends a layer.
func (b *Builder) gemma3nLayer(s streams, inputs compute.Ref, layer int, caches [][2]compute.Ref) streams {
	c, g := b.cfg, &b.cfg.Gemma
	n, hidden := g.Streams, c.HiddenDim
	joined, used := s.x, n
	if s.added != 0 {
		joined, used = b.beside("altup_all", s.x, s.added), n+1
	}
	weights := b.linear("altup_predict", b.altUpRouter("altup_before", s.active), b.predictWeights(used), b.predictBias(used))
	predicted := b.mixStreams("altup_predicted", joined, weights, used)
	active := b.Columns("altup_active", compute.Columns{A: predicted, Groups: 1, NumA: hidden})

	h := b.Norm("attn_norm", active)
	rank := laurelRank
	if t, ok := b.f.Tensor(b.layer + "laurel_l.weight"); ok && b.needs == nil {
		rank = t.Rows
	}
	laurel := b.Add("laurel", h, b.Norm("laurel_post_norm", b.Linear("laurel_r", b.Linear("laurel_l", h, rank), hidden)))
	x := b.Add("attn_residual", active, b.Norm("post_attention_norm", b.gemmaAttention(h, layer, caches)))
	x = b.Scale("laurel_mean", b.Add("laurel_residual", x, laurel), float32(math.Sqrt2/2))
	x = b.Add("ffn_residual", x, b.Norm("post_ffw_norm", b.sparseFeedForward(b.Norm("ffn_norm", x), layer)))

	weights = b.linear("altup_correct", b.altUpRouter("altup_behind", x), b.correctWeights(), b.correctBias())
	s = streams{x: b.mixStreams("altup_corrected", b.beside("altup_with", predicted, x), weights, n+1)}
	s.active = b.Columns("altup_first", compute.Columns{A: s.x, Groups: 1, NumA: hidden})
	x = s.active
	if b.Has("altup_correct_scale.weight") {
		x = b.Gate("altup_scaled", compute.Identity, x, b.Vector("altup_correct_scale", "weight", hidden, false))
	}
	s.added = b.perLayerBranch(x, inputs, layer)
	return s
}

// sparseFeedForward appends the feed-forward part, of whose gates with g.Sparsity only those count that lie so many deviations above
// the mean of the row: relu(x − mean − k·deviation).
func (b *Builder) sparseFeedForward(h compute.Ref, layer int) compute.Ref {
	c, n := b.cfg, b.cfg.Gemma.FFNDims[layer]
	gate := b.Linear("ffn_gate", h, n)
	if k := c.Gemma.Sparsity[layer]; k > 0 {
		normal := b.p.Scratch(b.layer+"ffn_gate_normal", compute.PerToken(1), n)
		b.p.Add(b.layer+"ffn_gate_normal", compute.LayerNorm{X: gate, Weight: b.table(b.layer+"ffn_gate.one", 1, n, ones(n)), Out: normal, Eps: tinyEps})
		deviation := b.meanProduct("ffn_gate_deviation", gate, normal)
		above := b.Add("ffn_gate_above", normal, b.table(b.layer+"ffn_gate.cutoff", 1, n, filled(n, -k)))
		gate = b.Mix("ffn_gate_kept", b.Gate("ffn_gate_positive", compute.ReLU, above, 0), deviation)
	}
	return b.Linear("ffn_down", b.Gate("ffn_act", compute.GELUTanh, gate, b.Linear("ffn_up", h, n)), c.HiddenDim)
}

// altUpRouter says by x how the streams are mixed: tanh(router·norm(x)/h), a number for each.
func (b *Builder) altUpRouter(name string, x compute.Ref) compute.Ref {
	c := b.cfg
	w := append([]float32{}, b.numbers(b.layer+"altup_router_norm.weight", 1, c.HiddenDim, 1)...)
	for i := range w {
		w[i] /= float32(c.HiddenDim)
	}
	norm := b.p.Scratch(b.layer+name+"_norm", compute.PerToken(1), c.HiddenDim)
	b.p.Add(b.layer+name+"_norm", compute.RMSNorm{X: x, Weight: b.table(b.layer+name+".scaled", 1, c.HiddenDim, w), Out: norm, Eps: c.NormEps})
	routed := b.linear(name+"_router", norm, b.Weight("altup_router", c.Gemma.Streams, c.HiddenDim), 0)
	return b.Gate(name+"_modalities", compute.Tanh, routed, 0)
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

// correctWeights are the matrix, [n·(n+1), n], of what each corrected stream i has of the predicted ones and of the layer's result:
// predicted[i] + (coefs[i]·router + 1)·(result − predicted[0]).
func (b *Builder) correctWeights() compute.Ref {
	n := b.cfg.Gemma.Streams
	coefs := b.numbers(b.layer+"altup_correct_coef.weight", n, n, n)
	w := make([]float32, n*(n+1)*n)
	for i := range n {
		for k := range n {
			w[i*(n+1)*n+k] = -coefs[i*n+k]
			w[(i*(n+1)+n)*n+k] = coefs[i*n+k]
		}
	}
	return b.table(b.layer+"altup_correct_coef.mixed", n*(n+1), n, w)
}

func (b *Builder) correctBias() compute.Ref {
	n := b.cfg.Gemma.Streams
	bias := make([]float32, n*(n+1))
	for i := range n {
		bias[i*(n+1)+i]++
		bias[i*(n+1)]--
		bias[i*(n+1)+n]++
	}
	return b.table(b.layer+"altup_correct_coef.bias", 1, n*(n+1), bias)
}

// mixStreams makes weighted sums of the streams of x.
func (b *Builder) mixStreams(name string, x, weights compute.Ref, used int) compute.Ref {
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), b.p.At(weights).Cols/used*(b.p.At(x).Cols/used))
	b.p.Add(b.layer+name, compute.Mix{X: x, Weights: weights, Out: out, Streams: used})
	return out
}

// beside puts the columns of y behind those of x.
func (b *Builder) beside(name string, x, y compute.Ref) compute.Ref {
	return b.Columns(name, compute.Columns{A: x, B: y, Groups: 1, NumA: b.p.At(x).Cols, NumB: b.p.At(y).Cols})
}

// rowSize is the root mean square of each row of x.
func (b *Builder) rowSize(name string, x compute.Ref) compute.Ref {
	return b.meanProduct(name+"_size", x, b.unit(name+"_unit", x))
}

// resized is x with rows of that root mean square.
func (b *Builder) resized(name string, x, size compute.Ref) compute.Ref {
	return b.Mix(name+"_resized", b.unit(name+"_unit", x), size)
}

// unit is x with rows of a root mean square of one.
func (b *Builder) unit(name string, x compute.Ref) compute.Ref {
	n := b.p.At(x).Cols
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), n)
	b.p.Add(b.layer+name, compute.RMSNorm{X: x, Weight: b.table(b.layer+name+".one", 1, n, ones(n)), Out: out, Eps: tinyEps})
	return out
}

// meanProduct is the mean of x∘y over each row.
func (b *Builder) meanProduct(name string, x, y compute.Ref) compute.Ref {
	n := b.p.At(x).Cols
	return b.linear(name, b.Gate(name+"_product", compute.Identity, x, y), b.table(b.layer+name+".mean", 1, n, filled(n, 1/float32(n))), 0)
}

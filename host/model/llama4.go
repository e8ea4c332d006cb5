package model

import (
	"fmt"

	"tuff/host/compute"
	"tuff/host/weights"
)

// llama4 is the text part of Llama 4. Three layers of four rotate, normalise the heads of queries and keys behind their rotation,
// without weights, and attend to the chunk of the sequence that they are in; the fourth does none of these and its queries grow with
// their position, slowly. Layers with experts lie between layers without; the weight of an expert multiplies what it reads, and one
// expert is for every token.
//
// Files have neither the chunk nor the temperature, which are the published models'. Where attention.sliding_window is there, it
// is the chunk, or with 0 says that all layers rotate and see everything. Models of 128 experts do not normalise heads, by what the
// published one does; tuff.llama4.qk_norm says so of folders.
//
// Source: Meta, The Llama 4 herd, 2025, and the reference implementation (NoPE and its temperature after Nakanishi,
// Scalable-Softmax Is Superior for Attention, 2025).
var llama4 = Family{
	Archs: []string{"llama4"},
	Config: func(c *Config, f *weights.File) error {
		r := reader{f: f, arch: c.Arch}
		c.Chunked = true
		c.Window = r.count("attention.sliding_window", 0, maxCtx, 8192)
		c.still = &RoPE{Dim: 2, Still: true, Ahead: 1}
		c.still.Temperature = float64(r.float("attention.temperature_scale", 0.1))
		c.still.OriginalLen = r.count("attention.temperature_length", 1, maxCtx, 8192)
		m := &c.MoE
		m.Gate, m.WeighInput, m.SharedFFNDim = compute.TopSigmoidGate, true, m.FFNDim
		step := r.count("interleave_moe_layer_step", 0, maxLayers, 1)
		if r.err != nil {
			return r.err
		}
		listed, ok := f.Bools("tuff.moe.layers")
		if ok && len(listed) != c.NumLayers {
			return fmt.Errorf("model: read %q: tuff.moe.layers: got %d layers, want %d", f.Name, len(listed), c.NumLayers)
		}
		if m.Layers = listed; !ok && m.NumExperts > 0 {
			m.Layers = make([]bool, c.NumLayers)
			for i := range m.Layers {
				m.Layers[i] = step > 0 && (i+1)%step == 0
			}
		}
		return nil
	},
	Build: func(b *Builder) {
		fourth := func(i int) bool { return (i+1)%4 != 0 }
		d := Decoder{NormLast: true, QKNorm: PlainRotated, Local: fourth, Rotate: fourth}
		if b.cfg.Window == 0 {
			d.Rotate = nil
		}
		if normed, ok := b.f.Bool("tuff.llama4.qk_norm"); ok && !normed || !ok && b.cfg.MoE.NumExperts == 128 {
			d.QKNorm = NoQKNorm
		}
		d.Build(b)
	},
}

// warmed multiplies the queries of layers that do not rotate by a temperature that depends on their positions: a rotation by nothing of
// neighbours, which is a table of two columns.
func (b *Builder) warmed(q compute.Ref) compute.Ref {
	if b.cfg.still == nil || b.cfg.still.Temperature == 0 {
		return q
	}
	return b.RoPE("attn_q_warmed", q, b.cfg.still, b.p.At(q).Cols/2, compute.Adjacent)
}

// weighedInputs runs the experts on inputs that their weights multiply: a row for each use.
func (d Decoder) weighedInputs(b *Builder, h, ids, weights compute.Ref) compute.Ref {
	m, hidden := &b.cfg.MoE, b.cfg.HiddenDim
	x := b.p.Scratch(b.layer+"ffn_moe_in", compute.PerToken(m.NumUsed), hidden)
	b.p.Add(b.layer+"ffn_moe_in", compute.Mix{X: h, Weights: weights, Out: x, Streams: 1})
	act := b.Gate("ffn_moe_act", d.Activation, b.LinearExperts("ffn_gate_exps", x, ids, m.FFNDim), b.LinearExperts("ffn_up_exps", x, ids, m.FFNDim))
	out := b.LinearExperts("ffn_down_exps", act, ids, hidden)
	if m.NumUsed == 1 {
		return out
	}
	return b.Mix("ffn_moe_out", out, 0)
}

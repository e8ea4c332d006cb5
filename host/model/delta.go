package model

import (
	"tuff/host/compute"
	"tuff/host/weights"
)

// qwen3next mixes layers of the gated delta rule with layers of attention whose result a sigmoid gates.
// Source: Qwen Team, Qwen3-Next, 2025.
var qwen3next = Family{
	Archs: []string{"qwen3next"}, Hybrid: true,
	Config: readDelta,
	Build:  deltaDecoder.Build,
}

// qwen35 is Qwen3-Next's wiring with dense layers or with experts. Its files have the value heads of a key head apart, not side by
// side as checkpoints have them. Source: Qwen Team, Qwen3.5, 2026.
var qwen35 = Family{
	Archs: []string{"qwen35", "qwen35moe"}, Hybrid: true,
	Config: func(c *Config, f *weights.File) error {
		grouped, _ := f.Bool("tuff.ssm.grouped")
		c.SSM.Tiled = !grouped
		return readDelta(c, f)
	},
	Build: deltaDecoder.Build,
}

var deltaDecoder = Decoder{Pairing: compute.Halves, QKNorm: HeadWise, FFNNorm: "post_attention_norm", Delta: true, GatedAttention: true}

// deltaEps keeps the lengths of queries and keys from zero; the reference has it as a constant.
const deltaEps = 1e-6

func readDelta(c *Config, f *weights.File) error {
	if err := readSSM(c, f); err != nil {
		return err
	}
	c.MoE.Normalize = true
	r := reader{f: f, arch: c.Arch}
	c.NumLayers -= r.count("nextn_predict_layers", 0, c.NumLayers-1, 0) // that predict further tokens, behind the others
	if s := &c.SSM; r.err == nil && (s.Inner%s.DTRank != 0 || s.DTRank%s.Groups != 0) {
		r.fail("ssm.inner_size", "got %d columns of %d heads over %d of keys, want multiples", s.Inner, s.DTRank, s.Groups)
	}
	return r.err
}

// deltaRule appends a layer's linear attention without its residual.
func (d Decoder) deltaRule(b *Builder, h compute.Ref) compute.Ref {
	s := &b.cfg.SSM
	keys, heads := s.Groups*s.State, s.DTRank
	x, z := b.Linear("attn_qkv", h, 2*keys+s.Inner), b.Linear("attn_gate", h, s.Inner)
	var beta, dt, both compute.Ref
	if b.Has("ssm_ba.weight") { // of each head of keys, what its value heads learn by and what they forget by
		both = b.Linear("ssm_ba", h, 2*heads)
	} else {
		beta, dt = b.Linear("ssm_beta", h, heads), b.Linear("ssm_alpha", h, heads)
	}
	x = b.Conv1D("ssm_conv1d", x, s.Conv, true)
	if both != 0 {
		per := heads / s.Groups
		beta = b.Columns("ssm_beta", compute.Columns{A: both, Groups: s.Groups, NumA: per})
		dt = b.Columns("ssm_alpha", compute.Columns{A: both, Groups: s.Groups, FromA: per, NumA: per})
	}
	op := compute.DeltaRule{X: x, Beta: beta, DT: dt, DTBias: b.Vector("ssm_dt", "bias", heads, false),
		A: b.flat("ssm_a", 1, heads), State: b.state("ssm_state", s.State*s.Inner), Out: b.p.Scratch(b.layer+"delta_rule", compute.PerToken(1), s.Inner),
		NumHeads: heads, NumKeyHeads: s.Groups, KeyDim: s.State, ValueDim: s.Inner / heads, Tiled: s.Tiled, Eps: deltaEps}
	b.p.Add(b.layer+"delta_rule", op)
	y := b.HeadNorm("ssm_norm", op.Out, op.ValueDim)
	return b.Linear("ssm_out", b.Gate("ssm_gated", compute.SiLU, z, y), b.cfg.HiddenDim)
}

// gatedQKV makes queries, keys and values of h, and the gates of the heads' results, which lie behind each head's queries.
func (b *Builder) gatedQKV(h compute.Ref) (q, gate, k, v compute.Ref) {
	c := b.cfg
	both := b.Linear("attn_q", h, 2*c.NumHeads*c.HeadDim)
	k, v = b.Linear("attn_k", h, c.NumKVHeads*c.HeadDim), b.Linear("attn_v", h, c.NumKVHeads*c.HeadDimV)
	q = b.Columns("attn_q_heads", compute.Columns{A: both, Groups: c.NumHeads, NumA: c.HeadDim})
	gate = b.Columns("attn_q_gates", compute.Columns{A: both, Groups: c.NumHeads, FromA: c.HeadDim, NumA: c.HeadDim})
	return q, gate, k, v
}

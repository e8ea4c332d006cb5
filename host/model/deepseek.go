package model

import (
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// deepseek2 is DeepSeek V2 and V3: latent attention, and mixtures of many small experts with some that every token uses.
// Sources: DeepSeek-AI, DeepSeek-V2, 2024, sections 2.1 and 2.2; DeepSeek-V3, 2024, section 2.1.
var deepseek2 = Family{
	Archs: []string{"deepseek2"},
	Config: func(c *Config, f *weights.File) error {
		r := reader{f: f, arch: c.Arch}
		l := &c.Latent
		l.Dim = r.count("attention.kv_lora_rank", 1, maxDim, 0)
		l.QueryDim = r.count("attention.q_lora_rank", 0, maxDim, 0)
		if f.Value(c.Arch+".attention.key_length_mla") == nil {
			return &UnsupportedError{f.Name, "latent attention with keys and values in one matrix (no attention.key_length_mla): convert the model again"}
		}
		head := r.count("attention.key_length_mla", 1, maxDim, 0)
		l.ValueDim = r.count("attention.value_length_mla", 1, maxDim, 0)
		if r.err != nil {
			return r.err
		}
		l.RotDim = c.RoPE.Dim
		l.PlainDim = head - l.RotDim
		if l.PlainDim < 1 || c.NumKVHeads != 1 || c.HeadDim != l.Dim+l.RotDim || c.HeadDimV != l.Dim {
			return fmt.Errorf("model: read %q: got %d KV heads of %d and %d elements with a latent of %d, heads of %d of which %d rotate; want one of latent and rotated elements, and of the latent",
				f.Name, c.NumKVHeads, c.HeadDim, c.HeadDimV, l.Dim, head, l.RotDim)
		}
		c.kCols = c.NumLayers * c.HeadDim                   // values are a part of the keys
		c.MoE.GroupTop2 = c.MoE.Gate == compute.SigmoidGate // version 3 ranks groups by their two best
		c.AttnScale = float32(1 / math.Sqrt(float64(head)))
		c.latentTemperature(f)
		return nil
	},
	Build: Decoder{}.Build,
}

// Latent is multi-head latent attention: keys and values of all heads come from one small vector of each position, which is
// what the cache holds, beside the one rotated key that all heads share.
type Latent struct {
	Dim              int // of the vector; 0: no latent attention
	QueryDim         int // of the one that queries come from; 0: from the layer's input
	PlainDim, RotDim int // of a head's queries and keys: not rotated, rotated
	ValueDim         int // of a head's values
}

// latentTemperature is the temperature of YaRN, which DeepSeek puts on the scores instead of the angles.
func (c *Config) latentTemperature(f *weights.File) {
	multiplier, ok := f.Float(c.Arch + ".rope.scaling.yarn_log_multiplier")
	if !ok || c.RoPE.Scaling != ScalingYaRN || c.RoPE.Factor <= 1 {
		return
	}
	if c.RoPE.AttnFactor == 0 {
		c.RoPE.AttnFactor = 1 / (0.1*math.Log(c.RoPE.Factor) + 1)
	}
	if v, _ := f.Uint("tuff.deepseek.version"); v != 2 { // the reference of version 2 leaves the scores alone
		m := 1 + multiplier*math.Log(c.RoPE.Factor)
		c.AttnScale *= float32(m * m)
	}
}

// latentAttention appends latent attention in its absorbed form: the keys' up-projection is applied to the queries and the
// values' to the result, so that what is attended to is the cached vector itself, by all heads alike:
//
//	q[h] = (Wk[h]·q_plain[h]) ++ rot(q_rot[h])    k = norm(c) ++ rot(k_rot)    v = norm(c)    out[h] = Wv[h]·attend(q[h], k, v)
func (d Decoder) latentAttention(b *Builder, h compute.Ref, angles *RoPE) compute.Ref {
	c, l := b.cfg, &b.cfg.Latent
	heads, pairing := c.NumHeads*(l.PlainDim+l.RotDim), b.Pairing(d.Pairing)
	// What reads h comes first, so that devices read it once for both.
	var q compute.Ref
	if l.QueryDim > 0 {
		q = b.Linear("attn_q_a", h, l.QueryDim)
	} else {
		q = b.Linear("attn_q", h, heads)
	}
	kv := b.Linear("attn_kv_a_mqa", h, l.Dim+l.RotDim)
	latent := b.Norm("attn_kv_a_norm", b.Columns("attn_latent", compute.Columns{A: kv, Groups: 1, NumA: l.Dim}))
	key := b.RoPE("attn_k_rope", b.Columns("attn_k_rot", compute.Columns{A: kv, Groups: 1, FromA: l.Dim, NumA: l.RotDim}), angles, 1, pairing)
	k := b.Columns("attn_k_joined", compute.Columns{A: latent, B: key, Groups: 1, NumA: l.Dim, NumB: l.RotDim})
	kc, _ := b.StoreKV(k, 0)

	if l.QueryDim > 0 {
		q = b.Linear("attn_q_b", b.Norm("attn_q_a_norm", q), heads)
	}
	plain := b.Columns("attn_q_plain", compute.Columns{A: q, Groups: c.NumHeads, NumA: l.PlainDim})
	rot := b.Columns("attn_q_rot", compute.Columns{A: q, Groups: c.NumHeads, FromA: l.PlainDim, NumA: l.RotDim})
	rot = b.RoPE("attn_q_rope", rot, angles, c.NumHeads, pairing)
	plain = b.LinearHeads("attn_k_b", plain, c.NumHeads, l.Dim)
	q = b.Columns("attn_q_joined", compute.Columns{A: plain, B: rot, Groups: c.NumHeads, NumA: l.Dim, NumB: l.RotDim})

	a := b.Attend(compute.Attention{Q: q, K: kc, V: kc, NumHeads: c.NumHeads, NumKVHeads: c.NumKVHeads, HeadDim: c.HeadDim, HeadDimV: c.HeadDimV, Scale: c.attnScale(), SoftCap: c.AttnCap})
	return b.Linear("attn_output", b.LinearHeads("attn_v_b", a, c.NumHeads, l.ValueDim), c.HiddenDim)
}

// LinearHeads multiplies each head of x by its matrix of NAME.weight, n rows each.
func (b *Builder) LinearHeads(name string, x compute.Ref, heads, n int) compute.Ref {
	w := b.Weight(name, heads*n, b.p.At(x).Cols/heads)
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), heads*n)
	b.p.Add(b.layer+name, compute.MatMulHeads{X: x, W: w, Out: out, NumHeads: heads})
	return out
}

// Columns picks columns of one or two tensors; op lacks only its result.
func (b *Builder) Columns(name string, op compute.Columns) compute.Ref {
	op.Out = b.p.Scratch(b.layer+name, b.p.At(op.A).Rows, op.Groups*(op.NumA+op.NumB))
	b.p.Add(b.layer+name, op)
	return op.Out
}

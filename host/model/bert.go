package model

import (
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// bert is BERT, RoBERTa, XLM-RoBERTa and DistilBERT: learned positions, a norm behind each residual, GELU.
// Sources: Devlin et al., BERT, 2019, section 3; Liu et al., RoBERTa, 2019; Conneau et al., XLM-R, 2020; Sanh et al.,
// DistilBERT, 2019.
var bert = Family{
	Archs: []string{"bert"}, LayerNorm: true, Encoder: true,
	Build: Encoder{Positions: true, Activation: compute.GELU}.Build,
}

// nomicBERT rotates queries and keys instead, and gates its feed-forward part. Source: Nussbaum et al., Nomic Embed, 2024,
// section 4.
var nomicBERT = Family{
	Archs: []string{"nomic-bert"}, LayerNorm: true, Encoder: true,
	Build: Encoder{Rotate: true, Pairing: compute.Halves, FusedQKV: true, Gated: true}.Build,
}

// modernBERT has norms before its parts and attends to a window in two layers of three, with angles of their own.
// Source: Warner et al., ModernBERT, 2024, section 2.1.
var modernBERT = Family{
	Archs: []string{"modern-bert"}, LayerNorm: true, Encoder: true,
	Build: Encoder{PreNorm: true, Rotate: true, Pairing: compute.Halves, FusedQKV: true, FusedGate: true, Activation: compute.GELU,
		Local: func(i int) bool { return i%3 != 0 }, LocalRoPE: localAngles}.Build,
}

// t5Encoder is the encoder of T5: RMSNorm, no positions but a learned bias by distance, scores that are not scaled.
// Source: Raffel et al., Exploring the Limits of Transfer Learning, 2020, section 2.1; version 1.1 gates with GELU.
var t5Encoder = Family{
	Archs: []string{"t5encoder"}, Encoder: true,
	Config: func(c *Config, f *weights.File) error {
		r := reader{f: f, arch: c.Arch}
		c.AttnScale = 1
		c.buckets = r.count("attention.relative_buckets_count", 4, 1<<16, 32)
		c.farthest = 128
		if v, ok := f.Uint("tuff.t5.max_distance"); ok {
			c.farthest = int(min(v, maxReach+1))
		}
		if r.err == nil && (c.buckets%4 != 0 || c.farthest <= c.buckets/4 || c.farthest > maxReach) {
			return fmt.Errorf("model: read %q: got %d buckets for distances to %d, want a multiple of 4, and distances above a quarter of it and at most %d", f.Name, c.buckets, c.farthest, maxReach)
		}
		return r.err
	},
	Build: func(b *Builder) {
		e := Encoder{Root: "enc.", Output: "attn_o", PreNorm: true, Activation: compute.ReLU, Bias: relativeBias}
		if _, gated := b.f.Tensor("enc.blk.0.ffn_gate.weight"); gated {
			e.Gated, e.Activation = true, compute.GELUTanh
		}
		e.Build(b)
	},
}

// maxReach bounds tables by distance.
const maxReach = 1 << 20

// relativeBias is the table of T5's bias: what the bucket of each distance says, for the heads of the first layer, which all
// layers share.
func relativeBias(b *Builder) compute.Ref {
	c, name := b.cfg, "enc.blk.0.attn_rel_b.weight"
	v := b.numbers(name, c.buckets, c.NumHeads, c.buckets)
	table := make([]float32, 0, (2*c.farthest+1)*c.NumHeads)
	for far := -c.farthest; far <= c.farthest; far++ {
		at := relativeBucket(far, c.buckets, c.farthest) * c.NumHeads
		table = append(table, v[at:at+c.NumHeads]...)
	}
	return b.table("attn_bias", 2*c.farthest+1, c.NumHeads, table)
}

// relativeBucket is the bucket of a key that lies far positions behind the query (before it, when negative): half of the
// buckets for each side, of these one for each of the nearest distances, the others logarithmically up to farthest. The
// logarithm is rounded to float32, as in the models' training, so that distances on an edge fall on the same side.
func relativeBucket(far, buckets, farthest int) int {
	half, first := buckets/2, 0
	if far > 0 {
		first = half
	}
	n, exact := max(far, -far), half/2
	if n < exact {
		return first + n
	}
	part := float32(math.Log(float64(float32(n)/float32(exact)))) / float32(math.Log(float64(farthest)/float64(exact)))
	return first + min(exact+int(part*float32(half-exact)), half-1)
}

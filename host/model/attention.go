package model

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// QKV makes queries, keys and values of h by attn_q, attn_k and attn_v, or with fused, where the file has it, by the rows of
// attn_qkv.
func (b *Builder) QKV(h compute.Ref, fused bool) (q, k, v compute.Ref) {
	c := b.cfg
	nq, nk, nv := c.NumHeads*c.HeadDim, c.NumKVHeads*c.HeadDim, c.NumKVHeads*c.HeadDimV
	if fused && b.Has("attn_qkv.weight") {
		n := nq + nk + nv
		return b.LinearPart("attn_qkv", h, n, 0, nq), b.LinearPart("attn_qkv", h, n, nq, nk), b.LinearPart("attn_qkv", h, n, nq+nk, nv)
	}
	return b.Linear("attn_q", h, nq), b.Linear("attn_k", h, nk), b.Linear("attn_v", h, nv)
}

// attnScale is what scores are multiplied by: the file's, or 1/√HeadDim.
func (c *Config) attnScale() float32 {
	if c.AttnScale != 0 {
		return c.AttnScale
	}
	return float32(1 / math.Sqrt(float64(c.HeadDim)))
}

// RoPE rotates the heads of x by the angles of r. LongRoPE has one table for sequences that fit the training's context and
// one for longer ones.
func (b *Builder) RoPE(name string, x compute.Ref, r *RoPE, heads int, pairing compute.Pairing) compute.Ref {
	t, ok := b.ropes[r]
	if !ok {
		table := func(keys int) compute.Ref {
			ref := b.p.Declare(compute.Tensor{Name: fmt.Sprintf("rope_table_%d", keys), Role: compute.Weight, DType: compute.F32,
				Rows: compute.Rows(b.p.MaxPos), Cols: r.Dim})
			b.wanted = append(b.wanted, wanted{ref: ref, table: r.Table(b.p.MaxPos, keys)})
			return ref
		}
		if r.Scaling == ScalingLongest && b.p.MaxPos > r.OriginalLen {
			t = ropeTables{table(r.OriginalLen), table(b.p.MaxPos)}
		} else {
			t.short = table(b.p.MaxPos)
		}
		b.ropes[r] = t
	}
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), b.p.At(x).Cols)
	b.p.Add(b.layer+name, compute.RoPE{X: x, Table: t.short, Out: out, NumHeads: heads, HeadDim: b.p.At(x).Cols / heads,
		RotDim: r.Dim, Pairing: pairing, Long: t.long, LongFrom: r.OriginalLen})
	return out
}

// CachedAttention stores k and v in the layer's KV cache and attends to all that the cache holds, or with a window to the
// last keys. sinks may be none. Without v the values are the first HeadDimV elements of their keys.
func (b *Builder) CachedAttention(q, k, v, sinks compute.Ref, window int) compute.Ref {
	c := b.cfg
	op := compute.Attention{Q: q, Sinks: sinks, Bias: b.alibi(), NumHeads: c.NumHeads, NumKVHeads: c.NumKVHeads, HeadDim: c.HeadDim, HeadDimV: c.HeadDimV,
		Scale: c.attnScale(), SoftCap: c.AttnCap, Window: window}
	if c.Chunked {
		op.Window, op.Chunk = 0, window
	}
	op.K, op.V = b.StoreKV(k, v)
	return b.Attend(op)
}

// StoreKV stores k and v, which may be none, in caches of the layer.
func (b *Builder) StoreKV(k, v compute.Ref) (kc, vc compute.Ref) {
	rows := compute.Rows(b.p.NumPages * b.p.PageSize)
	cache := func(name string, x compute.Ref, t compute.DType) compute.Ref {
		r := b.p.Declare(compute.Tensor{Name: b.layer + name, Role: compute.State, DType: t, Rows: rows, Cols: b.p.At(x).Cols})
		b.wanted = append(b.wanted, wanted{ref: r})
		return r
	}
	store := compute.KVStore{K: k, V: v, KCache: cache("k_cache", k, b.o.TypeK)}
	kc, vc = store.KCache, store.KCache
	switch {
	case v != 0:
		vc = cache("v_cache", v, b.o.TypeV)
		store.VCache = vc
	case b.o.TypeV != b.o.TypeK:
		b.fail("%skv_store: got a KV cache of %v values, want %v like the keys: with latent attention values are a part of the keys", b.layer, b.o.TypeV, b.o.TypeK)
	}
	b.p.Add(b.layer+"kv_store", store)
	return kc, vc
}

// Attend appends causal attention to a layer's caches; op lacks its result.
func (b *Builder) Attend(op compute.Attention) compute.Ref {
	op.Out = b.p.Scratch(b.layer+"attn", compute.PerToken(1), op.NumHeads*op.HeadDimV)
	op.Causal, op.Paged = true, true
	for _, x := range []struct {
		what string
		r    compute.Ref
		dim  int
	}{{"keys", op.K, op.HeadDim}, {"values", op.V, op.ValueStride()}} {
		if t := b.p.At(x.r).DType; t.Quantized() && x.dim%t.BlockLen() != 0 {
			b.fail("%sattn: got a KV cache of %v for %s of %d elements a head, want a multiple of %d: F16 and BF16 take any", b.layer, t, x.what, x.dim, t.BlockLen())
		}
	}
	b.p.Add(b.layer+"attn", op)
	return op.Out
}

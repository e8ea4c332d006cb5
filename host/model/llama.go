package model

import (
	"fmt"

	"tuff/host/compute"
	"tuff/host/weights"
)

// llama is the family of Llama 2 and 3 and of Mistral: pre-norm layers of grouped-query attention with rotary positions
// and a SwiGLU feed-forward, RMSNorm throughout, an output matrix of its own or the embedding table again.
// Sources: Touvron et al., LLaMA, 2023, section 2; Llama 2, 2023, section 2.2; Jiang et al., Mistral 7B, 2023, section 2.
var llama = Family{
	Archs: []string{"llama"},

	Config: func(c *Config, f *weights.File) error {
		if n, ok := f.Uint("llama.expert_count"); ok && n > 0 {
			return &UnsupportedError{f.Name, fmt.Sprintf("mixture of %d experts (llama.expert_count)", n)}
		}
		return nil
	},

	Build: func(b *Builder) {
		c := b.cfg
		table := b.Weight("token_embd", c.VocabSize, c.HiddenDim)
		x := b.Embed(table)
		b.Residual(x)
		for i := range c.NumLayers {
			b.Layer(i)
			h := b.RMSNorm("attn_norm", x)
			q := b.Linear("attn_q", h, c.NumHeads*c.HeadDim)
			k := b.Linear("attn_k", h, c.NumKVHeads*c.HeadDim)
			v := b.Linear("attn_v", h, c.NumKVHeads*c.HeadDimV)
			// GGUF files of this architecture store query and key rows so that a pair lies side by side.
			q = b.RoPE("attn_q_rope", q, c.NumHeads, compute.Adjacent)
			k = b.RoPE("attn_k_rope", k, c.NumKVHeads, compute.Adjacent)
			a := b.CachedAttention(q, k, v)
			x = b.Add("attn_residual", x, b.Linear("attn_output", a, c.HiddenDim))

			h = b.RMSNorm("ffn_norm", x)
			gate := b.Linear("ffn_gate", h, c.FFNDim)
			up := b.Linear("ffn_up", h, c.FFNDim)
			x = b.Add("ffn_residual", x, b.Linear("ffn_down", b.SwiGLU(gate, up), c.HiddenDim))
			b.Residual(x)
		}
		b.Layer(-1)
		h := b.RMSNorm("output_norm", b.TakeRows(x))
		b.Residual(h)
		b.Logits(h, table)
	},
}

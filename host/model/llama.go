package model

import (
	"tuff/host/compute"
	"tuff/host/weights"
)

// llama is the family of Llama 2 and 3, Mistral and Mixtral: pre-norm layers of grouped-query attention with rotary positions
// and a SwiGLU feed-forward or a mixture of such, RMSNorm throughout, an output matrix of its own or the embedding table
// again. GGUF files of this architecture store query and key rows so that a rotated pair lies side by side.
// Sources: Touvron et al., LLaMA, 2023, section 2; Llama 2, 2023, section 2.2; Jiang et al., Mistral 7B, 2023, section 2;
// Jiang et al., Mixtral of Experts, 2024, section 2.1.
var llama = Family{
	Archs: []string{"llama", "ernie4_5", "ernie4_5-moe"},
	Config: func(c *Config, f *weights.File) error {
		c.MoE.Normalize = true
		return nil
	},
	Build: Decoder{}.Build,
}

// olmo is Llama with LayerNorm that has neither weight nor bias. Source: Groeneveld et al., OLMo, 2024, section 2.1.
var olmo = Family{
	Archs: []string{"olmo"}, LayerNorm: true,
	Config: func(c *Config, _ *weights.File) error { c.plainNorms = true; return nil },
	Build:  Decoder{}.Build,
}

// hunyuan is Llama that rotates halves and normalises the heads of queries and keys behind their rotation.
// Source: Tencent, Hunyuan-7B, 2025, and its reference implementation.
var hunyuan = Family{
	Archs: []string{"hunyuan-dense"},
	Build: Decoder{Pairing: compute.Halves, QKNorm: HeadWise, NormLast: true}.Build,
}

// exaone4 has norms behind its parts only, normalises heads, and where it has windows rotates in layers with them alone.
// Source: LG AI Research, EXAONE 4.0, 2025, section 2.1.
var exaone4 = Family{
	Archs: []string{"exaone4"},
	Build: func(b *Builder) {
		d := Decoder{Pairing: compute.Halves, NoPreNorm: true, PostNorm: true, QKNorm: HeadWise, Local: func(i int) bool { return i%4 != 3 }}
		if b.cfg.Window > 0 {
			d.Rotate = d.Local
		}
		d.Build(b)
	},
}

// arcee is Llama with a feed-forward part of squared ReLU and no gate. Source: Arcee AI, AFM-4.5B, 2025.
var arcee = Family{
	Archs: []string{"arcee"},
	Build: Decoder{NoGate: true, Activation: compute.ReLU2}.Build,
}

// smollm3 is Llama of which every fourth layer does not rotate. Source: Hugging Face, SmolLM3, 2025 (NoPE after Yang et al.,
// Rope to Nope and Back Again, 2025).
var smollm3 = Family{
	Archs: []string{"smollm3"},
	Build: Decoder{Rotate: func(i int) bool { return (i+1)%4 != 0 }}.Build,
}

// granite is Llama with multipliers on embeddings, attention, residuals and logits.
// Source: IBM, Granite 3.0 Language Models, 2024, section 3 (after Yang et al., Tensor Programs V, 2022).
var granite = Family{
	Archs: []string{"granite", "granitemoe"},
	Config: func(c *Config, f *weights.File) error {
		c.MoE.Normalize = true
		c.EmbedScale, c.ResidualScale = multiplier(f, c, "embedding_scale"), multiplier(f, c, "residual_scale")
		c.AttnScale = multiplier(f, c, "attention.scale")
		if s := multiplier(f, c, "logit_scale"); s != 0 {
			c.LogitScale = 1 / s // the file's is a divisor
		}
		return nil
	},
	Build: Decoder{}.Build,
}

// multiplier is a number of the file, or 0.
func multiplier(f *weights.File, c *Config, key string) float32 {
	v, _ := f.Float(c.Arch + "." + key)
	return float32(v)
}

package model

import (
	"tuff/host/compute"
	"tuff/host/weights"
)

// cohere is Command R: attention and feed-forward part side by side from one LayerNorm without bias, scaled logits.
// Source: Cohere, C4AI Command R, model card and reference implementation, 2024.
var cohere = Family{
	Archs: []string{"command-r"}, LayerNorm: true,
	Config: func(c *Config, f *weights.File) error { c.LogitScale = multiplier(f, c, "logit_scale"); return nil },
	Build:  Decoder{Parallel: OneNorm, QKNorm: HeadWise}.Build,
}

// cohere2 attends to a window in three layers of four; the fourth sees everything and does not rotate.
// Source: Cohere, Command R7B, model card and reference implementation, 2024.
var cohere2 = Family{
	Archs: []string{"cohere2"}, LayerNorm: true,
	Config: func(c *Config, f *weights.File) error { c.LogitScale = multiplier(f, c, "logit_scale"); return nil },
	Build: Decoder{Parallel: OneNorm, Local: func(i int) bool { return i%4 != 3 },
		Rotate: func(i int) bool { return i%4 != 3 }}.Build,
}

// stablelm rotates part of each head; models without a second norm run their parts side by side.
// Source: Bellagente et al., Stable LM 2 1.6B Technical Report, 2024, section 3.
var stablelm = Family{
	Archs: []string{"stablelm"}, LayerNorm: true,
	Build: Decoder{Pairing: compute.Halves, QKNorm: HeadWise,
		ParallelOf: func(b *Builder) Parallel {
			if b.Has("ffn_norm.weight") {
				return Sequential
			}
			return OneNorm
		}}.Build,
}

// olmo2 has norms behind its parts only, and normalises queries and keys over all heads. Source: OLMo Team, 2 OLMo 2
// Furious, 2024, section 2. OLMo 3 adds a window in three layers of four, whose angles are never scaled.
var olmo2 = Family{
	Archs: []string{"olmo2"},
	Build: Decoder{Pairing: compute.Halves, NoPreNorm: true, PostNorm: true, QKNorm: RowWise,
		Local: func(i int) bool { return i%4 != 3 }, LocalRoPE: func(c *Config) *RoPE { return plainAngles(c, c.RoPE.Base) }}.Build,
}

// olmoe is a mixture of experts with the same normalisation of queries and keys. Source: Muennighoff et al., OLMoE, 2024,
// section 2.
var olmoe = Family{
	Archs: []string{"olmoe"},
	Build: Decoder{Pairing: compute.Halves, QKNorm: RowWise}.Build,
}

// glm has fused matrices and rotates adjacent elements of part of each head. Source: GLM Team, ChatGLM, 2024, section 2.1.
var glm = Family{
	Archs: []string{"chatglm"},
	Build: Decoder{FusedQKV: true, FusedGate: true}.Build,
}

// glm4moe is a mixture of experts with a sigmoid gate, one for every token among them, that rotates halves of part of each head.
// Source: GLM-4.5 Team, GLM-4.5, 2025, section 2.1.
var glm4moe = Family{
	Archs: []string{"glm4moe"},
	Config: func(c *Config, _ *weights.File) error {
		c.MoE.Gate, c.MoE.Normalize, c.MoE.GroupTop2 = compute.SigmoidGate, true, true
		return nil
	},
	Build: Decoder{Pairing: compute.Halves, QKNorm: HeadWise, FFNNorm: "post_attention_norm"}.Build,
}

// glm4 has norms on both sides of its parts and rotates adjacent elements of part of each head.
// Source: GLM Team, ChatGLM, 2024, section 2.1, and the reference implementation of GLM-4-0414.
var glm4 = Family{
	Archs: []string{"glm4"},
	Build: Decoder{PostNorm: true, FusedGate: true}.Build,
}

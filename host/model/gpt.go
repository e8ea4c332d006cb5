package model

import (
	"fmt"

	"tuff/host/compute"
	"tuff/host/weights"
)

// gpt2 has learned positions, LayerNorm, fused queries, keys and values, and GELU without a gate.
// Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.3.
var gpt2 = Family{
	Archs: []string{"gpt2"}, LayerNorm: true,
	Build: Decoder{Positions: true, FusedQKV: true, NoGate: true, Activation: compute.GELUTanh}.Build,
}

// gptNeoX rotates part of each head and runs attention and feed-forward part side by side unless the file says otherwise.
// Source: Black et al., GPT-NeoX-20B, 2022, section 2.1.
var gptNeoX = Family{
	Archs: []string{"gptneox"}, LayerNorm: true,
	Build: Decoder{Pairing: compute.Halves, FusedQKV: true, NoGate: true, Activation: compute.GELU,
		ParallelOf: func(b *Builder) Parallel {
			if v, ok := b.f.Bool("gptneox.use_parallel_residual"); ok && !v {
				return Sequential
			}
			return TwoNorms
		}}.Build,
}

// falcon runs attention and feed-forward part side by side, from one norm or from two. Source: Almazrouei et al., The Falcon Series of
// Open Language Models, 2023, section 4.
var falcon = Family{
	Archs: []string{"falcon"}, LayerNorm: true,
	Config: func(c *Config, f *weights.File) error {
		if c.scaledALiBi = 1; multiplier(f, c, "attention.alibi_scale") > 0 {
			c.scaledALiBi = float64(multiplier(f, c, "attention.alibi_scale"))
		}
		return nil
	},
	Build: func(b *Builder) {
		d := Decoder{Pairing: compute.Halves, FusedQKV: true, NoGate: true, Activation: compute.GELU, Parallel: OneNorm}
		if _, two := b.f.Tensor("blk.0.attn_norm_2.weight"); two { // the 40B model and larger: one norm for each part
			d.Parallel, d.AttnNorm, d.FFNNorm = TwoNorms, "attn_norm_2", "attn_norm"
		}
		if v, ok := b.f.Bool("falcon.use_parallel_residual"); ok && !v { // the RW models
			d.Parallel = Sequential
		}
		d.Build(b)
	},
}

// phi2 is GPT-NeoX with one norm a layer. Source: Li et al., Textbooks Are All You Need II, 2023, section 2.
var phi2 = Family{
	Archs: []string{"phi2"}, LayerNorm: true,
	Build: Decoder{Pairing: compute.Halves, FusedQKV: true, NoGate: true, Activation: compute.GELUTanh, Parallel: OneNorm}.Build,
}

// phi3 is Llama with fused matrices and rotated halves, with LongRoPE for long contexts.
// Source: Abdin et al., Phi-3 Technical Report, 2024, section 2.
var phi3 = Family{
	Archs: []string{"phi3"},
	Build: Decoder{Pairing: compute.Halves, FusedQKV: true, FusedGate: true}.Build,
}

// phiMoE is Phi-3 with LayerNorm, biases and experts behind a sparse mixer. Files call the epsilon RMSNorm's all the same.
// Source: Abdin et al., Phi-3 Technical Report, 2024, section 2; Liu et al., GRIN: GRadient-INformed MoE, 2024, section 2.
var phiMoE = Family{
	Archs: []string{"phimoe"}, LayerNorm: true,
	Config: func(c *Config, f *weights.File) error {
		if eps := multiplier(f, c, "attention.layer_norm_rms_epsilon"); eps > 0 {
			c.NormEps = eps
		}
		c.MoE.Gate, c.MoE.Jitter = compute.SparseMixerGate, 0.01
		if v, ok := f.Float(c.Arch + ".expert_jitter"); ok {
			c.MoE.Jitter = float32(v)
		}
		if !(c.MoE.Jitter >= 0 && c.MoE.Jitter <= 1) {
			return fmt.Errorf("model: read %q: %s.expert_jitter: got %g, want 0 to 1", f.Name, c.Arch, c.MoE.Jitter)
		}
		if c.MoE.NumExperts == 0 {
			return &UnsupportedError{f.Name, "phimoe without experts"}
		}
		return nil
	},
	Build: Decoder{Pairing: compute.Halves, FusedQKV: true}.Build,
}

// starcoder2 is GPT-2 with rotary positions, grouped queries and biases throughout.
// Source: Lozhkov et al., StarCoder 2 and The Stack v2, 2024, section 6.
var starcoder2 = Family{
	Archs: []string{"starcoder2"}, LayerNorm: true,
	Build: Decoder{Pairing: compute.Halves, NoGate: true, Activation: compute.GELUTanh}.Build,
}

// nemotron has LayerNorm, squared ReLU without a gate and rotates part of each head.
// Source: Parmar et al., Nemotron-4 15B, 2024, section 2.
var nemotron = Family{
	Archs: []string{"nemotron"}, LayerNorm: true,
	Build: Decoder{Pairing: compute.Halves, NoGate: true, Activation: compute.ReLU2}.Build,
}

// gptOSS is a mixture of experts with clamped gates, biases throughout, a sink score in every head and a window in every
// other layer. Source: OpenAI, gpt-oss-120b and gpt-oss-20b Model Card, 2025, section 2.
var gptOSS = Family{
	Archs:  []string{"gpt-oss"},
	Config: func(c *Config, _ *weights.File) error { c.MoE.Gate = compute.TopSoftmaxGate; return nil },
	Build: Decoder{Pairing: compute.Halves, Activation: compute.ClampedSiLU, FFNNorm: "post_attention_norm",
		Local: func(i int) bool { return i%2 == 0 }}.Build,
}

// gptJ has rotary positions in adjacent pairs and both parts side by side from one norm.
// Source: Wang and Komatsuzaki, GPT-J-6B, 2021.
var gptJ = Family{
	Archs: []string{"gptj"}, LayerNorm: true,
	Build: Decoder{NoGate: true, Activation: compute.GELUTanh, Parallel: OneNorm}.Build,
}

// gptNeo is GPT-2 with a window in every other layer and scores that are not scaled. Source: Black et al., GPT-Neo, 2021.
var gptNeo = Family{
	Archs: []string{"gptneo"}, LayerNorm: true,
	Config: func(c *Config, _ *weights.File) error { c.AttnScale = 1; return nil },
	Build:  Decoder{Positions: true, NoGate: true, Activation: compute.GELUTanh, Local: func(i int) bool { return i%2 == 1 }}.Build,
}

// starcoder is GPT-2 whose query heads share one key and value. Source: Li et al., StarCoder, 2023, section 5.
var starcoder = Family{
	Archs: []string{"starcoder"}, LayerNorm: true,
	Build: Decoder{Positions: true, FusedQKV: true, NoGate: true, Activation: compute.GELUTanh}.Build,
}

// opt is GPT-2 with ReLU. Source: Zhang et al., OPT, 2022, section 2.
var opt = Family{
	Archs: []string{"opt"}, LayerNorm: true,
	Build: Decoder{Positions: true, NoGate: true, Activation: compute.ReLU}.Build,
}

// bloom has ALiBi for positions and normalises its embeddings. Source: BigScience, BLOOM, 2022, section 3.2.
var bloom = Family{
	Archs: []string{"bloom"}, LayerNorm: true,
	Config: func(c *Config, _ *weights.File) error {
		if c.MaxALiBi == 0 {
			c.MaxALiBi = 8 // which files of BLOOM leave out
		}
		return nil
	},
	Build: Decoder{FusedQKV: true, NoGate: true, Activation: compute.GELUTanh}.Build,
}

// mpt has ALiBi for positions and no biases. Source: MosaicML, MPT-7B, 2023, and its reference implementation.
var mpt = Family{
	Archs: []string{"mpt"}, LayerNorm: true,
	Config: func(c *Config, f *weights.File) error {
		c.AttnScale = multiplier(f, c, "attention.scale")
		if c.MaxALiBi == 0 {
			return &UnsupportedError{f.Name, "mpt without ALiBi"}
		}
		return nil
	},
	Build: Decoder{FusedQKV: true, NoGate: true, Activation: compute.GELU}.Build,
}

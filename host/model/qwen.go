package model

import (
	"tuff/host/compute"
	"tuff/host/weights"
)

// qwen2 is Llama with biases on queries, keys and values, rotating halves. Source: Yang et al., Qwen2, 2024, section 2.2.
var qwen2 = Family{
	Archs: []string{"qwen2"},
	Build: Decoder{Pairing: compute.Halves}.Build,
}

// seedOSS is Qwen2 whose files name the norm before the feed-forward part after what it follows.
// Source: ByteDance Seed, Seed-OSS, 2025.
var seedOSS = Family{
	Archs: []string{"seed_oss"},
	Build: Decoder{Pairing: compute.Halves, FFNNorm: "post_attention_norm"}.Build,
}

// qwen2moe adds a mixture of experts whose weights are not normalised, and one more for every token behind a sigmoid.
// Source: Qwen Team, Qwen1.5-MoE, 2024.
var qwen2moe = Family{
	Archs: []string{"qwen2moe"},
	Build: Decoder{Pairing: compute.Halves}.Build,
}

// qwen3 normalises the heads of queries and keys. Source: Qwen Team, Qwen3 Technical Report, 2025, section 2.
var qwen3 = Family{
	Archs:  []string{"qwen3", "qwen3moe"},
	Config: func(c *Config, _ *weights.File) error { c.MoE.Normalize = true; return nil },
	Build:  Decoder{Pairing: compute.Halves, QKNorm: HeadWise}.Build,
}

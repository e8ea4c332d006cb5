package model

import (
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// gemma scales embeddings by the root of their size and gates with GELU. The ones that its norms add to their weights are
// part of the weights in GGUF files. Source: Gemma Team, Gemma, 2024, section 2.
var gemma = Family{
	Archs:  []string{"gemma"},
	Config: func(c *Config, _ *weights.File) error { c.EmbedScale = rootOf(c.HiddenDim); return nil },
	Build:  Decoder{Pairing: compute.Halves, Activation: compute.GELUTanh}.Build,
}

// gemma2 adds norms behind both parts, soft caps, and a window in every other layer.
// Source: Gemma Team, Gemma 2, 2024, section 2.
var gemma2 = Family{
	Archs: []string{"gemma2"},
	Config: func(c *Config, f *weights.File) error {
		c.EmbedScale = rootOf(c.HiddenDim)
		c.AttnCap, c.LogitCap = multiplier(f, c, "attn_logit_softcapping"), multiplier(f, c, "final_logit_softcapping")
		if c.AttnScale = multiplier(f, c, "attention.scale"); c.AttnScale == 0 && c.NumLayers == 46 { // the 27B model
			c.AttnScale = 1 / rootOf(c.HiddenDim/c.NumHeads)
		}
		return nil
	},
	Build: Decoder{Pairing: compute.Halves, Activation: compute.GELUTanh, PostNorm: true, Local: func(i int) bool { return i%2 == 0 }}.Build,
}

// gemma3 normalises heads instead of capping, and gives the local layers, five of six, angles of their own.
// Source: Gemma Team, Gemma 3, 2025, section 2.
var gemma3 = Family{
	Archs: []string{"gemma3"},
	Config: func(c *Config, f *weights.File) error {
		c.EmbedScale = rootOf(c.HiddenDim)
		c.LogitCap = multiplier(f, c, "final_logit_softcapping")
		if c.AttnScale = multiplier(f, c, "attention.scale"); c.AttnScale == 0 && c.NumLayers == 62 { // the 27B model
			c.AttnScale = 1 / rootOf(c.HiddenDim/c.NumHeads)
		}
		return nil
	},
	Build: Decoder{Pairing: compute.Halves, Activation: compute.GELUTanh, PostNorm: true, QKNorm: HeadWise,
		Local:     func(i int) bool { return (i+1)%6 != 0 },
		LocalRoPE: localAngles}.Build,
}

func rootOf(n int) float32 { return float32(math.Sqrt(float64(n))) }

package model

import "tuff/host/weights"

// mistral3 is Ministral 3: Llama whose queries grow with their position, slowly, beyond the context of the first training.
// Source: Mistral AI, Ministral 3, model card and reference implementation, 2025 (the temperature is Llama 4's).
var mistral3 = Family{
	Archs: []string{"mistral3"},
	Config: func(c *Config, f *weights.File) error {
		if beta := multiplier(f, c, "attention.temperature_scale"); beta != 0 {
			c.RoPE.Temperature = float64(beta)
		}
		return nil
	},
	Build: Decoder{}.Build,
}

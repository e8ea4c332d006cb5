package model

import "strings"

// families lists every family that can be built, in the order of the documentation.
var families = []*Family{
	&llama, &llama4, &mistral3, &deepseek2, &arcee, &smollm3, &granite,
	&qwen2, &seedOSS, &qwen2moe, &qwen3,
	&gemma, &gemma2, &gemma3,
	&gpt2, &gptNeoX, &gptOSS, &falcon, &phi2, &phi3, &phiMoE, &starcoder2, &nemotron,
	&cohere, &cohere2, &stablelm, &olmo, &olmo2, &olmoe, &glm, &glm4, &glm4moe, &hunyuan, &exaone4,
	&gptJ, &gptNeo, &starcoder, &opt, &bloom, &mpt,
	&mamba, &jamba, &graniteHybrid, &falconH1, &lfm2, &qwen3next, &qwen35, &gemma3n, &gemma4,
	&bert, &nomicBERT, &modernBERT, &t5Encoder,
}

// familyOf finds the family of an architecture, or nil.
func familyOf(arch string) *Family {
	for _, f := range families {
		for _, a := range f.Archs {
			if a == arch {
				return f
			}
		}
	}
	return nil
}

// Supported lists the architectures that can be built.
func Supported() []string {
	var all []string
	for _, f := range families {
		all = append(all, f.Archs...)
	}
	return all
}

func supportedList() string { return strings.Join(Supported(), ", ") }

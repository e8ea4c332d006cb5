package synth

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"tuff/host/weights"
)

// expertise says whether an architecture has experts in place of the feed-forward part.
type expertise uint8

const (
	never expertise = iota
	perhaps
	always
)

// arch is what the files of an architecture have besides what all have.
type arch struct {
	layerNorm bool
	moe       expertise
	narrow    bool // experts have a width of their own, and the file says so
	// equalHeads says that there are as many heads of keys and values as of queries.
	equalHeads bool
	rotary     int      // part of a head that rotates: 1 all, 2 half, 4 a quarter, 0 none
	optional   []string // tensors that host/model reads only where they are there
	encoder    bool
	// layered reports whether a layer has a tensor that others of the same file lack, by its name in the layer; nil: there are none.
	layered func(s *Spec, layer int, name string) bool
	keys    func(s *Spec, set func(key string, v any))
}

// reads reports whether files have a tensor that host/model reads only where it is there. Patterns are of the name in its layer.
func (a *arch) reads(s *Spec, name string) bool {
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "enc."), "blk."); ok {
		var digits string
		digits, name, _ = strings.Cut(rest, ".")
		if layer, err := strconv.Atoi(digits); err == nil && a.layered != nil && a.layered(s, layer, name) {
			return true
		}
	}
	return slices.ContainsFunc(a.optional, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

var (
	qkvBias  = []string{"attn_q.bias", "attn_k.bias", "attn_v.bias"}
	headNorm = []string{"attn_q_norm.weight", "attn_k_norm.weight"}
	biases   = []string{"*.bias"}
	own      = []string{"output.weight"}
)

func list(parts ...[]string) []string { return slices.Concat(parts...) }

// archs has an entry for each architecture that can be made. What is a number here is the original models' choice, or near it.
var archs = map[string]*arch{
	"llama":      {moe: perhaps, rotary: 1, optional: own},
	"ernie4_5":   {rotary: 1},
	"arcee":      {rotary: 1, optional: own},
	"smollm3":    {rotary: 1},
	"granite":    {rotary: 1, keys: graniteKeys},
	"granitemoe": {rotary: 1, moe: always, keys: graniteKeys},
	"qwen2":      {rotary: 1, optional: list(qkvBias, own)},
	"seed_oss":   {rotary: 1, optional: list(qkvBias, own)},
	"qwen2moe": {rotary: 1, moe: always, narrow: true, optional: list(qkvBias, own, []string{"ffn_gate_inp_shexp.weight"}),
		keys: func(s *Spec, set func(string, any)) { set("expert_shared_feed_forward_length", s.Size.FFN) }},
	"qwen3":    {rotary: 1, optional: list(headNorm, own)},
	"qwen3moe": {rotary: 1, moe: always, narrow: true, optional: list(headNorm, own)},
	"gemma":    {rotary: 1},
	"gemma2": {rotary: 1, keys: func(s *Spec, set func(string, any)) {
		window(s, set)
		set("attn_logit_softcapping", 50.0)
		set("final_logit_softcapping", 30.0)
	}},
	"gemma3":  {rotary: 1, optional: headNorm, keys: window},
	"gemma3n": {rotary: 1, optional: []string{"altup_correct_scale.weight"}, keys: gemma3nKeys},
	"gemma4": {rotary: 1, moe: perhaps, narrow: true, optional: []string{"layer_output_scale.weight", "ffn_gate_up_exps.weight"}, keys: gemma4Keys,
		layered: func(s *Spec, _ int, name string) bool { // global layers have no values of their own where there are experts
			return name == "attn_v.weight" && s.Size.Experts == 0
		}},
	"gpt2": {layerNorm: true, optional: list([]string{"attn*.bias", "ffn*.bias", "output_norm.bias"}, own, []string{"attn_qkv.weight"})},
	"gptneox": {layerNorm: true, rotary: 2, optional: list([]string{"attn*.bias", "ffn*.bias", "output_norm.bias", "attn_qkv.weight"}, own),
		keys: func(_ *Spec, set func(string, any)) { set("use_parallel_residual", true) }},
	"falcon":     {layerNorm: true, rotary: 1, optional: list([]string{"*norm.bias", "attn_qkv.weight"}, own)},
	"phi2":       {layerNorm: true, rotary: 2, optional: list(biases, own, []string{"attn_qkv.weight"})},
	"phi3":       {rotary: 1, optional: list([]string{"attn_qkv.weight"}, own)},
	"phimoe":     {layerNorm: true, rotary: 1, moe: always, optional: list([]string{"attn*.bias", "*norm.bias", "output.bias"}, own)},
	"starcoder2": {layerNorm: true, rotary: 1, optional: []string{"attn*.bias", "ffn*.bias", "output_norm.bias"}},
	"nemotron":   {layerNorm: true, rotary: 2, optional: list([]string{"*norm.bias"}, own)},
	"gpt-oss":    {rotary: 1, moe: always, narrow: true, optional: list([]string{"attn*.bias", "ffn*.bias", "attn_sinks.weight"}, own), keys: window},
	"command-r":  {layerNorm: true, rotary: 1, keys: func(_ *Spec, set func(string, any)) { set("logit_scale", 0.0625) }},
	"cohere2": {layerNorm: true, rotary: 1, keys: func(s *Spec, set func(string, any)) {
		window(s, set)
		set("logit_scale", 0.25)
	}},
	"stablelm": {layerNorm: true, rotary: 2, optional: list([]string{"*norm.bias", "ffn_norm.weight"}, own),
		keys: func(_ *Spec, set func(string, any)) { set("use_parallel_residual", false) }},
	"olmo2": {rotary: 1, optional: own},
	"olmoe": {rotary: 1, moe: always, equalHeads: true, optional: own},
	"glm4":  {rotary: 2, optional: own},

	"ernie4_5-moe": {rotary: 1, moe: always, narrow: true, optional: own, keys: func(s *Spec, set func(string, any)) {
		shared(s, set)
		set("interleave_moe_layer_step", 1)
	}},
	"chatglm": {rotary: 2, optional: list([]string{"attn_qkv.weight", "attn_qkv.bias"}, own)},
	"glm4moe": {rotary: 2, moe: always, narrow: true, optional: list(qkvBias, headNorm, own, []string{"exp_probs_b.bias"}), keys: func(s *Spec, set func(string, any)) {
		shared(s, set)
		set("expert_weights_scale", 1.5)
		set("expert_weights_norm", true)
		set("expert_gating_func", 2) // sigmoid
	}},
	"hunyuan-dense": {rotary: 1, optional: list(headNorm, own)},
	"exaone4":       {rotary: 1, optional: list(headNorm, own)},
	"olmo":          {layerNorm: true, rotary: 1, optional: own},
	"gptj":          {layerNorm: true, rotary: 1, optional: list([]string{"ffn*.bias", "*norm.bias", "output.bias"}, own)},
	"gptneo":        {layerNorm: true, optional: list([]string{"attn_output.bias", "ffn*.bias", "*norm.bias"}, own)},
	"starcoder":     {layerNorm: true, optional: list([]string{"attn*.bias", "ffn*.bias", "output_norm.bias", "attn_qkv.weight"}, own)},
	"opt":           {layerNorm: true, optional: list([]string{"attn*.bias", "ffn*.bias", "output_norm.bias"}, own)},
	"bloom":         {layerNorm: true, equalHeads: true, optional: list([]string{"attn*.bias", "ffn*.bias", "output_norm.bias", "token_embd_norm.*", "attn_qkv.weight"}, own)},
	"mpt": {layerNorm: true, optional: list([]string{"attn_qkv.weight"}, own),
		keys: func(_ *Spec, set func(string, any)) { set("attention.max_alibi_bias", 8.0) }},

	"llama4": {rotary: 1, moe: always, narrow: true, optional: own, keys: func(s *Spec, set func(string, any)) {
		set("interleave_moe_layer_step", min(2, s.Size.Layers))
	}},
	"mistral3":  {rotary: 1, optional: own},
	"deepseek2": {moe: always, narrow: true, optional: list(own, []string{"exp_probs_b.bias"}), keys: latentKeys},

	"bert": {encoder: true, layerNorm: true, equalHeads: true, optional: list(biases, []string{"token_types.weight", "token_embd_norm.weight"}), keys: func(s *Spec, set func(string, any)) {
		set("attention.causal", false)
		set("tokenizer.ggml.token_type_count", 2)
	}},
	"nomic-bert": {encoder: true, layerNorm: true, rotary: 1, equalHeads: true,
		optional: []string{"*norm.bias", "token_types.weight", "token_embd_norm.weight", "attn_qkv.weight"}, keys: func(s *Spec, set func(string, any)) {
			set("attention.causal", false)
			set("tokenizer.ggml.token_type_count", 2)
		}},
	"modern-bert": {encoder: true, layerNorm: true, rotary: 1, equalHeads: true, optional: []string{"token_embd_norm.weight", "attn_norm.weight", "ffn_norm.weight", "attn_qkv.weight"},
		keys: func(s *Spec, set func(string, any)) {
			set("attention.causal", false)
			set("rope.freq_base_swa", 10000.0)
			window(s, set)
		}},
	"t5encoder": {encoder: true, equalHeads: true, optional: []string{"attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight"},
		keys: func(_ *Spec, set func(string, any)) {
			set("attention.causal", false)
			set("attention.relative_buckets_count", 32)
		}},
}

// shared is one expert for every token, and a first layer without experts where there is another.
func shared(s *Spec, set func(string, any)) {
	set("leading_dense_block_count", min(1, s.Size.Layers-1))
	set("expert_shared_count", 1)
	set("expert_shared_feed_forward_length", narrower(&s.Size))
}

// latentKeys describes latent attention with sizes in the proportions of DeepSeek V3: the rotated part half of a head, the vectors that
// keys and queries come from four and eight heads wide.
func latentKeys(s *Spec, set func(string, any)) {
	z := &s.Size
	lora, rot := 4*z.HeadDim, z.HeadDim/4*2
	set("attention.head_count_kv", 1)
	set("attention.kv_lora_rank", lora)
	set("attention.q_lora_rank", 8*z.HeadDim)
	set("attention.key_length", lora+rot)
	set("attention.value_length", lora)
	set("attention.key_length_mla", z.HeadDim+rot)
	set("attention.value_length_mla", z.HeadDim)
	set("rope.dimension_count", rot)
	set("rope.freq_base", 10000.0)
	set("leading_dense_block_count", min(1, z.Layers-1))
	set("expert_shared_count", 1)
	set("expert_weights_scale", 2.5)
	set("expert_weights_norm", true)
	set("expert_gating_func", 2) // sigmoid
}

// archOf finds an architecture, or nil.
func archOf(name string) *arch {
	if a := archs[name]; a != nil {
		return a
	}
	return stateArchs[name]
}

// Encoder reports whether an architecture gives vectors instead of text.
func Encoder(name string) bool { return archOf(name) != nil && archOf(name).encoder }

// Stateful reports whether an architecture carries a state from token to token.
func Stateful(name string) bool { return stateArchs[name] != nil }

// Archs lists the architectures that can be made.
func Archs() []string {
	all := slices.Concat(slices.Collect(maps.Keys(archs)), slices.Collect(maps.Keys(stateArchs)))
	slices.Sort(all)
	return all
}

// HasExperts reports whether files of an architecture have experts whatever the size says.
func HasExperts(name string) bool { return archOf(name) != nil && archOf(name).moe == always }

func graniteKeys(s *Spec, set func(string, any)) {
	set("embedding_scale", 3.0)
	set("residual_scale", 0.22)
	set("attention.scale", 1/float64(s.Size.HeadDim))
	set("logit_scale", 8.0)
}

func window(s *Spec, set func(string, any)) {
	set("attention.sliding_window", max(s.Size.Context/4, 1))
}

// gemma3nKeys: the published models' four streams, ten layers of sparse gates and twenty with keys and values of their own.
func gemma3nKeys(s *Spec, set func(string, any)) {
	z := &s.Size
	window(s, set)
	local, cutoffs := make([]bool, z.Layers), make([]float32, z.Layers)
	for i := range local {
		if local[i] = (i+1)%5 != 0; i < 10 {
			cutoffs[i] = 1.6448535
		}
	}
	set("attention.sliding_window_pattern", local)
	set("activation_sparsity_scale", cutoffs)
	set("attention.shared_kv_layers", max(z.Layers-20, 0))
	set("altup.num_inputs", 4)
	set("altup.active_idx", 0)
	set("rope.freq_base", 1000000.0)
	set("rope.freq_base_swa", 10000.0)
	set("embedding_length_per_layer_input", 256)
	set("final_logit_softcapping", 30.0)
}

// gemma4Local reports whether a layer has the window: every other, so that small files have both kinds.
func gemma4Local(layer int) bool { return layer%2 == 0 }

// gemma4Keys: heads twice as large in global layers, a third of the layers without keys and values of their own, their feed-forward
// parts twice as wide.
func gemma4Keys(s *Spec, set func(string, any)) {
	z := &s.Size
	window(s, set)
	shared := max(z.Layers-(2*z.Layers/3+1)/2*2, 0) // with the last two before them, one of each kind
	if shared > z.Layers-2 {
		shared = 0
	}
	local, kv, widths := make([]bool, z.Layers), make([]int32, z.Layers), make([]int32, z.Layers)
	for i := range local {
		local[i], kv[i], widths[i] = gemma4Local(i), int32(z.KVHeads), int32(z.FFN)
		if i >= z.Layers-shared {
			widths[i] *= 2
		}
	}
	set("attention.sliding_window_pattern", local)
	set("attention.head_count_kv", kv)
	set("feed_forward_length", widths)
	set("attention.shared_kv_layers", shared)
	set("attention.key_length", 2*z.HeadDim)
	set("attention.value_length", 2*z.HeadDim)
	set("attention.key_length_swa", z.HeadDim)
	set("attention.value_length_swa", z.HeadDim)
	set("rope.dimension_count", 2*z.HeadDim)
	set("rope.dimension_count_swa", z.HeadDim)
	set("rope.freq_base", 1000000.0)
	set("rope.freq_base_swa", 10000.0)
	set("embedding_length_per_layer_input", max(z.Hidden/8/32*32, 32))
	set("final_logit_softcapping", 30.0)
}

// metadata are the keys of the file.
func metadata(s *Spec, a *arch) []weights.Key {
	var keys []weights.Key
	put := func(name string, v any) {
		for i := range keys { // an architecture's own word comes last and counts
			if keys[i].Name == name {
				keys = slices.Delete(keys, i, i+1)
				break
			}
		}
		switch x := v.(type) {
		case int:
			v = uint32(x)
		case float64:
			v = float32(x)
		}
		keys = append(keys, weights.Key{Name: name, Value: v})
	}
	set := func(key string, v any) {
		if strings.HasPrefix(key, "tokenizer.") {
			put(key, v)
			return
		}
		put(s.Arch+"."+key, v)
	}
	z := &s.Size
	put("general.architecture", s.Arch)
	put("general.name", s.Name)
	put("general.file_type", s.Recipe.FileType)
	put("general.quantization_version", 2)
	set("block_count", z.Layers)
	set("context_length", z.Context)
	set("embedding_length", z.Hidden)
	set("feed_forward_length", z.FFN)
	set("attention.head_count", z.Heads)
	set("attention.head_count_kv", z.KVHeads)
	set("attention.key_length", z.HeadDim)
	set("attention.value_length", z.HeadDim)
	set("vocab_size", z.Vocab)
	if a.layerNorm {
		set("attention.layer_norm_epsilon", 1e-5)
	} else {
		set("attention.layer_norm_rms_epsilon", 1e-5)
	}
	if a.rotary > 0 {
		set("rope.dimension_count", z.HeadDim/a.rotary/2*2)
		set("rope.freq_base", 10000.0)
	}
	if z.Experts > 0 && a.moe != never {
		set("expert_count", z.Experts)
		set("expert_used_count", z.Used)
		if a.narrow {
			set("expert_feed_forward_length", narrower(z))
		}
	}
	if a.keys != nil {
		a.keys(s, set)
	}
	return append(keys, vocabulary(z.Vocab, s.Seed)...)
}

// narrower is a width of experts at which those used come near one of full width, in whole blocks of 256 if there is room.
func narrower(z *Size) int {
	n := z.FFN / max(z.Used, 1)
	if n > 256 {
		n = n / 256 * 256
	}
	return max(n, 32)
}

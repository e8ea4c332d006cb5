package synth

import (
	"slices"
	"strings"

	"tuff/host/weights"
)

// Widths of the architectures with a state, as the original models have them.
const (
	convRows     = 4   // that a mixer's convolution sees
	shortRows    = 3   // that a short convolution sees
	mambaState   = 16  // elements of a channel's state in Mamba
	mamba2State  = 128 // and in Mamba-2
	mamba2Head   = 64  // channels of a head of Mamba-2
	mamba2Groups = 2   // of heads that share keys and have a norm of their own; the first models have one, Codestral Mamba eight
	jambaPeriod  = 8   // layers, one of which attends
	hybridPeriod = 10  // of Granite 4
	shortPeriod  = 3   // of LFM2
	deltaPeriod  = 4   // of Qwen3-Next and Qwen3.5, the last of which attends
	deltaHead    = 128 // elements of a key and of a value in theirs
)

// firstMixer and secondMixer are the tensors of mixers that are read where they are there, of Mamba and of Mamba-2.
var (
	firstMixer  = []string{"ssm_x.weight", "ssm_conv1d.bias", "ssm_dt.bias"}
	secondMixer = []string{"ssm_conv1d.bias", "ssm_dt.bias"}
	secondNorm  = []string{"ssm_norm.weight"}
)

// attends reports whether a layer of a hybrid attends: the middle one of every period of layers, or of all where they are fewer.
func attends(layer, layers, period int) bool {
	period = min(period, layers)
	return layer%period == period/2
}

// kvHeads lists the KV heads of each layer: none where a layer has a state instead.
func kvHeads(s *Spec, period int) []int32 {
	list := make([]int32, s.Size.Layers)
	for i := range list {
		if attends(i, s.Size.Layers, period) {
			list[i] = int32(s.Size.KVHeads)
		}
	}
	return list
}

// within is a layer's tensors of hybrids whose other layers lack them.
func within(period int, names ...string) func(s *Spec, layer int, name string) bool {
	return func(s *Spec, layer int, name string) bool {
		for _, n := range names {
			if n == name {
				return !attends(layer, s.Size.Layers, period)
			}
		}
		return false
	}
}

// mambaKeys are a mixer's sizes: twice the width of the residual stream, with steps from a sixteenth of it.
func mambaKeys(s *Spec, set func(string, any)) {
	set("ssm.conv_kernel", convRows)
	set("ssm.inner_size", 2*s.Size.Hidden)
	set("ssm.state_size", mambaState)
	set("ssm.time_step_rank", (s.Size.Hidden+15)/16)
}

// mamba2Keys are those of the second kind, in heads of 64 channels or as many as divide them.
func mamba2Keys(s *Spec, set func(string, any)) {
	head := mamba2HeadOf(s)
	set("ssm.conv_kernel", convRows)
	set("ssm.inner_size", 2*s.Size.Hidden)
	set("ssm.state_size", mamba2State)
	set("ssm.time_step_rank", 2*s.Size.Hidden/head)
	set("ssm.group_count", 1)
}

// deltaKeys are the sizes of linear attention by the delta rule: values twice as wide as the residual stream, in heads of 128 or as
// many as divide them, two to a head of keys.
func deltaKeys(s *Spec, set func(string, any)) {
	head := deltaHead
	for 2*s.Size.Hidden%head != 0 {
		head /= 2
	}
	heads := 2 * s.Size.Hidden / head
	set("ssm.conv_kernel", convRows)
	set("ssm.inner_size", 2*s.Size.Hidden)
	set("ssm.state_size", head)
	set("ssm.time_step_rank", heads)
	set("ssm.group_count", heads/(2-heads%2))
	set("full_attention_interval", min(deltaPeriod, s.Size.Layers))
	if s.Size.Experts > 0 {
		set("expert_shared_feed_forward_length", narrower(&s.Size))
	}
}

// sections are how many angles turn by time, height and width, one after the other in turn.
func sections(s *Spec, set func(string, any)) {
	pairs := s.Size.HeadDim / 4 / 2
	set("rope.dimension_sections", []int32{int32((pairs + 2) / 3), int32((pairs + 1) / 3), int32(pairs / 3), 0})
}

// beforeLast is a layer's tensors that every layer has but the last of each period.
func beforeLast(names ...string) func(s *Spec, layer int, name string) bool {
	return func(s *Spec, layer int, name string) bool {
		return slices.Contains(names, name) && (layer+1)%min(deltaPeriod, s.Size.Layers) != 0
	}
}

func mamba2HeadOf(s *Spec) int {
	head := mamba2Head
	for 2*s.Size.Hidden%head != 0 {
		head /= 2
	}
	return head
}

// headless says that no layer attends and none has a feed-forward part.
func headless(_ *Spec, set func(string, any)) {
	for _, key := range []string{"feed_forward_length", "attention.head_count", "attention.head_count_kv"} {
		set(key, 0)
	}
}

// stateArchs are the architectures with a state.
var stateArchs = map[string]*arch{
	"mamba": {optional: list(firstMixer, own, []string{"ssm_in.weight"}), keys: func(s *Spec, set func(string, any)) {
		headless(s, set)
		mambaKeys(s, set)
	}},
	"mamba2": {optional: list(secondMixer, secondNorm, own, []string{"ssm_in.weight"}), keys: func(s *Spec, set func(string, any)) {
		headless(s, set)
		mamba2Keys(s, set)
		if heads := 2 * s.Size.Hidden / mamba2HeadOf(s); heads%mamba2Groups == 0 {
			set("ssm.group_count", mamba2Groups)
		}
	}},
	// Every second layer has experts, the others a plain feed-forward part.
	"jamba": {moe: always, optional: list(firstMixer, own, []string{"ssm_dt_norm.weight"}),
		layered: func(s *Spec, layer int, name string) bool {
			return name == "ffn_gate.weight" && layer%2 == 0 || within(jambaPeriod, "ssm_in.weight")(s, layer, name)
		},
		keys: func(s *Spec, set func(string, any)) {
			mambaKeys(s, set)
			set("attention.head_count_kv", kvHeads(s, jambaPeriod))
		}},
	"granitehybrid": {rotary: 1, moe: perhaps, optional: list(secondMixer, secondNorm), layered: func(s *Spec, layer int, name string) bool {
		return name == "ffn_gate.weight" && s.Size.Experts == 0 || within(hybridPeriod, "ssm_in.weight")(s, layer, name)
	}, keys: func(s *Spec, set func(string, any)) {
		graniteKeys(s, set)
		mamba2Keys(s, set)
		set("attention.head_count_kv", kvHeads(s, hybridPeriod))
		set("rope.scaling.finetuned", false) // its attention does not rotate
		if s.Size.Experts > 0 {
			set("expert_shared_feed_forward_length", s.Size.FFN)
		}
	}},
	"falcon-h1": {rotary: 1, optional: list(secondMixer, own, []string{"ffn_norm"}), keys: mamba2Keys},
	"qwen3next": {rotary: 4, moe: always, narrow: true, optional: list(headNorm, own, []string{"ffn_gate_inp_shexp.weight"}),
		layered: beforeLast("ssm_out.weight", "ssm_ba.weight"), keys: deltaKeys},
	"qwen35": {rotary: 4, optional: list(headNorm, own), layered: beforeLast("ssm_out.weight"), keys: func(s *Spec, set func(string, any)) {
		deltaKeys(s, set)
		sections(s, set)
	}},
	"qwen35moe": {rotary: 4, moe: always, narrow: true, optional: list(headNorm, own, []string{"ffn_gate_inp_shexp.weight"}),
		layered: beforeLast("ssm_out.weight"), keys: func(s *Spec, set func(string, any)) {
			deltaKeys(s, set)
			sections(s, set)
		}},
	"lfm2": {rotary: 1, optional: list(headNorm, []string{"token_embd_norm.weight"}), layered: within(shortPeriod, "shortconv.in_proj.weight"),
		keys: func(s *Spec, set func(string, any)) {
			set("shortconv.l_cache", shortRows)
			set("attention.head_count_kv", kvHeads(s, shortPeriod))
		}},
}

// law gives the numbers of a tensor that are not normal ones: element i of u, which is spread evenly from 0 to 1. They are those that
// the original models start from, and from which trained ones do not go far: states of Mamba that decay at rates 1 to their number,
// heads of Mamba-2 and of the delta rule at 1 to 16, what passes by a state whole, and steps whose lengths, softplus of these, are spread from 0.001 to 0.1
// like their logarithms. Sources: Gu and Dao, Mamba, 2023, section 3.6; Dao and Gu, Transformers are SSMs, 2024, section 9.
func law(shape *weights.Shape) func(i int, u float64) float64 {
	switch states := shape.Dims[0]; {
	case shape.Name == "rope_freqs.weight": // three quarters of the pairs do not rotate
		return func(i int, _ float64) float64 {
			if 4*i < int(states) {
				return 1
			}
			return 1e30
		}
	case strings.HasSuffix(shape.Name, ".layer_output_scale.weight"), strings.HasSuffix(shape.Name, "_exps.scale"):
		return func(_ int, u float64) float64 { return 0.5 + u }
	case strings.HasSuffix(shape.Name, ".ssm_a") && states > 1 && len(shape.Dims) > 1:
		return func(i int, u float64) float64 { return -float64(float64(i%states+1) * (0.75 + 0.5*u)) }
	case strings.HasSuffix(shape.Name, ".ssm_a"):
		return func(_ int, u float64) float64 { return -1 - 15*u }
	case strings.HasSuffix(shape.Name, ".ssm_d"):
		return func(_ int, u float64) float64 { return 0.9 + 0.2*u }
	case strings.HasSuffix(shape.Name, ".ssm_dt.bias"):
		return func(_ int, u float64) float64 { return -6.907 + 4.655*u }
	}
	return nil
}

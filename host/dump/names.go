package dump

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Rename says that a dump's tensor From is To; with an empty To it is left out. From without llama.cpp's -LAYER is that tensor of all layers.
type Rename struct{ From, To string }

// ParseRename reads FROM=TO.
func ParseRename(text string) (Rename, error) {
	from, to, ok := strings.Cut(text, "=")
	if !ok || from == "" {
		return Rename{}, fmt.Errorf("dump: got name %q, want FROM=TO, or FROM= to leave a tensor out", text)
	}
	return Rename{from, to}, nil
}

// Match pairs names of a dump with the names that are wanted: as Rename says, else where they are equal, else by the tables below. pairs is by
// wanted name. extra are the dump's that have no partner; a second name of a tensor that is paired is none.
func Match(have, want []string, renames []Rename) (pairs map[string]string, extra []string) {
	pairs = map[string]string{}
	wanted := map[string]bool{}
	for _, w := range want {
		wanted[w] = true
	}
	rest := slices.Clone(have)
	// take pairs the names for which find has a partner, and keeps the others for the next way.
	take := func(find func(name string) (to string, done bool)) {
		rest = slices.DeleteFunc(rest, func(name string) bool {
			to, done := find(name)
			if to != "" && pairs[to] == "" {
				pairs[to] = name
			}
			return done
		})
	}
	take(func(name string) (string, bool) {
		for _, r := range renames {
			to := r.To
			if m := ggmlLayer.FindStringSubmatch(name); m != nil && m[1] == r.From && to != "" {
				to = "blk." + m[2] + "." + to
			} else if r.From != name && (m == nil || m[1] != r.From) {
				continue
			}
			if !wanted[to] {
				return "", to == ""
			}
			return to, true
		}
		return "", false
	})
	take(func(name string) (string, bool) {
		if wanted[name] {
			return name, true
		}
		return "", false
	})
	for _, biased := range []bool{true, false} { // of a product with and without its bias, tuff's has it
		take(func(name string) (string, bool) {
			if biased && !withBias.MatchString(name) {
				return "", false
			}
			for _, to := range Aliases(name) {
				if wanted[to] {
					return to, true
				}
			}
			return "", false
		})
	}
	return pairs, rest
}

// Aliases are the names in tuff's programs that a tensor of another engine may have, the likeliest first: the first that the program has is
// meant. Names that mean different things in different families, such as a norm in front of or behind a block, are in the order that tells
// them apart.
func Aliases(name string) []string {
	if to := whole[strings.TrimSuffix(name, ".output")]; to != nil {
		return to
	}
	if m := ggmlLayer.FindStringSubmatch(name); m != nil {
		return inLayer(m[2], ggml[m[1]])
	}
	if m := moduleLayer.FindStringSubmatch(strings.TrimSuffix(name, ".output")); m != nil {
		return inLayer(m[1], modules[m[2]])
	}
	return nil
}

func inLayer(layer string, names []string) (list []string) {
	for _, n := range names {
		list = append(list, "blk."+layer+"."+n)
	}
	return list
}

var (
	ggmlLayer   = regexp.MustCompile(`^([A-Za-z_]+)-([0-9]{1,4})$`)
	withBias    = regexp.MustCompile(`_b-[0-9]+$`)
	moduleLayer = regexp.MustCompile(`^(?:[a-z_]+\.){0,3}(?:layers|layer|h|blocks)\.([0-9]{1,4})(?:\.([a-z0-9_.A-Z]+))?$`)
)

// whole are names that stand once. What engines call embeddings is in front of a scale in some families and behind it in others.
var whole = map[string][]string{
	// llama.cpp, as its graph callback has them
	"inp_scaled": {"embed"}, "result_norm": {"output_norm"}, "result_output": {"logits", "output"},
	// modules of Hugging Face's transformers
	// (norm by itself is llama.cpp's too, in front of the weights)
	"model.norm": {"output_norm"}, "transformer.ln_f": {"output_norm"}, "gpt_neox.final_layer_norm": {"output_norm"},
	"lm_head": {"output"}, "embed_out": {"output"}, "logits": {"logits", "output"},
}

// ggml are llama.cpp's names of a layer's tensors, which end in -LAYER. Where it gives one name twice, the last that has it counts.
var ggml = map[string][]string{
	"attn_norm": {"attn_norm"}, "Qcur": {"attn_q_rope", "attn_q_norm", "attn_q"}, "Kcur": {"attn_k_rope", "attn_k_norm", "attn_k"}, "Vcur": {"attn_v"},
	"Qcur_normed": {"attn_q_norm"}, "Kcur_normed": {"attn_k_norm"}, "kqv_out": {"attn"}, "attn_out": {"attn_output"},
	"attn_post_norm": {"post_attention_norm"}, "ffn_inp": {"attn_residual"}, "sa_out": {"attn_residual"}, "ffn_norm": {"ffn_norm"},
	"ffn_gate": {"ffn_gate"}, "ffn_up": {"ffn_up"}, "ffn_gate_b": {"ffn_gate"}, "ffn_up_b": {"ffn_up"}, "ffn_swiglu": {"ffn_act"}, "ffn_geglu": {"ffn_act"}, "ffn_gate_par": {"ffn_act"}, "ffn_gelu": {"ffn_act"},
	"ffn_out": {"ffn_down", "ffn_moe_out"}, "ffn_moe_logits": {"ffn_gate_inp"}, "ffn_moe_out": {"ffn_moe_out"}, "ffn_post_norm": {"post_ffw_norm"},
	"l_out": {"ffn_residual", "mixer_residual"},
}

// modules are the outputs of a layer's modules in transformers; the layer itself has no name.
var modules = map[string][]string{
	"": {"layer_output_norm", "ffn_residual", "mixer_residual"}, "input_layernorm": {"attn_norm"}, "ln_1": {"attn_norm"}, "norm": {"attn_norm"},
	"self_attn.q_proj": {"attn_q"}, "self_attn.k_proj": {"attn_k"}, "self_attn.v_proj": {"attn_v"}, "self_attn.q_norm": {"attn_q_norm"}, "self_attn.k_norm": {"attn_k_norm"},
	"self_attn.o_proj": {"attn_output"}, "self_attn": {"attn_output"}, "attn": {"attn_output"}, "attn.c_proj": {"attn_output"},
	"post_attention_layernorm": {"post_attention_norm", "ffn_norm"}, "pre_feedforward_layernorm": {"ffn_norm"}, "post_feedforward_layernorm": {"post_ffw_norm"},
	"ln_2": {"ffn_norm"}, "mlp.gate_proj": {"ffn_gate"}, "mlp.up_proj": {"ffn_up"}, "mlp.c_fc": {"ffn_up"}, "mlp.down_proj": {"ffn_down"}, "mlp.c_proj": {"ffn_down"},
	"mlp": {"ffn_down", "ffn_moe_out"}, "block_sparse_moe": {"ffn_moe_out"}, "mlp.gate": {"ffn_gate_inp"}, "block_sparse_moe.gate": {"ffn_gate_inp"},
}

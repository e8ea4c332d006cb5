package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// hfStates are the families with a state: state-space mixers and short convolutions, with or without attention between them.
var hfStates = []*hfFamily{
	{types: []string{"mamba", "falcon_mamba"}, arch: "mamba", noRope: true, acts: silu, config: mambaKeys, defaults: mambaDefaults,
		names:  mambaNames("mixer", map[string]string{"embeddings": "token_embd", "norm_f": "output_norm", "*.norm": "attn_norm"}),
		splits: mambaSplits("mixer")},
	{types: []string{"mamba2"}, arch: "mamba2", noRope: true, acts: silu, config: mamba2Keys, defaults: mambaDefaults,
		names:  mambaNames("mixer", map[string]string{"embeddings": "token_embd", "norm_f": "output_norm", "*.norm": "attn_norm"}),
		splits: mambaSplits("mixer")},
	{types: []string{"jamba"}, arch: "jamba", noRope: true, acts: silu, moe: true, config: jambaKeys,
		names: mambaNames("mamba", map[string]string{"pre_ff_layernorm": "ffn_norm", "final_layernorm": "output_norm", "feed_forward.gate_proj": "ffn_gate",
			"feed_forward.up_proj": "ffn_up", "feed_forward.down_proj": "ffn_down", "feed_forward.router": "ffn_gate_inp",
			"feed_forward.experts.gate_proj": "ffn_gate_exps", "feed_forward.experts.up_proj": "ffn_up_exps", "feed_forward.experts.down_proj": "ffn_down_exps"}),
		splits: mambaSplits("mamba")},
	{types: []string{"granitemoehybrid"}, arch: "granitehybrid", halves: true, acts: silu, config: graniteHybridKeys,
		names: mambaNames("mamba", map[string]string{"block_sparse_moe.router.layer": "ffn_gate_inp", "block_sparse_moe.output_linear": "ffn_down_exps"}),
		splits: mambaSplits("mamba", map[string]hfSplit{"block_sparse_moe.input_linear": splitGateUp, "shared_mlp.input_linear": splitSharedGateUp,
			"shared_mlp.output_linear": sharedDown})},
	falconH1,
	{types: []string{"lfm2"}, arch: "lfm2", acts: silu, config: lfm2Keys,
		names: map[string]string{"embedding_norm": "token_embd_norm", "operator_norm": "attn_norm", "ffn_norm": "ffn_norm", "self_attn.out_proj": "attn_output",
			"self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm", "feed_forward.w1": "ffn_gate", "feed_forward.w3": "ffn_up",
			"feed_forward.w2": "ffn_down", "conv.in_proj": "shortconv.in_proj", "conv.out_proj": "shortconv.out_proj"},
		splits: map[string]hfSplit{"conv.conv": convolution("shortconv.conv")}},
}

// mambaDefaults stand where the configuration is silent. No model of states has a longest context; this bounds tables.
var mambaDefaults = map[string]any{"max_position_embeddings": number("1048576"), "num_attention_heads": number("1"), "intermediate_size": number("1"),
	"layer_norm_epsilon": number("1e-5"), "tie_word_embeddings": true}

func mambaNames(mixer string, names map[string]string) map[string]string {
	for from, to := range map[string]string{"in_proj": "ssm_in", "x_proj": "ssm_x", "dt_proj": "ssm_dt", "out_proj": "ssm_out", "norm": "ssm_norm",
		"dt_bias": "ssm_dt.bias", "dt_layernorm": "ssm_dt_norm", "b_layernorm": "ssm_b_norm", "c_layernorm": "ssm_c_norm"} {
		names[mixer+"."+from] = to
	}
	return names
}

func mambaSplits(mixer string, more ...map[string]hfSplit) map[string]hfSplit {
	all := map[string]hfSplit{mixer + ".A_log": negatedExp, mixer + ".D": passed, mixer + ".conv1d": convolution("ssm_conv1d")}
	for _, m := range more {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// negatedExp makes the rates of decay, −exp(A_log).
func negatedExp(_ *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	out := matrix{dtype: compute.F32, rows: m.rows, cols: m.cols, unit: 1, fill: func(f *File, first int, dst []byte) {
		src := make([]byte, m.rowBytes())
		m.fill(f, first, src)
		for i := range m.cols {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(float32(-math.Exp(float64(plainAt(m.dtype, src, i))))))
		}
	}}
	dims := []int{m.cols, m.rows}
	if m.rows == 1 { // one for each head
		dims = []int{1, m.cols}
	}
	return []hfTensor{{"ssm_a", out, dims}}, nil
}

// passed is what goes by the state, a vector of channels or in files of Mamba-2 a column of heads.
func passed(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	dims := []int{m.cols * m.rows}
	if c.fam.arch != "mamba" && c.fam.arch != "jamba" {
		dims = []int{1, m.cols * m.rows}
	}
	return []hfTensor{{"ssm_d", m, dims}}, nil
}

// hybrid writes the KV heads of each layer, none in those that do not attend, as the tensors say.
func (c *hfConfig) hybrid() {
	list, some := make([]int32, c.layers), false
	for i := range list {
		if _, ok := c.out.Tensor(fmt.Sprintf("blk.%d.attn_k.weight", i)); ok {
			list[i], some = int32(c.kvHeads), true
		}
	}
	if some {
		c.set("attention.head_count_kv", list)
	}
}

// convolution drops the middle dimension of [C, 1, K].
func convolution(to string) hfSplit {
	return func(_ *hfConfig, m matrix, kind string) ([]hfTensor, error) {
		if kind == ".bias" {
			return []hfTensor{{to + kind, m, nil}}, nil
		}
		return []hfTensor{{to + kind, m, []int{m.cols, m.rows}}}, nil
	}
}

// splitSharedGateUp splits [2·I, H], the gate's rows above those of up: of the expert that every token uses, or of the only
// feed-forward part where there are no others.
func splitSharedGateUp(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	if m.rows%2 != 0 || kind != ".weight" {
		return nil, wantShape(m, "rows of gate and up")
	}
	gate, up := "ffn_gate_shexp.weight", "ffn_up_shexp.weight"
	if c.experts == 0 {
		gate, up = "ffn_gate.weight", "ffn_up.weight"
	}
	half := m.rows / 2
	return []hfTensor{{gate, m.pick(half, func(i int) int { return i }), nil}, {up, m.pick(half, func(i int) int { return i + half }), nil}}, nil
}

func sharedDown(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	if c.experts == 0 {
		return []hfTensor{{"ffn_down" + kind, m, nil}}, nil
	}
	return []hfTensor{{"ffn_down_shexp" + kind, m, nil}}, nil
}

// ssmKeys writes the sizes of a mixer; rank is of its steps.
func (c *hfConfig) ssmKeys(conv, inner, state, rank, groups int) {
	c.set("ssm.conv_kernel", conv)
	c.set("ssm.inner_size", inner)
	c.set("ssm.state_size", state)
	c.set("ssm.time_step_rank", rank)
	c.set("ssm.group_count", groups)
	if list, ok := c.m["time_step_limit"].([]any); ok && len(list) == 2 {
		if c.floatOf("time_step_limit", list[0], 0) > 0 || !math.IsInf(c.floatOf("time_step_limit", list[1], 0), 1) {
			c.refuse("time_step_limit other than 0 to infinity")
		}
	}
}

func (c *hfConfig) rank(hidden int, key string) int {
	if c.text(key) == "auto" || c.m[key] == nil {
		return (hidden + 15) / 16
	}
	return c.count(1, maxHFDim, key)
}

func mambaKeys(c *hfConfig) {
	if c.text("model_type") == "falcon_mamba" {
		c.refuse("falcon_mamba, whose steps and groups are normalised without weights")
	}
	hidden := c.count(-1, maxHFDim, "hidden_size", "d_model")
	inner := int(c.float(2, "expand") * float64(hidden))
	if c.m["d_inner"] != nil {
		inner = c.count(inner, maxHFDim, "d_inner")
	}
	if n := c.count(1, maxHFDim, "intermediate_size"); n > 1 {
		inner = n
	}
	c.set("attention.layer_norm_rms_epsilon", c.float(1e-5, "layer_norm_epsilon"))
	c.ssmKeys(c.count(4, 64, "conv_kernel"), inner, c.count(16, 1024, "state_size"), c.rank(hidden, "time_step_rank"), 1)
}

func mamba2Keys(c *hfConfig) {
	hidden := c.count(-1, maxHFDim, "hidden_size")
	inner := int(c.float(2, "expand") * float64(hidden))
	if !c.flag(true, "rms_norm") {
		c.refuse("mamba2 without a norm behind its scan")
	}
	c.set("attention.layer_norm_rms_epsilon", c.float(1e-5, "layer_norm_epsilon"))
	c.ssmKeys(c.count(4, 64, "conv_kernel"), inner, c.count(128, 1024, "state_size"), c.count(128, maxHFDim, "num_heads"), c.count(8, 1<<14, "n_groups"))
}

func jambaKeys(c *hfConfig) {
	hidden := c.count(-1, maxHFDim, "hidden_size")
	c.ssmKeys(c.count(4, 64, "mamba_d_conv"), c.count(2, 64, "mamba_expand")*hidden, c.count(16, 1024, "mamba_d_state"), c.rank(hidden, "mamba_dt_rank"), 1)
	c.out.put(c.fam.arch+".expert_weights_norm", false)
}

func graniteHybridKeys(c *hfConfig) {
	graniteKeys(c)
	hidden := c.count(-1, maxHFDim, "hidden_size")
	if c.experts = c.count(0, 1024, "num_local_experts"); c.experts > 0 {
		c.set("expert_count", c.experts)
		c.set("expert_used_count", c.count(-1, 1024, "num_experts_per_tok"))
		c.set("expert_feed_forward_length", c.count(-1, maxHFDim, "intermediate_size"))
		c.set("expert_shared_feed_forward_length", c.count(0, maxHFDim, "shared_intermediate_size"))
	} else {
		c.set("feed_forward_length", c.count(-1, maxHFDim, "shared_intermediate_size"))
	}
	rotated := make([]bool, c.layers)
	if c.text("position_embedding_type") == "rope" {
		for i := range rotated {
			rotated[i] = true
		}
	}
	c.out.put("tuff.rope.layers", rotated)
	c.set("rope.scaling.finetuned", slices.Contains(rotated, true)) // how files say it
	c.ssmKeys(c.count(4, 64, "mamba_d_conv"), c.count(2, 64, "mamba_expand")*hidden, c.count(256, 1024, "mamba_d_state"), c.count(128, maxHFDim, "mamba_n_heads"),
		c.count(1, 1<<14, "mamba_n_groups"))
}

func lfm2Keys(c *hfConfig) {
	c.set("attention.layer_norm_rms_epsilon", c.float(1e-5, "norm_eps"))
	c.set("shortconv.l_cache", c.count(3, 64, "conv_L_cache"))
	ff := c.count(-1, maxHFDim, "intermediate_size", "block_ff_dim")
	if c.flag(true, "block_auto_adjust_ff_dim") {
		ff = int(float64(2*ff/3) * c.float(1, "block_ffn_dim_multiplier"))
		most := max(c.count(256, maxHFDim, "block_multiple_of"), 1)
		ff = (ff + most - 1) / most * most
	}
	c.set("feed_forward_length", ff)
}

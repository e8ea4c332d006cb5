package model

import "tuff/host/compute"

// experts appends a mixture of experts: the router, the experts it picks for each token, their weighted sum, and where the
// file has them the experts that every token uses. Those come before the ones picked, which devices sum up together with them.
func (d Decoder) experts(b *Builder, h compute.Ref) compute.Ref {
	m := &b.cfg.MoE
	logits := b.Linear("ffn_gate_inp", h, m.NumExperts)
	ids, weights := b.Route(logits)
	var open compute.Ref // what opens the shared experts; 0: they are always open
	if m.SharedFFNDim > 0 && b.Has("ffn_gate_inp_shexp.weight") {
		open = b.Gate("ffn_shexp_open", compute.Sigmoid, b.Linear("ffn_gate_inp_shexp", h, 1), 0)
	}
	shared := d.shared(b, h)
	var out compute.Ref
	if m.WeighInput {
		out = d.weighedInputs(b, h, ids, weights)
	} else {
		gate := b.LinearExperts("ffn_gate_exps", h, ids, m.FFNDim)
		up := b.LinearExperts("ffn_up_exps", h, ids, m.FFNDim)
		act := b.Gate("ffn_moe_act", d.Activation, gate, up)
		out = b.Mix("ffn_moe_out", b.LinearExperts("ffn_down_exps", act, ids, b.cfg.HiddenDim), weights)
	}
	if shared == 0 {
		return out
	}
	if open != 0 {
		shared = b.Mix("ffn_shexp_out", shared, open)
	}
	return b.Add("ffn_shexp_sum", out, shared)
}

// shared appends the experts that every token uses, if there are any.
func (d Decoder) shared(b *Builder, h compute.Ref) compute.Ref {
	m := &b.cfg.MoE
	if m.SharedFFNDim == 0 {
		return 0
	}
	gate, up := b.Linear("ffn_gate_shexp", h, m.SharedFFNDim), b.Linear("ffn_up_shexp", h, m.SharedFFNDim)
	return b.Linear("ffn_down_shexp", b.Gate("ffn_shexp_act", d.Activation, gate, up), b.cfg.HiddenDim)
}

// Route picks the experts of each token by logits.
func (b *Builder) Route(logits compute.Ref) (ids, weights compute.Ref) {
	m := &b.cfg.MoE
	ids = b.p.Scratch(b.layer+"ffn_moe_ids", compute.PerToken(1), m.NumUsed)
	weights = b.p.Scratch(b.layer+"ffn_moe_weights", compute.PerToken(1), m.NumUsed)
	factor := m.Factor
	if factor == 0 {
		factor = 1
	}
	b.p.Add(b.layer+"ffn_moe_route", compute.Route{Logits: logits, Bias: b.Vector("exp_probs_b", "bias", m.NumExperts, true),
		Scale: b.Vector("ffn_down_exps", "scale", m.NumExperts, true), IDs: ids, Weights: weights,
		Used: m.NumUsed, Gate: m.Gate, Normalize: m.Normalize, Factor: factor, Groups: m.Groups, UsedGroups: m.UsedGroups, GroupTop2: m.GroupTop2, Jitter: m.Jitter})
	return ids, weights
}

// LinearExperts multiplies the rows of each token by the matrices NAME.weight of its experts, n rows each.
func (b *Builder) LinearExperts(name string, x, ids compute.Ref, n int) compute.Ref {
	m := &b.cfg.MoE
	t := *b.p.At(x)
	w := b.Weight(name, m.NumExperts*n, t.Cols)
	var bias compute.Ref
	if b.Has(name + ".bias") {
		bias = b.tensorOf(name+".bias", m.NumExperts, n, m.NumExperts, n)
	}
	return b.expertRows(name, x, w, bias, ids)
}

// expertRows multiplies the rows of each token by the matrices in w of the experts in ids.
func (b *Builder) expertRows(label string, x, w, bias, ids compute.Ref) compute.Ref {
	n := b.cfg.MoE.NumExperts
	out := b.p.Scratch(b.layer+label, compute.PerToken(b.p.At(ids).Cols), b.p.At(w).Rows.Fixed/n)
	b.p.Add(b.layer+label, compute.MatMulExperts{X: x, W: w, Bias: bias, IDs: ids, Out: out, NumExperts: n})
	return out
}

// Mix sums the rows of each token by weights.
func (b *Builder) Mix(name string, x, weights compute.Ref) compute.Ref {
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), b.p.At(x).Cols)
	b.p.Add(b.layer+name, compute.Mix{X: x, Weights: weights, Out: out})
	return out
}

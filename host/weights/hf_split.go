package weights

import (
	"math"

	"tuff/host/compute"
)

// hfTensor is a tensor on its way to GGUF's name. dims are innermost first; nil: those of the matrix.
type hfTensor struct {
	name string // behind "blk.N." in a layer
	m    matrix
	dims []int
}

// hfSplit makes GGUF's tensors of one of the checkpoint. kind is ".weight", ".bias" or nothing.
type hfSplit func(c *hfConfig, m matrix, kind string) ([]hfTensor, error)

func rootOf(x float64) float64 { return math.Sqrt(x) }

// renamed only gives another name.
func renamed(to string) hfSplit {
	return func(_ *hfConfig, m matrix, _ string) ([]hfTensor, error) { return []hfTensor{{to, m, nil}}, nil }
}

// transposedAs turns GPT-2's [in, out] matrices; its biases stay.
func transposedAs(to string) hfSplit {
	return func(_ *hfConfig, m matrix, kind string) ([]hfTensor, error) {
		if kind == ".bias" {
			return []hfTensor{{to + kind, m, nil}}, nil
		}
		return []hfTensor{{to + kind, m.transposed(m.rows, m.cols, func(j int) int { return j }), []int{m.rows, m.cols}}}, nil
	}
}

// expertRows is the number of rows of each expert of m.
func expertRows(c *hfConfig, m matrix) (int, error) {
	if c.experts < 1 || m.rows%c.experts != 0 {
		return 0, wantShape(m, "rows for every expert")
	}
	return m.rows / c.experts, nil
}

// splitGateUp splits [E, 2·I, H], the gate's rows above those of up.
func splitGateUp(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	n, err := expertRows(c, m)
	if err != nil || n%2 != 0 {
		return nil, wantShape(m, "two matrices of each expert")
	}
	half, dims := n/2, []int{m.cols, n / 2, c.experts}
	part := func(from int) matrix {
		return m.pick(c.experts*half, func(i int) int { return i/half*n + from + i%half })
	}
	return []hfTensor{{"ffn_gate_exps.weight", part(0), dims}, {"ffn_up_exps.weight", part(half), dims}}, nil
}

// splitInterleaved splits gpt-oss's experts, of which gate and up alternate: [E, H, 2·I] as plain numbers, [E, 2·I, H] as blocks.
func splitInterleaved(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	n, err := expertRows(c, m)
	if err != nil {
		return nil, err
	}
	var list []hfTensor
	for first, name := range []string{"ffn_gate_exps.weight", "ffn_up_exps.weight"} {
		switch {
		case m.dtype != compute.MXFP4 && m.cols%2 == 0:
			half := m.cols / 2
			list = append(list, hfTensor{name, m.transposed(n, half, func(j int) int { return 2*j + first }), []int{n, half, c.experts}})
		case m.dtype == compute.MXFP4 && n%2 == 0:
			list = append(list, hfTensor{name, m.pick(m.rows/2, func(i int) int { return 2*i + first }), []int{m.cols, n / 2, c.experts}})
		default:
			return nil, wantShape(m, "pairs of gate and up")
		}
	}
	return list, nil
}

// splitInterleavedBias splits [E, 2·I].
func splitInterleavedBias(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	if m.rows != c.experts || m.cols%2 != 0 || m.raw == nil {
		return nil, wantShape(m, "pairs of gate and up of each expert")
	}
	half := m.cols / 2
	var list []hfTensor
	for first, name := range []string{"ffn_gate_exps.bias", "ffn_up_exps.bias"} {
		// Taken for blocks of one row, the columns picked by transposing are a column; the shape is given back below.
		t := m.transposed(1, half, func(j int) int { return 2*j + first })
		list = append(list, hfTensor{name, t, []int{half, c.experts}})
	}
	return list, nil
}

// downTransposed is [E, I, H] as plain numbers, turned, or [E, H, I] as blocks.
func downTransposed(c *hfConfig, m matrix, _ string) ([]hfTensor, error) {
	n, err := expertRows(c, m)
	if err != nil {
		return nil, err
	}
	if m.dtype == compute.MXFP4 {
		return []hfTensor{{"ffn_down_exps.weight", m, []int{m.cols, n, c.experts}}}, nil
	}
	return []hfTensor{{"ffn_down_exps.weight", m.transposed(n, m.cols, func(j int) int { return j }), []int{n, m.cols, c.experts}}}, nil
}

// splitGrouped orders rows that lie as [groups, queries of the group then its key and value, head] by queries, keys and values.
func splitGrouped(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	rows := m.rows
	if kind == ".bias" {
		rows = m.cols
	}
	per := c.heads / max(c.kvHeads, 1) // queries of a group
	if c.kvHeads < 1 || per*c.kvHeads != c.heads || rows != (c.heads+2*c.kvHeads)*c.headDim {
		return nil, wantShape(m, "rows of queries, keys and values")
	}
	from := func(i int) int {
		head, at := i/c.headDim, i%c.headDim
		group, slot := head/per, head%per
		switch {
		case head >= c.heads+c.kvHeads:
			group, slot = head-c.heads-c.kvHeads, per+1
		case head >= c.heads:
			group, slot = head-c.heads, per
		}
		return (group*(per+2)+slot)*c.headDim + at
	}
	if kind == ".bias" {
		if m.raw == nil {
			return nil, wantShape(m, "plain numbers")
		}
		column := m.reshaped(rows, 1)
		return []hfTensor{{"attn_qkv.bias", column.pick(rows, from), []int{rows}}}, nil
	}
	return []hfTensor{{"attn_qkv.weight", m.pick(rows, from), nil}}, nil
}

// splitLatent splits DeepSeek's [heads·(nope + value), latent]: the keys' part turned, so that queries can be brought to the latent.
func splitLatent(c *hfConfig, m matrix, kind string) ([]hfTensor, error) {
	per := c.nope + c.valueDim
	if kind != ".weight" || c.nope < 1 || c.valueDim < 1 || m.rows != c.heads*per || m.cols != c.lora {
		return nil, wantShape(m, "rows of keys and values of every head")
	}
	keys := m.pick(c.heads*c.nope, func(i int) int { return i/c.nope*per + i%c.nope })
	values := m.pick(c.heads*c.valueDim, func(i int) int { return i/c.valueDim*per + c.nope + i%c.valueDim })
	return []hfTensor{
		{"attn_k_b.weight", keys.transposed(c.nope, m.cols, func(j int) int { return j }), []int{c.nope, m.cols, c.heads}},
		{"attn_v_b.weight", values, []int{m.cols, c.valueDim, c.heads}},
	}, nil
}

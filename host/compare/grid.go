package compare

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// grid works out which part of the worst tensor is one workgroup's, from the workgroups of the dispatch that wrote it and what the heads of
// shaders say of their grids. What is not known is left open.
func (m *Map) grid(phase string, results [][]Op) {
	if m == nil || m.Phase != phase {
		return
	}
	for _, ops := range results {
		if at := slices.IndexFunc(ops, func(o Op) bool { return o.Tensor == m.Tensor }); at >= 0 {
			m.Kernel = ops[at].Kernel
			m.TileRows, m.TileCols = ops[at].tile(columnsOf(ops))
			m.TileRows = min(m.TileRows, m.Rows)
		}
	}
}

// columnsOf is the number of columns that the multiplication of a group makes: those of its matrices, or where their products are fused away
// those of what was made of them.
func columnsOf(ops []Op) (n int) {
	for _, kinds := range [][]string{{"matmul"}, nil} {
		for i := range ops {
			if k := ops[i].kind; slices.Contains(kinds, k) || kinds == nil && !strings.Contains(k, "norm") {
				n += ops[i].Cols
			}
		}
		if n > 0 {
			break
		}
	}
	return n
}

// dispatch is the one of the group's that wrote op's results: the last of its own kind, or the last.
func (o *Op) dispatch() (kernel string, workgroups [3]uint32) {
	for _, s := range o.spans {
		if kernel == "" || !strings.HasPrefix(kernel, o.kind) || strings.HasPrefix(s.Kernel, o.kind) {
			kernel, workgroups = s.Kernel, s.Workgroups
		}
	}
	return kernel, workgroups
}

// tile is the rectangle of the results that one workgroup wrote, or some whole workgroups where one alone wrote no rectangle; zeros where it
// is not known. columns are those of the group's multiplication.
func (o *Op) tile(columns int) (tileRows, tileCols int) {
	kernel, g := o.dispatch()
	across := int(g[0]) * int(g[1])
	if across == 0 {
		return 0, 0
	}
	switch {
	case strings.Contains(kernel, "matmul"): // blocks of weight rows, which are columns here, over x and y; rows over z
		tileRows = divUp(o.Rows, max(int(g[2]), 1))
		if tileRows > 1 {
			tileRows = pow2(tileRows)
		}
		return tileRows, pow2(divUp(columns, across))
	case kernel == "attention_combine":
		return 1, o.attention.HeadDimV
	case strings.HasPrefix(kernel, "attention"):
		return attentionTile(o.attention, kernel, g, o.Rows)
	case kernel == "ssm_scan" || kernel == "delta_rule": // columns, whose tokens one walks all of
		if cols := divUp(o.Cols, int(g[0])); o.Cols%cols == 0 {
			return o.Rows, cols
		}
	case slices.Contains(elementwise, kernel):
		each := pow2(divUp(o.Rows*o.Cols, across))
		if each%o.Cols == 0 {
			return each / o.Cols, o.Cols
		}
		if o.Cols%each == 0 {
			return 1, each
		}
	case across == o.Rows && g[2] == 1: // a row each
		return 1, o.Cols
	}
	return 0, 0
}

// elementwise kernels have an invocation for each element, in the order of memory.
var elementwise = []string{"add", "scale", "swiglu", "activation", "mix", "columns", "rope", "conv1d"}

// attentionTile: x has blocks of pairs of a row and one of the heads that share keys, heads innermost; y those keys' heads; z tiles of 16
// rows, or for few rows the sequences. A block that is no multiple of the heads that share is drawn with those that end its last row.
func attentionTile(a compute.Attention, kernel string, g [3]uint32, rows int) (tileRows, tileCols int) {
	const tall = 16
	group := a.NumHeads / max(a.NumKVHeads, 1)
	if group == 0 || int(g[1]) != a.NumKVHeads || strings.Contains(kernel, "_split_") || strings.Contains(kernel, "_joined_") {
		return 0, 0
	}
	var pairs, keys int
	coop, _ := fmt.Sscanf(kernel, "attention_coop_%dx%d", &pairs, &keys)
	if lane, _ := fmt.Sscanf(kernel, "attention_lane_%d", &pairs); coop != 2 && lane != 1 {
		if !strings.HasPrefix(kernel, "attention_decode") {
			rows = tall
		}
		pairs = pow2(divUp(rows*group, int(g[0])))
	}
	if pairs < group {
		return 1, pairs * a.HeadDimV
	}
	return pairs / gcd(pairs, group), group * a.HeadDimV
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

func divUp(a, b int) int { return (a + b - 1) / b }

// pow2 is the power of two from n up.
func pow2(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

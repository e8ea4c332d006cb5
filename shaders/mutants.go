package shaders

// Mutant is a bug planted in a kernel on purpose: one piece of a source replaced by another. A suite that lets one pass does not test what the piece
// is for.
type Mutant struct {
	Kind   string // of mistake
	Source string // file in this folder
	Old    string // occurs once in the file
	New    string
	Op     string // of the conformance suite
	// Variant is forced; empty takes what is planned.
	Variant string
}

// Kinds of mistakes.
const (
	missingBarrier = "missing barrier"
	offByOne       = "off by one"
	missingTail    = "missing tail"
	wrongStride    = "wrong stride"
	wrongIndex     = "wrong index"
	wrongTerm      = "wrong term"
	wrongMask      = "wrong mask"
	wrongOrder     = "wrong order"
)

// Mutants are planted one at a time by tuff kernels test --mutate, which must find each. None of them writes outside of what the kernel may write, or
// reads far outside of what it may read, for nothing would stop it and CPU drivers end the program.
var Mutants = []Mutant{
	{missingBarrier, "rmsnorm.comp", "barrier(); // the sums of", "// the sums of", "rmsnorm", ""},
	{missingTail, "rmsnorm.comp", "c < width; c += WG) {", "c + 1u < width; c += WG) {", "rmsnorm", ""},
	{missingTail, "rmsnorm.comp", "c < width; c += WG) o.v", "c + 1u < width; c += WG) o.v", "rmsnorm", ""},
	{wrongStride, "rmsnorm.comp", "uint at = g * width", "uint at = g * (width - 1u)", "rmsnorm", ""},
	{wrongIndex, "rmsnorm.comp", "w = g % sets * width", "w = 0u", "rmsnorm", ""},
	{wrongTerm, "rmsnorm.comp", "float(width) + eps", "float(width)", "rmsnorm", ""},

	{missingBarrier, "layernorm.comp", "barrier(); // the sum before", "// the sum before", "layernorm", ""},
	{wrongTerm, "layernorm.comp", "(x.v[at + c] - mean) * scale", "x.v[at + c] * scale", "layernorm", ""},
	{wrongTerm, "layernorm.comp", "v += bias.v[w + c]", "v += 0.0", "layernorm", ""},
	{wrongIndex, "layernorm.comp", "w = g % parts * width", "w = 0u", "layernorm", ""},

	{missingTail, "add.comp", "if (i < n)", "if (i + 1u < n)", "add", ""},
	{wrongIndex, "add.comp", "b.v[i % period]", "b.v[min(i, period - 1u)]", "add", ""},
	{missingTail, "swiglu.comp", "if (i < n)", "if (i + 1u < n)", "swiglu", ""},
	{wrongTerm, "include/silu.glsl", "exp(0.5 * min(x, 0.0))", "exp(min(x, 0.0))", "swiglu", ""},
	{missingTail, "activation.comp", "if (i >= n)", "if (i + 1u >= n)", "activation", ""},
	{wrongTerm, "include/activation.glsl", "0.37409196", "0.37419196", "activation", ""},
	{wrongTerm, "include/activation.glsl", "clamp(up, -7.0, 7.0) + 1.0", "clamp(up, -7.0, 7.0)", "activation", ""},
	{wrongTerm, "scale.comp", "tanhExact(y / cap)", "tanhExact(y)", "scale", ""},

	{missingTail, "rope.comp", "if (r >= rows)", "if (r + 1u >= rows)", "rope", ""},
	{wrongTerm, "include/rope.glsl", "a * c - b * s :", "a * c + b * s :", "rope", ""},
	{offByOne, "include/rope.glsl", "if (e >= rot)", "if (e > rot)", "rope", ""},
	{wrongIndex, "include/rope.glsl", "second = i + rot / 2u", "second = i + 1u", "rope", ""},
	{offByOne, "include/rope.glsl", "keys > longFrom", "keys >= longFrom", "rope", ""},

	{wrongIndex, "takerows.comp", "stepOutput(step, r) * cols", "r * cols", "takerows", ""},
	{missingTail, "takerows.comp", "if (r < rows)", "if (r + 1u < rows)", "takerows", ""},
	{missingTail, "embed.comp", "8u * s + 8u <= cols", "8u * s + 8u < cols", "embed", ""},
	{wrongIndex, "embed.comp", "stepToken(step, r)", "stepToken(step, 0u)", "embed", ""},
	{wrongTerm, "embed.comp", "scale_ * b[j]", "b[j]", "embed", ""},
	{wrongOrder, "topk.comp", "keys[i] == keys[j] && columns[i] > columns[j]", "keys[i] == keys[j] && columns[i] < columns[j]", "topk", ""},
	{wrongOrder, "topk.comp", "if (bits == 0x80000000u) bits = 0u;", "", "topk", ""},
	{missingBarrier, "topk.comp", "barrier(); // the round before", "// the round before", "topk", ""},
	{missingBarrier, "topk.comp", "barrier(); // everything is counted", "// everything is counted", "topk", ""},
	{offByOne, "topk.comp", "equals == need) keep", "equals != need) keep", "topk", ""},

	{missingTail, "mix.comp", "j < used", "j + 1u < used", "mix", ""},
	{wrongIndex, "mix.comp", "(t * used + j) * cols", "(t + j) * cols", "mix", ""},
	{missingBarrier, "altup.comp", "barrier(); // the sums of", "// the sums of", "altup", ""},
	{missingBarrier, "altup.comp", "barrier(); // all weights", "// all weights", "altup", ""},
	{missingTail, "altup.comp", "c < cols; c += WG)", "c + 1u < cols; c += WG)", "altup", ""},
	{missingTail, "altup.comp", "c < cols; c += parts * WG)", "c + 1u < cols; c += parts * WG)", "altup", ""},
	{wrongTerm, "altup.comp", "float(cols) + eps", "float(cols)", "altup", ""},
	{wrongIndex, "altup.comp", "(t * (USED - OWN) + j - OWN)", "(t + j - OWN)", "altup", ""},
	{wrongTerm, "altup.comp", "v * scale.v[c]", "v", "altup", ""},
	{missingBarrier, "sparse_gate.comp", "barrier(); // the sum before", "// the sum before", "sparse_gate", ""},
	{wrongTerm, "sparse_gate.comp", "x.v[at + c] - mean;", "x.v[at + c];", "sparse_gate", ""},
	{wrongTerm, "sparse_gate.comp", "mean + cutoff *", "cutoff *", "sparse_gate", ""},
	{missingTail, "sparse_gate.comp", "c < cols; c += WG) o.v", "c + 1u < cols; c += WG) o.v", "sparse_gate", ""},
	{wrongIndex, "columns.comp", "item * strideB + fromB", "fromB", "columns", ""},
	{wrongTerm, "include/recurrence.glsl", "if (fresh) return 0.0;", "", "conv1d", ""},
	{offByOne, "conv1d.comp", "j = 0; j < WIDTH; j++) sum", "j = 1; j < WIDTH; j++) sum", "conv1d", ""},
	{missingTail, "conv1d.comp", "min(ROWS, tile.count - skip)", "min(ROWS - 1u, tile.count - skip)", "conv1d", ""},
	{offByOne, "conv1d.comp", "from - int(WIDTH) + int(j), c)", "from - int(WIDTH) + int(j) + 1, c)", "conv1d", ""},
	{wrongIndex, "include/recurrence.glsl", "windows.v[q.stateIn *", "windows.v[q.stateOut *", "conv1d", ""},
	{wrongIndex, "ssm_scan.comp", "(ALIKE > 0u ? own : h) * groups / heads * N", "(ALIKE > 0u ? own : h) % groups * N", "ssm_scan", ""},
	{wrongTerm, "ssm_scan.comp", "fma(skip, v, sum)", "sum", "ssm_scan", ""},
	{wrongTerm, "ssm_scan.comp", "s[e] = fresh ? 0.0 : state", "s[e] = state", "ssm_scan", ""},
	{missingBarrier, "ssm_scan.comp", "barrier(); // the parts' sums", "// the parts' sums", "ssm_scan", "ssm_scan_parts"},
	{wrongTerm, "ssm_scan.comp", "exp(d * rates[e])", "exp(d * rates[0])", "ssm_scan", ""},
	{wrongIndex, "delta_rule.comp", "x.v[at + keys + n]", "x.v[at + n]", "delta_rule", ""},
	{missingBarrier, "delta_rule.comp", "if (STAGED) barrier(); // queries and keys", "// queries and keys", "delta_rule", "delta_rule_parts"},
	{wrongIndex, "delta_rule.comp", "h / (heads / keyHeads)", "h % keyHeads", "delta_rule", ""},
	{wrongTerm, "delta_rule.comp", "fma(w.y, learned, g * s[e])", "fma(w.y, learned, s[e])", "delta_rule", ""},
	{missingBarrier, "delta_rule.comp", "barrier(); // the parts' answers", "// the parts' answers", "delta_rule", "delta_rule_parts"},
	{missingBarrier, "delta_rule.comp", "barrier(); // the parts' sums", "// the parts' sums", "delta_rule", "delta_rule_parts"},

	{offByOne, "include/route.glsl", "ahead >= w.usedGroups", "ahead > w.usedGroups", "route", ""},
	{wrongOrder, "include/route.glsl", "rank[e] = -1.0e38;", "rank[e] = rank[e];", "route", ""},
	{wrongTerm, "include/route.glsl", "scale * w.scales.v[picked[j]]", "scale", "route", ""},
	{wrongIndex, "include/units.glsl", "rank[e] = v.v[at + e]", "rank[e] = v.v[e]", "matmul_route", ""},
	{offByOne, "include/last.glsl", "if (complete) Counts(counts).v[at] = 0u;", "", "matmul_route", ""},

	{wrongIndex, "kvstore.comp", "stepPos(step, r), pageSize", "r, pageSize", "kvstore", ""},
	{wrongIndex, "include/step.glsl", "s.v[pages + pos / pageSize]", "s.v[pages]", "kvstore", ""},
	{wrongTerm, "include/cache.glsl", "floor(abs(v) + 0.5)", "floor(abs(v))", "kvstore", ""},
	{wrongOrder, "include/cache.glsl", "abs(x[i]) > abs(top)", "abs(x[i]) >= abs(top)", "kvstore", ""},

	{missingBarrier, "include/attention.glsl", "barrier(); // the slots of the first", "// the slots of the first", "attention", "attention_prefill"},
	{missingBarrier, "include/attention.glsl", "barrier(); // every score is", "// every score is", "attention", "attention_prefill"},
	{missingBarrier, "include/attention.glsl", "barrier(); // values and weights", "// values and weights", "attention", "attention_prefill"},
	{wrongTerm, "include/attention.glsl", "runL *= fade;", "", "attention", "attention_prefill"},
	{wrongTerm, "include/attention.glsl", "runO[i] *= fade;", ";", "attention", "attention_prefill"},
	{wrongTerm, "include/attention.glsl", "softCap * tanhExact", "tanhExact", "attention", "attention_prefill"},
	{wrongTerm, "attention_lane.comp", "fma(fade, runL[i], subgroupAdd(l))", "runL[i] + subgroupAdd(l)", "attention", "attention_lane"},
	{wrongIndex, "attention_lane.comp", "weights[i * BC + j]", "weights[j]", "attention", "attention_lane"},
	{wrongMask, "attention_lane.comp", "visible[i].y ? exp", "to ? exp", "attention", "attention_lane"},
	{missingTail, "attention_lane.comp", "min(BC, keys.y - j0)", "min(BC, keys.y - j0) / WG * WG", "attention", "attention_lane"},
	{wrongMask, "include/pieces.glsl", "hi = min(n, pos + 1u)", "hi = min(n, pos)", "attention", "attention_prefill"},
	{wrongMask, "include/pieces.glsl", "pos + 1u - m.window", "pos - m.window", "attention", "attention_prefill"},
	{wrongMask, "include/pieces.glsl", "lo = max(lo, first);", "", "attention", "attention_prefill"},
	{wrongIndex, "attention_prefill.comp", "head = kvHead * group + pair % group", "head = kvHead * group", "attention", "attention_prefill"},
	{offByOne, "attention_decode.comp", "min(keys.y, from + len)", "min(keys.y, from + len - 1u)", "attention", "attention_split"},
	{wrongTerm, "attention_decode.comp", "parts.v[at + DV + 1u] = runL", "parts.v[at + DV + 1u] = 1.0", "attention", "attention_split"},
	{missingTail, "attention_decode.comp", "s < pieces", "s + 1u < pieces", "attention", "attention_joined"},
	{wrongTerm, "attention_decode.comp", "old * runL", "runL", "attention", "attention_joined"},
	{wrongIndex, "attention_decode.comp", "* blocks + pair0 / BR", "* blocks", "attention", "attention_joined"},
	{missingTail, "attention_combine.comp", "for (uint s = 0; s < used; s++) {", "for (uint s = 0; s + 1u < used; s++) {", "attention", "attention_split"},

	{missingBarrier, "matmul_tile.comp", "barrier(); // the panels are staged", "// the panels are staged", "matmul", "matmul_tile_32"},
	{missingBarrier, "matmul_tile.comp", "barrier(); // all products", "// all products", "matmul", "matmul_tile_32"},
	{missingTail, "matmul_tile.comp", "first + r < rows && k0", "first + r + 1u < rows && k0", "matmul", "matmul_tile_32"},
	{missingTail, "matmul_tile.comp", "if (n >= m.n) continue;", "if (n + 1u >= m.n) continue;", "matmul", "matmul_tile_32"},
	{missingTail, "include/panel.glsl", "kk + 8u <= k", "kk + 8u < k", "matmul", "matmul_tile_32"},
	{wrongStride, "matmul_tile.comp", "v = x.v[(first + r) * k + k0 + e]", "v = x.v[(first + r) * (k - 1u) + k0 + e]", "matmul", "matmul_tile_32"},
	{wrongTerm, "include/split.glsl", "t += m.bias.v[n]", "t += 0.0", "matmul", "matmul_tile_32"},
	{missingTail, "matmul_join.comp", "p < PIECES", "p + 1u < PIECES", "matmul", "matmul_tile_split"},
	{missingTail, "matmul_vec.comp", "unit < units", "unit + 1u < units", "matmul", "matmul_vec"},
	{missingBarrier, "matmul_vec.comp", "barrier(); // the subgroups'", "// the subgroups'", "matmul", "matmul_vec"},
	{missingTail, "matmul_vec.comp", "s < gl_NumSubgroups", "s + 1u < gl_NumSubgroups", "matmul", "matmul_vec"},
	{wrongIndex, "include/formats/q8_0.glsl", "scaleOf(row, unit >> 1)", "scaleOf(row, unit >> 2)", "matmul", "matmul_vec"},
	{wrongTerm, "include/few.glsl", "squares / float(k) + extra.eps", "squares / float(k)", "rmsnorm_matmul", ""},
	{wrongTerm, "include/few.glsl", "a = (a - row.x) * row.y", "a = a * row.y", "layernorm_matmul", ""},
	{wrongTerm, "include/few.glsl", "totalOf(s) / float(k) + extra.eps", "totalOf(s) / float(k)", "layernorm_matmul", ""},
	{wrongTerm, "include/few.glsl", "t += residual.v[r * m.n + n]", "t += 0.0", "matmul_add", ""},
	{wrongTerm, "include/few.glsl", "t *= extra.scale", "t *= 1.0", "matmul_scale_add", ""},
	{wrongTerm, "include/units.glsl", "v.v[at + e] * scale * g.v[e]", "v.v[at + e] * g.v[e]", "matmul_rmsnorm_add", ""},
	{wrongTerm, "include/units.glsl", "t += F32In(extra.also).v[at + e]", "t += 0.0", "matmul_rmsnorm_add_add", ""},
	{wrongTerm, "include/units.glsl", "(v.v[at + e] - mean) * scale", "v.v[at + e] * scale", "matmul_add_layernorm", ""},
	{wrongTerm, "include/units.glsl", "t += F32In(extra.rowBias).v[e]", "t += 0.0", "matmul_add_layernorm", ""},
	{wrongIndex, "include/few.glsl", "uvec2(0, rot / 2u)", "uvec2(0, 1)", "rmsnorm_matmul_rope_kvstore", ""},

	{missingTail, "matmul_vec_int8.comp", "unit < units", "unit + 1u < units", "matmul", "matmul_vec_int8"},
	{missingBarrier, "matmul_vec_int8.comp", "barrier(); // the subgroups'", "// the subgroups'", "matmul", "matmul_vec_int8"},
	{missingBarrier, "include/int8.glsl", "barrier(); // the next panel", "// the next panel", "matmul", "matmul_int8"},
	{missingTail, "include/int8.glsl", "row >= ROWS_W || e >= k", "row >= ROWS_W || e + 16u >= k", "matmul", "matmul_int8"},
	{wrongTerm, "include/int8.glsl", "mx[g] = s * (", "mx[g] = (", "matmul", "matmul_int8"},
	{wrongIndex, "include/int8.glsl", "both[at % 2u]", "both[0]", "matmul", "matmul_int8"},
	{missingBarrier, "include/int8.glsl", "barrier(); // the largest of", "// the largest of", "rmsnorm_matmul_swiglu_matmul_add", "matmul_int8"},
	{missingBarrier, "include/int8.glsl", "barrier(); // the blocks are whole", "// the blocks are whole", "rmsnorm_matmul_swiglu_matmul_add", "matmul_int8"},
	{missingBarrier, "include/half_tile.glsl", "barrier(); // the next panel", "// the next panel", "matmul", "matmul_half"},
	{missingTail, "include/half_tile.glsl", "segments = (k + 7u) / 8u, r;", "segments = k / 8u, r;", "matmul", "matmul_half"},
	{wrongTerm, "include/half_tile.glsl", "float(sums[i].x) + float(sums[i].y)", "float(sums[i].x)", "matmul", "matmul_half"},
	{wrongTerm, "matmul_half.comp", "up * scale", "up", "matmul_swiglu", "matmul_half"},
	{wrongIndex, "include/experts.glsl", "slot : slot / used;", "slot : 0u;", "matmul_experts", "matmul_experts_int8"},
	{wrongTerm, "include/experts.glsl", "up += b1.v[at]", "up += bias.v[at]", "matmul_experts_swiglu", "matmul_experts_int8"},
	{missingTail, "matmul_experts_int8.comp", "if (c < have) putBlock", "if (c + 1u < have) putBlock", "matmul_experts_mix", "matmul_experts_int8"},
	{wrongIndex, "matmul_experts_half.comp", "back.v[xOf(slot)]", "back.v[0]", "matmul_experts", "matmul_experts_half"},
	{missingTail, "matmul_experts_group.comp", "(next[e] + size - 1u) / size", "next[e] / size", "matmul_experts", "matmul_experts_tile"},
	{missingBarrier, "matmul_experts_group.comp", "barrier(); // every use is counted", "// every use is counted", "matmul_experts", "matmul_experts_tile"},
	{missingTail, "matmul_experts_tile.comp", "c < have && k0", "c + 1u < have && k0", "matmul_experts", "matmul_experts_tile"},
	{wrongIndex, "matmul_experts_vec.comp", "uint64_t(expertOf(slot) * n)", "uint64_t(expertOf(0u) * n)", "matmul_experts", "matmul_experts_vec"},

	{missingBarrier, "sample.comp", "barrier(); // everyone has read before", "// everyone has read before", "sample", ""},
	{wrongOrder, "sample.comp", "j < lane ? 1u", "j > lane ? 1u", "sample", ""},
}

package kernel

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Variant is a way to run an op that can be asked for by name (compute.Options.Variant, op stem → name).
type Variant struct {
	Name string
	Op   string // stem
	What string // what it does
	Used string // when a plan picks it
	// Lacks is what the device is missing for it, or "".
	Lacks string
	// Refused is why plans leave it out though the device could run it, or "".
	Refused string
}

// Math is the arithmetic that a variant is for: its results keep the bounds of that one.
func (v Variant) Math() compute.Math {
	switch v.Name {
	case "matmul_half", "matmul_half_split", "matmul_int8", "matmul_int8_split", "matmul_vec_int8", "attention_coop", "matmul_experts_half", "matmul_experts_int8", "matmul_experts_coop":
		return compute.Fast
	}
	if onMatrixUnits(v.Name) {
		return compute.Fast
	}
	return compute.Exact
}

// TierMatrix and TierMatrixHalf are the tiers on matrix units: their sums have peaks of their own.
const (
	TierMatrix     = "matrix units"
	TierMatrixHalf = "matrix units, half sums"
)

// Tier is the arithmetic that a kernel multiplies in, by the name that a placement gives it.
func Tier(kernel string) string {
	if strings.Contains(kernel, "coop") && strings.Contains(kernel, "_half_") {
		return TierMatrixHalf
	}
	for _, t := range [][2]string{{"coop", TierMatrix}, {"skinny", TierMatrix}, {"int8", "packed int8"}, {"_half_", "half"}} {
		if strings.Contains(kernel, t[0]) {
			return t[1]
		}
	}
	return "float32"
}

// Variants lists every variant with its fitness for a device. Ops with a single way to run them are listed too.
func Variants(caps Caps) []Variant {
	list := variantsOf(caps)
	for i := range list {
		list[i].Refused = caps.Refused[list[i].Name]
	}
	return list
}

func variantsOf(caps Caps) []Variant {
	tileLacks := func(t tile) string {
		switch {
		case t.shared(true) > int(caps.SharedBytes):
			return fmt.Sprintf("%d bytes of shared memory", t.shared(true))
		case t.invocations() > int(caps.MaxInvocations):
			return fmt.Sprintf("workgroups of %d", t.invocations())
		}
		return ""
	}
	vecLacks := ""
	if !caps.SubgroupArith {
		vecLacks = "subgroup arithmetic in compute shaders"
	}
	return []Variant{
		{"matmul_vec", "matmul", "one to 8 rows of X; every weight read once, into registers", "to 8 rows", vecLacks, ""},
		{"matmul_lane", "matmul", "weight rows of its own for every invocation, the same activations for all", "any number of rows, on CPUs", "", ""},
		{"matmul_skinny", "matmul", "on matrix units, every subgroup a share of K; weights decoded once, from wide loads", "9 to 64 rows, in fast arithmetic", skinnyLacks(&caps), ""},
		{"matmul_coop", "matmul", "tiles on matrix units, in half precision with float32 sums", "more than 64 rows, in fast arithmetic", coopLacks(&caps), ""},
		{"matmul_coop_split", "matmul", "those tiles over pieces of K, added up by a second dispatch", "more than 8 rows, in fast arithmetic, fewer tiles than compute units", coopLacks(&caps), ""},
		{"matmul_coop_half", "matmul", "those tiles with sums in half precision, added up in float32 every 256 elements, for the formats of most files", "more than 64 rows, in fast arithmetic, on cards that are faster so", coopHalfLacks(&caps), ""},
		{"matmul_coop2", "matmul", "tiles on matrices of whole workgroups, weights decoded as their matrix is loaded, with float32 sums", "more than 64 rows, in fast arithmetic", coop2Lacks(&caps, "matmul_coop2"), ""},
		{"matmul_coop2_split", "matmul", "those tiles over pieces of K, added up by a second dispatch", "more than 64 rows, in fast arithmetic, fewer tiles than compute units", coop2Lacks(&caps, "matmul_coop2"), ""},
		{"matmul_coop2_half", "matmul", "those tiles with sums in half precision, added up in float32 every 256 elements, for the formats of most files", "more than 64 rows, in fast arithmetic, on cards that are faster so", coop2Lacks(&caps, "matmul_coop2_half"), ""},
		{"matmul_coop2_parts", "matmul", "the same code on matrices of a subgroup, without tensor layouts, for one format of each kind", TestsOnly, coop2Lacks(&caps, "matmul_coop2_parts"), ""},
		{"matmul_coop2_parts_half", "matmul", "the same with sums in half precision, for F16", TestsOnly, coop2Lacks(&caps, "matmul_coop2_parts_half"), ""},
		{"matmul_half", "matmul", "tiles in packed half precision, added up in float32 every 32 elements, for the formats of most files", "more than 8 rows, in fast arithmetic without matrix units or fast dot products", halfLacks(&caps), ""},
		{"matmul_int8", "matmul", "tiles in packed dot products of activations and weights as signed bytes, for formats of scaled integers", "more than 8 rows, in fast arithmetic without matrix units", int8Lacks(&caps), ""},
		{"matmul_half_split", "matmul", "those tiles over pieces of K, added up by a second dispatch", "as matmul_half, fewer tiles than compute units", halfLacks(&caps), ""},
		{"matmul_int8_split", "matmul", "those tiles over pieces of K, added up by a second dispatch", "as matmul_int8, fewer tiles than compute units", int8Lacks(&caps), ""},
		{"matmul_vec_int8", "matmul", "one to 8 rows of X in packed dot products; every weight read once; beyond, as matmul_int8", "to 8 rows, in fast arithmetic where a vendor's devices gain", cmp.Or(vecLacks, int8Lacks(&caps)), ""},
		{"matmul_tile_32", "matmul", "32 × 32 results a workgroup from panels in shared memory", "9 to 32 rows", tileLacks(tile32), ""},
		{"matmul_tile_64", "matmul", "64 × 64 results a workgroup from panels in shared memory", "more than 32 rows", tileLacks(tile64), ""},
		{"matmul_tile_split", "matmul", "tiles over pieces of K, added up by a second dispatch", "more than 8 rows, fewer tiles than compute units", tileLacks(tile64), ""},
		{"attention_decode", "attention", "query rows of a sequence together, over the whole context", "to 8 rows a sequence, where KV heads fill the device", "", ""},
		{"attention_joined", "attention", "the context in pieces, joined by the workgroup that brings the last of them", "to 8 rows a sequence, long contexts", "", ""},
		{"attention_split", "attention", "the context in pieces, combined by a second dispatch", "to 8 rows a sequence, long contexts, many large heads that share keys", "", ""},
		{"attention_prefill", "attention", "tiles of 16 query rows over the keys they see", "more than 8 rows a sequence", "", ""},
		{"attention_lane", "attention", "keys of its own for every invocation, the same queries for all", "any number of rows, on CPUs", attentionLaneLacks(&caps), ""},
		{"attention_coop", "attention", "tiles of query rows on matrix units, in half precision with float32 softmax and sums", "more than 8 rows a sequence, in fast arithmetic", attentionCoopLacks(&caps), ""},
		{"matmul_experts_vec", "matmul_experts", "each use of an expert reads its weights once, into registers; invocations share a row", "few uses of each expert", vecLacks, ""},
		{"matmul_experts_lane", "matmul_experts", "the same, with a weight row to each invocation", "few uses of each expert, on CPUs", vecLacks, ""},
		{"matmul_experts_tile", "matmul_experts", "uses grouped by expert on the device, multiplied in tiles in shared memory", "at least 3 uses an expert, on average", tileLacks(tile32), ""},
		{"matmul_experts_half", "matmul_experts", "uses grouped by expert on the device, multiplied in tiles in packed half precision, gates with what they open, for the formats of most files", "at least 3 uses an expert, on average, in fast arithmetic without matrix units or fast dot products", expertHalves.lacks(&caps), ""},
		{"matmul_experts_int8", "matmul_experts", "uses grouped by expert on the device, multiplied in tiles in packed dot products, gates with what they open, for formats of scaled integers", "at least 3 uses an expert, on average, in fast arithmetic without matrix units", expertBytes.lacks(&caps), ""},
		{"matmul_experts_coop", "matmul_experts", "uses grouped by expert on the device, multiplied in tiles on matrix units, gates with what they open", "at least 3 uses an expert, on average, in fast arithmetic", expertsCoopLacks(&caps), ""},
		{"matmul_heads", "matmul_heads", "the kernels of experts, with a head's matrix for an expert's", "always", "", ""},
		{"altup", "altup", "a workgroup per token, or several for its columns", "always", "", ""},
		{"columns", "columns", "an invocation per element", "always", "", ""},
		{"conv1d", "conv1d", "an invocation per column of 4 rows", "always", "", ""},
		{"ssm_scan", "ssm_scan", "an invocation per channel, its state in registers, over the sequence's tokens", "always", "", ""},
		{"delta_rule", "delta_rule", "an invocation per column of a head's state, kept in registers, over the sequence's tokens", "always", "", ""},
		{"ssm_scan_parts", "ssm_scan", "the same, with several invocations to a channel, 16 elements each", "states of more than 16 elements, not on CPUs", "", ""},
		{"delta_rule_parts", "delta_rule", "the same, with several invocations to a column, 16 elements each", "keys of more than 16 elements, not on CPUs", "", ""},
		{"route", "route", "a workgroup per token", "always", "", ""},
		{"mix", "mix", "an invocation per element", "always", "", ""},
		{"layernorm", "layernorm", "a workgroup per row", "always", "", ""},
		{"activation", "activation", "an invocation per element", "always", "", ""},
		{"sparse_gate", "sparse_gate", "a workgroup per row", "always", "", ""},
		{"scale", "scale", "an invocation per element", "always", "", ""},
		{"embed", "embed", "rows decoded where they lie", "always", "", ""},
		{"rmsnorm", "rmsnorm", "a workgroup per row", "always", "", ""},
		{"rope", "rope", "an invocation per element", "without fusion", "", ""},
		{"kvstore", "kvstore", "an invocation per element", "without fusion", "", ""},
		{"rope_kvstore", "rope_kvstore", "rotated keys go to the cache without a stop in memory", "RoPE of queries and keys before a KV store", "", ""},
		{"swiglu", "swiglu", "an invocation per element", "without fusion; else in the multiplication", "", ""},
		{"add", "add", "an invocation per element", "without fusion; else in the multiplication", "", ""},
		{"takerows", "takerows", "an invocation per element", "always", "", ""},
		{"sample", "sample", "a workgroup per row, an invocation per candidate, whole numbers", "always", "", ""},
		{"topk", "topk", "a workgroup per row: radix selection in shared memory, then a sort", "always", "", ""},
	}
}

// leaveOut notes which variants this device could run but computes wrongly with.
func (pl *planner) leaveOut() {
	pl.without = map[string]string{}
	if len(pl.caps.Refused) == 0 {
		return
	}
	for _, v := range Variants(pl.caps) {
		if v.Lacks == "" && v.Refused != "" && pl.o.Variant[v.Op] == "" {
			pl.without[v.Op] += "; without " + v.Name + ", which is left out here"
		}
	}
}

// checkVariants refuses names that are no variant, or none for this device.
func (pl *planner) checkVariants() error {
	known := map[string][]string{}
	lacks := map[string]string{}
	for _, v := range Variants(pl.caps) {
		known[v.Op] = append(known[v.Op], v.Name)
		lacks[v.Name] = v.Lacks
	}
	for _, stem := range slices.Sorted(maps.Keys(pl.o.Variant)) {
		name := pl.o.Variant[stem]
		switch {
		case known[stem] == nil:
			return fmt.Errorf("gpu: plan %s: variant %q: got op %q, want one of %s", pl.p.Name, name, stem, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case !slices.Contains(known[stem], name):
			return fmt.Errorf("gpu: plan %s: variant of %s: got %q, want one of %s", pl.p.Name, stem, name, strings.Join(known[stem], ", "))
		case lacks[name] != "":
			return fmt.Errorf("gpu: plan %s: variant %s: the device lacks %s", pl.p.Name, name, lacks[name])
		}
	}
	return nil
}

package shaders

import "strings"

// Entry is one row of the manifest: a compute shader compiled one way.
type Entry struct {
	Name    string   // of the module and of its file spv/NAME.spv
	Source  string   // file in this folder
	Defines []string // NAME or NAME=VALUE
	Needs   []Need   // beyond Vulkan 1.2 with buffer device addresses
	Spec    []Spec   // specialization constants, ids 0, 1, …
}

// Need is a device feature that a module cannot run without.
type Need string

const (
	NeedInt64    Need = "shaderInt64"              // arithmetic on addresses
	Need16Bit    Need = "storageBuffer16BitAccess" // loads and stores of 16-bit words
	NeedSubgroup Need = "subgroup arithmetic"      // subgroup add in compute shaders
)

// Spec is one specialization constant. Its id is its place in Entry.Spec; the heads of the shaders say which values are
// legal.
type Spec struct{ Name, Meaning string }

// Formats are the weight formats that kernels read in place, as their modules spell them.
var Formats = []string{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k",
	"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4", "nvfp4", "q1_0", "q2_0"}

var (
	workgroup = Spec{"WG", "invocations of a workgroup"}
	epilogue  = []Spec{
		{"MATS", "matrices multiplied in one dispatch"},
		{"PAIR", "1: two matrices joined by SwiGLU"},
		{"BIAS", "bit i: matrix i has a bias"},
		{"RESIDUAL", "1: the residual is added"},
	}
	tile = []Spec{
		{"BM", "weight rows of a tile"},
		{"BN", "activation rows of a tile"},
		{"BK", "elements of a panel"},
		{"TM", "weight rows of an invocation"},
		{"TN", "activation rows of an invocation"},
	}
	halfCaches = []Spec{{"K_F16", "1: keys are binary16"}, {"V_F16", "1: values are binary16"}}
	heads      = Spec{"HEADS", "1: each head has a matrix of its own"}
	long       = Spec{"LONG", "1: long sequences have angles of their own"}
	attention  = []Spec{
		workgroup,
		{"BR", "pairs of query row and head of a workgroup"},
		{"BC", "keys of a tile"},
		{"D", "head size of queries and keys"},
		{"DV", "head size of values"},
		{"K_F16", "1: keys are binary16"},
		{"V_F16", "1: values are binary16"},
	}
)

// Manifest is every module, in the order of their names' first parts. The generator compiles it, the tests hold it
// against what was compiled, and gpu/kernel picks from it.
var Manifest = manifest()

func manifest() []Entry {
	var m []Entry
	plain := func(name string, needs []Need, spec ...Spec) {
		m = append(m, Entry{Name: name, Source: name + ".comp", Needs: needs, Spec: spec})
	}
	format := func(stem, suffix string, needs []Need, spec ...Spec) {
		for _, f := range Formats {
			m = append(m, Entry{Name: stem + "_" + f + suffix, Source: stem + suffix + ".comp",
				Defines: []string{"FORMAT_" + strings.ToUpper(f)}, Needs: needs, Spec: spec})
		}
	}
	int64s := []Need{NeedInt64}
	int64s16 := []Need{NeedInt64, Need16Bit}
	plain("activation", nil, workgroup, Spec{"FN", "number of the function"}, Spec{"UP", "1: another tensor is multiplied in"})
	plain("add", nil, workgroup)
	plain("attention_combine", int64s, attention...)
	plain("attention_decode", int64s16, attention...)
	plain("attention_prefill", int64s16, attention...)
	plain("columns", nil, workgroup)
	plain("conv1d", nil, workgroup)
	plain("delta_rule", nil, workgroup, Spec{"N", "elements of a key"})
	format("embed", "", int64s, workgroup, Spec{"POSITIONS", "1: positions instead of tokens"})
	plain("kvstore", int64s16, concat(workgroup, halfCaches)...)
	plain("layernorm", nil, workgroup, Spec{"BIAS", "1: there is a bias"})
	plain("matmul_experts_group", nil, workgroup)
	format("matmul_experts", "_tile", int64s, concat(workgroup, tile,
		[]Spec{{"BIAS", "1: there is a bias"}, {"X_PER_SLOT", "1: X has a row for each use"}, heads})...)
	format("matmul_experts", "_vec", []Need{NeedInt64, NeedSubgroup}, workgroup, Spec{"ROWS", "weight rows of a workgroup"},
		Spec{"BIAS", "1: there is a bias"}, Spec{"X_PER_SLOT", "1: X has a row for each use"}, heads)
	format("matmul", "_tile", int64s, concat(workgroup, tile, epilogue)...)
	format("matmul", "_vec", []Need{NeedInt64, NeedSubgroup}, concat(workgroup,
		[]Spec{{"ROWS", "weight rows of a workgroup"}, {"COLS", "activation rows, at most"}}, epilogue,
		[]Spec{{"X4", "1: rows of x are 16-byte aligned"}})...)
	plain("matmul_naive", nil, Spec{"SIDE_X", "columns of a workgroup"}, Spec{"SIDE_Y", "rows of a workgroup"},
		Spec{"COUNT", "1: count loads"})
	plain("matmul_square", nil, Spec{"TILE", "side of the tile"}, Spec{"TILE_Y", "the same"}, Spec{"COUNT", "1: count loads"})
	plain("measure_bandwidth", nil, workgroup)
	plain("measure_empty", nil, workgroup)
	plain("measure_flops", nil, workgroup)
	plain("mix", nil, workgroup)
	plain("rmsnorm", nil, workgroup)
	plain("rope", int64s, workgroup, long)
	plain("rope_kvstore", int64s16, concat(workgroup, halfCaches, []Spec{long})...)
	plain("route", nil, workgroup)
	plain("scale", nil, workgroup, Spec{"CAP", "1: results are capped"})
	plain("ssm_scan", nil, workgroup, Spec{"N", "elements of a channel's state"})
	plain("swiglu", nil, workgroup)
	plain("takerows", nil, workgroup)
	return m
}

func concat(first Spec, more ...[]Spec) []Spec {
	s := []Spec{first}
	for _, x := range more {
		s = append(s, x...)
	}
	return s
}

// Find is the manifest's row of a module.
func Find(name string) (Entry, bool) {
	for _, m := range Manifest {
		if m.Name == name {
			return m, true
		}
	}
	return Entry{}, false
}

package quantize

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Recipe is a file type: the type that most matrices get, which others may stand out, and GGUF's number for it.
type Recipe struct {
	Name     string
	Type     compute.DType
	FileType uint32 // general.file_type
	// Mixed recipes give some layers more bits: medium gives half of the layers Q6_K where it counts most, small only the first.
	medium, small bool
}

// recipes are what can be asked for. Names and numbers are llama.cpp's.
var recipes = []Recipe{
	{Name: "F32", Type: compute.F32, FileType: 0},
	{Name: "F16", Type: compute.F16, FileType: 1},
	{Name: "BF16", Type: compute.BF16, FileType: 32},
	{Name: "Q8_0", Type: compute.Q8_0, FileType: 7},
	{Name: "Q4_0", Type: compute.Q4_0, FileType: 2},
	{Name: "Q4_1", Type: compute.Q4_1, FileType: 3},
	{Name: "Q5_0", Type: compute.Q5_0, FileType: 8},
	{Name: "Q5_1", Type: compute.Q5_1, FileType: 9},
	{Name: "Q4_K_S", Type: compute.Q4_K, FileType: 14, small: true},
	{Name: "Q4_K_M", Type: compute.Q4_K, FileType: 15, medium: true},
	{Name: "Q5_K_S", Type: compute.Q5_K, FileType: 16},
	{Name: "Q5_K_M", Type: compute.Q5_K, FileType: 17, medium: true},
	{Name: "Q6_K", Type: compute.Q6_K, FileType: 18},
}

// Names lists the recipes.
func Names() (all []string) {
	for _, r := range recipes {
		all = append(all, r.Name)
	}
	return all
}

// ParseRecipe finds a recipe by name, in capitals or not. Q4_K and Q5_K are the medium mixtures.
func ParseRecipe(name string) (Recipe, error) {
	upper := strings.ToUpper(name)
	if upper == "Q4_K" || upper == "Q5_K" {
		upper += "_M"
	}
	for _, r := range recipes {
		if r.Name == upper {
			return r, nil
		}
	}
	return Recipe{}, fmt.Errorf("quantize: type: got %q, want one of %s", name, strings.Join(Names(), ", "))
}

// otherFileTypes are the numbers of types that no recipe writes.
var otherFileTypes = map[compute.DType]uint32{
	compute.Q2_K: 10, compute.Q3_K: 12, compute.IQ2_XXS: 19, compute.IQ2_XS: 20, compute.IQ3_XXS: 23, compute.IQ1_S: 24, compute.IQ4_NL: 25,
	compute.IQ3_S: 26, compute.IQ2_S: 28, compute.IQ4_XS: 30, compute.IQ1_M: 31, compute.TQ1_0: 36, compute.TQ2_0: 37, compute.MXFP4: 38,
}

// RecipeOf is ParseRecipe for files whose weights are made up: it knows every block format, those too that Run cannot write.
func RecipeOf(name string) (Recipe, error) {
	if r, err := ParseRecipe(name); err == nil {
		return r, nil
	}
	t, err := compute.ParseDType(strings.ToUpper(name))
	if err != nil || !t.Quantized() || t == compute.Q8_1 || t == compute.Q8_K {
		return Recipe{}, fmt.Errorf("quantize: type: got %q, want one of %s, or a block format such as IQ2_S", name, strings.Join(Names(), ", "))
	}
	number, ok := otherFileTypes[t]
	if !ok {
		number = 1024 // to be guessed from the tensors
	}
	return Recipe{Name: t.String(), Type: t, FileType: number}, nil
}

// unquantized are parts of names of matrices that lose more than they save, or that engines read element by element.
var unquantized = []string{"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "altup", "laurel", "per_layer_model_proj", "position_embd.weight",
	"token_types.weight", "ssm_conv1d", "shortconv.conv.weight", "attn_rel_b.weight", "ssm_a", "ssm_dt"}

// convertible reports whether a tensor takes the recipe's type at all: matrices named weight that are no exception.
func convertible(t *weights.Shape) bool {
	return len(t.Dims) > 1 && strings.HasSuffix(t.Name, "weight") && !integer(t.DType) &&
		!slices.ContainsFunc(unquantized, func(part string) bool { return strings.Contains(t.Name, part) })
}

func integer(t compute.DType) bool {
	return t == compute.I8 || t == compute.I16 || t == compute.I32 || t == compute.I64
}

// chooser gives each tensor its type, as llama.cpp's mixtures do.
type chooser struct {
	r       Recipe
	pure    bool
	arch    string
	tied    bool // the token embedding is the output matrix as well
	experts int
	layers  int
	big     bool // 80 layers with 8 KV heads: values are shared so widely that they get more bits
	values  int  // number of matrices that make values
	value   map[string]int
}

func newChooser(r Recipe, pure bool, arch string, layers, experts int, shapes []weights.Shape) *chooser {
	c := &chooser{r: r, pure: pure, arch: arch, layers: layers, experts: experts, tied: true, value: map[string]int{}}
	c.big = arch == "llama" && layers == 80
	var names []string
	for _, t := range shapes {
		c.tied = c.tied && t.Name != "output.weight"
		if makesValues(t.Name) {
			names = append(names, t.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return layerOf(a) - layerOf(b) })
	for i, n := range names {
		c.value[n] = i
	}
	c.values = len(names)
	return c
}

// Assign gives each tensor of a model its type, as llama.cpp's mixtures do: got, and wanted where rows are not whole blocks of that.
// pure says that no matrix stands out. Tensors that are no matrices keep the type they have.
func (r Recipe) Assign(arch string, layers, experts int, shapes []weights.Shape, pure bool) (got, wanted []compute.DType) {
	c := newChooser(r, pure, arch, layers, experts, shapes)
	for i := range shapes {
		g, w := c.typeOf(&shapes[i])
		got, wanted = append(got, g), append(wanted, w)
	}
	return got, wanted
}

// makesValues reports whether a matrix makes values, by itself or among others.
func makesValues(name string) bool {
	return slices.ContainsFunc([]string{"attn_v.weight", "attn_qkv.weight", "attn_kv_b.weight"}, func(part string) bool { return strings.Contains(name, part) })
}

// layerOf is the N of blk.N.… or enc.blk.N.…, or 0.
func layerOf(name string) int {
	_, rest, _ := strings.Cut(name, "blk.")
	digits, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// moreBits picks the first and the last eighth of n and every third between.
func moreBits(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

// typeOf is the type a tensor gets, and the one it should have had where its rows are not whole blocks of that.
func (c *chooser) typeOf(t *weights.Shape) (got, wanted compute.DType) {
	if !convertible(t) {
		if t.DType == compute.F16 || t.DType == compute.BF16 || t.DType == compute.F64 {
			return compute.F32, compute.F32 // llama.cpp adds and multiplies by vectors in no other
		}
		return t.DType, t.DType
	}
	wanted = c.r.Type
	if wanted.Quantized() && !c.pure {
		wanted = c.standOut(t.Name)
	}
	return whole(wanted, t.Dims[0]), wanted
}

// whole is the type, or the next that has blocks of which rows of cols elements consist.
func whole(t compute.DType, cols int) compute.DType {
	if cols%t.BlockLen() != 0 {
		switch t {
		case compute.Q4_K:
			t = compute.Q5_0
		case compute.Q5_K:
			t = compute.Q5_1
		default:
			t = compute.Q8_0
		}
	}
	if cols%t.BlockLen() != 0 {
		t = compute.F16
	}
	return t
}

func (c *chooser) standOut(name string) compute.DType {
	t, layer := c.r.Type, layerOf(name)
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case name == "output.weight" || name == "token_embd.weight" && c.tied:
		switch {
		case c.arch == "falcon":
			return compute.Q8_0
		case t != compute.Q8_0:
			return compute.Q6_K
		}
	case makesValues(name):
		i := c.value[name]
		switch {
		case c.experts == 8:
			return compute.Q8_0
		case c.r.medium && moreBits(i, c.values):
			return compute.Q6_K
		case c.r.small && i < 4, c.big && t == compute.Q4_K:
			return compute.Q5_K
		}
	case has("attn_k.weight") && c.experts == 8:
		return compute.Q8_0
	case has("ffn_down"):
		switch {
		case c.r.medium && t == compute.Q4_K && c.arch == "falcon":
			if layer < c.layers/16 {
				return compute.Q6_K
			}
			if moreBits(layer, c.layers) {
				return compute.Q5_K
			}
		case c.r.medium && moreBits(layer, c.layers):
			return compute.Q6_K
		case c.r.small && c.arch != "falcon" && layer < c.layers/8:
			return compute.Q5_K
		}
	case has("attn_output.weight") && c.experts == 8 && t == compute.Q4_K && c.arch != "falcon":
		return compute.Q5_K
	}
	return t
}

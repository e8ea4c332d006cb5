package kernel

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Many is how work on more than one row is shared out: what a device is tuned in besides Few.
type Many struct {
	Kernel string `json:"kernel"`          // a name of severalKernels or manyKernels, or of a kernel of experts or attention
	Rows   int    `json:"rows,omitempty"`  // weight rows of a tile, or as in Few; pairs of query row and head of a workgroup, 0: as planned
	Cols   int    `json:"cols,omitempty"`  // rows of X of a tile; keys of one
	Depth  int    `json:"depth,omitempty"` // on matrix units, elements of a panel; tiles of keys in shared memory at once
	Group  int    `json:"group,omitempty"` // invocations of a workgroup; 0: the kernel in the shapes that the plan gives it
}

func (m Many) String() string {
	switch {
	case m.Group == 0:
		return m.Kernel
	case m.Cols == 0:
		return fmt.Sprintf("%s %d×%d", m.Kernel, m.Rows, m.Group)
	case m.Depth == 0:
		return fmt.Sprintf("%s %d×%d of %d", m.Kernel, m.Rows, m.Cols, m.Group)
	}
	return fmt.Sprintf("%s %d×%d×%d of %d", m.Kernel, m.Rows, m.Cols, m.Depth, m.Group)
}

// Op is the stem of what a kernel is for.
func (m Many) Op() string {
	for _, op := range []string{"matmul_experts", "attention"} {
		if strings.HasPrefix(m.Kernel, op+"_") {
			return op
		}
	}
	return "matmul"
}

// TunedMany says where measuring found something better than the plan's own rule, by Group.Many. AnyProduct and the name of a Class
// stand for all of the class that are not named.
type TunedMany map[string]Many

// Class is a kind of work that has shapes of its own.
type Class struct {
	Name string // the end of its keys
	Op   string // stem
	Rows int    // rows of a step that it is tuned with
	to   int    // of tiles: the most rows of X
}

// The classes that are no tiles.
var (
	kernelClass  = Class{", kernel", "matmul", 512, 0}
	prefillClass = Class{", prefill", "attention", 64, 0}
	decodeClass  = Class{", decode", "attention", 1, 0}
)

// severalClasses are of the kernels for few rows of X, and expertClasses of the tiles of experts by the tokens of a step.
var (
	severalClasses = []Class{{", 2 to 4 rows", "matmul", 4, 4}, {", 5 to 8 rows", "matmul", maxVecRows, maxVecRows}}
	expertClasses  = []Class{{", experts to 64 rows", "matmul_experts", 64, 64}, {", experts of many rows", "matmul_experts", 512, math.MaxInt - 1}}
)

// tileClasses are of the tiles of matrices.
var tileClasses = []Class{{", to 32 rows", "matmul", 16, 32}, {", to 128 rows", "matmul", 64, 128}, {", many rows", "matmul", 512, math.MaxInt}}

// Classes are tuned one after the other: a few rows of X, the kernel for many, its tiles for prompts of three lengths, experts' tiles for two,
// attention of a prompt, and attention of one row.
var Classes = slices.Concat(severalClasses, []Class{kernelClass}, tileClasses, expertClasses, []Class{prefillClass, decodeClass})

// Matches says whether a key is of the class.
func (c Class) Matches(key string) bool { return strings.HasSuffix(key, c.Name) }

// Kernels says whether the class is of kernels, in the shapes that the plan gives them.
func (c Class) Kernels() bool { return c == kernelClass }

// Covers says whether the class is of multiplications by so many rows of X, more than one.
func (c Class) Covers(rows int) bool {
	return c.Op == "matmul" && rows > 1 && rows <= c.to && (rows > maxVecRows) == (c.to > maxVecRows)
}

// mostOfSoftware bounds the shapes of a kernel that are tried on software drivers, which take seconds to compile what is unrolled.
const mostOfSoftware = 4

// Manys are the shapes that tuning tries in a class on a device: those of every kernel that the arithmetic and the device allow. A plan
// takes none that does not fit what it is for.
func Manys(caps Caps, c Class, arithmetic compute.Math, software bool) (list []Many) {
	some := func(of []Many) {
		of = slices.DeleteFunc(of, func(m Many) bool { return m.check(&caps) != nil })
		if software {
			of = of[:min(len(of), mostOfSoftware)]
		}
		list = append(list, of...)
	}
	switch c.Name {
	case kernelClass.Name:
		for _, k := range manyKernels(&caps, arithmetic) {
			list = append(list, Many{Kernel: k})
		}
		if len(list) == 1 && !caps.UniformLoads { // where matmul_lane is planned, tiles are another
			return nil
		}
	case prefillClass.Name:
		some(prefillShapes())
		if arithmetic == compute.Fast {
			some(coopAttentionShapes(&caps))
		}
	case decodeClass.Name:
		some(decodeShapes())
	case severalClasses[0].Name, severalClasses[1].Name:
		for _, k := range severalKernels {
			if k != "matmul_vec_int8" || arithmetic == compute.Fast && caps.FastDot {
				some(severalShapes(&caps, k))
			}
		}
	case expertClasses[0].Name, expertClasses[1].Name:
		some(expertShapes(&caps, "matmul_experts_tile"))
		if arithmetic == compute.Fast {
			some(expertShapes(&caps, "matmul_experts_half"))
			some(expertShapes(&caps, "matmul_experts_int8"))
			some(expertShapes(&caps, "matmul_experts_coop"))
		}
	default:
		for _, k := range manyKernels(&caps, arithmetic) {
			some(tilesThatFit(&caps, k))
		}
		if arithmetic == compute.Fast {
			some(slices.DeleteFunc(skinniesThatFit(&caps), func(m Many) bool { return m.Cols > 2*c.Rows || 4*m.Cols < c.to }))
		}
	}
	return list
}

// check refuses what the kernels are not made for: tuned shapes come from a file.
func (m Many) check(caps *Caps) error {
	of := map[string]func(*Caps) []Many{"matmul_skinny": skinniesThatFit, "attention_coop": coopAttentionShapes,
		"attention_prefill": func(*Caps) []Many { return prefillShapes() }, "attention_decode": func(*Caps) []Many { return decodeShapes() }}[m.Kernel]
	if slices.Contains(severalKernels, m.Kernel) {
		of = func(caps *Caps) []Many { return severalShapes(caps, m.Kernel) }
	} else if strings.HasPrefix(m.Kernel, "matmul_experts_") {
		of = func(caps *Caps) []Many { return expertShapes(caps, m.Kernel) }
	}
	switch {
	case !caps.takes(m.Kernel) || m.Kernel == "matmul_tile" && !(caps.takes("matmul_tile_32") && caps.takes("matmul_tile_64")):
		return fmt.Errorf("gpu: tuned shape %v: the kernel is left out here", m)
	case of == nil && !slices.Contains(manyKernels(caps, compute.Fast), m.Kernel):
		return fmt.Errorf("gpu: tuned shape: got kernel %q, want one for many rows that the device can run", m.Kernel)
	case of == nil && m == Many{Kernel: m.Kernel}:
		return nil
	case of == nil:
		of = func(caps *Caps) []Many { return tilesThatFit(caps, m.Kernel) }
	}
	if !slices.Contains(of(caps), m) || m.Group > int(caps.MaxInvocations) {
		return fmt.Errorf("gpu: tuned shape %v: got what the kernel is not made for, or what does not fit the device", m)
	}
	return nil
}

// tunedMany is what was found for a key of a class. One that this device cannot run is as none.
func (pl *planner) tunedMany(g *Group, key string, c Class) (Many, bool) {
	if key += c.Name; !slices.Contains(g.Many, key) {
		g.Many = append(g.Many, key)
	}
	m, ok := pl.caps.TunedMany[key]
	if !ok {
		m, ok = pl.caps.TunedMany[AnyProduct+c.Name]
	}
	return m, ok && m.check(&pl.caps) == nil
}

// take notes that what was found is what a group runs.
func (g *Group) take(key string, m Many) {
	if g.Taken = append(g.Taken, key); !slices.Contains(g.found, m.String()) {
		g.found = append(g.found, m.String())
	}
}

// whyTuned is the end of a group's Why.
func (g *Group) whyTuned() string {
	if g.found == nil {
		return ""
	}
	return "; tuned: " + strings.Join(g.found, ", ")
}

// Keys name what in a group has shapes to be found.
type Keys struct {
	Products []string // of Tuned
	Many     []string // of TunedMany
	Taken    []string // those of both for which the plan takes what was found
}

// KeysOf are the keys of all groups.
func KeysOf(caps Caps, p *compute.Program, o compute.Options) ([]Keys, error) {
	groups, err := Plan(caps, p, o)
	if err != nil {
		return nil, err
	}
	keys := make([]Keys, len(groups))
	for i, g := range groups {
		keys[i] = Keys{g.Products, g.Many, g.Taken}
	}
	return keys, nil
}

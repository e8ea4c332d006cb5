package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Few is how the multiplication of one row of X is shared out: what a device is tuned in.
type Few struct {
	Kernel string `json:"kernel"` // "vec", "lane" or "vec_int8"
	Rows   int    `json:"rows"`   // weight rows of a workgroup of matmul_vec and matmul_vec_int8, or of an invocation of matmul_lane
	Group  int    `json:"group"`  // invocations of a workgroup
}

func (f Few) String() string { return fmt.Sprintf("%s %d×%d", f.Kernel, f.Rows, f.Group) }

// Tuned says how the multiplications of one row are shared out where measuring found something better than the plan's own rule, by
// Group.Products. AnyProduct stands for all that are not named.
type Tuned map[string]Few

// AnyProduct is what a shape is tried with in every multiplication.
const AnyProduct = "*"

// Fews are the shapes that tuning tries on a device: from 1 to 8 weight rows a workgroup, that is streams of loads in flight, and from
// a subgroup to 256 invocations that share each. Packed dot products are tried in fast arithmetic, where they are fast.
func Fews(caps Caps, math compute.Math) []Few {
	var list []Few
	for _, group := range []int{8, 16, 32, 64, 128, 256} {
		if group < int(caps.SubgroupSize) {
			continue
		}
		for _, rows := range []int{1, 2, 4, 8} {
			list = append(list, Few{"vec", rows, group}, Few{"lane", rows, group})
			if math == compute.Fast && caps.FastDot {
				list = append(list, Few{"vec_int8", rows, group})
			}
		}
	}
	return slices.DeleteFunc(list, func(f Few) bool {
		return f.check(&caps) != nil || f.Kernel == "lane" && f.Group > 2*max(int(caps.SubgroupSize), 8) || f.Kernel != "lane" && f.Rows*f.Group > 1024
	})
}

// check refuses what the kernels are not made for: tuned shapes come from a file.
func (f Few) check(caps *Caps) error {
	most := map[string]int{"vec": 8, "lane": 4, "vec_int8": 8}[f.Kernel]
	switch {
	case most == 0:
		return fmt.Errorf("gpu: tuned shape: got kernel %q, want vec, lane or vec_int8", f.Kernel)
	case f.Kernel != "lane" && !caps.SubgroupArith:
		return fmt.Errorf("gpu: tuned shape %v: the device lacks subgroup arithmetic", f)
	case !caps.takes("matmul_" + f.Kernel):
		return fmt.Errorf("gpu: tuned shape %v: the kernel is left out here: %s", f, caps.Refused["matmul_"+f.Kernel])
	case f.Kernel == "vec_int8" && int8Lacks(caps) != "":
		return fmt.Errorf("gpu: tuned shape %v: the device lacks %s", f, int8Lacks(caps))
	case f.Rows < 1 || f.Rows > most || f.Rows != pow2(f.Rows):
		return fmt.Errorf("gpu: tuned shape %v: got %d rows, want a power of two of at most %d", f, f.Rows, most)
	case f.Group < 8 || f.Group > min(256, int(caps.MaxInvocations)) || f.Group != pow2(f.Group):
		return fmt.Errorf("gpu: tuned shape %v: got %d invocations, want a power of two of 8 to %d", f, f.Group, min(256, caps.MaxInvocations))
	}
	return nil
}

// key names a product by what its time depends on: format, sizes, and what is fused into it.
func (pl *planner) key(f product) string {
	w := pl.p.At(f.ops[0].W)
	var n []string
	for _, op := range f.ops {
		n = append(n, fmt.Sprint(pl.p.At(op.W).Rows.Fixed))
	}
	key := fmt.Sprintf("%v %s×%d", w.DType, strings.Join(n, "+"), w.Cols)
	for _, part := range []struct {
		is   bool
		name string
	}{{f.take != nil, " takerows"}, {f.norm.ofSquares() != nil, " rmsnorm"}, {f.norm != nil && f.norm.layer != nil, " layernorm"}, {f.pair, " swiglu"}, {f.qkv != nil, " rope_kvstore"}, {true, f.behind.String()},
		{f.residual != 0, " add"}} {
		if part.is {
			key += part.name
		}
	}
	if pl.o.Math == compute.Fast && pl.caps.FastDot && asBytes(w.DType) {
		key += " fast" // with kernels of its own to choose from
	}
	return key
}

// tuned is the shape of one row that was found for a product. One that this device cannot run is as none.
func (m *matMulPlan) tuned() (Few, bool) {
	if m.forced != "" {
		return Few{}, false
	}
	few, ok := m.caps.Tuned[m.key(m.f)]
	if !ok {
		few, ok = m.caps.Tuned[AnyProduct]
	}
	if !ok {
		return Few{}, false
	}
	return m.usable(few)
}

// fewAs plans the product's kernel for up to cols rows in a shape.
func (m *matMulPlan) fewAs(module string, few Few, cols int) (Dispatch, error) {
	switch few.Kernel {
	case "lane":
		return m.laneAs(module, m.f, cols, few.Group, few.Rows)
	case "vec_int8":
		m.bytes(m.f.norm.ofSquares(), cols)
		return m.vecInt8As(module, m.f, cols, few.Group, few.Rows)
	}
	return m.vecAs(module, m.f, cols, few.Group, few.Rows)
}

func (g *Group) addProduct(key string) {
	if !slices.Contains(g.Products, key) {
		g.Products = append(g.Products, key)
	}
}

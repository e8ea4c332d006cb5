package kernel

import (
	"slices"
	"strings"

	"tuff/host/compute"
)

// severalKernels are those for few rows of X.
var severalKernels = []string{"matmul_vec", "matmul_lane", "matmul_vec_int8"}

// several is a shape for 2 to 8 rows of X, as Many names it.
func (f Few) several() Many { return Many{Kernel: "matmul_" + f.Kernel, Rows: f.Rows, Group: f.Group} }

// severalShapes are those that a kernel is tried in for 2 to 8 rows of X: an invocation has a sum for each pair of a weight row and a row of X,
// so there are fewer weight rows than for one row.
func severalShapes(caps *Caps, kernel string) (list []Many) {
	for _, rows := range []int{2, 1, 4} {
		for _, group := range []int{64, 8, 16, 32, 128} {
			f := Few{strings.TrimPrefix(kernel, "matmul_"), rows, group}
			lane := f.Kernel == "lane"
			if f.check(caps) != nil || group < int(caps.SubgroupSize) || lane && group > 2*max(int(caps.SubgroupSize), 8) ||
				!lane && (rows*group > 256 || 2*maxVecRows*rows*group > int(caps.SharedBytes)) {
				continue
			}
			list = append(list, f.several())
		}
	}
	return list
}

// severalTuned is the shape that was found for the numbers of rows that a kernel of cols rows is for.
func (m *matMulPlan) severalTuned(cols int) (few Few, ok bool) {
	if m.forced != "" || cols < 2 || m.next > min(m.most, cols) {
		return few, false
	}
	c := severalClasses[0]
	if cols > c.to {
		c = severalClasses[1]
	}
	key := m.key(m.f)
	found, ok := m.tunedMany(m.g, key, c)
	if !ok || !slices.Contains(severalKernels, found.Kernel) {
		return few, false
	}
	few, ok = m.usable(Few{strings.TrimPrefix(found.Kernel, "matmul_"), found.Rows, found.Group})
	if ok {
		m.g.take(key+c.Name, found)
	}
	return few, ok
}

// usable is a shape as a product takes it, if this device can run it.
func (m *matMulPlan) usable(few Few) (Few, bool) {
	if few.check(&m.caps) != nil || few.Kernel == "vec_int8" && (m.o.Math != compute.Fast || !asBytes(m.p.At(m.f.ops[0].W).DType)) {
		return few, false
	}
	if m.f.qkv != nil {
		few.Rows = max(few.Rows, 2) // rows of a pair are rotated together
	}
	return few, true
}

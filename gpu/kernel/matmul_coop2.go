package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// FlexMatShape is an entry of VK_NV_cooperative_matrix2: matrices of any multiples of M, N and K, owned by a whole workgroup of so many
// invocations, or by a subgroup.
type FlexMatShape struct {
	Kind        CoopMatKind
	M, N, K     uint32 // elements
	Most        uint32 // the largest size
	Invocations uint32 // 0: a subgroup's
}

// coop2Tile is a shape of matmul_coop2: BM weight rows by BN rows of X a workgroup of so many invocations, BK elements of a panel.
type coop2Tile struct{ bm, bn, bk, wg int }

// coop2Tiles are tried from the largest on. The tile of matmul_coop2_parts is a subgroup's, and small: CPUs' compilers unroll it.
var coop2Tiles = []coop2Tile{{128, 128, 64, 256}, {64, 128, 64, 256}, {64, 64, 64, 128}}

func partTile(caps *Caps) coop2Tile { return coop2Tile{16, 8, 8, int(caps.SubgroupSize)} }

// maxCoop2Sums bounds the sums of an invocation: they live in registers.
const maxCoop2Sums = 64

// fits says whether a device can run a tile with sums of a kind.
func (t coop2Tile) fits(caps *Caps, kind CoopMatKind, pair, parts bool) bool {
	sets, invocations := 1+int(flag(pair)), uint32(t.wg)
	if parts {
		invocations = 0
	} else if sets*t.bm*t.bn > maxCoop2Sums*t.wg {
		return false
	}
	return t.wg <= int(caps.MaxInvocations) && slices.ContainsFunc(caps.FlexMat, func(s FlexMatShape) bool {
		return s.Kind == kind && s.Invocations == invocations && t.bm%int(s.M) == 0 && t.bn%int(s.N) == 0 && t.bk%int(s.K) == 0 &&
			max(t.bm, t.bn, t.bk) <= int(s.Most)
	})
}

// coop2Lacks is what a device lacks for a kernel on matrices of a workgroup, or for the parts of one that a subgroup runs, or "".
func coop2Lacks(caps *Caps, kernel string) string {
	parts := strings.Contains(kernel, "_parts")
	kinds := []CoopMatKind{CoopMatFloat}
	if strings.HasSuffix(kernel, "_half") {
		kinds = append(kinds, CoopMatHalf)
	}
	tiles := coop2Tiles
	if parts {
		tiles = []coop2Tile{partTile(caps)}
	}
	small := tiles[len(tiles)-1]
	switch {
	case coopLacks(caps) != "":
		return coopLacks(caps)
	case !caps.CoopPerElement:
		return "functions of a matrix's elements"
	case !parts && !(caps.CoopTensors && caps.CoopBlocks):
		return "loads by tensor layouts with decoders"
	case slices.ContainsFunc(kinds, func(k CoopMatKind) bool { return !small.fits(caps, k, true, parts) }):
		return fmt.Sprintf("matrices of %d×%d×%d for workgroups of %d", small.bm, small.bn, small.bk, small.wg)
	}
	return ""
}

// Unproven are the variants that no hardware has run yet. A device leaves them out until they have passed its self-check.
var Unproven = []string{"matmul_coop2", "matmul_coop2_half", "matmul_coop2_split"}

// TestsOnly is Variant.Used of variants that plans never choose.
const TestsOnly = "never: for tests"

// unitsKernel is the kernel for many rows on matrix units: the one that was asked for or found as far as the format has it, else the best
// one that the device can run and does not leave out.
func (m *matMulPlan) unitsKernel() string {
	list := []string{"matmul_coop2", "matmul_coop"}
	switch wanted := strings.TrimSuffix(m.wanted(), "_split"); {
	case wanted == "" && m.caps.HalfSums:
		list = []string{"matmul_coop2_half", "matmul_coop_half", "matmul_coop2", "matmul_coop"}
	case wanted == "matmul_coop2_half":
		list = []string{wanted, "matmul_coop2"}
	case wanted == "matmul_skinny":
		list = nil
	case wanted != "":
		list = []string{wanted}
	}
	for _, k := range list {
		lacks := ""
		switch {
		case strings.HasPrefix(k, "matmul_coop2"):
			lacks = coop2Lacks(&m.caps, k)
		case k == "matmul_coop_half":
			lacks = coopHalfLacks(&m.caps)
		}
		_, made := moduleOf("matmul", m.p.At(m.f.ops[0].W).DType, strings.TrimPrefix(k, "matmul"))
		switch {
		case lacks != "" || made != nil || m.wanted() == "" && !m.caps.takes(k), strings.HasPrefix(k, "matmul_coop2") && !m.aligned16():
		default:
			return k
		}
	}
	return "matmul_coop"
}

// aligned16 reports whether the matrices begin at multiples of 16 bytes, which tensors must.
func (m *matMulPlan) aligned16() bool {
	return !slices.ContainsFunc(m.f.ops, func(op compute.MatMul) bool {
		w := m.p.At(op.W)
		l, err := LayoutOf(w.DType, w.Cols)
		if err != nil {
			return true
		}
		at := w.Offset
		if l.Packed() {
			at, err = l.Offset(at)
		}
		return err != nil || at%16 != 0
	})
}

// canCoop2 reports whether a product's format and place in memory allow a kernel on matrices of whole workgroups.
func (m *matMulPlan) canCoop2(kernel string) bool {
	_, err := moduleOf("matmul", m.p.At(m.f.ops[0].W).DType, strings.TrimPrefix(kernel, "matmul"))
	return err == nil && m.aligned16()
}

// sumsOf is the kind of matrices of a kernel's sums.
func sumsOf(kernel string) CoopMatKind {
	if strings.HasSuffix(kernel, "_half") {
		return CoopMatHalf
	}
	return CoopMatFloat
}

// coop2s covers by matmul_coop2: rows to 64 by a tile no wider, more by the largest that fits. found is the covering of a tile that was
// found.
func (m *matMulPlan) coop2s(all, halves int) (planned []covering, found func(Many) (covering, bool)) {
	kind, parts, suffix := sumsOf(m.units), strings.Contains(m.units, "_parts"), strings.TrimPrefix(m.units, "matmul")
	as := func(t coop2Tile, to int) covering {
		return covering{to, func(to int) error {
			return m.addTiled(suffix, to, tiling{t.bm, t.bn, t.bk}, func(module string) (Dispatch, error) {
				return m.matMulCoop2(module, halves, t, parts)
			})
		}}
	}
	found = func(shape Many) (covering, bool) {
		t, ok := named(coop2Tiles, shape, func(t coop2Tile) Many { return t.many(m.units) })
		return as(t, all), ok && t.fits(&m.caps, kind, m.f.pair, false)
	}
	if parts {
		return []covering{as(partTile(&m.caps), all)}, found
	}
	fitting := slices.DeleteFunc(slices.Clone(coop2Tiles), func(t coop2Tile) bool { return !t.fits(&m.caps, kind, m.f.pair, false) })
	large, small := fitting[0], fitting[len(fitting)-1] // coop2Lacks says that there is one
	if small.bn == large.bn {
		return []covering{as(large, all)}, found
	}
	return []covering{as(small, small.bn), as(large, all)}, found
}

// matMulCoop2 reads X as temporary halves has it.
func (m *matMulPlan) matMulCoop2(module string, halves int, t coop2Tile, parts bool) (Dispatch, error) {
	d, err := m.tiled(module, m.f, halves, halvesRow, tile{t.bm, t.bn, t.bk, 1, 1})
	if err != nil {
		return Dispatch{}, err
	}
	d.Name = fmt.Sprintf("%s_%dx%d", module, t.bm, t.bn)
	d.Spec = append([]uint32{uint32(t.wg), uint32(t.bm), uint32(t.bn), uint32(t.bk)}, append(m.f.epilogue(), superRow)...)
	if m.halfSums() {
		d.Spec = append(d.Spec, coopFold)
	}
	if d.Spec = append(d.Spec, 1); parts { // PIECES
		d.Subgroup = m.caps.SubgroupSize
	}
	return d, nil
}

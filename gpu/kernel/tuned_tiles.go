package kernel

import (
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// manyKernels are the kernels for many rows of X that an arithmetic and a device allow. Formats may lack some of them.
func manyKernels(caps *Caps, arithmetic compute.Math) []string {
	list := []string{"matmul_tile"}
	for _, k := range []struct{ name, lacks string }{
		{"matmul_half", halfLacks(caps)}, {"matmul_int8", int8Lacks(caps)}, {"matmul_coop", coopLacks(caps)}, {"matmul_coop_half", coopHalfLacks(caps)},
		{"matmul_coop2", coop2Lacks(caps, "matmul_coop2")}, {"matmul_coop2_half", coop2Lacks(caps, "matmul_coop2_half")},
	} {
		if arithmetic == compute.Fast && k.lacks == "" && caps.takes(k.name) {
			list = append(list, k.name)
		}
	}
	return list
}

// The shapes that each kernel is tried in, those of plans first: 8 to 64 sums an invocation, or fragments a subgroup as maxFragments
// allows; workgroups of 64 to 256. One kernel has no two that differ only in what Many does not say.
var (
	tileShapes = []tile{tile32, tile64, {32, 64, 32, 4, 4}, {64, 32, 32, 4, 4}, {16, 32, 32, 2, 4}, {64, 64, 16, 8, 8}, {64, 128, 16, 8, 8}, {128, 64, 16, 8, 8}, {128, 128, 8, 8, 8}}
	halfShapes = []tile{halfTile32, halfTile64, {32, 64, 32, 4, 4}, {64, 32, 32, 4, 4}, {64, 64, 32, 4, 4}, {64, 128, 32, 8, 8}, {128, 64, 32, 8, 4}, {128, 128, 32, 8, 8}}
	int8Shapes = []tile{int8Tile32, int8Tile64, {32, 64, 32, 4, 4}, {64, 32, 32, 4, 4}, {64, 64, 32, 4, 4}, {64, 128, 32, 8, 8}, {128, 64, 32, 8, 4}}
	coopOthers = []coopTile{{128, 64, 32, 2, 2}, {64, 128, 32, 2, 2}, {128, 64, 32, 4, 2}, {64, 128, 32, 2, 4},
		{128, 128, 16, 2, 4}, {64, 64, 16, 2, 2}, {64, 64, 32, 2, 4}, {64, 32, 32, 2, 2}}
)

// coopShapes are those of matmul_coop.
func (c *Caps) coopShapes() []coopTile {
	list := slices.Clone(c.coopTiles())
	for _, t := range coopOthers {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

func (t tile) many(kernel string) Many {
	return Many{Kernel: kernel, Rows: t.bm, Cols: t.bn, Group: t.invocations()}
}

func (t coopTile) many(caps *Caps, kernel string) Many {
	return Many{kernel, t.bm, t.bn, t.bk, t.invocations(caps)}
}

func (t coop2Tile) many(kernel string) Many { return Many{kernel, t.bm, t.bn, t.bk, t.wg} }

func (s skinnyShape) many(caps *Caps, bn int) Many {
	return Many{"matmul_skinny", s.bm, bn, s.bk, s.subgroups * int(caps.SubgroupSize)}
}

// named is the shape of a list that m names.
func named[T any](list []T, m Many, name func(T) Many) (shape T, ok bool) {
	if i := slices.IndexFunc(list, func(t T) bool { return name(t) == m }); i >= 0 {
		return list[i], true
	}
	return shape, false
}

// plain are the shapes of a kernel without matrix units, with what says whether one fits.
func (pl *planner) plain(kernel string) (list []tile, fits func(tile, bool) bool) {
	switch kernel {
	case "matmul_tile":
		return tileShapes, pl.fits
	case "matmul_half":
		if pl.caps.fewWaves() {
			return append([]tile{halfPair64OfWaves, halfTile32OfFew}, halfShapes...), pl.halfFits
		}
		return append(pl.ofFew(halfTile64OfFew, halfTile32OfFew), halfShapes...), pl.halfFits
	case "matmul_int8":
		return append(pl.ofFew(int8Pair64OfFew, int8Pair32OfFew), int8Shapes...), pl.int8Fits
	}
	return nil, nil
}

// ofFew are shapes that are for devices whose invocations have few registers.
func (pl *planner) ofFew(shapes ...tile) []tile {
	if pl.caps.Registers > 0 {
		return shapes
	}
	return nil
}

// tilesThatFit are the shapes of a kernel that fit a device.
func tilesThatFit(caps *Caps, kernel string) (list []Many) {
	pl := &planner{caps: *caps}
	if shapes, fits := pl.plain(kernel); shapes != nil {
		for _, t := range shapes {
			if fits(t, false) {
				list = append(list, t.many(kernel))
			}
		}
		return list
	}
	if strings.HasPrefix(kernel, "matmul_coop2") {
		for _, t := range coop2Tiles {
			if t.fits(caps, sumsOf(kernel), false, false) {
				list = append(list, t.many(kernel))
			}
		}
		return list
	}
	m, _ := caps.Matrix(CoopMatFloat)
	for _, t := range caps.coopShapes() {
		if coopLacks(caps) == "" && t.fits(caps, m, false) {
			list = append(list, t.many(caps, kernel))
		}
	}
	return list
}

// skinniesThatFit are the shapes of matmul_skinny that fit a device.
func skinniesThatFit(caps *Caps) (list []Many) {
	if skinnyLacks(caps) != "" {
		return nil
	}
	m, _ := caps.Matrix(CoopMatFloat)
	for _, bn := range skinnyRows {
		for _, s := range skinnyShapes {
			if s.fits(caps, m, bn, false) {
				list = append(list, s.many(caps, bn))
			}
		}
	}
	return list
}

// manyKey names a product in TunedMany. Arithmetics have kernels of their own to choose from.
func (m *matMulPlan) manyKey() string {
	f := m.f
	f.take, f.norm, f.whole, f.units = nil, nil, nil, nil // parts of the kernels for few rows
	key := m.key(f)
	if m.o.Math == compute.Fast && !strings.HasSuffix(key, " fast") {
		key += " fast"
	}
	return key
}

// tunedKernel is the kernel for many rows that was found for a product, or "".
func (m *matMulPlan) tunedKernel() string {
	if m.forced != "" || m.most <= maxVecRows {
		return ""
	}
	format := strings.ToLower(m.p.At(m.f.ops[0].W).DType.String())
	found, ok := m.tunedMany(m.g, m.manyKey(), kernelClass)
	switch k := found.Kernel; {
	case !ok || !slices.Contains(manyKernels(&m.caps, m.o.Math), k), strings.HasPrefix(k, "matmul_coop2") && !m.canCoop2(k),
		k == "matmul_int8" && !slices.Contains(shaders.ByteFormats, format),
		strings.HasSuffix(k, "_half") && !slices.Contains(shaders.HalfFormats, format):
		return ""
	}
	m.g.take(m.manyKey()+kernelClass.Name, found)
	return found.Kernel
}

// covering is a shape of a kernel and the most rows of X that it is for; add covers those not yet covered, up to to.
type covering struct {
	to  int
	add func(to int) error
}

// cover covers up to all rows by a kernel: as planned, or by the shapes that were found for some numbers of rows. as is the covering of
// a shape, where the product can take it.
func (m *matMulPlan) cover(all int, planned []covering, as func(Many) (covering, bool)) error {
	by := func(list []covering, to int) error {
		for _, c := range list {
			if err := c.add(min(c.to, to)); err != nil {
				return err
			}
		}
		return nil
	}
	if m.forced != "" {
		return by(planned, all)
	}
	from := m.next
	for _, c := range tileClasses {
		if from > min(m.most, c.to) {
			continue
		}
		key := m.manyKey()
		found, ok := m.tunedMany(m.g, key, c)
		if !ok {
			continue
		}
		if shape, ok := as(found); ok {
			m.g.take(key+c.Name, found)
			// What lies before and is not found stays as planned.
			if err := by(planned, min(m.below(c), all)); err != nil {
				return err
			}
			if err := shape.add(min(shape.to, c.to, all)); err != nil {
				return err
			}
		}
	}
	return by(planned, all)
}

// plainAs is the covering of a found shape of a kernel without matrix units.
func (m *matMulPlan) plainAs(kernel string, as func(tile, int) covering) func(Many) (covering, bool) {
	return func(found Many) (covering, bool) {
		shapes, fits := m.plain(kernel)
		t, ok := named(shapes, found, func(t tile) Many { return t.many(kernel) })
		return as(t, math.MaxInt), ok && fits(t, m.f.pair)
	}
}

// below is the most rows of X of the class of tiles before c.
func (m *matMulPlan) below(c Class) (to int) {
	for _, b := range tileClasses {
		if b.to < c.to {
			to = max(to, b.to)
		}
	}
	return to
}

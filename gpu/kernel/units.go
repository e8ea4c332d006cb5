package kernel

import (
	"tuff/host/compute"
)

// units are results of a product that are finished together, by the workgroup that brings the last of them: heads of queries and keys
// that are normalised, blocks of the cache, and whole rows (behind.go). Twin: shaders/include/units.glsl.
type units struct {
	size   int          // elements of queries and of keys that are finished together: UNIT
	most   int          // units of a matrix
	counts int          // where the product's counts begin among the group's
	sums   [maxMats]int // 1 + the temporary with what goes to a cache, 0: none
}

// maxUnit and maxRowUnit bound the shared memory of a unit: few elements leave room for many workgroups beside each other.
const (
	maxUnit    = 1024
	maxRowUnit = 6144
)

// unitOf is the number of queries or keys that are finished together, 0 where every result is finished by itself; ok is false where
// rows of the matrices or of the caches are no whole number of units.
func (pl *planner) unitOf(h qkv) (size int, ok bool) {
	blocks := func(cache compute.Ref) int { return pl.p.At(cache).DType.BlockLen() }
	q, k, v := pl.p.At(h.q).Cols, pl.p.At(h.store.KCache).Cols, pl.p.At(h.store.VCache).Cols
	ok = v%blocks(h.store.VCache) == 0
	if h.order == headsRow {
		size = max(q, k)
		return size, ok && size <= maxRowUnit && 4*size+8192 <= int(pl.caps.SharedBytes) && k%blocks(h.store.KCache) == 0
	}
	if h.order != headsPlain {
		size = h.head()
	}
	if b := blocks(h.store.KCache); b > 1 {
		size = h.head()
		for size%b != 0 {
			size += h.head()
		}
	}
	if size == 0 {
		return 0, ok
	}
	return size, ok && size <= maxUnit && (h.order == headsPlain || q%size == 0) && k%size == 0
}

// inUnits says whether the results of a multiplication are finished in units, and how large those are.
func (pl *planner) inUnits(p *projection, m compute.MatMul) int {
	switch to, _ := p.target(m); {
	case p.qkv == nil, to == toOut:
	case to == toValues && pl.p.At(p.qkv.store.VCache).DType.Quantized():
		return pl.p.At(p.qkv.store.VCache).DType.BlockLen()
	case to != toValues && p.qkv.order == headsRow:
		return pl.p.At(m.Out).Cols
	case to == toKeys && pl.p.At(p.qkv.store.KCache).DType.Quantized(), to != toValues && p.qkv.order != headsPlain:
		size, _ := pl.unitOf(*p.qkv)
		return size
	}
	return 0
}

// addUnits gives a product of a projection what its units need of the group: counts, and room for sums that go to a cache.
func (pl *planner) addUnits(g *Group, f *product) {
	if f.whole == nil {
		return
	}
	var u units
	if f.behind.wholeRows() { // a count for all of them; sums wait where the result will be
		u.most, u.counts = 1, g.Counts
		g.Counts++
		f.units = &u
		return
	}
	rows := pl.p.At(f.ops[0].X).Rows
	for i, m := range f.ops {
		size := pl.inUnits(f.whole, m)
		if size == 0 {
			continue
		}
		n := pl.p.At(m.W).Rows.Fixed
		u.most = max(u.most, n/size)
		if _, out := f.whole.target(m); out == 0 {
			g.Temps = append(g.Temps, Temp{Name: "sums of units", Bytes: func(s Shape) int64 {
				return 4 * int64(min(rows.At(s.Sizes()), maxVecRows)) * int64(n)
			}})
			u.sums[i] = len(g.Temps)
		}
	}
	if u.most == 0 {
		return
	}
	u.size, _ = pl.unitOf(*f.whole.qkv)
	u.counts = g.Counts
	g.Counts += maxMats * u.most
	f.units = &u
}

// withUnits puts the temporaries of units in the place of results that go to a cache.
func (f product) withUnits(d Dispatch) Dispatch {
	if f.units == nil {
		return d
	}
	for i, id := range f.units.sums {
		if id > 0 {
			d.Args[firstOut+i] = temp(id - 1)
			d.Writes = append(d.Writes, Access{Temp: id - 1})
		}
	}
	return d
}

package kernel

import (
	"tuff/host/compute"
)

// units are results of a product that are finished together, by the workgroup that brings the last of them: heads of queries and keys
// that are normalised, blocks of the cache, and whole rows (behind.go). Twin: shaders/include/units.glsl.
type units struct {
	size   int          // elements of queries and of keys that are finished together, or experts of a router: UNIT
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
	blocks := func(cache compute.Ref) int {
		if cache == 0 {
			return 1
		}
		return pl.p.At(cache).DType.BlockLen()
	}
	cols := func(r compute.Ref) int {
		if r == 0 {
			return 0
		}
		return pl.p.At(r).Cols
	}
	q, k, v := cols(h.q), cols(h.store.KCache), cols(h.store.VCache)
	ok = v%blocks(h.store.VCache) == 0
	if latent := h.latent != nil && h.k != 0; h.order == headsRow || latent {
		size = max(q, k)
		return size, ok && size <= maxRowUnit && 4*size+8192 <= int(pl.caps.SharedBytes) && k%blocks(h.store.KCache) == 0
	}
	if h.gates != 0 {
		q /= 2
	}
	if h.order != headsPlain || h.gates != 0 || h.vNorm != nil {
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
	if h.vNorm != nil {
		ok = ok && v%size == 0 && size%blocks(h.store.VCache) == 0
	}
	return size, ok && size <= maxUnit && (h.order == headsPlain && h.gates == 0 || q%size == 0) && k%size == 0
}

// inUnits says whether the results of a multiplication are finished in units, and how large those are.
func (pl *planner) inUnits(p *projection, m compute.MatMul) int {
	h := p.qkvOf(m)
	to, _ := p.target(m)
	if h == nil || to == toOut {
		return 0
	}
	size, _ := pl.unitOf(*h)
	switch {
	case to == toValues && h.vNorm != nil:
		return size
	case to == toValues && pl.p.At(h.store.VCache).DType.Quantized():
		return pl.p.At(h.store.VCache).DType.BlockLen()
	case to == toValues:
	case h.order == headsRow, h.latent != nil && to == toKeys:
		return pl.p.At(m.Out).Cols
	case to == toRotated && h.gates != 0:
		return 2 * size
	case to == toKeys && pl.p.At(h.store.KCache).DType.Quantized(), h.order != headsPlain:
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
		if f.behind.route != nil {
			u.size = pl.p.At(f.behind.route.Logits).Cols
		}
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
	u.size, _ = pl.unitOf(*f.qkv)
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

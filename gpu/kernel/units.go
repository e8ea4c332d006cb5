package kernel

import (
	"slices"

	"tuff/host/compute"
)

// units are results of a product that are finished together, by the workgroup that brings the last of them: heads of queries and keys
// that are normalised, and blocks of the cache. Twin: shaders/include/units.glsl.
type units struct {
	size   int          // elements of queries and of keys that are finished together: UNIT
	most   int          // units of a matrix
	counts int          // where the product's counts begin among the group's
	sums   [maxMats]int // 1 + the temporary with what goes to a cache, 0: none
}

// maxUnit bounds the shared memory of a unit.
const maxUnit = 1024

// unitOf is the number of queries or keys that are finished together, 0 where every result is finished by itself; ok is false where
// rows of the matrices or of the caches are no whole number of units.
func (pl *planner) unitOf(r ropeStore) (size int, ok bool) {
	blocks := func(cache compute.Ref) int { return pl.p.At(cache).DType.BlockLen() }
	if r.qNorm != nil {
		size = r.q.HeadDim
	}
	if b := blocks(r.store.KCache); b > 1 {
		size = r.q.HeadDim
		for size%b != 0 {
			size += r.q.HeadDim
		}
	}
	q, k, v := pl.p.At(r.q.Out).Cols, pl.p.At(r.store.KCache).Cols, pl.p.At(r.store.VCache).Cols
	if size == 0 {
		return 0, v%blocks(r.store.VCache) == 0
	}
	return size, size <= maxUnit && (r.qNorm == nil || q%size == 0) && k%size == 0 && v%blocks(r.store.VCache) == 0
}

// inUnits says whether the results of a multiplication are finished in units, and how large those are.
func (pl *planner) inUnits(p *projection, m compute.MatMul) int {
	switch to, _ := p.target(m); {
	case p.rope == nil:
	case to == toValues && pl.p.At(p.rope.store.VCache).DType.Quantized():
		return pl.p.At(p.rope.store.VCache).DType.BlockLen()
	case to == toKeys && pl.p.At(p.rope.store.KCache).DType.Quantized(), to != toValues && p.rope.qNorm != nil:
		size, _ := pl.unitOf(*p.rope)
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
	u.size, _ = pl.unitOf(*f.whole.rope)
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

// headNormsAt finds normalisations of the heads of two tensors.
func (pl *planner) headNormsAt(at int) (a, b compute.RMSNorm, ok bool) {
	a, okA := opAt[compute.RMSNorm](pl, at)
	b, okB := opAt[compute.RMSNorm](pl, at+1)
	good := func(n compute.RMSNorm) bool {
		w := pl.p.At(n.Weight)
		return n.Group > 0 && w.Rows == compute.Rows(1) && w.Cols == n.Group && pl.private(n.Out)
	}
	return a, b, okA && okB && good(a) && good(b) && a.Group == b.Group && a.Eps == b.Eps
}

// headsAt finds a ropeStore, behind normalisations of its heads or not, and says how many ops it is.
func (pl *planner) headsAt(at int) (r ropeStore, count int, ok bool) {
	if r, ok = pl.ropeStoreAt(at); ok {
		return r, 3, true
	}
	a, b, ok := pl.headNormsAt(at)
	if !ok {
		return r, 0, false
	}
	if r, ok = pl.ropeStoreAt(at + 2); !ok || a.Group != r.q.HeadDim {
		return r, 0, false
	}
	norms := []compute.RMSNorm{a, b}
	of := func(x compute.Ref) *compute.RMSNorm {
		if i := slices.IndexFunc(norms, func(n compute.RMSNorm) bool { return n.Out == x }); i >= 0 {
			return &norms[i]
		}
		return nil
	}
	r.qNorm, r.kNorm = of(r.q.X), of(r.k.X)
	return r, 5, r.qNorm != nil && r.kNorm != nil && a.X != b.X
}

package kernel

import "tuff/host/compute"

// behind is what takes the result of a multiplication, or of a gate and an up projection, and of nothing else. Kernels for few rows
// do it before they store: element by element, or where a norm needs whole rows in the workgroup that brings the last of them
// (units.go). For more rows its ops run one after the other.
type behind struct {
	fn    *compute.Activation // with Up: of a pair, or of something else that is there
	part  *compute.Columns    // which lies in this one
	pair  bool
	scale *compute.Scale
	norm  *compute.RMSNorm // of whole rows
	add   *compute.Add
	to    compute.Ref        // what it is added to
	also  *compute.Add       // another sum, of what is normalised
	too   compute.Ref        // and what that adds
	last  *compute.Scale     // of the sum
	layer *compute.LayerNorm // of the sum, which stays
	route *compute.Route     // of a router's logits
	count int                // ops
}

// mostWholeRows is the largest number of rows of X that one workgroup finishes: it takes them one after the other, where a dispatch of
// its own takes them side by side.
const mostWholeRows = 2

// behindAt finds what takes x from op at on.
func (pl *planner) behindAt(at int, x compute.Ref) (b behind) {
	i, y := at, x
	part, ok := opAt[compute.Columns](pl, i)
	if ok = ok && part.B == 0 && part.Groups == 1 && part.A != x && pl.private(part.Out); ok {
		b.part = &part
		i++
	}
	if fn, ok := opAt[compute.Activation](pl, i); ok && fn.X == x && fn.Up != x && !fn.OneRow(pl.p) && pl.private(x) && (b.part == nil || fn.Up == b.part.Out) {
		b.fn, b.count = &fn, i+1-at
		return b
	}
	if route, ok := opAt[compute.Route](pl, at); ok && route.Logits == x && pl.private(x) && pl.routesHere(route) {
		return behind{route: &route, count: 1}
	}
	b, i = behind{}, at
	if op, ok := opAt[compute.Scale](pl, i); ok && op.X == y && op.Cap == 0 && pl.private(y) {
		b.scale, y = &op, op.Out
		i++
	}
	if op, ok := opAt[compute.RMSNorm](pl, i); ok && op.X == y && op.Group == 0 && pl.private(y) {
		b.norm, y = &op, op.Out
		i++
	}
	add, to, ok := pl.addedAt(i, y)
	if !ok {
		if b.count = i - at; b.norm == nil || pl.multiplies(i, y) {
			return behind{} // the multiplication of what a norm gives normalises as it reads
		}
		return b
	}
	b.add, b.to = &add, to
	i++
	sum := add.Out
	if also, too, ok := pl.addedAt(i, sum); ok && b.norm != nil {
		b.also, b.too, sum = &also, too, also.Out
		i++
	}
	if op, ok := opAt[compute.LayerNorm](pl, i); ok && b.norm == nil && op.X == sum && op.Group == 0 {
		b.layer = &op
		i++
	}
	if op, ok := opAt[compute.Scale](pl, i); ok && b.layer == nil && op.X == sum && op.Cap == 0 && pl.private(sum) {
		b.last = &op
		i++
	}
	if b.count = i - at; b.count == 1 {
		return behind{} // a residual by itself is every kernel's
	}
	return b
}

// addedAt is the sum at op i of x, which goes nowhere else, and of what it returns.
func (pl *planner) addedAt(i int, x compute.Ref) (op compute.Add, other compute.Ref, ok bool) {
	op, ok = opAt[compute.Add](pl, i)
	if other = op.A; op.A == x {
		other = op.B
	}
	return op, other, ok && !op.OneRow(pl.p) && (op.A == x) != (op.B == x) && pl.private(x)
}

// multiplies says whether op i is a multiplication of x.
func (pl *planner) multiplies(i int, x compute.Ref) bool {
	op, ok := pl.matMulAt(i)
	return ok && op.X == x
}

// wholeRows says whether results are finished row by row.
func (b *behind) wholeRows() bool { return b.norm != nil || b.layer != nil || b.route != nil }

// routesHere says whether a router's experts can be chosen beside what a multiplication needs of shared memory.
func (pl *planner) routesHere(op compute.Route) bool {
	return 16*pl.p.At(op.Logits).Cols+8192 <= int(pl.caps.SharedBytes)
}

// rowNorm are the parts of the norm of whole rows, and beside the tensor that it leaves besides the result.
func (b *behind) rowNorm() (weight, bias, beside compute.Ref, eps float32) {
	switch {
	case b.norm != nil:
		return b.norm.Weight, 0, 0, b.norm.Eps
	case b.layer != nil:
		return b.layer.Weight, b.layer.Bias, b.layer.Out, b.layer.Eps
	}
	return 0, 0, 0, 0
}

// String names the ops but for the residual, each behind a space.
func (b *behind) String() string {
	name := ""
	if b.fn != nil {
		name += " " + b.fn.Fn.String()
		if b.times() != 0 {
			name += " times"
		}
	}
	if b.scale != nil {
		name += " scale"
	}
	if b.norm != nil {
		name += " rmsnorm"
	}
	if b.layer != nil {
		name += " layernorm"
	}
	if b.also != nil {
		name += " add"
	}
	if b.last != nil {
		name += " scale"
	}
	if b.route != nil {
		name += " route"
	}
	return name
}

// constants are ACT and BEHIND of include/few.glsl.
func (b *behind) constants(pair bool) []uint32 {
	fn := compute.Identity
	switch {
	case b.fn != nil:
		fn = b.fn.Fn
	case pair:
		fn = compute.SiLU
	}
	return []uint32{uint32(fn), flag(b.scale != nil) | flag(b.norm != nil)<<1 | flag(b.layer != nil)<<2 | flag(b.layer != nil && b.layer.Bias != 0)<<3 |
		flag(b.times() != 0)<<4 | flag(b.last != nil)<<5 | flag(b.route != nil)<<6 | flag(b.also != nil)<<10}
}

// dispatches are the ops one after the other; with summed the multiplication has added the residual.
func (pl *planner) behindDispatches(b behind, summed bool) []Dispatch {
	var list []Dispatch
	if b.part != nil {
		list = append(list, pl.columnsDispatch(*b.part))
	}
	if b.fn != nil {
		list = append(list, pl.activationDispatch(*b.fn))
	}
	if b.scale != nil {
		list = append(list, pl.scaleDispatch(*b.scale))
	}
	if b.norm != nil {
		list = append(list, pl.rmsNormDispatch(*b.norm))
	}
	if b.add != nil && !summed {
		list = append(list, pl.addDispatch(*b.add))
	}
	if b.also != nil {
		list = append(list, pl.addDispatch(*b.also))
	}
	if b.layer != nil {
		list = append(list, pl.layerNormDispatch(*b.layer))
	}
	if b.last != nil {
		list = append(list, pl.scaleDispatch(*b.last))
	}
	if b.route != nil {
		list = append(list, pl.routeDispatch(*b.route))
	}
	return list
}

// sums says whether a multiplication adds the residual itself: with all that is behind it, or where nothing stands between them.
func (b *behind) sums(whole bool) bool {
	return b.add != nil && (whole || b.scale == nil && b.norm == nil)
}

// out is what comes of the multiplication.
func (b *behind) out() compute.Ref {
	switch {
	case b.route != nil:
		return b.route.Logits
	case b.last != nil:
		return b.last.Out
	case b.also != nil:
		return b.also.Out
	case b.add != nil:
		return b.add.Out
	case b.norm != nil:
		return b.norm.Out
	}
	return b.fn.Out
}

// times is the tensor that results of the function are multiplied by, or in which that lies, where it is no other matrix's result; or
// none.
func (b *behind) times() compute.Ref {
	switch {
	case b.fn == nil || b.pair:
		return 0
	case b.part != nil:
		return b.part.A
	}
	return b.fn.Up
}

// timesOf is that tensor, the elements of a row of it, and the first of those that count.
func (pl *planner) timesOf(b behind) (times compute.Ref, cols, from int) {
	if times = b.times(); times == 0 {
		return 0, 0, 0
	}
	if b.part != nil {
		from = b.part.FromA
	}
	return times, pl.p.At(times).Cols, from
}

// factorOf is what an op multiplies by, if there is one.
func factorOf(op *compute.Scale) float32 {
	if op != nil {
		return op.Factor
	}
	return 1
}

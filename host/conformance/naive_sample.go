package conformance

import (
	"fmt"
	"math/big"
	"slices"

	"tuff/host/compute"
)

// Sampling by its definition, in integers without bounds and fractions: none of compute's arithmetic is used but the settings.

// twoTo is 2^n.
func twoTo(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// down is a·b / 2^n, rounded down; none is negative.
func down(a, b *big.Int, n uint) *big.Int { return new(big.Int).Rsh(new(big.Int).Mul(a, b), n) }

// taylor are ln(2)^k/k! of 2³², to the nearest whole number, from ln 2 to 20 digits.
var taylor = func() (t [12]*big.Int) {
	ln2, _ := new(big.Rat).SetString("0.69314718055994530942")
	r := new(big.Rat).SetInt(twoTo(32))
	for k := int64(1); k < 12; k++ {
		r.Mul(r, ln2).Quo(r, new(big.Rat).SetInt64(k))
		rounded := new(big.Rat).Add(r, big.NewRat(1, 2))
		t[k] = new(big.Int).Quo(rounded.Num(), rounded.Denom())
	}
	return t
}()

// weightOf is 2³⁹·2^(−behind·decay) as the definition rounds it: the Taylor series of 2^−f in units of 2⁻³².
func weightOf(behind *big.Int, d compute.Decay) *big.Int {
	x := down(behind, new(big.Int).SetUint64(uint64(d.Mantissa)), 32)
	if d.Shift >= 32 {
		x.Rsh(x, uint(d.Shift)-32)
	} else {
		x.Lsh(x, 32-uint(d.Shift))
	}
	n, f := new(big.Int).Rsh(x, 32), new(big.Int).And(x, big.NewInt(1<<32-1))
	if n.Cmp(big.NewInt(40)) >= 0 {
		return new(big.Int)
	}
	t := new(big.Int).Set(taylor[11])
	for k := 10; k >= 1; k-- {
		t.Sub(taylor[k], down(t, f, 32))
	}
	t.Sub(twoTo(32), down(t, f, 32))
	return t.Lsh(t, 7).Rsh(t, uint(n.Uint64()))
}

// weightsOf are those of logits in order, and their sum.
func weightsOf(l []*big.Int, d compute.Decay) (w []*big.Int, sum *big.Int) {
	sum = new(big.Int)
	for _, v := range l {
		w = append(w, weightOf(new(big.Int).Sub(l[0], v), d))
		sum.Add(sum, w[len(w)-1])
	}
	return w, sum
}

// sample chooses a token of each row.
func (n *naive) sample(o compute.Sample) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	s, out := &n.s.Sampling, n.vals[o.Out]
	for r := range out.rows() {
		xv, xe := x.row(r)
		k := len(xv) / 2
		type candidate struct {
			id float64
			l  *big.Int
		}
		var list []candidate
		for i := range k {
			if xe[i] > tiny || xe[k+i] > 0 {
				return fmt.Errorf("conformance: sample: got candidate %d of row %d with an error of %g, want exact values", i, r, xe[i])
			}
			l := new(big.Rat).SetFloat64(xv[i])
			l.Mul(l, new(big.Rat).SetInt(twoTo(32)))
			c := candidate{xv[k+i], new(big.Int).Quo(l.Num(), l.Denom())} // toward zero
			times := int64(0)
			for i, t := range s.Window {
				if i >= len(s.Window)-s.LastN && float64(t) == c.id {
					times++
				}
			}
			if s.Penalties && times > 0 {
				if c.l.Sign() > 0 {
					c.l = down(c.l, big.NewInt(int64(s.Unrepeat)), 24)
				} else {
					c.l = new(big.Int).Neg(down(new(big.Int).Neg(c.l), big.NewInt(int64(s.Repeat)), 24))
				}
				c.l.Sub(c.l, new(big.Int).Mul(big.NewInt(times), big.NewInt(s.Frequency))).Sub(c.l, big.NewInt(s.Presence))
			}
			list = append(list, c)
		}
		slices.SortStableFunc(list, func(a, b candidate) int { return b.l.Cmp(a.l) })
		var l []*big.Int
		for _, c := range list {
			l = append(l, c.l)
		}
		v, e := out.row(r)
		v[0], e[0] = list[chosenOf(l, s)].id, 0
	}
	return nil
}

// chosenOf is the place of the candidate chosen of logits in order.
func chosenOf(l []*big.Int, s *compute.Sampling) int {
	if !s.Random {
		return 0
	}
	if s.TopK > 0 {
		l = l[:min(s.TopK, len(l))]
	}
	if s.TopP < 1<<32 {
		w, total := weightsOf(l, compute.DecayOf(1))
		reach, sum := down(total, new(big.Int).SetUint64(s.TopP), 32), new(big.Int)
		for i := range w {
			if sum.Add(sum, w[i]); sum.Cmp(reach) >= 0 {
				l = l[:i+1]
				break
			}
		}
	}
	if s.Behind >= 0 {
		for i := range l {
			if new(big.Int).Sub(l[0], l[i]).Cmp(big.NewInt(s.Behind)) > 0 {
				l = l[:i]
				break
			}
		}
	}
	state := s.State
	w, total := weightsOf(l, s.Decay)
	below, sum := down(new(big.Int).SetUint64(compute.NextRandom(&state)), total, 64), new(big.Int)
	for i := range w {
		if sum.Add(sum, w[i]); sum.Cmp(below) > 0 {
			return i
		}
	}
	panic("BUG: conformance: the running sum does not reach the sum")
}

package quant

import "math"

// pairs are the scales and minima of a block of Q4_K or Q5_K: x = d·scale·q − dmin·min for each 32 elements.
type pairs struct {
	d, dmin    float32
	scale, min [8]float32
	e          float32 // sum of squared errors
}

// fitPairs finds pairs and levels 0 … top for 256 elements. Each 32 elements get a line of their own first; its scale and minimum
// are then rounded to six bits, with their neighbours tried, and the two factors follow by least squares over all levels.
func fitPairs(x, q []float32, top float32) pairs {
	var want [8]struct{ s, m float32 }
	var p pairs
	for j := range want {
		d, m := fitLine(x[32*j:32*j+32], top, true, asIs)
		want[j].s, want[j].m = d, -m
		p.d, p.dmin = max(p.d, d/63), max(p.dmin, -m/63)
	}
	var best pairs // all zero
	for _, v := range x {
		best.e += float32(v * v)
	}
	for round := range 3 {
		reach := float32(min(round, 1)) // neighbours are worth their time once the factors have settled
		p.d, p.dmin = toHalf(p.d), toHalf(p.dmin)
		p.e = 0
		var aa, ab, bb, ra, rb float32
		for j := range want {
			part, l := x[32*j:32*j+32], q[32*j:32*j+32]
			e := float32(math.MaxFloat32)
			s0, m0 := nearest(clamp(want[j].s*inverse(p.d), 0, 63)), nearest(clamp(want[j].m*inverse(p.dmin), 0, 63))
			for s := max(s0-reach, 0); s <= min(s0+reach, 63); s++ {
				// The minimum next to the one that this scale's residuals ask for.
				for m, last := m0, float32(-1); m != last; {
					c, mean := distance(part, float32(p.d*s), float32(-p.dmin*m), top)
					if c < e {
						e, p.scale[j], p.min[j] = c, s, m
					}
					if last >= 0 || reach == 0 {
						break
					}
					last, m = m, nearest(clamp(m-float32(mean*inverse(p.dmin)), 0, 63))
				}
			}
			p.e += e
			s, m := p.scale[j], p.min[j]
			levels(l, part, float32(p.d*s), float32(-p.dmin*m), 0, top)
			for i, v := range part {
				a := float32(s * l[i])
				r := v - (float32(p.d*a) - float32(p.dmin*m))
				aa, ab, bb = aa+float32(a*a), ab+float32(a*m), bb+float32(m*m)
				ra, rb = ra+float32(r*a), rb+float32(r*m)
			}
		}
		if p.e < best.e {
			best = p
		}
		// The changes of d and dmin that x − d·a + dmin·m asks for.
		d, dmin := p.d, p.dmin
		if det := float32(aa*bb) - float32(ab*ab); det > 1e-6*float32(aa*bb) {
			d += (float32(ra*bb) - float32(rb*ab)) / det
			dmin += (float32(ra*ab) - float32(rb*aa)) / det
		} else if aa > 0 {
			d += ra / aa
		}
		if d <= 0 || dmin < 0 || round > 0 && toHalf(d) == p.d && toHalf(dmin) == p.dmin {
			break
		}
		p.d, p.dmin = d, dmin
	}
	for j := range want {
		levels(q[32*j:32*j+32], x[32*j:32*j+32], float32(best.d*best.scale[j]), float32(-best.dmin*best.min[j]), 0, top)
	}
	return best
}

// distance is the sum of squared errors of x on the line (d, m) with levels 0 … top, and the mean error.
func distance(x []float32, d, m, top float32) (e, mean float32) {
	inv := inverse(d)
	var sum float32
	for _, v := range x {
		l := float32((v - m) * inv)
		if l > top {
			l = top
		} else if l < 0 {
			l = 0
		}
		r := v - (float32(d*nearest(l)) + m)
		e += float32(r * r)
		sum += r
	}
	return e, sum / float32(len(x))
}

func clamp(v, lo, hi float32) float32 { return max(lo, min(hi, v)) }

// put writes d, dmin and the packed pairs to the first 16 bytes of a block.
func (p *pairs) put(dst []byte) {
	putHalf(dst, p.d)
	putHalf(dst[2:], p.dmin)
	packed := dst[4:16]
	for j := range 4 {
		s, m := byte(p.scale[j]), byte(p.min[j])
		s4, m4 := byte(p.scale[j+4]), byte(p.min[j+4])
		packed[j] = s | s4>>4<<6
		packed[j+4] = m | m4>>4<<6
		packed[j+8] = s4&15 | m4<<4
	}
}

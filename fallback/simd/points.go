package simd

// Points are a codebook: as bytes, those of a point one behind the other, and packed, in codes of two bits for each of eight elements, the lowest
// first, or three bits for each of four, which are the numbers of levels; four of them stand here twice.
type Points struct {
	Bytes  []uint8
	Codes  []uint16
	Levels [8]uint8
}

// PointsOf widens codes of points of 8 elements or, with eight levels, of 4.
func PointsOf(codes []uint16, levels ...uint8) *Points {
	p := &Points{Codes: codes}
	for i := range p.Levels {
		p.Levels[i] = levels[i%len(levels)]
	}
	bits, elements := 2, 8
	if len(levels) == 8 {
		bits, elements = 3, 4
	}
	for _, c := range codes {
		for range elements {
			p.Bytes = append(p.Bytes, levels[c&(1<<bits-1)])
			c >>= bits
		}
	}
	return p
}

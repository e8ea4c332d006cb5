package quant

// The IQ1 formats choose groups of eight from a codebook of 2048 points with coordinates −1, 0 and 1, and move all of a group
// by an eighth up or down.

// moved writes scale·(point ± ⅛).
func moved(dst []float32, scale float32, point *[8]float32, down bool) {
	delta := float32(0.125)
	if down {
		delta = -delta
	}
	dst = dst[:8]
	for i, p := range point {
		dst[i] = scale * (p + delta)
	}
}

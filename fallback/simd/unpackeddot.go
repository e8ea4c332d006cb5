package simd

// UnpackedDot is the product of one row of unpacked weights (ByteForm), whole blocks of 32, by as many elements of X from element k on, a multiple of
// 32; x is in the order that OrderOfUnpacked names:
//
//	Σ D·d·Σ w·q − Σ (Base·d + 128·m)·D·Σ q
//
// with the inner sums exact, the outer ones in float32 in an order of their own. A form with minima has no Base.
func (l Level) UnpackedDot(w []uint8, d, m []float32, f ByteForm, x *Bytes, k int) float32 {
	n, parts := len(w)/wordsBlock, f.Scales(wordsBlock)
	if n == 0 || len(w)%wordsBlock != 0 || k%wordsBlock != 0 || len(d) < parts*n || f.Minima && (len(m) < parts*n || f.Base > 0) {
		panic("BUG: simd: a row of weights in no whole blocks, without its scales, or with two things to take away")
	}
	less, unit := d, float32(f.Base)
	if f.Minima {
		less, unit = m, byteBase
	}
	first, sums := k/wordsBlock, x.S
	if f.Halves {
		sums = x.H
	}
	factors, sums := x.D[first:first+n], sums[parts*first:parts*(first+n)]
	if l > Plain {
		return l.unpackedDot(w, d, less, f, x, k, factors, sums, unit)
	}
	var sum, below float32
	for i := range parts * n {
		var whole int32
		for j, q := range w[i*wordsBlock/parts : (i+1)*wordsBlock/parts] {
			at := k + i*wordsBlock/parts + j
			whole += int32(q) * (256*int32(x.Upper[at]) + int32(x.Lower[at]))
		}
		sum += float32(float32(d[i]*float32(whole)) * factors[i/parts])
		below += float32(less[i] * sums[i])
	}
	return sum - float32(unit*below)
}

// OrderOfUnpacked is the order of X for UnpackedDot.
func (l Level) OrderOfUnpacked() Order {
	if l.multipliesWords() {
		return Apart
	}
	return InOrder
}

// apart brings words, the second and the third of each four exchanged, into the order of Apart: pairs stay together.
func apart(w []int16) {
	for ; len(w) >= wordsBlock; w = w[wordsBlock:] {
		from := [wordsBlock]int16(w)
		for i := 0; i < wordsBlock; i += 4 {
			w[i/2], w[i/2+1] = from[i], from[i+1]
			w[wordsBlock/2+i/2], w[wordsBlock/2+i/2+1] = from[i+2], from[i+3]
		}
	}
}

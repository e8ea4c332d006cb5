package simd

import "math"

// ByteCols is the most columns of two panels of bytes.
const ByteCols = 512

// byteBase is what weights in panels of bytes are above their value, so that they are unsigned.
const byteBase = 128

// ByteBlock is 32 elements of a row of X as whole numbers of 16 bits, as in Bytes: x ≈ D·q with D = max|x| / 32639. How they lie in it depends on
// the level: pairs of signed bytes, the upper ones first, or, where words are multiplied, these, the second and the third of each four exchanged.
type ByteBlock struct {
	Q [2 * wordsBlock]int8
	D float32
	N int32    // −128·Σq, which makes up for weights that are 128 higher than they are, and which minima are multiplied by
	H [2]int32 // the same of each half
}

// words reports whether a level multiplies words, not bytes.
func (l Level) words() bool { return l == AVX2 }

// signed reports whether a level multiplies signed bytes by signed ones, not by unsigned.
func (l Level) signed() bool { return l.OfARM64() }

// together is how many columns of a row lie side by side in a panel of bytes.
func (l Level) together() int {
	if l == SMMLA {
		return 8
	}
	return 4
}

// at is number k.
func (b *ByteBlock) at(l Level, k int) int32 {
	if l.words() {
		w := k&^3 | k&1<<1 | k>>1&1
		return int32(b.Q[2*w+1])<<8 | int32(uint8(b.Q[2*w]))
	}
	return 256*int32(b.Q[k]) + int32(b.Q[wordsBlock+k])
}

// ByteRow makes whole blocks of x: the nearest whole numbers, halves to even. A block with an element that is infinite or not a number has
// a factor that is one too, and nothing of what is multiplied by it is a number.
func (l Level) ByteRow(dst []ByteBlock, x []float32) {
	x = x[:len(dst)*wordsBlock]
	if len(dst) == 0 {
		return
	}
	if l > Plain {
		l.byteRow(dst, x)
		return
	}
	for i := range dst {
		b, block := &dst[i], x[i*wordsBlock:(i+1)*wordsBlock]
		*b = ByteBlock{}
		for _, v := range block {
			b.D = max(b.D, float32(math.Abs(float64(v))))
		}
		if !(b.D <= math.MaxFloat32) {
			continue
		}
		if b.D < smallest {
			b.D = 0 // no factor that could be divided by; what these add to a sum of float32 is nothing
			continue
		}
		inv := 32639 / b.D
		b.D /= 32639
		for k, v := range block {
			q := int32(math.RoundToEven(float64(v * inv)))
			b.Q[k], b.Q[wordsBlock+k] = int8((q+128)>>8), int8(q)
			b.H[k/16] -= byteBase * q
		}
		b.N = b.H[0] + b.H[1]
	}
}

// ByteForm says how the rows of a format become bytes.
type ByteForm struct {
	Base   uint8 // element k is d·(q − Base) − 128·m; q − Base is a signed byte
	Halves bool  // there are d and m for each 16 elements, not 32
	Minima bool  // there is an m
}

// Scales is the number of scales of n elements.
func (f ByteForm) Scales(n int) int {
	if f.Halves {
		return n / 16
	}
	return n / 32
}

// ByteRows are Width rows of weights, ByteCols columns of them at most, as bytes: element k of row i is Q[ByteCols·i + k], its scale
// D[ByteCols/16·i + k/32] (or k/16), its minimum in M as in D.
type ByteRows struct {
	Q    [Width * ByteCols]uint8
	D, M [Width * ByteCols / 16]float32
}

// Row is where row i is.
func (r *ByteRows) Row(i int) (q []uint8, d, m []float32) {
	const scales = ByteCols / 16
	return r.Q[i*ByteCols:][:ByteCols], r.D[i*scales:][:scales], r.M[i*scales:][:scales]
}

// One is where a single row is, of four times the columns.
func (r *ByteRows) One() (q []uint8, d, m []float32) {
	return r.Q[:4*ByteCols], r.D[:4*ByteCols/16], r.M[:4*ByteCols/16]
}

// BytePanels are two panels of weights for a level. Byte g·(16·(k/g) + i) + k mod g of a panel, g being 4, or 8 with SMMLA, is element k of row i:
// its value where a level multiplies signed bytes, elsewhere 128 higher. As words weights are their value: the first and the third of each four of
// 16 rows, then the second and the fourth. The scale of element k of row i is number 16·(k/32) + i (or k/16), and so is its minimum.
type BytePanels struct {
	Q    [2][2 * Width * ByteCols]uint8
	D, M [2][Width * ByteCols / 16]float32
}

// at is element k of row i of panel p, its value.
func (p *BytePanels) at(l Level, panel, i, k int) int32 {
	q := &p.Q[panel]
	if l.words() {
		w := 2 * (Width*(k&^3/2+k&1) + i)
		return int32(int8(q[2*w+k&2+1]))<<8 | int32(q[2*w+k&2])
	}
	g := l.together()
	v := q[g*(Width*(k/g)+i)+k%g]
	if l.signed() {
		return int32(int8(v))
	}
	return int32(v) - byteBase
}

// Set makes panel p of the first n columns of rows, whole blocks of 32.
func (p *BytePanels) Set(l Level, panel int, rows *ByteRows, f ByteForm, n int) {
	if n < 1 || n > ByteCols || n%wordsBlock != 0 {
		panic("BUG: simd: a panel of bytes in no whole blocks")
	}
	scales := f.Scales(n)
	l.Interleave(p.D[panel][:], rows.D[:], ByteCols/16, scales)
	if f.Minima {
		l.Interleave(p.M[panel][:], rows.M[:], ByteCols/16, scales)
	}
	if l > Plain {
		l.bytePanel(n/16, &p.Q[panel], &rows.Q, f.Base)
		return
	}
	for i := range Width {
		for k, q := range rows.Q[i*ByteCols:][:n] {
			p.Q[panel][4*(Width*(k/4)+i)+k%4] = q + byteBase - f.Base
		}
	}
}

// TilesBytes reports whether a level multiplies many rows of X in whole numbers. NEON alone does not: products of bytes take it more instructions
// than those of float32.
func (l Level) TilesBytes() bool { return l >= SDOT && l != AVX512 }

// ByteTile multiplies rows of X, n blocks of each, stride blocks apart, by two panels: for every row r and i < Width
//
//	sums[2·Width·r+Width·p+i] += Σ (d·Σ w·q − m·128·Σ q)·D
//
// over blocks in ascending order, the inner sums exact, the outer ones in float32. Vector instructions fuse product and sum into one rounding, Go
// does not: levels differ in the last bits.
func (l Level) ByteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	if rows == 0 || n == 0 {
		return
	}
	x, sums = x[:(rows-1)*stride+n], sums[:2*Width*rows]
	if n > ByteCols/wordsBlock || stride < n {
		panic("BUG: simd: rows of bytes that overlap, or more columns than a panel has")
	}
	if l.TilesBytes() {
		l.byteTile(rows, n, x, stride, p, f, sums)
		return
	}
	l.byteTilePlain(rows, n, x, stride, p, f, sums)
}

func (l Level) byteTilePlain(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	parts := f.Scales(wordsBlock)
	for r := range rows {
		for c := range 2 * Width {
			w, i := c/Width, c%Width
			for b := range n {
				block := &x[r*stride+b]
				var t float32
				for h := range parts {
					var whole, sum int32
					for k := wordsBlock / parts * h; k < wordsBlock/parts*(h+1); k++ {
						q := block.at(l, k)
						whole += q * p.at(l, w, i, wordsBlock*b+k)
						sum -= byteBase * q
					}
					at := Width*(parts*b+h) + i
					t = float32(p.D[w][at] * float32(whole))
					if f.Minima {
						t += float32(p.M[w][at] * float32(sum))
					}
					sums[2*Width*r+c] += float32(t * block.D)
				}
			}
		}
	}
}

// BytePeak multiplies n times some registers of bytes, or of words, n > 0, which shows what their dot products reach, and gives the operations of
// that: 0 where there are none.
func (l Level) BytePeak(n int) (operations float64) {
	switch {
	case n < 1:
	case l >= VNNI:
		l.bytePeak(n)
		return 16 * float64(n) * 2 * 64
	case l == SMMLA:
		l.bytePeak(n)
		return 16 * float64(n) * 2 * 32
	case l == SDOT:
		l.bytePeak(n)
		return 16 * float64(n) * 2 * 16
	case l.words():
		l.bytePeak(n)
		return 6 * float64(n) * 2 * 16
	}
	return 0
}

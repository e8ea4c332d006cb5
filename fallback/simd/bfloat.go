package simd

import "math"

// Sizes of what a matrix unit multiplies at a time: TileRows rows of TileDepth bfloat16.
const (
	TileRows  = 16
	TileDepth = 32
	tileSize  = TileRows * TileDepth // elements of bfloat16
)

// Bfloat rounds v to bfloat16, the upper half of a float32: to the nearest, halves to even. What is below the smallest normal number becomes
// zero of its sign, what is at least (2 - 2⁻⁸)·2¹²⁷ infinity, and a NaN stays one.
func Bfloat(v float32) uint16 {
	b := math.Float32bits(v)
	switch {
	case v != v:
		return uint16(b>>16) | 0x40
	case b&0x7f800000 == 0:
		return uint16(b >> 16 & 0x8000)
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// BfloatRow rounds a row of X to where its tiles have it: element k goes to dst[512·(k/32) + k mod 32], and zeros to the end of the last
// 32. A tile is 16 such rows, each 32 elements behind the one before.
func (l Level) BfloatRow(dst []uint16, src []float32) {
	steps := len(src) / TileDepth
	if steps > 0 && l >= AMX {
		l.bfloatRow(steps, dst[:(steps-1)*tileSize+TileDepth], src)
	} else {
		bfloatRowPlain(dst, src[:steps*TileDepth])
	}
	if rest := src[steps*TileDepth:]; len(rest) > 0 {
		tail := dst[steps*tileSize:][:TileDepth]
		clear(tail)
		bfloatRowPlain(tail, rest)
	}
}

func bfloatRowPlain(dst []uint16, src []float32) {
	for k, v := range src {
		dst[k/TileDepth*tileSize+k%TileDepth] = Bfloat(v)
	}
}

// BfloatPanel rounds 16 rows of weights, stride elements apart in src, to a panel of pairs: element k of row i goes to
// dst[1024·(k/32) + 32·(k mod 32 / 2) + 2i + k mod 2]. n is a multiple of 32. Two panels take turns in dst, each a tile of 512 at a time:
// the second has a dst that begins 512 elements behind the first's.
func (l Level) BfloatPanel(dst []uint16, src []float32, stride, n int) {
	if n == 0 {
		return
	}
	if n%TileDepth != 0 {
		panic("BUG: simd: a panel of bfloat16 in no whole tiles")
	}
	src, dst = src[:stride*(TileRows-1)+n], dst[:(n/TileDepth-1)*2*tileSize+tileSize]
	if l >= AMX {
		l.bfloatPanel(n/TileDepth, dst, src, stride)
		return
	}
	for i := range TileRows {
		for k, v := range src[stride*i:][:n] {
			dst[k/TileDepth*2*tileSize+k%TileDepth/2*2*TileRows+2*i+k%2] = Bfloat(v)
		}
	}
}

// BfloatPairs is BfloatPanel of a panel (package simd): element k of row i is src[16·k + i], of a multiple of 32 elements.
func (l Level) BfloatPairs(dst []uint16, src []float32) {
	steps := len(src) / tileSize
	if len(src)%tileSize != 0 {
		panic("BUG: simd: a panel of bfloat16 in no whole tiles")
	}
	if steps == 0 {
		return
	}
	dst = dst[:(steps-1)*2*tileSize+tileSize]
	if l >= AMX {
		l.bfloatPairs(steps, dst, src)
		return
	}
	for at, v := range src {
		i, k := at%TileRows, at/TileRows
		dst[k/TileDepth*2*tileSize+k%TileDepth/2*2*TileRows+2*i+k%2] = Bfloat(v)
	}
}

// BfloatTile multiplies tiles of 16 rows of X, as BfloatRow leaves them, by two panels of BfloatPanel, steps times 32 elements of
// each. Tile t begins at a[512·steps·t]; with r < 16, i < 16 and panel p < 2 it sets or, with add, adds to
//
//	sums[stride·(16·t+r) + 16·p + i] = Σ x[r][k]·w[p][i][k]
//
// with float32 sums, rounded to the nearest in an order that is the processor's own, but the same in every run. Numbers below the smallest
// normal one count and come out as zero; NaN and infinities go their usual ways. A row of X or of weights never reaches the sums of another.
func (l Level) BfloatTile(steps, tiles int, a, b []uint16, sums []float32, stride int, add bool) {
	if steps == 0 || tiles == 0 {
		return
	}
	a, b, sums = a[:steps*tiles*tileSize], b[:2*steps*tileSize], sums[:(tiles*TileRows-1)*stride+2*Width]
	if stride < 2*Width {
		panic("BUG: simd: rows of sums that overlap")
	}
	if l < AMX {
		bfloatTilePlain(steps, tiles, a, b, sums, stride, add)
		return
	}
	// No call holds up a collection for long: 16 tiles of 32 steps take some 10 µs.
	for most := max(2, 512/steps&^1); tiles > 0; {
		n := min(tiles, most)
		l.bfloatTile(steps, n, a, b, sums, stride, add)
		if tiles -= n; tiles > 0 {
			a, sums = a[n*steps*tileSize:], sums[n*TileRows*stride:]
		}
	}
}

// BfloatPeak multiplies 4n tiles that are in registers, n > 0, which shows what the matrix unit can do, and gives the operations of
// that: 0 where there is none.
func (l Level) BfloatPeak(n int) (flops float64) {
	if l < AMX || n < 1 {
		return 0
	}
	l.bfloatPeak(n)
	return 4 * float64(n) * 2 * TileRows * Width * TileDepth
}

func bfloatTilePlain(steps, tiles int, a, b []uint16, sums []float32, stride int, add bool) {
	wide := func(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }
	for r := range tiles * TileRows {
		for c := range 2 * Width {
			at := r*stride + c
			if !add {
				sums[at] = 0
			}
			for k := range steps * TileDepth {
				s := k / TileDepth
				x := a[(r/TileRows*steps+s)*tileSize+r%TileRows*TileDepth+k%TileDepth]
				w := b[(2*s+c/Width)*tileSize+k%TileDepth/2*2*TileRows+c%Width*2+k%2]
				sums[at] += float32(wide(x) * wide(w))
			}
		}
	}
}

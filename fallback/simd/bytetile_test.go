package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Blocks of X are the same bytes on all levels, whatever is in them.
func TestByteRow(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for n := range 40 {
		x := values(r, n*32, n%5, n%3 == 0)
		if n%7 == 1 {
			for i := range x[:32] {
				x[i] = 1e-40
			}
		}
		want := make([]ByteBlock, n+1)
		Plain.ByteRow(want[:n], x)
		for _, l := range byteLevels()[1:] {
			got := make([]ByteBlock, n+1)
			for i := range got[:n] {
				got[i] = ByteBlock{Q: [64]int8{1, 2, 3}, D: 4, N: 5, H: [2]int32{6, 7}}
			}
			l.ByteRow(got[:n], x)
			for i := range got {
				sameBits(t, []float32{want[i].D}, []float32{got[i].D})
				require.Equal(t, [3]int32{want[i].N, want[i].H[0], want[i].H[1]}, [3]int32{got[i].N, got[i].H[0], got[i].H[1]})
				for k := range 32 {
					require.Equal(t, want[i].at(Plain, k), got[i].at(l, k), "%v, %d blocks, %d of block %d", l, n, k, i)
				}
			}
		}
	}
}

// Panels are the same bytes on all levels; what they say is what the rows do.
func TestBytePanel(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	rows := randomBytes(r)
	for i := range rows.Q {
		rows.Q[i] &= 127 // so that they fit a byte above any base
	}
	for n := 32; n <= ByteCols; n += 32 {
		f := ByteForm{Base: uint8(n / 32 % 3 * 64), Halves: n%96 == 0, Minima: n%64 == 0}
		for _, l := range byteLevels() {
			var p BytePanels
			p.Set(l, 1, rows, f, n)
			require.True(t, p.Q[0] == [2 * Width * ByteCols]uint8{}, "written into the other panel")
			for i := range Width {
				q, d, m := rows.Row(i)
				for k, q := range q[:n] {
					at := k / 32
					if f.Halves {
						at = k / 16
					}
					require.EqualValues(t, int(q)-int(f.Base), p.at(l, 1, i, k), "%v", l)
					require.Equal(t, d[at], p.D[1][16*at+i])
					if f.Minima {
						require.Equal(t, m[at], p.M[1][16*at+i])
					}
				}
			}
			end := Width * n
			if l.words() {
				end *= 2
			}
			for _, q := range p.Q[1][end:] {
				require.Zero(t, q, "written past the panel")
			}
		}
	}
}

func randomBytes(r *rand.Rand) *ByteRows {
	rows := new(ByteRows)
	for i := range rows.Q {
		rows.Q[i] = uint8(r.Uint32())
	}
	for i := range rows.D {
		rows.D[i], rows.M[i] = float32(r.NormFloat64()), float32(r.NormFloat64())/64
	}
	return rows
}

// Tiles give what rounding allows of the products of bytes, for every number of rows and blocks; a row of X or of weights never reaches
// the sums of another. SDOT and SMMLA give the same bits.
func TestByteTile(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	for turn := range 64 {
		n, rows := 1+turn%16, 1+turn%23
		f := ByteForm{Base: 128, Halves: turn%4 >= 2, Minima: turn%2 == 1}
		lower, upper := randomBytes(r), randomBytes(r)
		if turn%5 == 4 { // the ends of what bytes hold
			for i := range lower.Q {
				lower.Q[i], upper.Q[i] = uint8(255*(i&1)), 255
			}
		}
		odd := -1 // a row of the weights with a scale that is no number
		if turn%8 == 6 {
			odd = r.IntN(Width)
			_, d, _ := upper.Row(odd)
			d[0] = float32(math.NaN())
		}
		stride, values := n+turn%3, values(r, rows*32*n, turn%5, false)
		if turn%8 == 7 {
			values[rows/2*32*n+r.IntN(32*n)] = float32(math.Inf(1))
		}
		var ofSDOT []float32
		for _, l := range byteLevels() {
			var p BytePanels
			for i, rows := range []*ByteRows{lower, upper} {
				p.Set(l, i, rows, f, 32*n)
			}
			x := make([]ByteBlock, rows*stride)
			for i := range rows {
				l.ByteRow(x[i*stride:][:n], values[i*32*n:])
			}
			got := make([]float32, 2*Width*rows+1)
			for i := range got {
				got[i] = 0.5
			}
			l.ByteTile(rows, n, x, stride, &p, f, got[:2*Width*rows])
			require.EqualValues(t, 0.5, got[2*Width*rows], "written past the sums")
			switch l {
			case SDOT:
				ofSDOT = got
			case SMMLA:
				sameBits(t, ofSDOT, got)
			}
			for i := range rows {
				for c := range 2 * Width {
					sum, size := tileSum(l, x[i*stride:][:n], []*ByteRows{lower, upper}[c/Width], c%Width, f)
					have := float64(got[2*Width*i+c])
					if c == Width+odd && odd >= 0 || turn%8 == 7 && i == rows/2 {
						require.True(t, math.IsNaN(have), "%v: got %v, want NaN", l, have)
						continue
					}
					require.LessOrEqual(t, math.Abs(have-sum-0.5), float64(3*n+8)*0x1p-24*(size+0.5), "%v %+v n %d row %d column %d: got %v, want %v", l, f, n, i, c, have, sum+0.5)
				}
			}
		}
	}
}

// tileSum is the product of a row of X and one of weights, and the size of what is added up.
func tileSum(l Level, x []ByteBlock, rows *ByteRows, i int, f ByteForm) (sum, size float64) {
	q, d, m := rows.Row(i)
	length := 32
	if f.Halves {
		length = 16
	}
	for b, block := range x {
		for k := range 32 {
			v := float64(block.at(l, k))
			at := (32*b + k) / length
			w := float64(d[at]) * (float64(q[32*b+k]) - float64(f.Base))
			if f.Minima {
				w -= 128 * float64(m[at])
			}
			sum += w * v * float64(block.D)
			size += (math.Abs(float64(d[at]))*128 + 128*math.Abs(float64(m[at]))) * math.Abs(v*float64(block.D))
		}
	}
	return sum, size
}

func BenchmarkByteTile(b *testing.B) {
	const rows, n = 510, ByteCols / 32
	x, sums, p := make([]ByteBlock, rows*n), make([]float32, 2*Width*rows), new(BytePanels)
	for _, f := range []ByteForm{{}, {Minima: true}, {Halves: true}, {Halves: true, Minima: true}} {
		for _, l := range byteLevels()[1:] {
			b.Run(l.String(), func(b *testing.B) {
				for b.Loop() {
					l.ByteTile(rows, n, x, n, p, f, sums)
				}
				b.ReportMetric(2*rows*ByteCols*2*Width*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
			})
		}
	}
}

func BenchmarkBytePeak(b *testing.B) {
	var n float64
	for b.Loop() {
		n += Best().BytePeak(1000)
	}
	b.ReportMetric(n/b.Elapsed().Seconds()/1e9, "GOP/s")
}

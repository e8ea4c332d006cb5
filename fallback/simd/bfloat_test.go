package simd

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBfloat(t *testing.T) {
	for _, c := range []struct {
		v    float32
		want uint16
	}{
		{0, 0}, {1, 0x3f80}, {-2, 0xc000},
		{1 + 0x1p-8, 0x3f80}, {1 + 3*0x1p-8, 0x3f82}, // halves to even
		{1 + 0x1.01p-8, 0x3f81}, {1 + 0x0.ffp-8, 0x3f80},
		{0x1p-126, 0x0080}, {0x1.fffffcp-127, 0}, {-0x1p-140, 0x8000}, // no numbers below the normal ones
		{0x1.fep127, 0x7f7f}, {0x1.fefffep127, 0x7f7f}, {0x1.ffp127, 0x7f80}, {-math.MaxFloat32, 0xff80},
		{float32(math.Inf(1)), 0x7f80}, {float32(math.Inf(-1)), 0xff80}, {float32(math.NaN()), 0x7fc0},
		{math.Float32frombits(0xff800001), 0xffc0},
	} {
		require.Equal(t, c.want, Bfloat(c.v), "%g", c.v)
	}
}

// rounded are rows of n elements as tiles and weights as panels, off elements into their memory.
func rounded(l Level, x [][]float32, w []float32, n, off int) (a, b []uint16) {
	steps := (n + TileDepth - 1) / TileDepth
	tiles := (len(x) + TileRows - 1) / TileRows
	a, b = make([]uint16, off+steps*tiles*tileSize)[off:], make([]uint16, off+2*steps*tileSize)[off:]
	for i, row := range x {
		l.BfloatRow(a[i/TileRows*steps*tileSize+i%TileRows*TileDepth:], row)
	}
	stride := steps * TileDepth
	if n > 0 {
		l.BfloatPanel(b, w, stride, stride)
		l.BfloatPanel(b[tileSize:], w[TileRows*stride:], stride, stride)
	}
	return a, b
}

func TestBfloatTile(t *testing.T) {
	if Best() < AMX {
		t.Log("this processor has no matrix unit: plain Go alone is tested")
	}
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 301 {
		rows, off, steps := 1+n%35, n%5, (n+TileDepth-1)/TileDepth
		tiles := (rows + TileRows - 1) / TileRows
		stride := steps * TileDepth
		x, w := make([][]float32, rows), make([]float32, off+2*TileRows*stride+7)[off:]
		for i := range x {
			x[i] = values(r, n, off, n%3 == 0)
		}
		for i := range 2 * TileRows {
			copy(w[i*stride:], values(r, n, 0, n%3 == 0))
		}
		a, b := rounded(Plain, x, w, n, off)
		fastA, fastB := rounded(Best(), x, w, n, off)
		require.Equal(t, a, fastA, "n %d: rows", n)
		require.Equal(t, b, fastB, "n %d: panels", n)

		for _, l := range []Level{Plain, Best()} {
			wide := 2*Width + n%3
			got := make([]float32, TileRows*tiles*wide+1)
			for i := range got {
				got[i] = 0.5
			}
			l.BfloatTile(steps, tiles, a, b, got, wide, true)
			first := append([]float32(nil), got...)
			for range 2 { // the same bits again, and what was there before does not matter
				if steps == 0 {
					break
				}
				l.BfloatTile(steps, tiles, a, b, got, wide, false)
				for i := range got {
					got[i] += 0.5
				}
			}
			for i := 2 * Width; i < len(first); i++ {
				if i%wide >= 2*Width || i/wide >= TileRows*tiles {
					require.Equal(t, float32(0.5), first[i], "written beside the sums")
				}
			}
			for i, row := range x {
				for c := range 2 * Width {
					var sum, size float64
					for k, v := range row {
						p := float64(bfloat(v)) * float64(bfloat(w[c*stride+k]))
						sum += p
						size += math.Abs(p)
					}
					have := first[i*wide+c]
					again := got[i*wide+c]
					bound := float64(n+2)*0x1p-24*(size+0.5) + float64(n)*0x1p-126
					if !(math.Abs(float64(have)-sum-0.5) <= bound) && !unordinary(sum, size) || math.Abs(float64(again-have)) > 2*bound {
						require.FailNow(t, "differs", "%v n %d row %d column %d: got %v and %v, want %v ± %v", l, n, i, c, have, again, sum+0.5, bound)
					}
					if math.IsNaN(sum) {
						require.True(t, have != have, "%v n %d: got %v, want NaN", l, n, have)
					}
				}
			}
		}
	}
}

// A panel of 16 rows becomes the pairs that BfloatPanel makes of the rows themselves.
func TestBfloatPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for n := 0; n <= 320; n += TileDepth {
		src, panel := values(r, TileRows*n, 0, n%3 == 0), make([]float32, TileRows*n)
		Plain.Interleave(panel, src, n, n)
		for _, l := range []Level{Plain, Best()} {
			want, got := make([]uint16, 2*TileRows*n+1), make([]uint16, 2*TileRows*n+1)
			Plain.BfloatPanel(want, src, n, n)
			l.BfloatPairs(got, panel)
			require.Equal(t, want, got, "%v, %d elements", l, n)
		}
	}
}

func bfloat(v float32) float32 { return math.Float32frombits(uint32(Bfloat(v)) << 16) }

// Signals, collections and changes of thread find the tiles in use; what they hold must outlive that.
func TestBfloatTileUnderInterrupts(t *testing.T) {
	if Best() < AMX {
		t.Skip("this processor has no matrix unit")
	}
	profile, err := os.Create(t.TempDir() + "/cpu")
	require.NoError(t, err)
	runtime.SetCPUProfileRate(2000)
	if err := pprof.StartCPUProfile(profile); err != nil { // go test -cpuprofile has its own
		t.Log(err)
	}
	defer func() { pprof.StopCPUProfile(); require.NoError(t, profile.Close()) }()

	const steps, tiles = 16, 9
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(g)))
			a, b := make([]uint16, steps*tiles*tileSize), make([]uint16, 2*steps*tileSize)
			for _, s := range [][]uint16{a, b} {
				for i := range s {
					s[i] = Bfloat(float32(r.NormFloat64()))
				}
			}
			want, got := make([]float32, 512*tiles), make([]float32, 512*tiles)
			Best().BfloatTile(steps, tiles, a, b, want, 2*Width, false)
			for i := range 600 {
				Best().BfloatTile(steps, tiles, a, b, got, 2*Width, false)
				if i%50 == 0 {
					runtime.GC()
				}
				for k := range want {
					if want[k] != got[k] {
						t.Errorf("turn %d, sum %d: got %v, before %v", i, k, got[k], want[k])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkBfloatTile(b *testing.B) {
	const steps, tiles = 16, 32
	for _, l := range []Level{Plain, Best()} {
		b.Run(l.String(), func(b *testing.B) {
			x, w, sums := make([]uint16, steps*tiles*tileSize), make([]uint16, 2*steps*tileSize), make([]float32, 512*tiles)
			for b.Loop() {
				l.BfloatTile(steps, tiles, x, w, sums, 2*Width, true)
			}
			b.ReportMetric(2*tiles*TileRows*steps*TileDepth*2*Width*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkBfloatPanel(b *testing.B) {
	const n = 512
	src, dst := make([]float32, TileRows*n), make([]uint16, 2*TileRows*n)
	for b.Loop() {
		Best().BfloatPanel(dst, src, n, n)
	}
	b.ReportMetric(TileRows*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelement/s")
}

package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Exponentials, quotients and SwiGLU are those of plain Go for all lengths, and exponentials for numbers of every size, about every place
// where math.Exp decides.
func TestExactExp(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	edges := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 709.782712893384, 1024 * math.Ln2, 1023.5 * math.Ln2,
		-1022 * math.Ln2, -1022.5 * math.Ln2, -1074 * math.Ln2, -1074.5 * math.Ln2, -1075 * math.Ln2, -1075.5 * math.Ln2, -1076 * math.Ln2, -745.2, -800, 1e300, -1e300, 5e-324}
	for n := range 301 {
		x := make([]float64, n+n%5)[n%5:]
		for k := range x {
			switch r.IntN(4) {
			case 0: // near an edge
				x[k] = edges[r.IntN(len(edges))]
				for range r.IntN(3) {
					x[k] = math.Nextafter(x[k], math.Inf(1-2*r.IntN(2)))
				}
			case 1:
				x[k] = math.Float64frombits(r.Uint64())
			default:
				x[k] = r.NormFloat64() * []float64{1e-10, 1, 30, 400}[r.IntN(4)]
			}
		}
		top := []float64{0, 0.3, -700, math.NaN()}[n%4]
		want, got := append([]float64(nil), x...), append([]float64(nil), x...)
		Plain.ExpMinus(want, top)
		Best().ExpMinus(got, top)
		for k := range want {
			if math.Float64bits(want[k]) != math.Float64bits(got[k]) && !(want[k] != want[k] && got[k] != got[k]) {
				require.FailNow(t, "differs", "exp(%v − %v): got %v, want %v", x[k], top, got[k], want[k])
			}
		}
		Plain.Divide(want, 1.7)
		Best().Divide(got, 1.7)
		sameBits(t, want, got)

		gate, up := values(r, n, n%5, true), values(r, n, n%3, true)
		for k := range gate {
			gate[k] *= []float32{1, 100, 1e-20}[r.IntN(3)]
		}
		out, out2 := make([]float32, n), make([]float32, n)
		Plain.ExactSwiGLU(out, gate, up)
		Best().ExactSwiGLU(out2, gate, up)
		sameBits(t, out, out2)
	}
}

func TestAddRows(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, l := range levels()[1:] {
		for n := range 301 {
			rows, off, ldw := n%19, n%5, Width+n%7
			w, x := values(r, ldw*n+Width, off, n%3 == 0), make([][]float64, rows)
			for i := range x {
				x[i] = make([]float64, n)
				for k := range x[i] {
					x[i][k] = r.NormFloat64()
				}
			}
			want := make([]float64, Width*rows+1)
			for i := range want {
				want[i] = r.NormFloat64()
			}
			got := append([]float64(nil), want...)
			Plain.AddRows(x, w, ldw, want)
			l.AddRows(x, w, ldw, got)
			sameBits(t, want, got)
		}
	}
}

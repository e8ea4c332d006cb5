package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"text/tabwriter"
	"time"

	"tuff/gpu"
	"tuff/host/compute"
)

// squareRow is one line of the lesson in tiling.
type squareRow struct {
	Op             string  `json:"op"`
	Shape          string  `json:"shape"`
	Kernel         string  `json:"kernel"`
	Tile           int     `json:"tile"` // 1: without
	Seconds        float64 `json:"seconds"`
	FLOPs          float64 `json:"flop_s"`
	Loads          uint64  `json:"loads"`
	LoadsPerResult float64 `json:"loads_per_result"`     // of elements of both factors, from global memory
	Predicted      float64 `json:"predicted_per_result"` // 2·size/tile
	AgainstFirst   float64 `json:"speedup_against_first"`
	MaxError       float64 `json:"max_error"`
	OfBandwidth    float64 `json:"share_of_bandwidth"` // of the three matrices, each moved once
	OfFLOPs        float64 `json:"share_of_flops"`
}

func (c *common) benchSquares(ctx context.Context, dev *gpu.Device, s *labShape) error {
	limits, err := limitsOf(ctx, dev)
	if err != nil {
		return err
	}
	rows, err := timeSquares(ctx, dev, s, &limits)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(rows)
	}
	fmt.Fprintf(c.out, "measured limits: %s\n", limitsLine(&limits))
	return c.printSquares(rows)
}

// timeSquares multiplies squares in every tile, and checks what comes out.
func timeSquares(ctx context.Context, dev *gpu.Device, s *labShape, limits *compute.Limits) (rows []squareRow, err error) {
	if s.size < 1 || s.size > 4096 {
		return nil, usageError{fmt.Errorf("--size: got %d, want 1 to 4096", s.size)}
	}
	n := s.size
	r := rand.New(rand.NewPCG(1, uint64(n)))
	a, b, out := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	for i := range a {
		a[i], b[i] = r.Float32()*2-1, r.Float32()*2-1
	}
	for _, tile := range s.tiles {
		m, err := dev.MultiplySquare(ctx, out, a, b, n, tile, s.runs)
		if err != nil {
			return nil, err
		}
		row := squareRow{Op: "matmul", Shape: fmt.Sprintf("F32 %d×%d", n, n), Kernel: fmt.Sprintf("matmul_square_%d", tile), Tile: tile, Seconds: m.Time.Seconds(),
			FLOPs: 2 * math.Pow(float64(n), 3) / m.Time.Seconds(), Loads: m.Loads, LoadsPerResult: float64(m.Loads) / float64(n*n), Predicted: 2 * float64(n) / float64(tile)}
		if tile == 1 {
			row.Kernel = "matmul_naive"
		}
		if row.MaxError, err = checkProduct(out, a, b, n, r); err != nil {
			return nil, fmt.Errorf("kernels bench: tile %d: %w", tile, err)
		}
		row.OfBandwidth, row.OfFLOPs = float64(12*n*n)/row.Seconds/limits.Bandwidth, row.FLOPs/limits.FLOPs
		row.AgainstFirst = row.Seconds
		if len(rows) > 0 {
			row.AgainstFirst = rows[0].Seconds
		}
		row.AgainstFirst /= row.Seconds
		rows = append(rows, row)
	}
	return rows, nil
}

func (c *common) printSquares(rows []squareRow) error {
	n := rows[0].Shape[strings.Index(rows[0].Shape, "×")+len("×"):]
	fmt.Fprintf(c.out, "Tiles: %[1]s × %[1]s by %[1]s × %[1]s in float32. Loads are elements of both factors read from global memory, counted by the kernel: 2·%[1]s a result\n"+
		"where each product reads its own two, and 1/T of that where a workgroup brings tiles of T × T into shared memory and every element serves T products.\n", n)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "KERNEL\tTILE\tLOADS\tA RESULT\t2·SIZE/TILE\tTIME\tAGAINST FIRST\tFLOP/s\tOF LIMIT\tLARGEST ERROR\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.2f\t%s µs\t%.2f ×\t%s\t%.1f %%\t%.1e\t\n", r.Kernel, r.Tile, r.Loads, r.LoadsPerResult, r.Predicted, micros(time.Duration(r.Seconds*1e9)),
			r.AgainstFirst, rate(r.FLOPs, "FLOP/s"), 100*r.OfFLOPs, r.MaxError)
	}
	return w.Flush()
}

// checkProduct compares up to 4096 results with float64 sums. The bound is that of n float32 products summed in any order.
func checkProduct(out, a, b []float32, n int, r *rand.Rand) (worst float64, err error) {
	for range min(n*n, 4096) {
		i, j := r.IntN(n), r.IntN(n)
		var want, size float64
		for k := range n {
			p := float64(a[i*n+k]) * float64(b[k*n+j])
			want += p
			size += math.Abs(p)
		}
		diff := math.Abs(float64(out[i*n+j]) - want)
		if !(diff <= float64(n+1)*0x1p-24*size) {
			return worst, fmt.Errorf("element (%d, %d): got %g, want %g", i, j, out[i*n+j], want)
		}
		worst = max(worst, diff)
	}
	return worst, nil
}

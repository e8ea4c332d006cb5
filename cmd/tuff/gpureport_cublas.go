package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// cublasRow is one multiplication by cuBLAS, through PyTorch: X [n, k] by W [m, k], half precision.
type cublasRow struct {
	M           int     `json:"m"`
	N           int     `json:"n"`
	K           int     `json:"k"`
	Device      string  `json:"device"`
	Seconds     float64 `json:"seconds"` // median of as many runs as asked for, after three that do not count
	FLOPsPerSec float64 `json:"flop_s"`
}

// cublasScript prints cublasRows for the lists of m,k and n in its arguments. Missing parts end it with what is missing on stderr.
const cublasScript = `
import json, sys
try:
    import torch
except Exception as e:
    sys.exit("PyTorch is not there: %s" % e)
if not torch.cuda.is_available() or torch.version.cuda is None:
    sys.exit("PyTorch has no CUDA device")
shapes, rows, runs = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
out = []
for m, k in shapes:
    w = torch.randn(m, k, device="cuda", dtype=torch.float16)
    for n in rows:
        x = torch.randn(n, k, device="cuda", dtype=torch.float16)
        times = []
        for i in range(runs + 3):
            a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            a.record(); torch.matmul(x, w.t()); b.record()
            torch.cuda.synchronize()
            if i >= 3: times.append(a.elapsed_time(b) / 1e3)
        times.sort()
        s = times[len(times) // 2]
        out.append({"m": m, "n": n, "k": k, "device": torch.cuda.get_device_name(), "seconds": s, "flop_s": 2 * m * n * k / s})
print(json.dumps(out))
`

// reportCuBLAS times the report's multiplications with cuBLAS where Python has a PyTorch that reaches it; elsewhere the report says
// why not, which is no failure.
func (c *common) reportCuBLAS(ctx context.Context, o *reportOptions, r *gpuReport, step func(string, func(context.Context) ([]byte, error), string) error) error {
	if o.python == "" {
		return nil
	}
	program, err := exec.LookPath(o.python)
	if err != nil {
		r.leftOut("cuBLAS", fmt.Sprintf("no %s here", o.python))
		return nil
	}
	var shapes [][2]int
	for _, s := range o.shapes {
		m, k, err := parseShape(s)
		if err != nil {
			return err
		}
		shapes = append(shapes, [2]int{m, k})
	}
	sizes, _ := json.Marshal(shapes) // integers always marshal
	rows, _ := json.Marshal(o.rows)
	args := []string{"-c", cublasScript, string(sizes), string(rows), "9"}
	if _, err := output(ctx, program, "-c", cublasScript, "[]", "[]", "1"); err != nil {
		why := err.Error()
		if _, said, ok := strings.Cut(why, "exit status 1: "); ok {
			why = said
		}
		r.leftOut("cuBLAS", oneLine(fmt.Errorf("%s", why)))
		return nil
	}
	return step("cuBLAS", func(ctx context.Context) ([]byte, error) { return output(ctx, program, args...) }, o.python+" -c (torch.matmul, half precision) "+string(sizes)+" "+string(rows))
}

// printCuBLAS sets cuBLAS beside the fastest kernel for weights in F16 of the same sizes.
func (r *gpuReport) printCuBLAS(b *strings.Builder) {
	best := map[[3]int]kernelRow{}
	for i := range r.Steps {
		if r.Steps[i].Name != "kernels" {
			continue
		}
		each(&r.Steps[i], func(k *kernelRow) {
			var m, cols int
			if n, _ := fmt.Sscanf(k.Shape, "F16 %d×%d", &m, &cols); n != 2 || k.Op != "matmul" || k.Error != "" {
				return
			}
			key := [3]int{m, k.Rows, cols}
			if old, ok := best[key]; !ok || k.Seconds < old.Seconds {
				best[key] = *k
			}
		})
	}
	head := false
	for i := range r.Steps {
		if r.Steps[i].Name != "cuBLAS" {
			continue
		}
		each(&r.Steps[i], func(row *cublasRow) {
			if !head {
				fmt.Fprintf(b, "\n## cuBLAS\n\nHalf precision through PyTorch on %s, against the fastest kernel for weights in F16.\n\n"+
					"| M | N | K | cuBLAS µs | GFLOP/s | tuff µs | kernel | cuBLAS / tuff |\n|---:|---:|---:|---:|---:|---:|---|---:|\n", row.Device)
				head = true
			}
			fmt.Fprintf(b, "| %d | %d | %d | %.1f | %.4g |", row.M, row.N, row.K, 1e6*row.Seconds, row.FLOPsPerSec/1e9)
			if k, ok := best[[3]int{row.M, row.N, row.K}]; ok && k.Seconds > 0 {
				fmt.Fprintf(b, " %.1f | %s | %.2f |\n", 1e6*k.Seconds, k.Kernel, row.Seconds/k.Seconds)
			} else {
				b.WriteString(" | | |\n")
			}
		})
	}
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// tuneCases are quick cases of what a class is about, or of the multiplications of few rows, in the formats of a program: those that
// hold in an arithmetic.
func tuneCases(p *compute.Program, class *kernel.Class, math compute.Math) []conformance.Case {
	formats := map[compute.DType]bool{}
	for i := range p.Tensors {
		if p.Tensors[i].Role == compute.Weight {
			formats[p.Tensors[i].DType] = true
		}
	}
	type key struct {
		op     string
		format compute.DType
	}
	seen := map[key]int{}
	var list []conformance.Case
	for _, c := range conformance.Cases() {
		k := key{c.Op, c.Format}
		few := strings.Contains(c.Name, "_r1_")
		experts := strings.Contains(c.Op, "experts")
		matmul := formats[c.Format] && strings.Contains(c.Op, "matmul") && !experts
		wanted := matmul && few
		rows := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(c.Name, "_r"+n+"_") })
		}
		switch {
		case class == nil:
		case class.Covers(8):
			wanted = matmul && rows("5", "8")
		case class.Covers(2):
			wanted = matmul && rows("2", "3", "4")
		case class.Op == "matmul":
			wanted = matmul && rows("33", "65")
		case class.Op == "matmul_experts":
			wanted = formats[c.Format] && experts && rows("9", "40", "100")
		default:
			wanted, k.format = c.Op == "attention", compute.DType(seen[k]/2) // a few of all
		}
		if c.Quick && c.In(math) && wanted && seen[k] < 2 {
			seen[k]++
			list = append(list, c)
		}
	}
	return list
}

// proofTime is what an interruption leaves to a proof that is under way: a case or two where drivers compile for seconds.
var proofTime = 20 * time.Second

// proven judges, and holds what wins against the CPU in conformance cases: most shapes lose, and to compile cases for them is most of
// what tuning would take. A shape that fails is no longer among the trials, and named; then what is left is judged. What there is no
// time to prove, because ctx ended, does not win.
func (t *tuner) proven(ctx context.Context) (rows []tuneRow, f found, refused []string, err error) {
	right := map[*trial]bool{}
	soon, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(proofTime, stop) })()
	for {
		rows, f = t.judge()
		i := slices.IndexFunc(t.trials, func(tr *trial) bool { return !right[tr] && tr.wins })
		if i < 0 {
			return rows, f, refused, nil
		}
		tr := t.trials[i]
		wrong, err := t.conform(soon, tr.shape)
		if err != nil && soon.Err() != nil {
			tr.unproven = true
			continue
		}
		if err != nil {
			return nil, found{}, refused, err
		}
		if right[tr] = wrong == nil; wrong != nil {
			refused = append(refused, fmt.Sprintf("%v: %v", tr.shape, wrong))
			t.trials = slices.Delete(t.trials, i, i+1)
			if err := tr.exe.Close(); err != nil {
				return nil, found{}, refused, err
			}
		}
	}
}

// conform runs conformance cases with a shape.
func (t *tuner) conform(ctx context.Context, s shape) (wrong, err error) {
	defer t.use(everywhere(s))()
	for _, c := range t.cases {
		if r := c.Run(ctx, t.dev, t.cpu, conformance.Options{Math: t.o.Math}); r.Status == conformance.Failed {
			return fmt.Errorf("%v (%s): %w", c, strings.Join(r.Kernels, " "), r.Err), ctx.Err()
		}
	}
	return nil, ctx.Err()
}

// sameLogits holds logits against those of the planned kernels: sums in another order differ by roundings only; in fast arithmetic
// one side or the other may take activations in int8.
func sameLogits(got, want []float64, arithmetic compute.Math) error {
	limit := 1e-6
	if arithmetic == compute.Fast {
		limit = 2e-3
	}
	var diff2, want2 float64
	for i, w := range want {
		diff2 += (got[i] - w) * (got[i] - w)
		want2 += w * w
	}
	if nmse := diff2 / want2; !(nmse <= limit) {
		return fmt.Errorf("logits: got a normalised mean squared error of %.3g against the planned kernels, want at most %g", nmse, limit)
	}
	return nil
}

package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/fallback/quant"
	"tuff/host/compare"
	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/shaders"
)

func newCompare() *cobra.Command {
	var c common
	var a, b, prompt, html, save, op, prompts string
	var greedy int
	var unfused, determinism bool
	var lim compare.Limits
	var kl float64
	cmd := &cobra.Command{
		Use:   "compare [-m MODEL] [--a gpu] [--b cpu]",
		Short: "Two devices op by op on the same program",
		Long: `Runs one prompt and one decoded token on device A and reference B and prints, for every op in order, how far A is off:
first with B's inputs fed to the op (its own error, in units of the error that is provably possible: above 1 the op is
wrong), then with errors carried along. Then logits and greedy text, or an encoder's vectors. Exit code 3 when a limit is exceeded; the op of the first divergence is
saved with its inputs then, to be run again without the model by tuff kernels replay.

A and B are devices, with settings behind commas as in tuff profile --diff: the CPU in either arithmetic, a GPU with one kernel forced, a GPU with
kernels that were edited. Where B is a GPU no bound is proven, for B rounds as A does: the mean squared error alone judges.`,
		Example: `  tuff compare
  tuff compare --math fast --html compare.html
  tuff compare --a gpu,variant=attention:attention_split --b gpu,math=exact
  tuff compare --a cpu,math=fast --b cpu
  tuff compare -m llama.gguf --a gpu:1 --b cpu --math exact --prompt "The capital of France is"`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := compare.Options{Greedy: greedy, Limits: lim, KL: kl, Save: op, Determinism: determinism}
			texts, err := promptSet(prompt, prompts)
			if err != nil {
				return err
			}
			rep, err := c.compare(cmd, a, b, o, texts, unfused)
			if err != nil {
				return err
			}
			if c.json {
				err = c.printJSON(rep)
			} else {
				printComparison(&c, rep)
			}
			if err != nil {
				return err
			}
			if html != "" {
				if err := writeReport(html, rep.WriteHTML); err != nil {
					return fmt.Errorf("compare: %w", err)
				}
				c.note("report in %s: open it in a browser", html)
			}
			if err := c.saveReplay(rep, save, op); err != nil {
				return err
			}
			if !rep.Pass {
				return gateError{rep.Reason}
			}
			return nil
		},
	}
	c.modelFlags(cmd)
	c.mathFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&a, "a", "gpu", "device in question, and behind commas what is different about it: math=, kv=, untuned, variant=OP:VARIANT, shaders=FOLDER")
	f.StringVar(&b, "b", "cpu", "reference, likewise, in exact arithmetic where it does not say math=fast")
	f.StringVar(&prompt, "prompt", "Once upon a time, there was a little", "text to evaluate")
	f.StringVar(&prompts, "prompts", "", "a file with a text on each line: ops are compared on the first, logits and greedy text on all")
	f.IntVarP(&greedy, "n-predict", "n", 32, "tokens to generate greedily on both")
	f.StringVar(&html, "html", "", "write a report with figures to this file")
	f.StringVar(&save, "save", "divergence.replay", "write the op of the first divergence with its inputs to this file, for tuff kernels replay")
	f.BoolVar(&determinism, "determinism", false, "run A again as it was, beside another sequence, behind a kept cache and in other steps, and compare the bits")
	f.StringVar(&op, "op", "", "save this op, or the one that makes this tensor, whether it diverges or not")
	f.BoolVar(&unfused, "no-fuse", false, "compare every op alone instead of the fused kernels that normally run")
	f.Float64Var(&lim.Bound, "max-bound", 0, "limit of an op's own error in units of its bound (default by arithmetic)")
	f.Float64Var(&lim.NMSE, "max-nmse", 0, "limit of an op's normalised mean squared error (default by arithmetic)")
	f.Float64Var(&kl, "max-kl", 0, "limit of the logits' mean divergence in nats (default by arithmetic)")
	return cmd
}

// promptSet is the text of --prompt, or the lines of the file of --prompts that are not empty.
func promptSet(prompt, file string) ([]string, error) {
	if file == "" {
		return []string{prompt}, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("compare: read prompts: %w", err)
	}
	var texts []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			texts = append(texts, line)
		}
	}
	if texts == nil {
		return nil, fmt.Errorf("compare: read prompts: got no line in %s, want a text on each", file)
	}
	return texts, nil
}

// saveReplay writes the op that was kept.
func (c *common) saveReplay(rep *compare.Report, path, op string) error {
	r := rep.Replay()
	switch {
	case r == nil && op != "":
		return fmt.Errorf("compare --op: got %q, want an op or tensor of the table above", op)
	case r == nil || path == "":
		return nil
	}
	r.Shaders = shaders.Hash()
	if err := writeReport(path, r.Write); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	c.note("%s is in %s: tuff kernels replay %s", r.Label, path, path)
	return nil
}

// compare loads the model on both devices and compares.
func (c *common) compare(cmd *cobra.Command, a, b string, o compare.Options, texts []string, unfused bool) (_ *compare.Report, err error) {
	mode, err := c.mathMode()
	if err != nil {
		return nil, err
	}
	lim, kl := compare.DefaultLimits(mode)
	if o.Limits.Bound == 0 {
		o.Limits.Bound = lim.Bound
	}
	if o.Limits.NMSE == 0 {
		o.Limits.NMSE = lim.NMSE
	}
	if o.KL == 0 {
		o.KL = kl
	}
	side := func(text, math string, noFuse bool) (*loaded, *setting, error) {
		d := *c
		d.math = math
		s, err := d.parseSetting(text)
		if err != nil {
			return nil, nil, err
		}
		l, err := s.load(cmd.Context(), engine.Options{AllLogits: true, Chunk: 128, NumStates: 2, Compile: compute.Options{Keep: true, NoFuse: noFuse}})
		return l, s, s.edited.failed(err)
	}
	la, sa, err := side(a, c.math, unfused)
	if err != nil {
		return nil, err
	}
	defer la.Close()
	defer func() { err = sa.edited.failed(err) }()
	lb, _, err := side(b, "exact", true)
	if err != nil {
		return nil, err
	}
	defer lb.Close()
	for i, text := range texts {
		ids, err := la.EncodeRaw(text)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			o.Prompt = ids
		} else {
			o.More = append(o.More, ids)
		}
	}
	if n := la.Chunk(); len(o.Prompt) > n {
		return nil, fmt.Errorf("compare: read prompt: got %d tokens, want at most %d", len(o.Prompt), n)
	}
	o.Decode, o.Encode = quant.Decode, quant.Encode
	bar := c.bar("compare")
	defer bar.done()
	o.Progress = bar.count
	return compare.Run(cmd.Context(), la.Engine, lb.Engine, o)
}

func printComparison(c *common, r *compare.Report) {
	fmt.Fprintf(c.out, "A %s (%s arithmetic) against B %s (exact), model %s\n\n", r.A, r.Math, r.B, r.Model)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	phase := ""
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Phase != phase {
			phase = op.Phase
			fmt.Fprintf(w, "%s\tKERNEL\tSHAPE\tOWN: BOUND\tNMSE\tMAX ULP\tCOSINE\tNaN\tCARRIED: NMSE\tCOSINE\tVERDICT\t\n", phase)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2g\t%.3g\t%.7f\t%d\t%.2g\t%.7f\t%s\t\n", op.Tensor, op.Kernel, op.Shape(), percent(op.Isolated.Bound),
			op.Isolated.NMSE, op.Isolated.MaxULP, op.Isolated.Cosine, op.Isolated.NaN+op.Isolated.Inf, op.Carried.NMSE, op.Carried.Cosine, op.Verdict)
	}
	w.Flush()
	if r.First != nil {
		row, col := r.First.Element()
		fmt.Fprintf(c.out, "\nfirst divergence: %s, kernel %s, given B's inputs: element (%d, %d) is %.8g, want %.8g\n", r.First.Tensor, r.First.Kernel,
			row, col, r.First.Isolated.Got, r.First.Isolated.Want)
	}
	l, g := r.Logits, r.Greedy
	if r.Encoder {
		fmt.Fprintf(c.out, "\nvectors of %d tokens: largest difference %.3g\n%s\n", l.Positions, l.MaxAbs, r.Summary())
		return
	}
	fmt.Fprintf(c.out, "\nlogits: mean KL %.3g, p99 %.3g, max %.3g, top-1 equal %.2f %% of %d positions, largest difference %.3g\n", l.MeanKL, l.P99KL, l.MaxKL, 100*l.Top1, l.Positions, l.MaxAbs)
	if g.First < 0 {
		fmt.Fprintf(c.out, "greedy text: %d tokens equal\n", g.Equal)
	} else {
		fmt.Fprintf(c.out, "greedy text: equal for %d tokens, then different where B's best leads by %.3g\n", g.Equal, g.Margin)
	}
	for i, p := range r.Prompts {
		text := "the whole text is equal"
		if p.Greedy.First >= 0 {
			text = fmt.Sprintf("text differs from token %d on, where B's best leads by %.3g", p.Greedy.First+1, p.Greedy.Margin)
		}
		fmt.Fprintf(c.out, "  prompt %d, %d tokens: mean KL %.3g, p99 %.3g, top-1 equal %.2f %%, %s\n", i+1, p.Tokens, p.Logits.MeanKL, p.Logits.P99KL, 100*p.Logits.Top1, text)
	}
	if len(r.Stability) > 0 {
		fmt.Fprintf(c.out, "\nthe last logits of the prompt on %s:\n", r.A)
	}
	for _, s := range r.Stability {
		bits := "the same bits"
		if !s.Equal {
			bits = fmt.Sprintf("other bits, largest difference %.3g, KL %.3g", s.MaxAbs, s.KL)
		}
		fmt.Fprintf(c.out, "  %s, %d times: %s\n", s.Name, s.Runs, bits)
	}
	fmt.Fprintln(c.out, r.Summary())
}

// percent prints a share of a bound.
func percent(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.0001:
		return "<0.01 %"
	}
	return fmt.Sprintf("%.2f %%", 100*v)
}

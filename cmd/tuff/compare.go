package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/host/compare"
	"tuff/shaders"
)

func newCompare() *cobra.Command {
	c := comparing{}
	var html, save string
	var gate bool
	cmd := &cobra.Command{
		Use:   "compare [-m MODEL] [--a gpu] [--b cpu]",
		Short: "Two devices op by op on the same program",
		Long: `Runs one prompt and one decoded token on device A and reference B and prints, for every op in order, how far A is off:
first with B's inputs fed to the op (its own error, also as a share of the error that is provably possible in float32: above
100 % exact arithmetic is wrong; fast arithmetic rounds operands besides and is judged by its mean squared error, NMSE), then
with errors carried along. Then logits and greedy text, or an encoder's vectors. Exit code 3 when a limit is exceeded; the op of
the first divergence is saved with its inputs then, to be run again without the model by tuff kernels replay.

A and B are each one of
  DEVICE[,SETTING…]      cpu, gpu, gpu:1 or a device's name, with what is different about it, as in tuff profile --diff: math=, kv=, untuned,
                         variant=OP:VARIANT (one kernel forced), shaders=FOLDER (kernels that were edited)
  FILE.safetensors       a recorded run (--record), or tensors of another engine: .safetensors, .npy or a folder of .npy files, by the names of tuff,
                         llama.cpp (l_out-3) or transformers (model.layers.3.mlp); --map FROM=TO names others
  build:FILE[,DEVICE…]   another build of tuff, which is run to record
A recording has its prompt's tokens. Where B has the results of layers or logits alone, the op that makes the first of them differ is found by
bisection, with the CPU in exact arithmetic as the reference. Where B is a GPU or another engine no bound is proven: the mean squared error alone judges.`,
		Example: `  tuff compare
  tuff compare --math fast --html compare.html
  tuff compare -o md
  tuff compare --a gpu,variant=attention:attention_split --b gpu,math=exact
  tuff compare --a cpu,math=fast --b cpu
  tuff compare -m llama.gguf --a gpu:1 --b cpu --math exact --prompt "The capital of France is"
  tuff compare -m llama.gguf --record before.safetensors --no-fuse && tuff compare -m llama.gguf --b before.safetensors
  tuff compare -m llama.gguf --b build:/opt/tuff-old/tuff,gpu
  tuff compare -m llama.gguf --b dumped/ --tokens 1,15043,3186 --map embd=embed`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.chooseFormat(); err != nil {
				return err
			}
			if c.record != "" {
				return c.recordRun(cmd)
			}
			rep, err := c.compare(cmd)
			if err != nil {
				return err
			}
			switch {
			case gate && c.format == "table":
				_, err = fmt.Fprintln(c.out, rep.Summary())
			case c.format == "json":
				err = c.printJSON(rep)
			case c.format == "csv":
				err = rep.WriteCSV(c.out)
			case c.format == "md":
				err = rep.WriteMarkdown(c.out)
			default:
				printComparison(&c.common, rep)
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
			if err := c.saveReplay(rep, save); err != nil {
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
	f.StringVar(&c.a, "a", "gpu", "the side in question: a device with settings behind commas, a recording, a dump or build:FILE")
	f.StringVar(&c.b, "b", "cpu", "the reference, likewise, in exact arithmetic where it does not say math=fast")
	f.StringVar(&c.prompt, "prompt", "Once upon a time, there was a little", "text to evaluate")
	f.StringVar(&c.prompts, "prompts", "", "a file with a text on each line: ops are compared on the first, logits and greedy text on all")
	f.Int32SliceVar(&c.tokens, "tokens", nil, "token ids to evaluate instead of a text")
	f.IntVarP(&c.o.Greedy, "n-predict", "n", 32, "tokens to generate greedily on both")
	f.StringVar(&c.record, "record", "", "run A alone and write its tensors, logits and text to this .safetensors file, to be a side later")
	f.StringArrayVar(&c.renames, "map", nil, "FROM=TO: a dump's tensor FROM is tuff's TO; FROM= leaves it out; llama.cpp's names without -LAYER mean all layers; may be given again")
	c.formatFlag(cmd)
	f.StringVar(&html, "html", "", "write a report with figures to this file")
	f.StringVar(&save, "save", "divergence.replay", "write the op of the first divergence with its inputs to this file, for tuff kernels replay")
	f.BoolVar(&c.o.Determinism, "determinism", false, "run A again as it was, beside another sequence, behind a kept cache, in other steps and in batches, and compare the bits")
	f.BoolVar(&gate, "gate", false, "print the verdict alone; as always, exit code 3 when a limit is exceeded")
	f.StringVar(&c.o.Save, "op", "", "save this op, or the one that makes this tensor, whether it diverges or not")
	f.BoolVar(&c.unfused, "no-fuse", false, "compare every op alone instead of the fused kernels that normally run")
	f.Float64Var(&c.o.Limits.Bound, "max-bound", 0, "limit of an op's own error in units of its bound (default by arithmetic)")
	f.Float64Var(&c.o.Limits.NMSE, "max-nmse", 0, "limit of an op's normalised mean squared error (default by arithmetic)")
	f.Float64Var(&c.o.KL, "max-kl", 0, "limit of the logits' mean divergence in nats (default by arithmetic)")
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
func (c *comparing) saveReplay(rep *compare.Report, path string) error {
	r := rep.Replay()
	switch {
	case r == nil && c.o.Save != "":
		return fmt.Errorf("compare --op: got %q, want an op or tensor of the table above", c.o.Save)
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

// boundCell is an op's share of its bound for a table.
func boundCell(op *compare.Op) string {
	if op.NoBound != "" {
		return "–"
	}
	return percent(op.Isolated.Bound)
}

// printUnbound says of which ops there is no bound, and why.
func printUnbound(c *common, r *compare.Report) {
	var why []string
	stems := map[string][]string{}
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.NoBound == "" {
			continue
		}
		if stems[op.NoBound] == nil {
			why = append(why, op.NoBound)
		}
		if !slices.Contains(stems[op.NoBound], op.Stem) {
			stems[op.NoBound] = append(stems[op.NoBound], op.Stem)
		}
	}
	for _, w := range why {
		fmt.Fprintf(c.out, "no bound of %s: %s\n", strings.Join(stems[w], ", "), w)
	}
}

func printComparison(c *common, r *compare.Report) {
	fmt.Fprintf(c.out, "A %s (%s arithmetic) against B %s%s%s\n", r.A, r.Math, r.B, prefixed(" (", r.MathB, ")"), prefixed(", model ", r.Model, ""))
	if math.IsInf(r.Limits.Bound, 1) {
		fmt.Fprintln(c.out, "judged by NMSE: the bounds are those of float32, and fast arithmetic rounds operands besides")
	}
	fmt.Fprintln(c.out)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	phase := ""
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Phase != phase {
			phase = op.Phase
			fmt.Fprintf(w, "%s\tKERNEL\tSHAPE\tOWN: BOUND\tNMSE\tMAX ULP\tCOSINE\tNaN\tCARRIED: NMSE\tCOSINE\tVERDICT\t\n", phase)
		}
		if r.Carried {
			fmt.Fprintf(w, "%s\t%s\t%s\t–\t–\t%.3g\t–\t%d\t%.2g\t%.7f\t%s\t\n", op.Tensor, op.Kernel, op.Shape(), op.Carried.MaxULP, op.Carried.NaN+op.Carried.Inf,
				op.Carried.NMSE, op.Carried.Cosine, op.Verdict)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2g\t%.3g\t%.7f\t%d\t%.2g\t%.7f\t%s\t\n", op.Tensor, op.Kernel, op.Shape(), boundCell(op),
			op.Isolated.NMSE, op.Isolated.MaxULP, op.Isolated.Cosine, op.Isolated.NaN+op.Isolated.Inf, op.Carried.NMSE, op.Carried.Cosine, op.Verdict)
	}
	w.Flush()
	printUnbound(c, r)
	printNames(c, "in the recording, not in the program", r.Unmatched)
	printNames(c, "in the program, not in the recording", r.Unknown)
	if lines := r.Lines(); len(lines) > 0 {
		fmt.Fprintf(c.out, "\n%s\n", strings.Join(lines, "\n"))
	}
	fmt.Fprintln(c.out, r.Summary())
}

// printNames lists tensors that have no partner, or the first of many.
func printNames(c *common, where string, names []string) {
	const most = 12
	if len(names) == 0 {
		return
	}
	more := ""
	if len(names) > most {
		more, names = fmt.Sprintf(" and %d more (--json has all)", len(names)-most), names[:most]
	}
	fmt.Fprintf(c.out, "%s: %s%s\n", where, strings.Join(names, ", "), more)
}

// prefixed is s between two texts, or nothing.
func prefixed(before, s, behind string) string {
	if s == "" {
		return ""
	}
	return before + s + behind
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

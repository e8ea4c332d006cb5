package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tuff/fallback/quant"
	"tuff/host/quantize"
	"tuff/host/synth"
)

func newSynth() *cobra.Command {
	var c common
	var s synth.Spec
	var preset, kind, output string
	var force bool
	cmd := &cobra.Command{
		Use:   "synth --arch A --preset P --type T -o FILE",
		Short: "Make a model of any size with random weights",
		Long: `Writes a GGUF file of random weights that tuff and llama.cpp load and run, for benchmarks and tests without downloads. The same
seed makes the same bytes. What it answers means nothing.

Architectures: ` + strings.Join(synth.Archs(), ", ") + `.
Sizes: ` + synth.Presets() + `.
Types: those of tuff quantize and every block format of GGUF, such as IQ2_XXS or MXFP4.
The other flags change single numbers of the size.`,
		Example: "  tuff synth --preset 1.1B --type Q4_K_M -o 1b.gguf\n  tuff synth --arch qwen3moe --preset tiny --type IQ2_S --experts 32 --used 4 -o moe.gguf\n  tuff synth --preset 8B --layers 4 --type Q8_0 --pure -o part.gguf",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return usageError{errors.New("want -o FILE")}
			}
			size, err := synth.ParsePreset(preset)
			if err != nil {
				return usageError{err}
			}
			if s.Recipe, err = quantize.RecipeOf(kind); err != nil {
				return usageError{err}
			}
			changed := []string{"synth", preset} // no architecture: llama.cpp expects certain tokens of models whose names it knows
			for _, f := range sizeFlags(&s.Size, &size) {
				if cmd.Flags().Changed(f.name) {
					*f.to = *f.from
					changed = append(changed, fmt.Sprintf("%s %d", f.name, *f.to))
				}
			}
			s.Size = size
			s.Name = strings.Join(changed, " ")
			return runSynth(cmd, &c, s, output, force)
		},
	}
	c.outputFlags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&s.Arch, "arch", "llama", "architecture")
	fs.StringVar(&preset, "preset", "tiny", "size by name")
	fs.StringVar(&kind, "type", "Q4_K_M", "weight type")
	fs.StringVarP(&output, "output", "o", "", "file to write")
	fs.BoolVar(&s.Pure, "pure", false, "the same type for all matrices")
	fs.BoolVarP(&force, "force", "f", false, "replace FILE if it exists")
	fs.Uint64Var(&s.Seed, "seed", 1, "seed of the weights and the vocabulary")
	for _, f := range sizeFlags(&s.Size, &synth.Size{}) {
		fs.IntVar(f.from, f.name, 0, f.help)
	}
	return cmd
}

type sizeFlag struct {
	name, help string
	from, to   *int
}

// sizeFlags are the flags of a size: where they are parsed to, and what they change.
func sizeFlags(from, to *synth.Size) []sizeFlag {
	return []sizeFlag{
		{"layers", "number of layers", &from.Layers, &to.Layers},
		{"hidden", "width of the residual stream", &from.Hidden, &to.Hidden},
		{"ffn", "width of the feed-forward part", &from.FFN, &to.FFN},
		{"heads", "number of attention heads", &from.Heads, &to.Heads},
		{"kv-heads", "number of key and value heads", &from.KVHeads, &to.KVHeads},
		{"head-dim", "size of a head", &from.HeadDim, &to.HeadDim},
		{"vocab", "number of tokens", &from.Vocab, &to.Vocab},
		{"context", "longest sequence", &from.Context, &to.Context},
		{"experts", "number of experts (default: 8 where the architecture has them)", &from.Experts, &to.Experts},
		{"used", "experts that a token uses (default: 2)", &from.Used, &to.Used},
	}
}

func runSynth(cmd *cobra.Command, c *common, s synth.Spec, output string, force bool) error {
	bar := c.bar("writing " + output)
	start := time.Now()
	rep, err := synth.Run(cmd.Context(), output, s, quant.Decode, force, bar.set)
	bar.done()
	if err != nil {
		return err
	}
	bits := 8 * float64(rep.Bytes) / float64(max(rep.Parameters, 1))
	if c.json {
		return c.printJSON(map[string]any{"out": output, "arch": s.Arch, "type": s.Recipe.Name, "seed": s.Seed, "tensors": rep.Tensors, "parameters": rep.Parameters,
			"bytes": rep.Bytes, "bits_per_weight": bits, "seconds": time.Since(start).Seconds()})
	}
	fmt.Fprintf(c.out, "%s: %s %s, %d parameters in %d tensors, %s, %.2f bits a weight, in %v\n", output, s.Arch, s.Name, rep.Parameters, rep.Tensors, size(rep.Bytes), bits,
		time.Since(start).Round(time.Millisecond))
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

func newKernelsList() *cobra.Command {
	var c common
	var rows []int
	cmd := &cobra.Command{
		Use:   "list [-m MODEL]",
		Short: "Every variant, what it needs, and whether this device takes it and why",
		Long: `Lists every variant of every op: what it does, the features that it needs, when plans choose it and whether this device can run it.

With -m, how a model runs here: for every op and shape of its program, as they are fused, and each number of rows (--rows), the kernels
that are launched and why (rule, vendor, what tuff tune found), and with --why all other variants, with why each is not taken. Nothing
is loaded, so that the model may be larger than the device.

With --built, what the driver makes of these kernels: it compiles them, and says what registers they take, what did not fit into registers
and lies in memory instead, and how many subgroups there is room for at once, as far as it tells; all of its words are in --json.`,
		Example: "  tuff kernels list --device gpu:1\n  tuff kernels list -m llama.gguf\n  tuff kernels list -m llama.gguf --rows 1,64,512 --why --math exact\n  tuff kernels list -m llama.gguf --built",
		Args:    usage(cobra.NoArgs),
	}
	c.modelFlags(cmd)
	cmd.Flags().StringVar(&c.device, "device", "gpu", "gpu, gpu:N or part of a device's name")
	c.mathFlags(cmd)
	cmd.Flags().IntSliceVar(&rows, "rows", []int{1, 16, 512}, "with -m: new tokens of a sequence")
	cmd.Flags().BoolVar(&c.verb, "why", false, "with -m: every other variant, and why it is not taken")
	cmd.Flags().BoolVar(&c.compileOnly, "built", false, "with -m: compile the kernels, and say what the driver tells of them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if c.compileOnly && c.model == "" {
			return usageError{errors.New("--built: got no model, want one by -m")}
		}
		if slices.ContainsFunc(rows, func(n int) bool { return n < 1 }) || len(rows) == 0 {
			return usageError{fmt.Errorf("--rows: got %v, want numbers of at least 1", rows)}
		}
		dev, err := c.openLab()
		if err != nil {
			return err
		}
		if c.model == "" {
			return errors.Join(c.listVariants(dev.Variants()), dev.Close())
		}
		list := c.listChoices
		if c.compileOnly {
			list = c.listBuilt
		}
		return errors.Join(list(cmd.Context(), c.useFound(cmd.Context(), dev), rows), dev.Close())
	}
	return cmd
}

func (c *common) listVariants(list []kernel.Variant) error {
	if c.json {
		type row struct {
			Name    string   `json:"name"`
			Op      string   `json:"op"`
			What    string   `json:"what"`
			Needs   []string `json:"needs,omitempty"`
			Used    string   `json:"used"`
			Lacks   string   `json:"lacks,omitempty"`
			Refused string   `json:"refused,omitempty"`
		}
		var rows []row
		for _, v := range list {
			rows = append(rows, row{v.Name, v.Op, v.What, v.Needs(), v.Used, v.Lacks, v.Refused})
		}
		return c.printJSON(rows)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "OP\tVARIANT\tWHAT\tNEEDS\tCHOSEN\tHERE")
	for _, v := range list {
		here := "yes"
		if v.Lacks != "" {
			here = "no: lacks " + v.Lacks
		} else if v.Refused != "" {
			here = "by name only: " + v.Refused
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Op, v.Name, v.What, strings.Join(v.Needs(), ", "), v.Used, here)
	}
	return w.Flush()
}

// choiceRow is what groups of ops of one shape run on in steps of so many rows.
type choiceRow struct {
	Op      string          `json:"op"`
	Shape   string          `json:"shape"`
	Groups  int             `json:"groups"` // of the program that are alike
	Rows    int             `json:"rows"`
	Kernels []string        `json:"kernels"`
	Why     string          `json:"why"`
	Others  []variantReason `json:"others,omitempty"`
}

type variantReason struct {
	Variant string `json:"variant"`
	Why     string `json:"why"`
}

func (c *common) listChoices(ctx context.Context, dev *gpu.Device, rows []int) error {
	p, o, err := c.programOf(ctx, dev, slices.Max(rows), 0)
	if err != nil {
		return err
	}
	list, err := choicesOf(dev, p, o, rows)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(list)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "OP\tSHAPE\tGROUPS\tROWS\tKERNELS\tWHY")
	for _, r := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", r.Op, r.Shape, r.Groups, r.Rows, strings.Join(r.Kernels, " "), r.Why)
		if !c.verb {
			continue
		}
		for _, other := range r.Others {
			fmt.Fprintf(w, "\t\t\t\tnot %s\t%s\n", other.Variant, other.Why)
		}
	}
	return w.Flush()
}

// choicesOf are the choices for each number of rows, groups that are alike together, in the order of the program.
func choicesOf(dev *gpu.Device, p *compute.Program, o compute.Options, rows []int) ([]choiceRow, error) {
	var list []choiceRow
	at := map[string]int{}
	for _, n := range rows {
		choices, err := kernel.Choices(dev.Caps(), p, o, kernel.Shape{Tokens: n, Outputs: 1, Seqs: 1})
		if err != nil {
			return nil, err
		}
		for _, ch := range choices {
			g := p.NewGroup(ch.Ops...)
			key := fmt.Sprint(g.Stem, "|", g.Shape, "|", n, ch.Kernels)
			if i, ok := at[key]; ok {
				list[i].Groups++
				continue
			}
			at[key] = len(list)
			row := choiceRow{Op: g.Stem, Shape: g.Shape, Groups: 1, Rows: n, Kernels: ch.Kernels, Why: ch.Why}
			for _, other := range ch.Others {
				row.Others = append(row.Others, variantReason{other.Variant, other.Why})
			}
			list = append(list, row)
		}
	}
	// The numbers of rows of one op and shape stand below each other.
	first := map[string]int{}
	for i, r := range list {
		if _, ok := first[r.Op+"|"+r.Shape]; !ok {
			first[r.Op+"|"+r.Shape] = i
		}
	}
	slices.SortStableFunc(list, func(a, b choiceRow) int { return first[a.Op+"|"+a.Shape] - first[b.Op+"|"+b.Shape] })
	return list, nil
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/shaders"
)

// mutantRow is what became of one planted bug.
type mutantRow struct {
	Kind    string  `json:"kind"`
	Source  string  `json:"source"`
	Old     string  `json:"old"`
	New     string  `json:"new"`
	Op      string  `json:"op"`
	Variant string  `json:"variant,omitempty"`
	Found   bool    `json:"found"`
	By      string  `json:"by,omitempty"` // the case that failed, with what it said
	Cases   int     `json:"cases"`        // run until then
	Seconds float64 `json:"seconds"`
}

// mutate plants every bug in turn and runs the suite until a case fails. op narrows the bugs; dir is the folder shaders of the source tree.
func (c *common) mutate(cmd *cobra.Command, op, dir string) error {
	list := slices.DeleteFunc(slices.Clone(shaders.Mutants), func(m shaders.Mutant) bool { return op != "" && m.Op != op })
	if len(list) == 0 {
		return usageError{fmt.Errorf("got op %q, want one that has planted bugs", op)}
	}
	work, err := os.MkdirTemp("", "tuff-mutants-")
	if err != nil {
		return fmt.Errorf("kernels test: %w", err)
	}
	defer os.RemoveAll(work)
	for _, pattern := range []string{"*.comp", "manifest.json"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("kernels test --mutate: got no %s in %s, want the folder shaders of the source tree (--shaders)", pattern, dir)
		}
		for _, f := range files {
			if err := copyFile(filepath.Join(work, filepath.Base(f)), f); err != nil {
				return fmt.Errorf("kernels test: %w", err)
			}
		}
	}
	if err := os.CopyFS(filepath.Join(work, "include"), os.DirFS(filepath.Join(dir, "include"))); err != nil {
		return fmt.Errorf("kernels test: %w", err)
	}
	users, err := usersOf(work)
	if err != nil {
		return err
	}
	glslc, err := findCompiler(dir)
	if err != nil {
		return err
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return err
	}
	bar := c.bar("kernels test --mutate")
	var rows []mutantRow
	for i, m := range list {
		bar.count(m.Source, i+1, len(list))
		edited := &editedShaders{dir: work, glslc: glslc, stale: users[m.Source], built: map[string][]uint32{}}
		row, err := c.plant(cmd.Context(), edited, m, cpu)
		if err != nil {
			return errors.Join(err, cpu.Close())
		}
		rows = append(rows, *row)
	}
	bar.done()
	return errors.Join(c.printMutants(rows), cpu.Close())
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// plant runs the suite on a device with one bug in a copy of the shaders.
func (c *common) plant(ctx context.Context, edited *editedShaders, m shaders.Mutant, cpu compute.Device) (_ *mutantRow, err error) {
	row := &mutantRow{Kind: m.Kind, Source: m.Source, Old: m.Old, New: m.New, Op: m.Op, Variant: m.Variant}
	path := filepath.Join(edited.dir, m.Source)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("kernels test: %w", err)
	}
	if strings.Count(string(text), m.Old) != 1 {
		return nil, fmt.Errorf("kernels test --mutate: plant in %s: got a source without %q, want the folder shaders of this version's source tree", m.Source, m.Old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), m.Old, m.New, 1)), 0o644); err != nil {
		return nil, fmt.Errorf("kernels test: %w", err)
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, text, 0o644)) }()
	o := gpuOptions
	o.Shader, o.CacheDir = edited.module, "-"
	dev, err := gpu.Open(c.device, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	begun := time.Now()
	defer func() { row.Seconds = time.Since(begun).Seconds() }()
	opt := conformance.Options{}
	if m.Variant != "" {
		opt.Variant = map[string]string{m.Op: m.Variant}
	}
	cases := conformance.Cases()
	slices.SortStableFunc(cases, func(a, b conformance.Case) int { // the quick ones first, which cover each kernel
		switch {
		case a.Quick == b.Quick:
			return 0
		case a.Quick:
			return -1
		}
		return 1
	})
	for _, k := range cases {
		// One format of blocks and the plain one stand for all, of which each has modules of its own.
		if k.Op != m.Op || k.Format != compute.NoDType && k.Format != compute.Q8_0 && (k.Format != compute.F32 || k.Op == "matmul") {
			continue
		}
		res := k.Run(ctx, dev, cpu, opt)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if edited.err != nil {
			return nil, edited.err
		}
		switch res.Status {
		case conformance.Failed:
			row.Cases++
			row.Found, row.By = true, res.String()
			return row, nil
		case conformance.Passed:
			row.Cases++
		}
	}
	return row, nil
}

func (c *common) printMutants(rows []mutantRow) error {
	found, cases := 0, 0
	for _, r := range rows {
		cases += r.Cases
		if r.Found {
			found++
		}
	}
	if c.json {
		if err := c.printJSON(rows); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "BUG\tSOURCE\tOF\tFOUND AFTER\tPLANTED")
		for _, r := range rows {
			after := "NOT FOUND"
			if r.Found {
				after = fmt.Sprintf("%d cases", r.Cases)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s → %s\n", r.Kind, r.Source, cmp.Or(r.Variant, r.Op), after, r.Old, r.New)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if found < len(rows) {
		return gateError{fmt.Sprintf("kernels test --mutate: %d of %d planted bugs were not found", len(rows)-found, len(rows))}
	}
	c.note("all of %d planted bugs were found, by %d cases", found, cases)
	return nil
}

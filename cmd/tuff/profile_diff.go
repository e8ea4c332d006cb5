package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/gpu/kernel"
	"tuff/host/profile"
)

// diff compares two files of profiles, or two settings run in turns.
func (c *profiling) diff(cmd *cobra.Command, a, b string) error {
	var pair [2]*profile.Report
	files, other := 0, ""
	for i, path := range []string{a, b} {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			other = path
			continue
		}
		if pair[i], err = readProfile(path); err != nil {
			return err
		}
		files++
	}
	var err error
	switch files {
	case 0:
		if pair[0], pair[1], err = c.runBoth(cmd, a, b); err != nil {
			return err
		}
	case 1:
		return usageError{fmt.Errorf("profile --diff: got a file and %q, want two files of profile --json or two settings", other)}
	}
	d, err := profile.Compare(pair[0], pair[1])
	if err != nil {
		return err
	}
	d.A, d.B = a, b
	if c.json {
		err = c.printJSON(d)
	} else {
		c.printDiff(d)
	}
	if err != nil {
		return err
	}
	if why := d.Regress(c.maxRegress); why != "" {
		return gateError{why}
	}
	return nil
}

func readProfile(path string) (*profile.Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	var r profile.Report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("profile: read %s: %w; want what tuff profile --json prints", path, err)
	}
	if len(r.Regions) == 0 {
		return nil, fmt.Errorf("profile: read %s: got no phase, want what tuff profile --json prints", path)
	}
	return &r, nil
}

// setting is one side of a comparison: a device and what is different about it.
type setting struct {
	common
	edited *editedShaders
}

// newSetting is a device with the command's own flags.
func (c *common) newSetting(device string) *setting {
	s := &setting{common: *c}
	s.device = device
	return s
}

// opAndVariant reads what every side of a comparison may force: OP:VARIANT, or VARIANT, whose op is known.
func opAndVariant(value string) (op, name string, err error) {
	if op, name, ok := strings.Cut(value, ":"); ok {
		return op, name, nil
	}
	for _, v := range kernel.Variants(kernel.Caps{}) {
		if v.Name == value {
			return v.Op, value, nil
		}
	}
	return "", "", usageError{fmt.Errorf("got variant %q, want OP:VARIANT or VARIANT as tuff kernels list shows them", value)}
}

// force makes one op run on one kernel: value is as opAndVariant has it.
func (s *setting) force(value string) error {
	op, name, err := opAndVariant(value)
	if err != nil {
		return err
	}
	if s.variant == nil {
		s.variant = map[string]string{}
	}
	s.variant[op] = name
	return nil
}

// edit takes kernels out of an edited copy of the folder shaders.
func (s *setting) edit(folder string) (err error) {
	if s.edited, err = openEdited(folder, folder); err == nil {
		s.shader = s.edited.module
	}
	return err
}

// parseSetting reads DEVICE[,KEY=VALUE…] over the command's own flags.
func (c *common) parseSetting(text string) (*setting, error) {
	parts := strings.Split(text, ",")
	if parts[0] == "" {
		return nil, usageError{fmt.Errorf("setting %q: got no device, want one in front of the first comma, such as gpu", text)}
	}
	s := c.newSetting(parts[0])
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, "=")
		var err error
		switch key {
		case "math":
			s.math = value
		case "kv":
			s.typeK, s.typeV = value, value
		case "untuned":
			s.untuned = true
		case "variant":
			err = s.force(value)
		case "shaders":
			err = s.edit(value)
		default:
			err = usageError{fmt.Errorf("got %q, want math=, kv=, untuned, variant= or shaders=", p)}
		}
		if err != nil {
			return nil, fmt.Errorf("setting %q: %w", text, err)
		}
	}
	return s, nil
}

// runBoth profiles two settings in turns.
func (c *profiling) runBoth(cmd *cobra.Command, a, b string) (ra, rb *profile.Report, err error) {
	var l [2]*loaded
	var o [2]profile.Options
	for i, text := range []string{a, b} {
		s, e := c.parseSetting(text)
		if e != nil {
			return nil, nil, e
		}
		defer func() { err = s.edited.failed(err) }()
		if l[i], err = c.loadProfiled(cmd, &s.common); err != nil {
			return nil, nil, err
		}
		defer func() { err = errors.Join(err, l[i].Close()) }()
		if o[i], err = c.options(cmd, l[i]); err != nil {
			return nil, nil, err
		}
		o[i].Overhead = false
	}
	bar := c.bar("profile")
	o[0].Progress = func(done, total int) { bar.count("pair of runs", done, total) }
	ra, rb, err = profile.RunBoth(cmd.Context(), l[0].Engine, l[1].Engine, o[0], o[1])
	bar.done()
	return ra, rb, err
}

func (c *profiling) printDiff(d *profile.Diff) {
	fmt.Fprintf(c.out, "A: %s\nB: %s\n", d.A, d.B)
	for _, p := range d.Phases {
		w := p.Whole
		fmt.Fprintf(c.out, "\n%s: %s in A, %s in B a token: %s\n", p.Name, seconds(w.TimeA), seconds(w.TimeB), sentence(w, profile.PhaseLevel))
		t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(t, "OP\tSHAPE\tKERNEL\tSHARE OF A\tA µs\tB µs\tB/A\t99 % INTERVAL\tVERDICT\t\n")
		for _, o := range p.Ops {
			kernel := o.KernelA
			if o.KernelB != o.KernelA {
				kernel = o.KernelA + " → " + o.KernelB
			}
			ratio, interval := "", ""
			if o.Ratio > 0 {
				ratio, interval = fmt.Sprintf("%.3f", o.Ratio), fmt.Sprintf("%.3f–%.3f", o.Low, o.High)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%.1f %%\t%.1f\t%.1f\t%s\t%s\t%s\t\n", o.Stem, o.Shape, kernel, 100*o.Share, o.TimeA/1e3, o.TimeB/1e3, ratio, interval, o.Verdict)
		}
		t.Flush()
	}
}

// sentence says how B compares, for people.
func sentence(c profile.Change, level float64) string {
	between := fmt.Sprintf("%.0f %% interval %+.1f to %+.1f %%", 100*level, 100*(c.Low-1), 100*(c.High-1))
	if c.Verdict == profile.NoEvidence {
		return "no evidence of a difference (" + between + ")"
	}
	return fmt.Sprintf("B is %s by %.1f %% (%s)", c.Verdict, 100*max(c.Ratio-1, 1-c.Ratio), between)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Nanosecond).String()
}

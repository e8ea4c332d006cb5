package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// deviceReport is one line of tuff devices.
type deviceReport struct {
	Selector  string            `json:"selector"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Driver    string            `json:"driver"`
	API       string            `json:"api"`
	Memory    int64             `json:"memory_bytes"`
	Free      int64             `json:"memory_free_bytes"`
	Threads   int               `json:"threads,omitempty"`
	Tiers     []string          `json:"tiers"`
	Limits    map[string]int64  `json:"limits,omitempty"`
	SelfCheck string            `json:"self_check"`
	Refused   map[string]string `json:"refused,omitempty"` // variants that plans leave out, with the reason
	Measured  *compute.Limits   `json:"measured,omitempty"`
	Tuned     kernel.Tuned      `json:"tuned,omitempty"`
	TunedMany kernel.TunedMany  `json:"tuned_many,omitempty"`
	Auto      bool              `json:"auto"`
	Why       string            `json:"why,omitempty"`
}

func newDevices() *cobra.Command {
	var c common
	var measure, check bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "Every Vulkan device and the CPU, and which one auto takes",
		Long: `Lists the devices that --device may name: driver, memory, arithmetic tiers, and the verdict of the self-check, in which
every kernel that the device could use, and then every op, runs on it against the CPU. Kernels that fail are replaced by others,
and named. Hardware is checked at its first use, for about two seconds beside compiling; what is not reached is left out, and
checked at the next starts. --check runs all of it now. --measure finds the device's limits anew:
memory and arithmetic of every tier, matrix units included, the costs of dispatches and submissions, and of copies between
host and device. They are kept for this device, driver and program; bench, profile and kernels bench give their figures as
shares of them.

Not listed, for they are always there: --device emulated:KIND runs what a GPU of that kind would, in Go, slowly, with every access
of its kernels checked. The kinds are ` + strings.Join(gpu.EmulatedKinds(), ", ") + `.`,
		Example: "  tuff devices\n  tuff devices --check --measure",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := c.devices(cmd.Context(), check, measure)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(list)
			}
			c.printDevices(list)
			return nil
		},
	}
	c.outputFlags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "run the self-check of every device that has no verdict")
	cmd.Flags().BoolVar(&measure, "measure", false, "measure memory, arithmetic, dispatches and copies, and remember them")
	return cmd
}

func (c *common) devices(ctx context.Context, check, measure bool) ([]deviceReport, error) {
	found, err := gpu.Devices(gpuOptions)
	why := ""
	if err != nil {
		why = "no Vulkan here: " + oneLine(err)
	}
	var list []deviceReport
	for _, f := range found {
		r := deviceReport{Selector: fmt.Sprintf("gpu:%d", f.Index), Name: f.Info.Name, Kind: f.Info.Kind.String(), Driver: f.Info.Driver, API: f.Info.API,
			Memory: f.Info.MemoryTotal, Free: f.Info.MemoryFree, Tiers: append([]string{}, f.Info.Tiers...), Limits: f.Info.Limits, SelfCheck: "not run yet"}
		bar := c.bar(f.Info.Name)
		bar.count("self-check and limits of device", f.Index+1, len(found))
		if f.Unfit != "" {
			r.SelfCheck = "not run: " + f.Unfit
		} else if err := c.inspectDevice(ctx, f, &r, check, measure); err != nil {
			bar.done()
			return nil, err
		}
		bar.done()
		list = append(list, r)
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return nil, err
	}
	info := cpu.Info()
	r := deviceReport{Selector: "cpu", Name: info.Name, Kind: info.Kind.String(), Driver: info.Driver, API: info.API, Memory: info.MemoryTotal, Free: info.MemoryFree,
		Threads: info.Threads, Tiers: info.Tiers, SelfCheck: "the reference"}
	if measure {
		l, err := cpu.Measure(ctx)
		if err != nil {
			return nil, errors.Join(err, cpu.Close())
		}
		r.Measured = &l
	}
	list = append(list, r)
	markAuto(list, found, why)
	return list, cpu.Close()
}

// markAuto marks the device that auto takes. list is found with the CPU after it; absent says why there is no Vulkan, or "".
func markAuto(list []deviceReport, found []gpu.Found, absent string) {
	cpu, why := &list[len(list)-1], absent
	if why == "" {
		best, none := autoChoice(found)
		i := slices.IndexFunc(found, func(f gpu.Found) bool { return f.Index == best.Index })
		switch {
		case none != "":
			why = none
		case strings.HasPrefix(list[i].SelfCheck, "FAILED"):
			why = best.Info.Name + " failed the self-check"
		case strings.HasPrefix(list[i].SelfCheck, unopened):
			why = best.Info.Name + " does not open"
		default:
			list[i].Auto, list[i].Why = true, "the best hardware GPU"
			return
		}
	}
	cpu.Auto, cpu.Why = true, why
}

// unopened is how the verdict of a device that cannot be opened begins.
const unopened = "not run: it does not open"

// inspectDevice fills what only an open device tells.
func (c *common) inspectDevice(ctx context.Context, f gpu.Found, r *deviceReport, check, measure bool) (err error) {
	v, ok := readVerdict(verdictPath(f.Info), f.Info)
	if ok || v.Left > 0 {
		r.SelfCheck, r.Refused = v.String(), v.out()
	}
	check = check && !ok
	if l, ok := readLimits(f.Info); ok {
		r.Measured = l
	}
	known := readTuned(f.Info)
	r.Tuned, r.TunedMany = known.few, known.many
	if !check && !measure {
		return nil
	}
	dev, err := gpu.Open(r.Selector, gpuOptions)
	if err != nil {
		r.SelfCheck = unopened + ": " + oneLine(err)
		return nil
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	r.Free = dev.Info().MemoryFree
	if check {
		v, err := selfCheck(ctx, dev, 0, nil)
		if err != nil {
			return err
		}
		r.SelfCheck, r.Refused = v.String(), v.Refused
	}
	if measure {
		r.Measured, err = measureLimits(ctx, dev)
		return err
	}
	return nil
}

func (c *common) printDevices(list []deviceReport) {
	for i, r := range list {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		mark := ""
		if r.Auto {
			mark = "  ← auto takes this: " + r.Why
		}
		fmt.Fprintf(c.out, "%s  %s%s\n", r.Selector, r.Name, mark)
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "  kind\t%s\n  driver\t%s, %s\n  memory\t%s, %s free\n", r.Kind, r.Driver, r.API, size(r.Memory), size(r.Free))
		if r.Threads > 0 {
			fmt.Fprintf(w, "  threads\t%d\n", r.Threads)
		}
		fmt.Fprintf(w, "  tiers\t%s\n  self-check\t%s\n", strings.Join(r.Tiers, ", "), r.SelfCheck)
		for _, name := range slices.Sorted(maps.Keys(r.Refused)) {
			fmt.Fprintf(w, "  replaced\t%s: %s\n", name, r.Refused[name])
		}
		if l := r.Measured; l != nil {
			printLimits(w, l)
		}
		if n := len(r.Tuned) + len(r.TunedMany); n > 0 {
			fmt.Fprintf(w, "  tuned\t%d kernels (tuff tune)\n", n)
		}
		for _, k := range []string{"maxComputeSharedMemorySize", "maxComputeWorkGroupInvocations", "subgroupSize", "maxMemoryAllocationSize"} {
			if v, ok := r.Limits[k]; ok && c.verb {
				fmt.Fprintf(w, "  %s\t%d\n", k, v)
			}
		}
		w.Flush()
	}
}

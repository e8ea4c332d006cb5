package gpu

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tuff/gpu/kernel"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// Names that drivers give to what a profile shows, in lower case, for some change it from version to version: NVIDIA's says "Register Count",
// Mesa's for AMD "VGPRs", "Spilled VGPRs", "Spilled SGPRs" and "Subgroups per SIMD", AMD's own "numUsedVgprs", Mesa's for Intel "GRF registers"
// (or 0, and before nothing, beside "Max live registers") and "Spill Count" (since, "Spills"), Mesa's for NVIDIA "Number of GPRs", "Spills to
// memory" and "Max warps/SM", Mesa's for Qualcomm "Registers used", "STP Count" and "LDP Count" (stores and loads of what has no register) and
// "Max Waves Per Core".
var (
	namesOfRegisters = []string{"register count", "vgprs", "numusedvgprs", "grf registers", "number of gprs", "max live registers", "registers used"} // the first that is there
	namesOfSpills    = []string{"spilled vgprs", "spilled sgprs", "spill count", "spills", "spills to memory", "stp count", "ldp count"}              // all of them together
	unitsOfResidence = map[string]string{"subgroups per simd": "SIMD", "max warps/sm": "SM", "max waves per core": "core"}
)

// NVIDIA's multiprocessors have had 64 Ki registers of 32 bits since 2012, given to warps of 32 invocations in steps of 8 to an invocation (CUDA C++
// Programming Guide, table of compute capabilities).
const (
	nvidiaRegisters = 64 << 10
	nvidiaWarp      = 32
	nvidiaStep      = 8
)

// builtOf recognises what a driver says of a kernel. Where it makes several executables, for several widths of subgroups, the most demanding
// one counts.
func builtOf(name string, list []vk.Executable) compute.Built {
	b := compute.Built{Kernel: name}
	for _, e := range list {
		values := map[string]float64{}
		for _, s := range e.Statistics {
			said := s.Name
			if len(list) > 1 {
				said = e.Name + ": " + said
			}
			b.Statistics = append(b.Statistics, compute.Statistic{Name: said, Value: s.Value})
			values[strings.ToLower(s.Name)] = s.Value
		}
		for _, n := range namesOfRegisters {
			if v := values[n]; v > 0 {
				b.Registers = max(b.Registers, int(v))
				break
			}
		}
		spills, told := 0, false
		for _, n := range namesOfSpills {
			v, ok := values[n]
			spills, told = spills+int(v), told || ok
		}
		if told && (b.Spills == nil || *b.Spills < spills) {
			b.Spills = &spills
		}
		room := func(n int, unit string) {
			if n > 0 && (b.Subgroups == 0 || n < b.Subgroups) {
				b.Subgroups, b.Unit = n, unit
			}
		}
		for n, unit := range unitsOfResidence {
			room(int(values[n]), unit)
		}
		if v := int(values["register count"]); v > 0 {
			room(nvidiaRegisters/(nvidiaWarp*((v+nvidiaStep-1)/nvidiaStep*nvidiaStep)), "SM, by registers")
		}
	}
	return b
}

// Built implements compute.Inspector. The device must have been opened with Options.Statistics.
func (x *executable) Built(group int) (list []compute.Built, err error) {
	if x.d == nil || x.d.dev == nil {
		return nil, errors.New("gpu: inspect: the executable is closed")
	}
	for i := range x.groups[group].Dispatches {
		disp := &x.groups[group].Dispatches[i]
		x.d.mu.Lock()
		p := x.d.pipelines[pipelineKey(disp)]
		x.d.mu.Unlock()
		if p == nil || slices.ContainsFunc(list, func(b compute.Built) bool { return b.Kernel == disp.Name }) {
			continue
		}
		said, err := p.Executables()
		if errors.Is(err, vk.ErrUnsupported) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if b := builtOf(disp.Name, said); len(b.Statistics) > 0 {
			list = append(list, b)
		}
	}
	return list, nil
}

// Build makes the pipelines that a program runs for steps of a shape and returns what the driver tells of them, in the order of the program,
// each once. Nothing is allocated, so the model need not fit. The device must have been opened with Options.Statistics; where the driver
// tells nothing, kernels have their names alone.
func (d *Device) Build(ctx context.Context, p *compute.Program, o compute.Options, s kernel.Shape) ([]compute.Built, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	groups, err := kernel.Plan(d.caps, p, o)
	if err != nil {
		return nil, err
	}
	if err := d.makePipelines(ctx, groups, s, o.Progress); err != nil {
		return nil, err
	}
	var list []compute.Built
	told := map[string]bool{}
	for i := range groups {
		for k := range groups[i].Dispatches {
			disp := &groups[i].Dispatches[k]
			key := pipelineKey(disp)
			if told[key] || !runs(disp.Grid(s)) {
				continue
			}
			told[key] = true
			said, err := d.pipelines[key].Executables()
			if err != nil && !errors.Is(err, vk.ErrUnsupported) {
				return nil, err
			}
			list = append(list, builtOf(disp.Name, said))
		}
	}
	return list, nil
}

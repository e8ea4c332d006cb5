package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/host/model"
	"tuff/host/weights"
)

// gpuOptions are those of every Vulkan device that a command opens; tests plant faults here.
var gpuOptions gpu.Options

// gpuOptions are those of a command's device.
func (c *common) gpuOptions() gpu.Options {
	o := gpuOptions
	if c.shader != nil {
		o.Shader = c.shader
	}
	o.Statistics, o.CompileOnly = c.inspect || c.compileOnly, c.compileOnly
	return o
}

// openDevice opens what --device asks for and says on stderr what was taken and why. f is the model that must fit, or nil.
func (c *common) openDevice(ctx context.Context, selector string, f *weights.File) (compute.Device, error) {
	if c.ctx < 0 {
		return nil, usageError{fmt.Errorf("--ctx: got %d, want a number of positions, or 0 for the model's", c.ctx)}
	}
	dev, err := c.choose(ctx, selector, f)
	if err != nil {
		return nil, err
	}
	if err := c.contextFits(dev.Info(), f); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return dev, nil
}

func (c *common) choose(ctx context.Context, selector string, f *weights.File) (compute.Device, error) {
	switch selector {
	case "":
		return nil, usageError{errors.New("--device: got nothing, want auto, cpu, gpu, gpu:N or part of a device's name")}
	case "cpu":
		return c.openCPU("asked for")
	case "auto":
		dev, why, err := c.tryGPU(ctx, f)
		if err != nil {
			return nil, err
		}
		if dev == nil {
			return c.openCPU(why)
		}
		c.taken(dev, why)
		return c.useFound(ctx, dev.(*gpu.Device)), nil
	}
	dev, err := gpu.Open(selector, c.gpuOptions())
	if err != nil {
		if gpu.Absent(err) {
			err = fmt.Errorf("%w; --device cpu always works", err)
		}
		return nil, err
	}
	c.taken(dev, "asked for "+selector)
	if err := c.checked(ctx, dev, f); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return c.useFound(ctx, dev), nil
}

// contextBytes is what the state of a sequence of c.ctx positions takes, or of as many as the engine gives when c.ctx is
// 0: the KV cache in its types, and RoPE's table here and on the device. It is 0 where the model's header is not understood, which the engine reports.
func (c *common) contextBytes(f *weights.File) (n int64, cfg *model.Config) {
	if f == nil {
		return 0, nil
	}
	cfg, _, err := model.ReadConfig(f)
	if err != nil {
		return 0, nil
	}
	positions := c.ctx
	if positions == 0 {
		positions = min(cfg.ContextLen, engine.DefaultContext)
	}
	k, v, err := c.cacheTypes()
	if err != nil {
		return 0, nil
	}
	mode, err := c.mathMode()
	if err != nil {
		return 0, nil
	}
	per := cfg.KVBytes(cfg.KVTypes(k, v, engine.DefaultKVType(mode))) + 2*4*int64(cfg.RoPE.Dim)
	if int64(positions) > math.MaxInt64/max(per, 1) {
		return math.MaxInt64, cfg
	}
	return per * int64(positions), cfg
}

// contextFits refuses a context that cannot be had before anything is allocated for it, and warns of one that the model
// was not made for.
func (c *common) contextFits(info compute.Info, f *weights.File) error {
	n, cfg := c.contextBytes(f)
	switch {
	case cfg == nil || c.ctx == 0:
	case n > info.MemoryFree && info.MemoryTotal > 0: // a system that does not tell is not held to it
		return fmt.Errorf("--ctx: got %d positions, which take %s, want at most the %s free on %s", c.ctx, size(n), size(info.MemoryFree), info.Name)
	case c.ctx > cfg.ContextLen:
		c.note("warning: a context of %d positions, but the model was made for %d", c.ctx, cfg.ContextLen)
	}
	return nil
}

func (c *common) openCPU(why string) (compute.Device, error) {
	dev, err := fallback.New(fallback.Options{Threads: c.threads})
	if err != nil {
		return nil, err
	}
	c.taken(dev, why)
	return dev, nil
}

// taken says what runs and why.
func (c *common) taken(dev compute.Device, why string) {
	info := dev.Info()
	what := fmt.Sprintf("%s (%s, %s)", info.Name, info.Kind, info.Driver)
	if info.Kind == compute.Host {
		what = fmt.Sprintf("CPU, %d threads", info.Threads)
	}
	c.note("device: %s: %s", what, why)
}

// leave is auto's answer where there is a hardware GPU that it cannot take: no device and the reason, or with --strict an error.
func (c *common) leave(why string) (compute.Device, string, error) {
	if c.strict {
		return nil, "", fmt.Errorf("--strict: auto would take the CPU: %s", why)
	}
	return nil, why, nil
}

// tryGPU is the rule of --device auto: the best hardware GPU if its self-check passes and the model fits, else none, with
// the reason. A machine without a hardware GPU has nothing to leave: --strict does not matter there.
func (c *common) tryGPU(ctx context.Context, f *weights.File) (_ compute.Device, reason string, err error) {
	look, err := gpu.Look(c.gpuOptions())
	if err != nil {
		return nil, "no Vulkan here: " + oneLine(err), nil
	}
	defer func() { err = errors.Join(err, look.Close()) }()
	best, why := autoChoice(look.Found)
	if why != "" {
		return nil, why, nil
	}
	if f != nil {
		if types := withoutKernels(f); types != nil {
			return c.leave(fmt.Sprintf("there are no GPU kernels for the model's weights of %s", strings.Join(types, ", ")))
		}
		if state, _ := c.contextBytes(f); state > best.Info.MemoryFree-f.Size() {
			return c.leave(fmt.Sprintf("the model's %s and its context's %s do not fit the %s free on %s", size(f.Size()), size(state), size(best.Info.MemoryFree), best.Info.Name))
		}
	}
	dev, err := look.Open(best)
	if err != nil {
		return c.leave(fmt.Sprintf("%s does not open: %s", best.Info.Name, oneLine(err)))
	}
	v, err := selfCheck(ctx, dev, firstBudget, formatsOf(f))
	if err != nil {
		return nil, "", errors.Join(err, dev.Close())
	}
	if len(v.Failed) > 0 {
		if err := dev.Close(); err != nil {
			return nil, "", err
		}
		return c.leave(fmt.Sprintf("%s computes wrongly, self-check %v", best.Info.Name, v))
	}
	return dev, "the best hardware GPU, self-check " + v.String(), nil
}

// withoutKernels are the model's weight types that only the CPU reads.
func withoutKernels(f *weights.File) []string {
	var types []string
	for _, t := range f.Tensors() {
		if !slices.Contains(compute.WeightFormats(), t.DType) && !slices.Contains(types, t.DType.String()) {
			types = append(types, t.DType.String())
		}
	}
	slices.Sort(types)
	return types
}

// autoChoice is the device that auto would take, or why there is none.
func autoChoice(list []gpu.Found) (gpu.Found, string) {
	var lacking []string
	for _, f := range gpu.Prefer(list) {
		switch {
		case f.Unfit != "":
			lacking = append(lacking, fmt.Sprintf("%s cannot be used: %s", f.Info.Name, f.Unfit))
		case f.Info.Kind == compute.Software:
			lacking = append(lacking, fmt.Sprintf("%s is a software driver (--device gpu takes it)", f.Info.Name))
		default:
			return f, ""
		}
	}
	if lacking == nil {
		lacking = []string{"no Vulkan device"}
	}
	return gpu.Found{}, "no hardware GPU: " + strings.Join(lacking, "; ")
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

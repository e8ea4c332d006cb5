package vk

import "fmt"

// SpecConstant is one specialization constant: a 32-bit value by its constant_id. Floats and bools travel as bits.
type SpecConstant struct{ ID, Value uint32 }

// SpecConstants numbers values from constant_id 0.
func SpecConstants(values ...uint32) []SpecConstant {
	s := make([]SpecConstant, len(values))
	for i, v := range values {
		s[i] = SpecConstant{uint32(i), v}
	}
	return s
}

// PipelineInfo describes a compute pipeline.
type PipelineInfo struct {
	Name     string // for messages
	SPIRV    []uint32
	Entry    string // "" means main
	Spec     []SpecConstant
	PushSize uint32 // bytes of push constants, a multiple of 4
	// RequiredSubgroupSize pins the subgroup size: a power of two between Subgroup.Min and Max. 0 leaves it to the driver.
	RequiredSubgroupSize uint32
	// FullSubgroups promises that the workgroup's x size is a multiple of the subgroup size, and asks for no partial ones.
	FullSubgroups bool
	// Statistics keeps what Pipeline.Executables reports, where the device can.
	Statistics bool
	Cache      *PipelineCache // may be nil
}

// maxSpec bounds the specialization constants of one pipeline.
const maxSpec = 64

// Pipeline is a compiled compute shader with its layout: no descriptor sets, one range of push constants.
type Pipeline struct {
	dev      *Device
	handle   uint64
	layout   uint64 // owned by the device
	pushSize uint32
	name     string
	stats    bool
}

// CreatePipeline compiles a pipeline. It may be called by several goroutines at once, with one cache among them.
// A module that is not SPIR-V, or lacks the entry point, is refused before the driver sees it.
func (d *Device) CreatePipeline(p PipelineInfo) (*Pipeline, error) {
	if err := d.open("create pipeline"); err != nil {
		return nil, err
	}
	if p.Entry == "" {
		p.Entry = "main"
	}
	if err := d.checkPipeline(&p); err != nil {
		return nil, err
	}
	layout, err := d.pipelineLayout(p.PushSize)
	if err != nil {
		return nil, err
	}
	raw := rawPipeline{layout: layout, entry: p.Entry, name: p.Name, subgroupSize: p.RequiredSubgroupSize, fullSubgroups: p.FullSubgroups,
		statistics: p.Statistics && d.features.PipelineExecutableInfo}
	for _, s := range p.Spec {
		raw.specIDs = append(raw.specIDs, s.ID)
		raw.specValues = append(raw.specValues, s.Value)
	}
	if p.Cache != nil {
		raw.cache = p.Cache.handle
	}
	r := d.hooks.run(callCreateShaderModule, func() (r Result) { raw.module, r = d.drv.createShaderModule(p.SPIRV); return r })
	if r != Success {
		return nil, d.failed(callCreateShaderModule, r, "create shader module %q", p.Name)
	}
	d.hooks.born(objShaderModule)
	out := &Pipeline{dev: d, layout: layout, pushSize: p.PushSize, name: p.Name, stats: raw.statistics}
	r = d.hooks.run(callCreateComputePipelines, func() (r Result) { out.handle, r = d.drv.createPipeline(&raw); return r })
	// The module is only needed while the pipeline is made.
	d.drv.destroyShaderModule(raw.module)
	d.hooks.gone(objShaderModule)
	if r != Success {
		return nil, d.failed(callCreateComputePipelines, r, "create pipeline %q", p.Name)
	}
	d.hooks.born(objPipeline)
	return out, nil
}

func (d *Device) checkPipeline(p *PipelineInfo) error {
	if err := checkSPIRV(p.SPIRV, p.Entry); err != nil {
		return fmt.Errorf("vk: create pipeline %q: %w", p.Name, err)
	}
	if m := d.info.Limits.MaxPushConstantsSize; p.PushSize%4 != 0 || p.PushSize > m {
		return invalid("create pipeline %q: got %d B of push constants, want a multiple of 4 up to %d", p.Name, p.PushSize, m)
	}
	if len(p.Spec) > maxSpec {
		return invalid("create pipeline %q: got %d specialization constants, want at most %d", p.Name, len(p.Spec), maxSpec)
	}
	for i, s := range p.Spec {
		for _, t := range p.Spec[:i] {
			if s.ID == t.ID {
				return invalid("create pipeline %q: got specialization constant %d twice", p.Name, s.ID)
			}
		}
	}
	sg := d.info.Subgroup
	if n := p.RequiredSubgroupSize; n != 0 {
		if !d.features.SubgroupSizeControl || !sg.RequiredInCompute {
			return unsupported("create pipeline %q: require subgroup size %d on %q", p.Name, n, d.info.Name)
		}
		if n&(n-1) != 0 || n < sg.Min || n > sg.Max {
			return unsupported("create pipeline %q: got required subgroup size %d, want a power of two from %d to %d", p.Name, n, sg.Min, sg.Max)
		}
	}
	if p.FullSubgroups && !d.features.ComputeFullSubgroups {
		return unsupported("create pipeline %q: require full subgroups on %q", p.Name, d.info.Name)
	}
	if p.Cache != nil && (p.Cache.handle == 0 || p.Cache.dev != d) {
		return invalid("create pipeline %q: got a closed or foreign cache", p.Name)
	}
	return nil
}

// pipelineLayout is the layout for a size of push constants; there are few sizes, so they live as long as the device.
func (d *Device) pipelineLayout(push uint32) (uint64, error) {
	d.layoutMu.Lock()
	defer d.layoutMu.Unlock()
	if l, ok := d.layouts[push]; ok {
		return l, nil
	}
	var l uint64
	r := d.hooks.run(callCreatePipelineLayout, func() (r Result) { l, r = d.drv.createPipelineLayout(push); return r })
	if r != Success {
		return 0, d.failed(callCreatePipelineLayout, r, "create pipeline layout with %d B of push constants", push)
	}
	d.hooks.born(objPipelineLayout)
	d.layouts[push] = l
	return l, nil
}

// Name is PipelineInfo.Name; PushSize is in bytes.
func (p *Pipeline) Name() string     { return p.name }
func (p *Pipeline) PushSize() uint32 { return p.pushSize }

// Executable is what a driver made of a pipeline: usually one per pipeline.
type Executable struct {
	Name, Description string
	SubgroupSize      uint32
	Statistics        []Statistic
}

// Statistic is one number about an executable, by the driver's own name: registers, spills, instructions…
type Statistic struct {
	Name, Description string
	Value             float64
}

// Executables reports what the driver tells about a pipeline created with Statistics. Where it tells nothing the error is
// ErrUnsupported.
func (p *Pipeline) Executables() ([]Executable, error) {
	if err := p.dev.open("read pipeline statistics"); err != nil {
		return nil, err
	}
	if !p.stats || p.handle == 0 {
		return nil, unsupported("read statistics of pipeline %q", p.name)
	}
	var e []Executable
	r := p.dev.hooks.run(callGetPipelineExecutables, func() (r Result) { e, r = p.dev.drv.executables(p.handle); return r })
	if r != Success && r != Incomplete {
		return nil, p.dev.failed(callGetPipelineExecutables, r, "read statistics of pipeline %q", p.name)
	}
	return e, nil
}

// Close destroys the pipeline; no recorded command buffer that uses it may be submitted any more.
func (p *Pipeline) Close() error {
	if p.handle == 0 {
		return nil
	}
	if !p.dev.closed.Load() {
		p.dev.drv.destroyPipeline(p.handle)
		p.dev.hooks.gone(objPipeline)
	}
	p.handle = 0
	return nil
}

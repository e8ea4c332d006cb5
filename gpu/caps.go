package gpu

import (
	"fmt"
	"runtime"
	"strings"

	"tuff/gpu/kernel"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// What every kernel relies on; the smallest device that tuff runs on.
const (
	minShared      = 16 << 10 // bytes; the specification's own minimum
	minInvocations = 128
	minPush        = 128 // bytes; the specification's own minimum
)

// Numbers of vendors, as PCI has them.
const (
	amd    = 0x1002
	intel  = 0x8086
	nvidia = 0x10de
)

// unfit says why a device cannot run tuff, or nothing.
func unfit(p *vk.PhysicalInfo) string {
	f, l := p.Features, p.Limits
	var missing []string
	for _, c := range []struct {
		ok   bool
		name string
	}{
		{f.BufferDeviceAddress, "buffer device addresses"},
		{f.TimelineSemaphore, "timeline semaphores"},
		{f.Storage16, "16-bit storage"},
		{f.ShaderInt64, "64-bit integers in shaders"},
		{f.ShaderInt16, "16-bit integers in shaders"},
		{l.MaxComputeSharedMemorySize >= minShared, fmt.Sprintf("%d bytes of shared memory", minShared)},
		{l.MaxComputeWorkGroupInvocations >= minInvocations, fmt.Sprintf("workgroups of %d", minInvocations)},
		{l.MaxPushConstantsSize >= minPush, fmt.Sprintf("%d bytes of push constants", minPush)},
	} {
		if !c.ok {
			missing = append(missing, c.name)
		}
	}
	if missing == nil {
		return ""
	}
	return "it lacks " + strings.Join(missing, ", ")
}

// capsOf tells the kernels what the open device can do.
func capsOf(d *vk.Device) kernel.Caps {
	p, f := d.Info(), d.Features()
	sub := p.Subgroup
	ops := vk.SubgroupOps(0)
	if sub.InCompute {
		ops = sub.Operations
	}
	return kernel.Caps{
		Vendor:       p.VendorID,
		SubgroupSize: subgroupOf(p, f), SubgroupMin: sub.Min, Registers: registersOf(p), MaxSubgroups: int(sub.MaxPerWorkgroup), SharedBytes: p.Limits.MaxComputeSharedMemorySize, MaxInvocations: p.Limits.MaxComputeWorkGroupInvocations,
		MaxGrid: p.Limits.MaxComputeWorkGroupCount, PushBytes: p.Limits.MaxPushConstantsSize, Float16: f.Float16, Int8: f.Int8,
		Storage16: f.Storage16, Storage8: f.Storage8, IntegerDot: f.IntegerDotProduct, MemoryModel: f.MemoryModel, CoopMat: coopMatsOf(p, f),
		FastDot: f.IntegerDotProduct && p.DotProduct.Packed4x8Signed, CPU: kindOf(p) == compute.Software,
		HalfSums: geForce(p), SumsWhy: sumsWhy(p),
		FlexMat: flexMatsOf(p, f), CoopPerElement: f.CooperativeMatrixPerElement, CoopTensors: f.CooperativeMatrixTensorAddressing,
		CoopBlocks:    f.CooperativeMatrixBlockLoads,
		FastDotFew:    f.IntegerDotProduct && p.DotProduct.Packed4x8Signed && arithmeticBound(p),
		SubgroupArith: ops&vk.SubgroupArithmetic != 0, SubgroupShuffle: ops&vk.SubgroupShuffle != 0,
		Units: unitsOf(p), UniformLoads: uniformLoads(p),
	}
}

// subgroupOf is the size of subgroups that kernels ask for where they ask for one. Intel's devices have several; a subgroup has a fixed part of
// the registers, so that in the smallest, which is what their matrix units take, each invocation has the most.
func subgroupOf(p *vk.PhysicalInfo, f vk.Features) uint32 {
	if s := p.Subgroup; p.VendorID == intel && f.SubgroupSizeControl && s.RequiredInCompute && s.Min > 0 {
		return s.Min
	}
	return p.Subgroup.Size
}

// registersOf is how many registers an invocation has, for kernels that must keep to fewer than the 255 of most: an Intel thread has 128, each as
// wide as the smallest subgroup. Twice as many are there for kernels that half of the threads run.
func registersOf(p *vk.PhysicalInfo) int {
	if p.VendorID == intel {
		return 128
	}
	return 0
}

// coopMatsOf are the shapes of cooperative matrices that kernels are written for: a subgroup's, of the kinds of kernel.CoopMatKind.
func coopMatsOf(p *vk.PhysicalInfo, f vk.Features) (list []kernel.CoopMatShape) {
	if !f.CooperativeMatrix || !f.MemoryModel {
		return nil
	}
	type types [4]vk.ComponentType
	kinds := map[types]kernel.CoopMatKind{}
	if f.Float16 {
		kinds[types{vk.Float16, vk.Float16, vk.Float16, vk.Float16}] = kernel.CoopMatHalf
		kinds[types{vk.Float16, vk.Float16, vk.Float32, vk.Float32}] = kernel.CoopMatFloat
	}
	if f.Int8 {
		kinds[types{vk.Sint8, vk.Sint8, vk.Sint32, vk.Sint32}] = kernel.CoopMatInt8
	}
	for _, m := range p.CooperativeMatrices {
		kind, ok := kinds[types{m.A, m.B, m.C, m.Out}]
		if ok && m.Scope == vk.ScopeSubgroup && !m.Saturating {
			list = append(list, kernel.CoopMatShape{Kind: kind, M: m.M, N: m.N, K: m.K})
		}
	}
	return list
}

// flexMatsOf are the sizes of VK_NV_cooperative_matrix2 that kernels are written for. Those are modules for Vulkan 1.3.
func flexMatsOf(p *vk.PhysicalInfo, f vk.Features) (list []kernel.FlexMatShape) {
	if !f.CooperativeMatrix || !f.CooperativeMatrixFlexibleDimensions || !f.MemoryModel || !f.Float16 || !f.Maintenance4 || p.APIVersion < vk.MakeVersion(1, 3, 0) {
		return nil
	}
	for _, m := range p.FlexibleMatrices {
		kind := kernel.CoopMatFloat
		if m.C == vk.Float16 {
			kind = kernel.CoopMatHalf
		}
		owned := m.Scope == vk.ScopeSubgroup || m.Scope == vk.ScopeWorkgroup && f.CooperativeMatrixWorkgroupScope
		if !owned || m.Saturating || m.A != vk.Float16 || m.B != vk.Float16 || m.C != m.Out || m.C != vk.Float16 && m.C != vk.Float32 {
			continue
		}
		s := kernel.FlexMatShape{Kind: kind, M: m.MGranularity, N: m.NGranularity, K: m.KGranularity, Most: p.MaxFlexibleDimension}
		if m.Scope == vk.ScopeWorkgroup {
			s.Invocations = m.WorkgroupInvocations
		}
		list = append(list, s)
	}
	return list
}

// secondTier is what a device has of VK_NV_cooperative_matrix2: all that matmul_coop2 needs, some of it, or "".
func secondTier(f vk.Features) string {
	switch {
	case f.CooperativeMatrixFlexibleDimensions && f.CooperativeMatrixWorkgroupScope && f.CooperativeMatrixPerElement && f.CooperativeMatrixTensorAddressing &&
		f.CooperativeMatrixBlockLoads:
		return "NV cooperative matrix 2"
	case f.CooperativeMatrixFlexibleDimensions:
		return "parts of NV cooperative matrix 2"
	}
	return ""
}

// geForce reports whether matrix units are known to be twice as fast with sums in half precision: NVIDIA's of cards for consumers, by
// their names. Those of workstations and servers, and other vendors', are as fast with float32 sums. UsePeaks knows better.
func geForce(p *vk.PhysicalInfo) bool {
	return p.VendorID == nvidia && strings.Contains(p.Name, "GeForce")
}

// sumsWhy is what geForce's word is worth.
func sumsWhy(p *vk.PhysicalInfo) string {
	if geForce(p) {
		return "matrix units of GeForce cards are faster so; not measured here"
	}
	return ""
}

// arithmeticBound reports whether decoding few-bit weights to float32 keeps a device from streaming them at its memory's pace. NVIDIA's
// have arithmetic to spare, and dispatches that depend on each other cost more there.
func arithmeticBound(p *vk.PhysicalInfo) bool {
	return p.VendorID == amd || p.VendorID == intel
}

// uniformLoads reports whether the device is a CPU whose driver reads what a subgroup reads alike only once.
func uniformLoads(p *vk.PhysicalInfo) bool {
	const llvmpipe, since = 13, 25 << 22 // VK_DRIVER_ID_MESA_LLVMPIPE, version 25 in Vulkan's packing
	return p.DriverID == llvmpipe && p.DriverVersion >= since
}

// infoOf describes a device without opening it.
func infoOf(p *vk.PhysicalInfo) compute.Info {
	info := compute.Info{Name: p.Name, Driver: strings.TrimSpace(p.DriverName + " " + p.DriverInfo), API: "Vulkan " + p.APIVersion.String(), Kind: kindOf(p),
		ID: fmt.Sprintf("%x-%x-%d", p.DeviceUUID, p.DriverUUID, p.DriverVersion), Emulated: p.Emulated}
	for _, h := range p.Heaps {
		if h.DeviceLocal {
			info.MemoryTotal = max(info.MemoryTotal, int64(h.Size))
		}
	}
	info.MemoryFree = info.MemoryTotal
	info.Tiers = []string{"float32 tiles"}
	f := p.Features
	for _, t := range []struct {
		ok   bool
		name string
	}{{f.Float16, "half precision"}, {f.IntegerDotProduct, "packed int8 dot products"}, {f.CooperativeMatrix, "KHR cooperative matrix"},
		{secondTier(f) != "", secondTier(f)}} {
		if t.ok {
			info.Tiers = append(info.Tiers, t.name)
		}
	}
	l := p.Limits
	info.Limits = map[string]int64{
		"maxComputeSharedMemorySize":     int64(l.MaxComputeSharedMemorySize),
		"maxComputeWorkGroupInvocations": int64(l.MaxComputeWorkGroupInvocations),
		"maxPushConstantsSize":           int64(l.MaxPushConstantsSize),
		"maxStorageBufferRange":          int64(l.MaxStorageBufferRange),
		"maxBufferSize":                  int64(min(l.MaxBufferSize, 1<<62)),
		"maxMemoryAllocationSize":        int64(min(l.MaxMemoryAllocationSize, 1<<62)),
		"subgroupSize":                   int64(p.Subgroup.Size),
	}
	return info
}

func kindOf(p *vk.PhysicalInfo) compute.Kind {
	switch p.Type {
	case vk.TypeDiscrete:
		return compute.Discrete
	case vk.TypeIntegrated:
		return compute.Integrated
	case vk.TypeVirtual:
		return compute.Virtual
	}
	return compute.Software
}

// unitsOf estimates how many workgroups run at once: the core Vulkan interface does not tell.
func unitsOf(p *vk.PhysicalInfo) uint32 {
	switch p.Type {
	case vk.TypeDiscrete:
		return 64
	case vk.TypeIntegrated:
		return 16
	case vk.TypeVirtual:
		return 32
	}
	return uint32(runtime.NumCPU())
}

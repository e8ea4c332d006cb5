package vk

// Features are the abilities that kernels and the engine ask about. As PhysicalInfo.Features: available. As
// DeviceOptions.Features: wanted. As Device.Features: enabled, which is available and wanted.
type Features struct {
	ShaderInt16, ShaderInt64 bool

	Storage16, UniformStorage16, PushConstant16 bool // 16-bit storage
	Storage8, UniformStorage8, PushConstant8    bool // 8-bit storage
	Float16, Int8                               bool // arithmetic in shaders

	BufferDeviceAddress                 bool // required by OpenDevice
	TimelineSemaphore                   bool // required by OpenDevice
	MemoryModel                         bool // vulkanMemoryModel
	MemoryModelDeviceScope              bool
	HostQueryReset                      bool
	ScalarBlockLayout                   bool
	SubgroupExtendedTypes               bool
	SubgroupSizeControl                 bool
	ComputeFullSubgroups                bool
	Synchronization2                    bool
	IntegerDotProduct                   bool
	Maintenance4                        bool // LocalSizeId and large buffers; glslc emits LocalSizeId for Vulkan 1.3
	WorkgroupMemoryExplicitLayout       bool
	WorkgroupMemoryScalarLayout         bool
	WorkgroupMemory8, WorkgroupMemory16 bool

	PipelineExecutableInfo bool
	CalibratedTimestamps   bool // an extension without a feature bit; so are the next two
	ExternalMemoryHost     bool
	MemoryBudget           bool
	ConditionalRendering   bool // VK_EXT_conditional_rendering: dispatches that a word in memory turns off

	CooperativeMatrix                   bool // VK_KHR_cooperative_matrix
	CooperativeMatrixWorkgroupScope     bool // the next seven: VK_NV_cooperative_matrix2
	CooperativeMatrixFlexibleDimensions bool
	CooperativeMatrixReductions         bool
	CooperativeMatrixConversions        bool
	CooperativeMatrixPerElement         bool
	CooperativeMatrixTensorAddressing   bool
	CooperativeMatrixBlockLoads         bool
	BFloat16, BFloat16DotProduct        bool // VK_KHR_shader_bfloat16
	BFloat16CooperativeMatrix           bool
	Float8, Float8CooperativeMatrix     bool // VK_EXT_shader_float8
}

// AllFeatures wants everything.
func AllFeatures() Features {
	var f Features
	for _, g := range featureGroups {
		for _, b := range g.bits {
			if b != nil {
				*b(&f) = true
			}
		}
	}
	return f
}

// And is what both have.
func (f Features) And(o Features) Features {
	for _, g := range featureGroups {
		for _, b := range g.bits {
			if b != nil {
				p := b(&f)
				*p = *p && *b(&o)
			}
		}
	}
	return f
}

// featureGroup is one feature structure of the API. All of them are sType, pNext and a row of VkBool32, so a table is
// enough to query and to enable them. A nil bit is a feature that nobody here asks about.
type featureGroup struct {
	sType     uint32  // 0: no structure, the extension's presence is the feature; 1: core VkPhysicalDeviceFeatures
	extension string  // gives the structure on devices older than core
	core      Version // version from which the structure needs no extension; 0: never
	bits      []func(*Features) *bool
}

// maxFeatureBits bounds the bits of one group: VkPhysicalDeviceFeatures has 55.
const maxFeatureBits = 55

// Positions in VkPhysicalDeviceFeatures.
const (
	coreShaderInt64 = 40
	coreShaderInt16 = 41
)

const coreFeatures = 1

type fb = func(*Features) *bool

var featureGroups = []featureGroup{
	{coreFeatures, "", MakeVersion(1, 0, 0), coreBits()},
	{1000083000, "VK_KHR_16bit_storage", MakeVersion(1, 1, 0), []fb{
		func(f *Features) *bool { return &f.Storage16 },
		func(f *Features) *bool { return &f.UniformStorage16 },
		func(f *Features) *bool { return &f.PushConstant16 }, nil}},
	{1000177000, "VK_KHR_8bit_storage", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.Storage8 },
		func(f *Features) *bool { return &f.UniformStorage8 },
		func(f *Features) *bool { return &f.PushConstant8 }}},
	{1000082000, "VK_KHR_shader_float16_int8", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.Float16 },
		func(f *Features) *bool { return &f.Int8 }}},
	{1000257000, "VK_KHR_buffer_device_address", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.BufferDeviceAddress }, nil, nil}},
	{1000207000, "VK_KHR_timeline_semaphore", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.TimelineSemaphore }}},
	{1000211000, "VK_KHR_vulkan_memory_model", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.MemoryModel },
		func(f *Features) *bool { return &f.MemoryModelDeviceScope }, nil}},
	{1000261000, "VK_EXT_host_query_reset", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.HostQueryReset }}},
	{1000221000, "VK_EXT_scalar_block_layout", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.ScalarBlockLayout }}},
	{1000175000, "VK_KHR_shader_subgroup_extended_types", MakeVersion(1, 2, 0), []fb{
		func(f *Features) *bool { return &f.SubgroupExtendedTypes }}},
	{1000225002, "VK_EXT_subgroup_size_control", MakeVersion(1, 3, 0), []fb{
		func(f *Features) *bool { return &f.SubgroupSizeControl },
		func(f *Features) *bool { return &f.ComputeFullSubgroups }}},
	{1000314007, "VK_KHR_synchronization2", MakeVersion(1, 3, 0), []fb{
		func(f *Features) *bool { return &f.Synchronization2 }}},
	{1000280000, "VK_KHR_shader_integer_dot_product", MakeVersion(1, 3, 0), []fb{
		func(f *Features) *bool { return &f.IntegerDotProduct }}},
	{1000413000, "VK_KHR_maintenance4", MakeVersion(1, 3, 0), []fb{
		func(f *Features) *bool { return &f.Maintenance4 }}},
	{1000336000, "VK_KHR_workgroup_memory_explicit_layout", 0, []fb{
		func(f *Features) *bool { return &f.WorkgroupMemoryExplicitLayout },
		func(f *Features) *bool { return &f.WorkgroupMemoryScalarLayout },
		func(f *Features) *bool { return &f.WorkgroupMemory8 },
		func(f *Features) *bool { return &f.WorkgroupMemory16 }}},
	{1000269000, "VK_KHR_pipeline_executable_properties", 0, []fb{
		func(f *Features) *bool { return &f.PipelineExecutableInfo }}},
	{0, "VK_EXT_calibrated_timestamps", 0, []fb{func(f *Features) *bool { return &f.CalibratedTimestamps }}},
	{0, "VK_EXT_external_memory_host", 0, []fb{func(f *Features) *bool { return &f.ExternalMemoryHost }}},
	{0, "VK_EXT_memory_budget", 0, []fb{func(f *Features) *bool { return &f.MemoryBudget }}},
	{1000081001, "VK_EXT_conditional_rendering", 0, []fb{
		func(f *Features) *bool { return &f.ConditionalRendering }, nil}},
	{1000506000, "VK_KHR_cooperative_matrix", 0, []fb{
		func(f *Features) *bool { return &f.CooperativeMatrix }, nil}},
	{1000593000, "VK_NV_cooperative_matrix2", 0, []fb{
		func(f *Features) *bool { return &f.CooperativeMatrixWorkgroupScope },
		func(f *Features) *bool { return &f.CooperativeMatrixFlexibleDimensions },
		func(f *Features) *bool { return &f.CooperativeMatrixReductions },
		func(f *Features) *bool { return &f.CooperativeMatrixConversions },
		func(f *Features) *bool { return &f.CooperativeMatrixPerElement },
		func(f *Features) *bool { return &f.CooperativeMatrixTensorAddressing },
		func(f *Features) *bool { return &f.CooperativeMatrixBlockLoads }}},
	{1000141000, "VK_KHR_shader_bfloat16", 0, []fb{
		func(f *Features) *bool { return &f.BFloat16 },
		func(f *Features) *bool { return &f.BFloat16DotProduct },
		func(f *Features) *bool { return &f.BFloat16CooperativeMatrix }}},
	{1000567000, "VK_EXT_shader_float8", 0, []fb{
		func(f *Features) *bool { return &f.Float8 },
		func(f *Features) *bool { return &f.Float8CooperativeMatrix }}},
}

func coreBits() []fb {
	b := make([]fb, maxFeatureBits)
	b[coreShaderInt64] = func(f *Features) *bool { return &f.ShaderInt64 }
	b[coreShaderInt16] = func(f *Features) *bool { return &f.ShaderInt16 }
	return b
}

// present says whether the group's structure may be given to this device.
func (g *featureGroup) present(api Version, extensions map[string]bool) bool {
	return g.core != 0 && api >= g.core || extensions[g.extension]
}

// needs is the extension to enable for the group, or "" where the core version has it.
func (g *featureGroup) needs(api Version) string {
	if g.core != 0 && api >= g.core {
		return ""
	}
	return g.extension
}

// chain is one feature structure on its way to or from the driver.
type chain struct {
	sType uint32
	bits  []uint32 // VkBool32
}

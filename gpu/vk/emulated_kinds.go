package vk

// emulatedKind is a kind of GPU: what its drivers say of it that kernels are chosen by.
type emulatedKind struct {
	name, title string
	api         Version
	vendor      uint32
	kind        DeviceType

	subgroup, subgroupMin, subgroupMax uint32
	subgroupOps                        SubgroupOps
	shared, invocations, push          uint32
	features                           Features
	fastDot                            bool
	matrices                           []CooperativeMatrix
	flexible                           []FlexibleMatrix
	flexibleMost                       uint32
}

func (k *emulatedKind) limits() Limits {
	return Limits{
		MaxComputeSharedMemorySize: k.shared, MaxComputeWorkGroupInvocations: k.invocations,
		MaxComputeWorkGroupSize: [3]uint32{k.invocations, k.invocations, 64}, MaxComputeWorkGroupCount: [3]uint32{65535, 65535, 65535},
		MaxPushConstantsSize: k.push, MaxStorageBufferRange: 1 << 30, MaxMemoryAllocationCount: 4096, MaxMemoryAllocationSize: 2 << 30,
		MaxBufferSize: 2 << 30, BufferImageGranularity: 1, MinStorageBufferOffsetAlignment: emulatedAlign, NonCoherentAtomSize: 64, TimestampPeriod: 1,
		OptimalBufferCopyOffsetAlignment: 1,
	}
}

// leastFeatures is what every device that tuff runs on has.
func leastFeatures() Features {
	return Features{ShaderInt16: true, ShaderInt64: true, Storage16: true, BufferDeviceAddress: true, TimelineSemaphore: true}
}

// usualFeatures is what every GPU of the last ten years has beside.
func usualFeatures() Features {
	f := leastFeatures()
	f.UniformStorage16, f.Storage8, f.UniformStorage8, f.Float16, f.Int8 = true, true, true, true, true
	f.MemoryModel, f.MemoryModelDeviceScope, f.HostQueryReset, f.ScalarBlockLayout, f.SubgroupExtendedTypes = true, true, true, true, true
	f.SubgroupSizeControl, f.ComputeFullSubgroups, f.Synchronization2, f.IntegerDotProduct, f.Maintenance4 = true, true, true, true, true
	f.CalibratedTimestamps, f.ConditionalRendering = true, true
	return f
}

// withMatrices has cooperative matrices too.
func withMatrices() Features {
	f := usualFeatures()
	f.CooperativeMatrix = true
	return f
}

// withFlexible has, beside matrices of a subgroup, all of VK_NV_cooperative_matrix2.
func withFlexible() Features {
	f := withMatrices()
	f.CooperativeMatrixWorkgroupScope, f.CooperativeMatrixFlexibleDimensions, f.CooperativeMatrixPerElement = true, true, true
	f.CooperativeMatrixTensorAddressing, f.CooperativeMatrixBlockLoads = true, true
	return f
}

const everyOp = SubgroupBasic | SubgroupVote | SubgroupArithmetic | SubgroupBallot | SubgroupShuffle | SubgroupShuffleRelative | SubgroupClustered | SubgroupQuad

// halves and wholes are shapes of a subgroup's matrices.
func halves(m, n, k uint32) []CooperativeMatrix {
	return []CooperativeMatrix{{M: m, N: n, K: k, A: Float16, B: Float16, C: Float16, Out: Float16, Scope: ScopeSubgroup},
		{M: m, N: n, K: k, A: Float16, B: Float16, C: Float32, Out: Float32, Scope: ScopeSubgroup}}
}

func wholes(m, n, k uint32) CooperativeMatrix {
	return CooperativeMatrix{M: m, N: n, K: k, A: Sint8, B: Sint8, C: Sint32, Out: Sint32, Scope: ScopeSubgroup}
}

// owned are sizes of matrices that a workgroup of so many invocations owns.
func owned(m, n, k, invocations uint32) []FlexibleMatrix {
	f := FlexibleMatrix{MGranularity: m, NGranularity: n, KGranularity: k, A: Float16, B: Float16, C: Float16, Out: Float16, Scope: ScopeWorkgroup,
		WorkgroupInvocations: invocations}
	g := f
	g.C, g.Out = Float32, Float32
	return []FlexibleMatrix{f, g}
}

// emulatedKinds are the GPUs that kernels are chosen for differently.
var emulatedKinds = []emulatedKind{
	{name: "nvidia", title: "NVIDIA GPU with tensor cores", api: MakeVersion(1, 3, 0), vendor: 0x10de, kind: TypeDiscrete,
		subgroup: 32, subgroupMin: 32, subgroupMax: 32, subgroupOps: everyOp, shared: 48 << 10, invocations: 1024, push: 256,
		features: withMatrices(), fastDot: true, matrices: append(append(halves(16, 16, 16), halves(16, 8, 16)...), wholes(16, 16, 32), wholes(16, 8, 32))},
	{name: "nvidia-coop2", title: "NVIDIA GPU with matrices of a workgroup", api: MakeVersion(1, 3, 0), vendor: 0x10de, kind: TypeDiscrete,
		subgroup: 32, subgroupMin: 32, subgroupMax: 32, subgroupOps: everyOp, shared: 48 << 10, invocations: 1024, push: 256,
		features: withFlexible(), fastDot: true, matrices: append(halves(16, 16, 16), wholes(16, 16, 32)),
		flexible: append(owned(32, 32, 16, 128), owned(64, 32, 16, 256)...), flexibleMost: 1024},
	{name: "amd", title: "AMD GPU of RDNA 3", api: MakeVersion(1, 3, 0), vendor: 0x1002, kind: TypeDiscrete,
		subgroup: 64, subgroupMin: 32, subgroupMax: 64, subgroupOps: everyOp, shared: 64 << 10, invocations: 1024, push: 256,
		features: withMatrices(), fastDot: true, matrices: append(halves(16, 16, 16), wholes(16, 16, 16))},
	{name: "amd-gcn", title: "AMD GPU before RDNA", api: MakeVersion(1, 3, 0), vendor: 0x1002, kind: TypeIntegrated,
		subgroup: 64, subgroupMin: 64, subgroupMax: 64, subgroupOps: everyOp, shared: 64 << 10, invocations: 1024, push: 256,
		features: usualFeatures()},
	{name: "intel", title: "Intel GPU of Alchemist", api: MakeVersion(1, 3, 0), vendor: 0x8086, kind: TypeDiscrete,
		subgroup: 32, subgroupMin: 8, subgroupMax: 32, subgroupOps: everyOp, shared: 64 << 10, invocations: 1024, push: 256,
		features: withMatrices(), fastDot: true, matrices: append(halves(8, 8, 16)[1:], wholes(8, 8, 32))},
	{name: "intel-xe2", title: "Intel GPU of Battlemage", api: MakeVersion(1, 3, 0), vendor: 0x8086, kind: TypeIntegrated,
		subgroup: 32, subgroupMin: 16, subgroupMax: 32, subgroupOps: everyOp, shared: 64 << 10, invocations: 1024, push: 256,
		features: withMatrices(), fastDot: true, matrices: append(halves(8, 16, 16)[1:], wholes(8, 16, 32))},
	{name: "least", title: "GPU that has no more than tuff asks for", api: MakeVersion(1, 2, 0), vendor: 0x13b5, kind: TypeIntegrated,
		subgroup: 16, subgroupMin: 16, subgroupMax: 16, subgroupOps: SubgroupBasic, shared: 16 << 10, invocations: 128, push: 128,
		features: leastFeatures()},
}

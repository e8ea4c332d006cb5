package vk

import "fmt"

// Version is a Vulkan version as the API packs it.
type Version uint32

// MakeVersion packs major.minor.patch.
func MakeVersion(major, minor, patch uint32) Version { return Version(major<<22 | minor<<12 | patch) }

// Major, Minor and Patch are the parts of a version.
func (v Version) Major() uint32 { return uint32(v) >> 22 & 0x7f }
func (v Version) Minor() uint32 { return uint32(v) >> 12 & 0x3ff }
func (v Version) Patch() uint32 { return uint32(v) & 0xfff }

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major(), v.Minor(), v.Patch()) }

// atLeast says whether v includes core version major.minor.
func (v Version) atLeast(major, minor uint32) bool { return v >= MakeVersion(major, minor, 0) }

// DeviceType is VkPhysicalDeviceType.
type DeviceType uint32

// The kinds of device.
const (
	TypeOther DeviceType = iota
	TypeIntegrated
	TypeDiscrete
	TypeVirtual
	TypeCPU
)

func (t DeviceType) String() string {
	return [...]string{"other", "integrated", "discrete", "virtual", "cpu"}[min(uint32(t), 4)]
}

// MemoryFlags is VkMemoryPropertyFlags.
type MemoryFlags uint32

// The properties of a memory type.
const (
	DeviceLocal       MemoryFlags = 1 << 0
	HostVisible       MemoryFlags = 1 << 1
	HostCoherent      MemoryFlags = 1 << 2
	HostCached        MemoryFlags = 1 << 3
	LazilyAllocated   MemoryFlags = 1 << 4
	Protected         MemoryFlags = 1 << 5
	DeviceCoherentAMD MemoryFlags = 1 << 6 // every access goes past the caches: for debugging, not for us
	DeviceUncachedAMD MemoryFlags = 1 << 7
)

// Heap is one memory of the device. Budget and Usage are 0 where the driver does not tell (VK_EXT_memory_budget).
type Heap struct {
	Size        uint64 // bytes
	DeviceLocal bool
	Budget      uint64 // bytes this process may use now, what it uses included
	Usage       uint64 // bytes this process uses now
}

// MemoryType is a way to allocate from a heap.
type MemoryType struct {
	Heap  int
	Flags MemoryFlags
}

// SubgroupOps is VkSubgroupFeatureFlags.
type SubgroupOps uint32

// The groups of subgroup operations.
const (
	SubgroupBasic SubgroupOps = 1 << iota
	SubgroupVote
	SubgroupArithmetic
	SubgroupBallot
	SubgroupShuffle
	SubgroupShuffleRelative
	SubgroupClustered
	SubgroupQuad
)

// Subgroup describes subgroups in compute shaders.
type Subgroup struct {
	Size       uint32 // invocations when no size is required
	Min, Max   uint32 // what RequiredSubgroupSize may ask; both Size where sizes cannot be chosen
	Operations SubgroupOps
	// MaxPerWorkgroup bounds the subgroups of a workgroup where a size is required; 0 where sizes cannot be chosen.
	MaxPerWorkgroup uint32
	// InCompute says that Operations hold in compute shaders; RequiredInCompute that a size may be required there.
	InCompute, RequiredInCompute bool
}

// Limits are VkPhysicalDeviceLimits and its extensions, by their names there, in their units.
type Limits struct {
	MaxComputeSharedMemorySize       uint32 // bytes
	MaxComputeWorkGroupInvocations   uint32
	MaxComputeWorkGroupSize          [3]uint32
	MaxComputeWorkGroupCount         [3]uint32
	MaxPushConstantsSize             uint32 // bytes
	MaxStorageBufferRange            uint32 // bytes; no limit for addresses
	MaxMemoryAllocationCount         uint32
	MaxMemoryAllocationSize          uint64  // bytes
	MaxBufferSize                    uint64  // bytes
	BufferImageGranularity           uint64  // bytes
	MinStorageBufferOffsetAlignment  uint64  // bytes
	NonCoherentAtomSize              uint64  // bytes
	MinImportedHostPointerAlignment  uint64  // bytes; 0 without ExternalMemoryHost
	TimestampPeriod                  float32 // ns per tick
	TimestampValidBits               uint32  // of the queue family that OpenDevice picks; 0: no timestamps
	OptimalBufferCopyOffsetAlignment uint64  // bytes
}

// DotProduct says which packed integer dot products run faster than their parts.
type DotProduct struct {
	Packed4x8Signed, Packed4x8Unsigned, Packed4x8Mixed bool // integerDotProduct4x8BitPacked…Accelerated
	AccumulateSigned                                   bool // integerDotProductAccumulatingSaturating4x8BitPackedSignedAccelerated
}

// ComponentType is VkComponentTypeKHR.
type ComponentType uint32

// The element types of cooperative matrices.
const (
	Float16    ComponentType = 0
	Float32    ComponentType = 1
	Float64    ComponentType = 2
	Sint8      ComponentType = 3
	Sint16     ComponentType = 4
	Sint32     ComponentType = 5
	Sint64     ComponentType = 6
	Uint8      ComponentType = 7
	Uint16     ComponentType = 8
	Uint32     ComponentType = 9
	Uint64     ComponentType = 10
	BFloat16   ComponentType = 1000141000
	Float8E4M3 ComponentType = 1000491002
	Float8E5M2 ComponentType = 1000491003
)

func (c ComponentType) String() string {
	switch c {
	case BFloat16:
		return "bf16"
	case Float8E4M3:
		return "f8e4m3"
	case Float8E5M2:
		return "f8e5m2"
	}
	names := [...]string{"f16", "f32", "f64", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("component %d", uint32(c))
}

// Scope is VkScopeKHR: who owns a cooperative matrix together.
type Scope uint32

// The scopes.
const (
	ScopeDevice      Scope = 1
	ScopeWorkgroup   Scope = 2
	ScopeSubgroup    Scope = 3
	ScopeQueueFamily Scope = 5
)

// CooperativeMatrix is one shape of VK_KHR_cooperative_matrix: Result[M,N] = A[M,K]·B[K,N] + C[M,N].
type CooperativeMatrix struct {
	M, N, K      uint32
	A, B, C, Out ComponentType
	Saturating   bool
	Scope        Scope
}

func (c CooperativeMatrix) String() string {
	return fmt.Sprintf("%dx%dx%d %s·%s+%s→%s", c.M, c.N, c.K, c.A, c.B, c.C, c.Out)
}

// FlexibleMatrix is one entry of VK_NV_cooperative_matrix2: sizes may be any multiple of the granularity.
type FlexibleMatrix struct {
	MGranularity, NGranularity, KGranularity uint32
	A, B, C, Out                             ComponentType
	Saturating                               bool
	Scope                                    Scope
	WorkgroupInvocations                     uint32
}

// QueueFamily is one kind of queue.
type QueueFamily struct {
	Compute, Graphics, Transfer bool
	Count                       uint32
	TimestampValidBits          uint32
}

// PhysicalInfo describes a device. It holds no handle that needs closing and stays valid until its Instance is closed.
type PhysicalInfo struct {
	Index                  int // in the order of the loader
	Name                   string
	DriverName, DriverInfo string // empty where the driver does not tell
	DriverID               uint32 // VkDriverId
	DriverVersion          uint32 // in the vendor's own packing
	VendorID, DeviceID     uint32
	Type                   DeviceType
	Emulated               bool // by tuff: see Options.Emulate
	APIVersion             Version
	DeviceUUID, DriverUUID [16]byte
	PipelineCacheUUID      [16]byte

	Heaps        []Heap
	MemoryTypes  []MemoryType
	MemoryBudget bool // Heap.Budget and Usage are known

	Subgroup            Subgroup
	Limits              Limits
	Features            Features // available; Device.Features are the enabled ones
	DotProduct          DotProduct
	CooperativeMatrices []CooperativeMatrix
	FlexibleMatrices    []FlexibleMatrix
	// MaxFlexibleDimension bounds the sizes of flexible matrices; 0 without them.
	MaxFlexibleDimension uint32

	QueueFamilies []QueueFamily
	Extensions    []string // device extensions, sorted

	handle      uint64
	family      int      // queue family that OpenDevice uses, -1 without one
	timeDomains []uint32 // VkTimeDomainKHR of calibrated timestamps
}

// String is name and driver.
func (p *PhysicalInfo) String() string {
	if p.DriverName == "" {
		return p.Name
	}
	return fmt.Sprintf("%s (%s %s)", p.Name, p.DriverName, p.DriverInfo)
}

// HasExtension says whether the device offers an extension.
func (p *PhysicalInfo) HasExtension(name string) bool {
	for _, e := range p.Extensions {
		if e == name {
			return true
		}
	}
	return false
}

// pickFamily chooses the queue family: compute without graphics first, then any compute; -1 when there is none.
func pickFamily(families []QueueFamily) int {
	first := -1
	for i, f := range families {
		if !f.Compute || f.Count == 0 {
			continue
		}
		if !f.Graphics {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

// Package kernel turns a program into dispatches: which ops run fused, which shader variant runs each group, with what
// specialization constants, arguments and grid. It is pure data in, data out: it makes no Vulkan call and needs no device,
// so that a plan for any device can be made and checked anywhere. It must not know models or memory.
package kernel

import (
	"tuff/host/compute"
)

// Caps is what a plan may rely on. gpu fills it from the device.
type Caps struct {
	SubgroupSize    uint32 // invocations
	SubgroupMin     uint32 // invocations of the smallest subgroup that the device has; 0: it does not say
	Registers       int    // of an invocation, where subgroups have so few that kernels on matrix units must keep to them; else 0
	MaxSubgroups    int    // of a workgroup with subgroups of a required size; 0: as MaxInvocations allows
	SharedBytes     uint32 // maxComputeSharedMemorySize
	MaxInvocations  uint32 // maxComputeWorkGroupInvocations
	MaxGrid         [3]uint32
	PushBytes       uint32 // maxPushConstantsSize
	Float16, Int8   bool   // arithmetic
	Storage16       bool
	Storage8        bool
	IntegerDot      bool   // dot products of packed bytes
	FastDot         bool   // which are faster than their parts
	FastDotFew      bool   // so much that one row of X gains by them, which costs a dispatch to quantise it
	CPU             bool   // the device is one
	HalfSums        bool   // matrices with sums in half precision are multiplied faster than those with float32 sums
	SumsWhy         string // how that is known, or ""
	MemoryModel     bool   // vulkanMemoryModel
	SubgroupArith   bool   // subgroup add and max in compute
	SubgroupShuffle bool
	// UniformLoads says that what all invocations of a subgroup read alike is read once, and what each reads for itself one by one:
	// the device is a CPU, and its driver tells the two apart.
	UniformLoads bool
	Vendor       uint32         // PCI number of the maker
	Tuned        Tuned          // shapes of kernels that were found for this device
	TunedMany    TunedMany      // the same of more than one row, and of attention
	CoopMat      []CoopMatShape // those of KHR cooperative matrices that a subgroup multiplies; empty without
	// Of VK_NV_cooperative_matrix2: sizes, and functions of elements, loads by tensor layouts, decoders of what is loaded.
	FlexMat                                 []FlexMatShape
	CoopPerElement, CoopTensors, CoopBlocks bool
	Units                                   uint32 // compute units if the driver tells, else an estimate by kind; bounds split counts
	// Refused are variants that plans leave out, with the reason: those that computed wrongly on this device. They still run where they
	// are asked for by name.
	Refused map[string]string
}

// takes says whether a plan may choose a variant by itself.
func (c *Caps) takes(variant string) bool { return c.Refused[variant] == "" }

// Shape is what a recording is made for. Everything else that changes between runs lies in the step buffer.
type Shape struct {
	Tokens, Outputs, Seqs int
}

// Sizes are the shape's numbers that extents depend on.
func (s Shape) Sizes() compute.Sizes { return compute.Sizes{Tokens: s.Tokens, Outputs: s.Outputs} }

// ArgKind says where the value of an argument comes from.
type ArgKind uint8

const (
	ArgU32      ArgKind = iota // Value, 4 bytes
	ArgRows                    // Rows.At(shape), 4 bytes: fixed when a recording is made
	ArgAddr                    // address of tensor Ref plus Offset, 8 bytes
	ArgTemp                    // address of the group's temporary number Value plus Offset, 8 bytes
	ArgStep                    // address of the step buffer, 8 bytes
	ArgRing                    // address of the ring of chosen tokens, 8 bytes; null without one
	ArgCounts                  // address of the group's counts plus Offset, 8 bytes; null without any
	ArgBlock                   // address of the dispatch's Block, 8 bytes; null without one
	ArgCodebook                // address of the codebook of the format compute.DType(Value), 8 bytes
)

// Arg is one member of a kernel's push constant block. 8-byte members come first, so that no padding arises. An ArgAddr
// without Ref is the null address of a tensor that the variant does not touch.
type Arg struct {
	Kind   ArgKind
	Value  uint32
	Rows   compute.Extent
	Ref    compute.Ref
	Offset int64
}

// Access is what a dispatch reads or writes: a whole tensor (Ref) or, when Ref is zero, the group's temporary Temp.
type Access struct {
	Ref  compute.Ref
	Temp int
}

// Dispatch is one launch.
type Dispatch struct {
	Module        string   // name in shaders.Manifest
	Spec          []uint32 // specialization constants 0, 1, …
	Args          []Arg
	Block         []Arg                 // what the kernel reads through ArgBlock: the same for every shape, laid out as Args are
	Subgroup      uint32                // size that subgroups must have, all of them full; 0: any
	Grid          func(Shape) [3]uint32 // workgroups; any zero skips the dispatch
	Indirect      Indirect              // where not zero, the record that the workgroups come from; Grid is then the most of them
	Reads, Writes []Access
	Name          string // variant with the constants that matter, for reports: matmul_q8_0_vec r4
	Issued        issues // what its workgroups move and compute in a step: issued.go

	sums func(s *compute.Step, pieces int) compute.Cost // of a multiplication, the sums with K in pieces
}

// Temp is memory that lives within a group.
type Temp struct {
	Name  string
	Bytes func(Shape) int64
}

// Group is one or more ops run together.
type Group struct {
	Ops        []int // indices into Program.Instrs
	Kernel     string
	Why        string
	Products   []string // keys of Tuned: the multiplications of few rows in it
	Many       []string // keys of TunedMany: what in it has shapes of many rows
	Taken      []string // those of both for which what was found is run
	Temps      []Temp
	Counts     int // words that are the group's own, and 0 whenever it is not running
	Dispatches []Dispatch
	blocks     []inBlocks
	halves     []inHalves
	schedules  []scheduled // of the uses of experts
	found      []string    // shapes of Taken
}

// nameKernel names a group by its dispatches, which are alternatives or follow each other: first to last.
func (g *Group) nameKernel() {
	g.Kernel = g.Dispatches[0].Name
	if last := g.last(); last != g.Kernel {
		g.Kernel += " to " + last
	}
}

// last names the last dispatch that multiplies or does whatever else the group is for: matmul_join only follows others.
func (g *Group) last() string {
	for i := len(g.Dispatches) - 1; i > 0; i-- {
		if name := g.Dispatches[i].Name; name != "matmul_join" {
			return name
		}
	}
	return g.Dispatches[0].Name
}

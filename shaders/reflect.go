package shaders

import "fmt"

// Reflection is what a module says about how it is to be called.
type Reflection struct {
	Capabilities []uint32
	// Spec are the ids of the specialization constants it uses; the optimizer drops the others.
	Spec []uint32
	// LocalSize are the workgroup's sides; where LocalSizeSpec is not negative, the id of the constant that gives one.
	LocalSize     [3]uint32
	LocalSizeSpec [3]int
	Push          []Member // the members of the push constant block
}

// Member is one member of the push constant block.
type Member struct{ Offset, Size uint32 } // bytes

// PushSize is the size of the block in bytes.
func (r *Reflection) PushSize() uint32 {
	var n uint32
	for _, m := range r.Push {
		n = max(n, m.Offset+m.Size)
	}
	return n
}

// Numbers of the SPIR-V specification, section 3.
const (
	opExecutionMode         = 16
	opCapability            = 17
	opTypeInt               = 21
	opTypeFloat             = 22
	opTypeStruct            = 30
	opTypePointer           = 32
	opTypeForwardPointer    = 39
	opConstant              = 43
	opConstantComposite     = 44
	opSpecConstant          = 50
	opSpecConstantComposite = 51
	opVariable              = 59
	opDecorate              = 71
	opMemberDecorate        = 72

	modeLocalSize     = 17
	decorSpecID       = 1
	decorBuiltIn      = 11
	decorOffset       = 35
	builtInGroupSize  = 25
	storagePush       = 9
	storagePhysical   = 5349
	spirvHeader       = 5 // words
	maxReflectedIDs   = 1 << 22
	pointerBytes      = 8
	noSpec            = -1
	bitsPerByte       = 8
	wordsOfStruct     = 2 // before the members of OpTypeStruct
	wordsOfComposite  = 3
	decorOperand      = 3
	memberDecorOffset = 4
)

// reflector gathers declarations by id.
type reflector struct {
	spec     map[uint32]uint32 // id → constant_id
	constant map[uint32]uint32
	parts    map[uint32][]uint32 // of composites
	size     map[uint32]uint32   // of types that may be members
	structs  map[uint32][]uint32
	pointee  map[uint32]uint32 // of push constant pointers
	offsets  map[uint32]map[uint32]uint32
	group    uint32 // id of the workgroup size
	push     uint32 // id of the block's struct
}

// Reflect reads a module's interface. It covers what this package's compiler writes, not all of SPIR-V.
func Reflect(code []uint32) (*Reflection, error) {
	if len(code) < spirvHeader || code[0] != magic || code[3] > maxReflectedIDs {
		return nil, fmt.Errorf("shaders: reflect: got %d words that are no SPIR-V", len(code))
	}
	out := &Reflection{LocalSizeSpec: [3]int{noSpec, noSpec, noSpec}}
	r := &reflector{spec: map[uint32]uint32{}, constant: map[uint32]uint32{}, parts: map[uint32][]uint32{}, size: map[uint32]uint32{},
		structs: map[uint32][]uint32{}, pointee: map[uint32]uint32{}, offsets: map[uint32]map[uint32]uint32{}}
	for at := spirvHeader; at < len(code); {
		n := int(code[at] >> 16)
		if n == 0 || n > len(code)-at {
			return nil, fmt.Errorf("shaders: reflect: word %d: got an instruction of %d words, want 1 to %d", at, n, len(code)-at)
		}
		// Padding with zeros makes every operand below readable without a check of its own.
		in := append(append(make([]uint32, 0, n+6), code[at:at+n]...), 0, 0, 0, 0, 0, 0)
		r.instruction(out, code[at]&0xffff, in[:n+6], n)
		at += n
	}
	for i, id := range r.parts[r.group] {
		if i > 2 {
			break
		}
		out.LocalSize[i] = r.constant[id]
		if s, ok := r.spec[id]; ok {
			out.LocalSizeSpec[i] = int(s)
		}
	}
	for i, t := range r.structs[r.push] {
		size, ok := r.size[t]
		if !ok {
			return nil, fmt.Errorf("shaders: reflect: member %d of the push constants: got a type of unknown size", i)
		}
		out.Push = append(out.Push, Member{r.offsets[r.push][uint32(i)], size})
	}
	return out, nil
}

func (r *reflector) instruction(out *Reflection, op uint32, in []uint32, n int) {
	switch op {
	case opCapability:
		out.Capabilities = append(out.Capabilities, in[1])
	case opExecutionMode:
		if in[2] == modeLocalSize {
			out.LocalSize = [3]uint32{in[3], in[4], in[5]}
		}
	case opTypeInt, opTypeFloat:
		r.size[in[1]] = in[2] / bitsPerByte
	case opTypeForwardPointer:
		if in[2] == storagePhysical {
			r.size[in[1]] = pointerBytes
		}
	case opTypePointer:
		if in[2] == storagePhysical {
			r.size[in[1]] = pointerBytes
		}
		if in[2] == storagePush {
			r.pointee[in[1]] = in[3]
		}
	case opTypeStruct:
		r.structs[in[1]] = in[wordsOfStruct:n]
	case opVariable:
		if in[3] == storagePush {
			r.push = r.pointee[in[1]]
		}
	case opConstant, opSpecConstant:
		r.constant[in[2]] = in[3]
	case opConstantComposite, opSpecConstantComposite:
		r.parts[in[2]] = in[wordsOfComposite:n]
	case opDecorate:
		switch {
		case in[2] == decorSpecID:
			r.spec[in[1]] = in[decorOperand]
			out.Spec = append(out.Spec, in[decorOperand])
		case in[2] == decorBuiltIn && in[3] == builtInGroupSize:
			r.group = in[1]
		}
	case opMemberDecorate:
		if in[3] == decorOffset {
			if r.offsets[in[1]] == nil {
				r.offsets[in[1]] = map[uint32]uint32{}
			}
			r.offsets[in[1]][in[2]] = in[memberDecorOffset]
		}
	}
}

package shaders

import (
	"fmt"
	"math"
)

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
	opExecutionModeID       = 331

	modeLocalSize    = 17
	modeLocalSizeID  = 38
	decorSpecID      = 1
	decorBuiltIn     = 11
	decorOffset      = 35
	builtInGroupSize = 25
	storagePush      = 9
	storagePhysical  = 5349
	spirvHeader      = 5 // words
	maxReflectedIDs  = 1 << 22
	pointerBytes     = 8
	noSpec           = -1
	bitsPerByte      = 8
)

// layouts are the instructions that Reflect reads. Word 0 of an instruction is its opcode and length, words 1 on are its operands.
var layouts = map[uint32]struct {
	words   int  // with the operands that the instruction always has
	id      int  // the word that names what it is about; 0 where it names nothing
	defines bool // that id, which may be defined once
}{
	opCapability:            {words: 2},
	opExecutionMode:         {words: 3, id: 1},
	opTypeInt:               {words: 4, id: 1, defines: true},
	opTypeFloat:             {words: 3, id: 1, defines: true},
	opTypeStruct:            {words: 2, id: 1, defines: true}, // and the members
	opTypePointer:           {words: 4, id: 1, defines: true},
	opTypeForwardPointer:    {words: 3, id: 1},
	opConstant:              {words: 4, id: 2, defines: true},
	opConstantComposite:     {words: 3, id: 2, defines: true}, // and the parts
	opSpecConstant:          {words: 4, id: 2, defines: true},
	opSpecConstantComposite: {words: 3, id: 2, defines: true}, // and the parts
	opVariable:              {words: 4, id: 2, defines: true},
	opDecorate:              {words: 3, id: 1},
	opMemberDecorate:        {words: 4, id: 1},
	opExecutionModeID:       {words: 3, id: 1},
}

// memberKey names a member of a struct.
type memberKey struct{ id, index uint32 }

// reflector gathers declarations by id.
type reflector struct {
	bound    uint32 // ids are below it
	defined  map[uint32]bool
	spec     map[uint32]uint32 // id → constant_id
	constant map[uint32]uint32
	parts    map[uint32][]uint32 // of composites
	size     map[uint32]uint32   // of types that may be members
	structs  map[uint32][]uint32
	pointee  map[uint32]uint32 // of push constant pointers
	offsets  map[memberKey]uint32
	group    uint32   // id of the workgroup size; 0 where it is fixed
	sides    []uint32 // ids of its sides, from Vulkan 1.3 on; nil before
	push     uint32   // id of the block's struct; 0 where there is none
}

// Reflect reads a module's interface. It covers what this package's compiler writes, not all of SPIR-V: what it does not read it
// does not check. Any words are safe to give; time and memory are proportional to their number.
func Reflect(code []uint32) (*Reflection, error) {
	if len(code) < spirvHeader || code[0] != magic || code[3] > maxReflectedIDs {
		return nil, fmt.Errorf("shaders: reflect: got %d words that are no SPIR-V", len(code))
	}
	out := &Reflection{LocalSizeSpec: [3]int{noSpec, noSpec, noSpec}}
	r := &reflector{bound: code[3], defined: map[uint32]bool{}, spec: map[uint32]uint32{}, constant: map[uint32]uint32{},
		parts: map[uint32][]uint32{}, size: map[uint32]uint32{}, structs: map[uint32][]uint32{}, pointee: map[uint32]uint32{},
		offsets: map[memberKey]uint32{}}
	for at := spirvHeader; at < len(code); {
		n := int(code[at] >> 16)
		if n == 0 || n > len(code)-at {
			return nil, fmt.Errorf("shaders: reflect: word %d: got an instruction of %d words, want 1 to %d", at, n, len(code)-at)
		}
		if err := r.instruction(out, code[at:at+n]); err != nil {
			return nil, fmt.Errorf("shaders: reflect: word %d: %w", at, err)
		}
		at += n
	}
	if err := r.workgroup(out); err != nil {
		return nil, fmt.Errorf("shaders: reflect: workgroup size: %w", err)
	}
	if err := r.pushConstants(out); err != nil {
		return nil, fmt.Errorf("shaders: reflect: push constants: %w", err)
	}
	return out, nil
}

// instruction takes in one instruction, all of whose words in holds.
func (r *reflector) instruction(out *Reflection, in []uint32) error {
	op := in[0] & 0xffff
	layout, known := layouts[op]
	if !known {
		return nil
	}
	if err := wantWords(in, layout.words); err != nil {
		return err
	}
	if layout.id > 0 {
		id := in[layout.id]
		if id == 0 || id >= r.bound {
			return fmt.Errorf("instruction %d: got id %d, want 1 to below %d", op, id, r.bound)
		}
		if layout.defines && r.defined[id] {
			return fmt.Errorf("instruction %d: got id %d twice, want each id defined once", op, id)
		}
		r.defined[id] = r.defined[id] || layout.defines
	}
	switch op {
	case opCapability:
		out.Capabilities = append(out.Capabilities, in[1])
	case opExecutionMode:
		if in[2] == modeLocalSize {
			if err := wantWords(in, 6); err != nil {
				return err
			}
			out.LocalSize = [3]uint32(in[3:6])
		}
	case opExecutionModeID:
		if in[2] == modeLocalSizeID {
			if err := wantWords(in, 6); err != nil {
				return err
			}
			r.sides = in[3:6]
		}
	case opTypeInt, opTypeFloat:
		if in[2] == 0 || in[2]%bitsPerByte != 0 {
			return fmt.Errorf("instruction %d: got a number of %d bits, want whole bytes", op, in[2])
		}
		r.size[in[1]] = in[2] / bitsPerByte
	case opTypeForwardPointer:
		if in[2] == storagePhysical {
			r.size[in[1]] = pointerBytes
		}
	case opTypePointer:
		switch in[2] {
		case storagePhysical:
			r.size[in[1]] = pointerBytes
		case storagePush:
			r.pointee[in[1]] = in[3]
		}
	case opTypeStruct:
		r.structs[in[1]] = in[2:]
	case opVariable:
		if in[3] == storagePush {
			block, ok := r.pointee[in[1]]
			if !ok || r.push != 0 {
				return fmt.Errorf("push constants: got a variable of type %d, want one, of a pointer to a struct", in[1])
			}
			r.push = block
		}
	case opConstant, opSpecConstant:
		r.constant[in[2]] = in[3]
	case opConstantComposite, opSpecConstantComposite:
		r.parts[in[2]] = in[3:]
	case opDecorate:
		return r.decoration(out, in)
	case opMemberDecorate:
		if in[3] == decorOffset {
			if err := wantWords(in, 5); err != nil {
				return err
			}
			r.offsets[memberKey{in[1], in[2]}] = in[4]
		}
	}
	return nil
}

func (r *reflector) decoration(out *Reflection, in []uint32) error {
	if in[2] != decorSpecID && in[2] != decorBuiltIn {
		return nil
	}
	if err := wantWords(in, 4); err != nil {
		return err
	}
	switch {
	case in[2] == decorSpecID:
		r.spec[in[1]] = in[3]
		out.Spec = append(out.Spec, in[3])
	case in[3] == builtInGroupSize:
		r.group = in[1]
	}
	return nil
}

// workgroup resolves the composite that overrides the size of the execution mode, or the ids that stand for it.
func (r *reflector) workgroup(out *Reflection) error {
	parts := r.sides
	if r.group == 0 && parts == nil {
		return nil
	}
	if parts == nil {
		parts = r.parts[r.group]
	}
	if len(parts) != len(out.LocalSize) {
		return fmt.Errorf("got %d constants, want %d", len(parts), len(out.LocalSize))
	}
	for i, id := range parts {
		side, ok := r.constant[id]
		if !ok {
			return fmt.Errorf("side %d: got id %d, want a constant", i, id)
		}
		out.LocalSize[i] = side
		if s, ok := r.spec[id]; ok {
			out.LocalSizeSpec[i] = int(s)
		}
	}
	return nil
}

// pushConstants resolves the members of the block.
func (r *reflector) pushConstants(out *Reflection) error {
	if r.push == 0 {
		return nil
	}
	members, ok := r.structs[r.push]
	if !ok {
		return fmt.Errorf("got type %d, want a struct", r.push)
	}
	for i, t := range members {
		size, ok := r.size[t]
		if !ok {
			return fmt.Errorf("member %d: got a type of unknown size", i)
		}
		offset, ok := r.offsets[memberKey{r.push, uint32(i)}]
		if !ok || offset > math.MaxUint32-size {
			return fmt.Errorf("member %d: got offset %d for %d bytes, want one that is declared and whose end fits 32 bits", i, offset, size)
		}
		out.Push = append(out.Push, Member{offset, size})
	}
	return nil
}

func wantWords(in []uint32, n int) error {
	if len(in) < n {
		return fmt.Errorf("instruction %d: got %d words, want at least %d", in[0]&0xffff, len(in), n)
	}
	return nil
}

package emulator

import (
	"fmt"
	"slices"
)

// inst is one instruction of a module: its words behind the first, with type and result where it has them.
type inst struct {
	op   uint32
	typ  uint32 // id of the result's type, 0 without
	id   uint32 // of the result, 0 without
	args []uint32
}

// block is a basic block: phis, then straight code, then how it ends.
type block struct {
	label            uint32
	phis             []inst
	code             []inst
	end              inst
	merge, continues uint32 // labels of the structure that the block heads, 0 without
}

// function is a function with its parameters.
type function struct {
	id, typ uint32
	params  []inst
	blocks  []*block
}

// module is SPIR-V taken apart; nothing is computed yet.
type module struct {
	entry     uint32
	glsl      uint32 // id of the imported instruction set
	types     map[uint32]*typ
	globals   []inst // constants and variables, in order
	functions []*function
	specIDs   map[uint32]uint32  // id → constant_id
	builtIns  map[uint32]uint32  // id → BuiltIn
	coherent  map[[2]uint32]bool // members of structures, by type and number
	localSize [3]uint32
	sizeIDs   [3]uint32 // of LocalSizeId, 0 without
}

// anyMember stands for the whole of what is decorated.
const anyMember = 1<<32 - 1

// unknown is the error for what the package was not made for.
func unknown(format string, args ...any) error {
	return fmt.Errorf("emulator: %s: not known here", fmt.Sprintf(format, args...))
}

// parse takes a module apart. The caller has checked that the words are instructions.
func parse(words []uint32, entry string) (*module, error) {
	m := &module{types: map[uint32]*typ{}, specIDs: map[uint32]uint32{}, builtIns: map[uint32]uint32{}, coherent: map[[2]uint32]bool{}, localSize: [3]uint32{1, 1, 1}}
	if bound := words[3]; bound > uint32(len(words))*4 {
		return nil, fmt.Errorf("emulator: read module: got ids up to %d in %d words", bound, len(words))
	}
	layout := layouts{strides: map[uint32]uint32{}, offsets: map[[2]uint32]uint32{}}
	var f *function
	var b *block
	for i := 5; i < len(words); {
		n, op := int(words[i]>>16), words[i]&0xffff
		if n == 0 || n > len(words)-i {
			return nil, fmt.Errorf("emulator: read module: word %d: got an instruction of %d words", i, n)
		}
		if n < least[op] {
			return nil, fmt.Errorf("emulator: read module: word %d: got instruction %d of %d words, want %d", i, op, n, least[op])
		}
		w := words[i+1 : i+n]
		i += n
		switch op {
		case opEntryPoint:
			if w[0] == 5 && name(w[2:]) == entry {
				m.entry = w[1]
			}
		case opExtInstImport:
			if s := name(w[1:]); s != glslSet {
				continue // of debug information
			}
			m.glsl = w[0]
		case opExecutionMode:
			if w[1] == modeLocalSize && len(w) == 5 {
				m.localSize = [3]uint32(w[2:5])
			}
		case opExecutionModeID:
			if w[1] == modeLocalSizeID && len(w) == 5 {
				m.sizeIDs = [3]uint32(w[2:5])
			}
		case opDecorate:
			switch {
			case len(w) == 3 && w[1] == decSpecID:
				m.specIDs[w[0]] = w[2]
			case len(w) == 2 && w[1] == decCoherent:
				m.coherent[[2]uint32{w[0], anyMember}] = true
			case len(w) == 3 && w[1] == decBuiltIn:
				m.builtIns[w[0]] = w[2]
			case len(w) == 3 && w[1] == decArrayStride:
				layout.strides[w[0]] = w[2]
			}
		case opMemberDecorate:
			if len(w) == 3 && w[2] == decCoherent {
				m.coherent[[2]uint32{w[0], w[1]}] = true
			}
			if len(w) == 4 && w[2] == decOffset {
				layout.offsets[[2]uint32{w[0], w[1]}] = w[3]
			}
		case opFunction:
			f = &function{typ: w[0], id: w[1]}
			m.functions = append(m.functions, f)
		case opFunctionEnd:
			f, b = nil, nil
		case opFunctionParameter:
			if f == nil {
				return nil, fmt.Errorf("emulator: read module: a parameter outside of functions")
			}
			f.params = append(f.params, inst{op: op, typ: w[0], id: w[1]})
		case opLabel:
			if f == nil {
				return nil, fmt.Errorf("emulator: read module: a label outside of functions")
			}
			b = &block{label: w[0]}
			f.blocks = append(f.blocks, b)
		default:
			switch {
			case f == nil && (op >= opTypeVoid && op <= opTypeForwardPointer || op == opTypeCooperativeMatrix || op == opTypeTensorLayout || op == opTypeTensorView):
				if op != opTypeForwardPointer {
					m.types[w[0]] = &typ{op: op, id: w[0], args: w[1:], nth: len(m.types)}
				}
			case f == nil && (op == opUndef || op >= opConstantTrue && op <= opSpecConstantOp || op == opVariable):
				m.globals = append(m.globals, inst{op: op, typ: w[0], id: w[1], args: w[2:]})
			case f != nil && b != nil:
				if err := b.add(op, w); err != nil {
					return nil, err
				}
			}
		}
	}
	if m.entry == 0 {
		return nil, fmt.Errorf("emulator: read module: no compute entry point %q", entry)
	}
	return m, m.resolve(layout)
}

// least is how many words an instruction has where fewer would be read.
var least = map[uint32]int{opEntryPoint: 4, opExtInstImport: 3, opExecutionMode: 3, opExecutionModeID: 3, opDecorate: 3, opMemberDecorate: 4,
	opFunction: 5, opFunctionParameter: 3, opLabel: 2, opTypeVoid: 2, opTypeBool: 2, opTypeInt: 4, opTypeFloat: 3, opTypeVector: 4, opTypeArray: 4,
	opTypeRuntimeArray: 3, opTypeStruct: 2, opTypePointer: 4, opTypeFunction: 3, opTypeCooperativeMatrix: 7, opTypeForwardPointer: 3,
	opTypeTensorLayout: 4, opTypeTensorView: 4,
	opUndef: 3, opConstantTrue: 3, opConstantFalse: 3, opConstant: 4, opConstantComposite: 3, opConstantNull: 3, opSpecConstantTrue: 3,
	opSpecConstantFalse: 3, opSpecConstant: 4, opSpecConstantComposite: 3, opSpecConstantOp: 5, opVariable: 4, opLoopMerge: 4, opSelectionMerge: 3,
	opStore: 3, opLoad: 4, opBranch: 2, opBranchConditional: 4, opSwitch: 3, opControlBarrier: 4, opAtomicStore: 5, opCooperativeMatrixStore: 4}

// silent are the instructions without a result.
var silent = map[uint32]bool{opStore: true, opControlBarrier: true, opMemoryBarrier: true, opAtomicStore: true, opCooperativeMatrixStore: true}

func (b *block) add(op uint32, w []uint32) error {
	switch op {
	case 8, 317: // OpLine, OpNoLine
	case opLoopMerge:
		b.merge, b.continues = w[0], w[1]
	case opSelectionMerge:
		b.merge = w[0]
	case opBranch, opBranchConditional, opSwitch, opReturn, opReturnValue, opUnreachable:
		b.end = inst{op: op, args: w}
	case opPhi:
		if len(w) < 2 {
			return fmt.Errorf("emulator: read module: a phi of %d words", len(w))
		}
		b.phis = append(b.phis, inst{op: op, typ: w[0], id: w[1], args: w[2:]})
	default:
		if silent[op] {
			b.code = append(b.code, inst{op: op, args: w})
			return nil
		}
		if len(w) < 2 {
			return unknown("instruction %d of %d words", op, len(w))
		}
		b.code = append(b.code, inst{op: op, typ: w[0], id: w[1], args: w[2:]})
	}
	return nil
}

// name decodes a nul-terminated string.
func name(w []uint32) string {
	var b []byte
	for _, x := range w {
		for s := 0; s < 32; s += 8 {
			if byte(x>>s) == 0 {
				return string(b)
			}
			b = append(b, byte(x>>s))
		}
	}
	return string(b)
}

// order lists a function's blocks so that those of a structure come before the block where it ends: then running the first of the list that
// any invocation is at lets them meet there. It is the reverse of a depth-first walk that goes to merge and continue targets first.
func (f *function) order() ([]*block, error) {
	by := make(map[uint32]*block, len(f.blocks))
	for _, b := range f.blocks {
		by[b.label] = b
	}
	var post []*block
	seen := map[uint32]bool{}
	type visit struct {
		b    *block
		next []uint32
	}
	if len(f.blocks) == 0 {
		return nil, fmt.Errorf("emulator: read module: a function without blocks")
	}
	stack := []visit{{f.blocks[0], f.blocks[0].targets(true)}}
	seen[f.blocks[0].label] = true
	for len(stack) > 0 {
		v := &stack[len(stack)-1]
		if len(v.next) == 0 {
			post = append(post, v.b)
			stack = stack[:len(stack)-1]
			continue
		}
		l := v.next[0]
		v.next = v.next[1:]
		b := by[l]
		if b == nil {
			return nil, fmt.Errorf("emulator: read module: a branch to %d, which is no block of the function", l)
		}
		if !seen[l] {
			seen[l] = true
			stack = append(stack, visit{b, b.targets(true)})
		}
	}
	slices.Reverse(post)
	return post, nil
}

// targets are the labels a block may branch to, those of its structure first if asked for.
func (b *block) targets(structure bool) (out []uint32) {
	if structure {
		for _, l := range []uint32{b.merge, b.continues} {
			if l != 0 {
				out = append(out, l)
			}
		}
	}
	a := b.end.args
	switch b.end.op {
	case opBranch:
		out = append(out, a[0])
	case opBranchConditional:
		out = append(out, a[1], a[2])
	case opSwitch:
		// Cases fall through to the next in order, so that they are visited from the last.
		for i := len(a) - 1; i >= 3; i -= 2 {
			out = append(out, a[i])
		}
		out = append(out, a[1])
	}
	return out
}

package shaders

// Instructions of the SPIR-V specification, section 3.49, whose results follow from known operands.
const (
	opIAdd                  = 128
	opISub                  = 130
	opIMul                  = 132
	opUDiv                  = 134
	opUMod                  = 137
	opLogicalEqual          = 164
	opLogicalNotEqual       = 165
	opLogicalOr             = 166
	opLogicalAnd            = 167
	opLogicalNot            = 168
	opSelect                = 169
	opIEqual                = 170
	opINotEqual             = 171
	opUGreaterThan          = 172
	opSGreaterThan          = 173
	opUGreaterThanEqual     = 174
	opSGreaterThanEqual     = 175
	opULessThan             = 176
	opSLessThan             = 177
	opULessThanEqual        = 178
	opSLessThanEqual        = 179
	opShiftRightLogical     = 194
	opShiftLeftLogical      = 196
	opBitwiseOr             = 197
	opBitwiseXor            = 198
	opBitwiseAnd            = 199
	opNot                   = 200
	opStore                 = 62
	opCopyMemory            = 63
	opControlBarrier        = 224
	opMemoryBarrier         = 225
	opAtomicStore           = 228
	opCoopMatrixStore       = 4458
	opCoopMatrixStoreTensor = 5368
)

// fold computes an operation on integers of 32 bits and truth values (1 and 0) from the operands that are known; false: its result is not.
func (s *specializer) fold(op uint32, operands []uint32) (uint32, bool) {
	var v [3]uint32
	var known [3]bool
	all := len(operands) <= len(v)
	for i := range min(len(operands), len(v)) {
		id := s.id(operands[i])
		v[i], known[i] = id.value, id.known
		all = all && known[i]
	}
	a, b := v[0], v[1]
	switch {
	case len(operands) == 2 && op == opLogicalAnd && (known[0] && a == 0 || known[1] && b == 0):
		return 0, true
	case len(operands) == 2 && op == opLogicalOr && (known[0] && a == 1 || known[1] && b == 1):
		return 1, true
	case len(operands) == 3 && op == opSelect && known[0]:
		return v[2-a], known[2-a]
	case !all:
		return 0, false
	case len(operands) == 1:
		switch op {
		case opLogicalNot:
			return 1 - a, true
		case opNot:
			return ^a, true
		}
		return 0, false
	case len(operands) == 2:
		return foldTwo(op, a, b)
	}
	return 0, false
}

func foldTwo(op, a, b uint32) (uint32, bool) {
	truth := func(t bool) (uint32, bool) {
		if t {
			return 1, true
		}
		return 0, true
	}
	switch op {
	case opIAdd:
		return a + b, true
	case opISub:
		return a - b, true
	case opIMul:
		return a * b, true
	case opUDiv:
		if b != 0 {
			return a / b, true
		}
	case opUMod:
		if b != 0 {
			return a % b, true
		}
	case opShiftRightLogical:
		if b < 32 {
			return a >> b, true
		}
	case opShiftLeftLogical:
		if b < 32 {
			return a << b, true
		}
	case opBitwiseOr:
		return a | b, true
	case opBitwiseXor:
		return a ^ b, true
	case opBitwiseAnd, opLogicalAnd:
		return a & b, true
	case opLogicalOr:
		return a | b, true
	case opIEqual, opLogicalEqual:
		return truth(a == b)
	case opINotEqual, opLogicalNotEqual:
		return truth(a != b)
	case opUGreaterThan:
		return truth(a > b)
	case opUGreaterThanEqual:
		return truth(a >= b)
	case opULessThan:
		return truth(a < b)
	case opULessThanEqual:
		return truth(a <= b)
	case opSGreaterThan:
		return truth(int32(a) > int32(b))
	case opSGreaterThanEqual:
		return truth(int32(a) >= int32(b))
	case opSLessThan:
		return truth(int32(a) < int32(b))
	case opSLessThanEqual:
		return truth(int32(a) <= int32(b))
	}
	return 0, false
}

// defines reports whether an instruction of a block, not its label, has a result: the id in word 2.
func defines(in []uint32) bool {
	switch in[0] & opcode {
	case opStore, opCopyMemory, opControlBarrier, opMemoryBarrier, opAtomicStore, opCoopMatrixStore, opCoopMatrixStoreTensor,
		opLoopMerge, opSelectionMerge, opBranch, opBranchConditional, opSwitch, opReturn, opReturnValue, opUnreachable:
		return false
	}
	return len(in) > 2
}

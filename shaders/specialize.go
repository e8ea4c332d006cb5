package shaders

// Kernels do more than one thing, and specialization constants say which. Drivers translate all of a module before they find out what
// is constant, and some keep nothing of that for the next start. So what never runs is left out before they see it.

// specializes is raised when Specialize makes something else of a module, so that devices are checked again.
const specializes = 1

// Specialize leaves out the blocks of a module that no invocation enters when its specialization constants have these values:
// constant_id i has spec[i], and the module's own beyond. The constants stay, and the driver must be given them all the same.
// Selections and switches are decided, by integers of 32 bits and truth values that follow from constants; loops stay as they are.
// What is not understood is returned as it is, the same slice: to find faults in a module is for others.
func Specialize(code, spec []uint32) []uint32 {
	if len(code) < spirvHeader || code[3] == 0 || code[3] > maxReflectedIDs {
		return code
	}
	s := specializer{code: code, spec: spec, ids: make([]specID, code[3])}
	if !s.read() {
		return code
	}
	for before := -1; before < s.decided; { // a result of two ways of which one is gone may be constant, and decide more
		before = s.decided
		for i := range s.blocks {
			s.decide(&s.blocks[i])
		}
		if !s.reach() {
			return code
		}
	}
	if s.decided == 0 || !s.keepNamed() {
		return code
	}
	return s.write()
}

// Numbers of the SPIR-V specification, section 3, beside those that Reflect reads.
const (
	opName              = 5
	opTypeBool          = 20
	opConstantTrue      = 41
	opConstantFalse     = 42
	opSpecConstantTrue  = 48
	opSpecConstantFalse = 49
	opSpecConstantOp    = 52
	opFunction          = 54
	opFunctionEnd       = 56
	opPhi               = 245
	opLoopMerge         = 246
	opSelectionMerge    = 247
	opLabel             = 248
	opBranch            = 249
	opBranchConditional = 250
	opSwitch            = 251
	opReturn            = 253
	opReturnValue       = 254
	opUnreachable       = 255
	opDecorateID        = 332
	opcode, length      = 0xffff, 16 // mask and shift of an instruction's first word
)

// specID is what is known of an id.
type specID struct {
	value  uint32 // of a constant, truth is 1
	known  bool   // the value is
	scalar bool   // a type whose values can be known
	gone   bool   // defined in a block that is left out
	spec   int32  // 1 + constant_id; 0: none
	block  int32  // 1 + index of a label's block
}

// span is a basic block: words from to end, the last instruction at last and the one before it at merge.
type span struct {
	label       uint32
	from, end   int
	merge, last int
	first       bool   // of its function
	keep        bool   // entered, or named
	stub        bool   // named as a merge block, never entered
	to          uint32 // where it goes, if that is decided
	next        []uint32
}

type specializer struct {
	code, spec []uint32
	ids        []specID // 0 is no id, and takes what is out of range
	blocks     []span
	decided    int
}

func (s *specializer) id(id uint32) *specID {
	if id >= uint32(len(s.ids)) {
		id = 0
	}
	return &s.ids[id]
}

// at is the instruction at a word.
func (s *specializer) at(i int) []uint32 { return s.code[i : i+int(s.code[i]>>length)] }

// read finds blocks and constants; false: this is not what this package's compiler writes.
func (s *specializer) read() bool {
	var b *span
	inside, first, before := false, false, 0
	for at := spirvHeader; at < len(s.code); {
		n := int(s.code[at] >> length)
		if n == 0 || n > len(s.code)-at {
			return false
		}
		in := s.at(at)
		op := in[0] & opcode
		switch {
		case op < uint32(len(shortest)) && n < int(shortest[op]), op == opLabel && n != 2:
			return false
		case op == opFunction:
			inside, first, b = true, true, nil
		case op == opFunctionEnd:
			inside, b = false, nil
		case op == opLabel:
			s.blocks = append(s.blocks, span{label: in[1], from: at, first: first, keep: true})
			b, first = &s.blocks[len(s.blocks)-1], false
			s.id(in[1]).block = int32(len(s.blocks))
		case !inside:
			s.declare(op, in)
		}
		if b != nil {
			b.merge, b.last, b.end = before, at, at+n
		}
		before, at = at, at+n
	}
	for i := range s.blocks {
		if b := &s.blocks[i]; !b.ends(s.at(b.last)) {
			return false
		}
	}
	return !inside
}

// shortest are the words that instructions have at least, of those that are looked at.
var shortest = [opDecorateID + 1]uint8{opName: 2, opTypeBool: 2, opTypeInt: 4, opConstantTrue: 3, opConstantFalse: 3, opConstant: 4,
	opSpecConstantTrue: 3, opSpecConstantFalse: 3, opSpecConstant: 4, opSpecConstantOp: 4, opDecorate: 3, opDecorateID: 3, opPhi: 3,
	opLoopMerge: 4, opSelectionMerge: 3, opLabel: 2, opBranch: 2, opBranchConditional: 4, opSwitch: 3}

// declare notes what a declaration says of types and constants.
func (s *specializer) declare(op uint32, in []uint32) {
	switch op {
	case opTypeBool:
		s.id(in[1]).scalar = true
	case opTypeInt:
		s.id(in[1]).scalar = in[2] == 32
	case opDecorate:
		if in[2] == decorSpecID && len(in) > 3 && in[3] < uint32(len(s.spec)) {
			s.id(in[1]).spec = 1 + int32(in[3])
		}
	case opConstantTrue, opSpecConstantTrue:
		s.constant(in, 1)
	case opConstantFalse, opSpecConstantFalse:
		s.constant(in, 0)
	case opConstant, opSpecConstant:
		s.constant(in, in[3])
	case opSpecConstantOp:
		s.result(in[1], in[2], in[3], in[4:])
	}
}

func (s *specializer) constant(in []uint32, value uint32) {
	id := s.id(in[2])
	if id.value, id.known = value, s.id(in[1]).scalar; id.spec > 0 {
		id.value = s.spec[id.spec-1]
	}
}

// result notes the result of an operation if it follows from what is known.
func (s *specializer) result(kind, id, op uint32, operands []uint32) {
	if s.id(kind).scalar {
		if v, ok := s.fold(op, operands); ok {
			to := s.id(id)
			to.value, to.known = v, true
		}
	}
}

// ends notes where a block goes by its last instruction; false: that is no end.
func (b *span) ends(in []uint32) bool {
	switch in[0] & opcode {
	case opBranch:
		b.next = in[1:2]
	case opBranchConditional:
		b.next = in[2:4]
	case opSwitch: // selector, default, then a value of one word and a label for each case
		b.next = append(b.next, in[2])
		for i := 4; i < len(in); i += 2 {
			b.next = append(b.next, in[i])
		}
		return len(in)%2 == 1
	case opReturn, opReturnValue, opUnreachable:
	default:
		return false
	}
	return true
}

// decide works out what is constant in a block, and where it goes if that is.
func (s *specializer) decide(b *span) {
	for at := b.from; at < b.last; at += int(s.code[at] >> length) {
		switch in := s.at(at); {
		case in[0]&opcode == opPhi:
			s.join(b, in)
		case len(in) > 3:
			s.result(in[1], in[2], in[0]&opcode, in[3:])
		}
	}
	end := s.at(b.last)
	op := end[0] & opcode
	if b.to != 0 || op != opBranchConditional && op != opSwitch || s.code[b.merge]&opcode != opSelectionMerge {
		return
	}
	on := s.id(end[1])
	switch {
	case !on.known:
		return
	case op == opBranchConditional:
		b.to = end[3-on.value&1]
	default:
		b.to = end[2]
		for i := 3; i+1 < len(end); i += 2 {
			if end[i] == on.value {
				b.to = end[i+1]
			}
		}
		if len(b.next) == 1 {
			b.to = 0 // there was nothing to decide
			return
		}
	}
	s.decided++
	b.next = []uint32{b.to}
}

// join notes a value that is the same on all ways into a block that are left.
func (s *specializer) join(b *span, in []uint32) {
	var v specID
	for i := 3; i+1 < len(in); i += 2 {
		if !s.enters(in[i+1], b) {
			continue
		}
		from := s.id(in[i])
		if !from.known || v.known && v.value != from.value {
			return
		}
		v = *from
	}
	if to := s.id(in[2]); v.known && s.id(in[1]).scalar {
		to.value, to.known = v.value, true
	}
}

// enters reports whether the block of a label is entered and goes to another.
func (s *specializer) enters(label uint32, to *span) bool {
	i := s.id(label).block
	if i == 0 {
		return false
	}
	b := &s.blocks[i-1]
	if !b.keep || b.stub {
		return false
	}
	for _, next := range b.next {
		if next == to.label {
			return true
		}
	}
	return false
}

// reach marks the blocks that are entered; false: one goes nowhere.
func (s *specializer) reach() bool {
	var todo []*span
	for i := range s.blocks {
		if b := &s.blocks[i]; !b.first {
			b.keep = false
		} else {
			b.keep, todo = true, append(todo, b)
		}
	}
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, label := range b.next {
			i := s.id(label).block
			if i == 0 {
				return false
			}
			if to := &s.blocks[i-1]; !to.keep {
				to.keep, todo = true, append(todo, to)
			}
		}
	}
	return true
}

// keepNamed keeps stubs of merge blocks that are named and not entered; false: a loop never comes back, and would need one that goes there.
func (s *specializer) keepNamed() bool {
	for i := range s.blocks {
		b := &s.blocks[i]
		if !b.keep || b.stub || b.to != 0 && s.code[b.last]&opcode == opBranchConditional {
			continue
		}
		in := s.at(b.merge)
		op := in[0] & opcode
		if b.merge < b.from || op != opSelectionMerge && op != opLoopMerge {
			continue
		}
		merge, next := s.id(in[1]).block, int32(1)
		if op == opLoopMerge {
			next = s.id(in[2]).block
		}
		if merge == 0 || next == 0 || op == opLoopMerge && (!s.blocks[next-1].keep || s.blocks[next-1].stub) {
			return false
		}
		if m := &s.blocks[merge-1]; !m.keep {
			m.keep, m.stub = true, true
		}
	}
	return true
}

// write puts together what is left, without names and decorations of what is gone.
func (s *specializer) write() []uint32 {
	for i := range s.blocks {
		b := &s.blocks[i]
		if b.keep && !b.stub {
			continue
		}
		s.id(b.label).gone = !b.keep
		for at := b.from + 2; at < b.end; at += int(s.code[at] >> length) {
			if in := s.at(at); defines(in) {
				s.id(in[2]).gone = true
			}
		}
	}
	out := append(make([]uint32, 0, len(s.code)), s.code[:spirvHeader]...)
	at := spirvHeader
	for i := range s.blocks {
		b := &s.blocks[i]
		out = s.declarations(out, at, b.from)
		at = b.end
		switch {
		case b.stub:
			out = append(out, s.at(b.from)...)
			out = append(out, 1<<length|opUnreachable)
		case b.keep:
			out = s.body(out, b)
		}
	}
	return s.declarations(out, at, len(s.code))
}

// declarations appends what stands between blocks.
func (s *specializer) declarations(out []uint32, at, end int) []uint32 {
	for ; at < end; at += int(s.code[at] >> length) {
		in := s.at(at)
		switch in[0] & opcode {
		case opName, opDecorate, opDecorateID:
			if s.id(in[1]).gone {
				continue
			}
		}
		out = append(out, in...)
	}
	return out
}

// body appends a block as it is now.
func (s *specializer) body(out []uint32, b *span) []uint32 {
	isSwitch := s.code[b.last]&opcode == opSwitch
	for at := b.from; at < b.end; at += int(s.code[at] >> length) {
		in := s.at(at)
		switch {
		case in[0]&opcode == opPhi:
			from := len(out)
			out = append(out, in[:3]...)
			for i := 3; i+1 < len(in); i += 2 {
				if s.enters(in[i+1], b) {
					out = append(out, in[i], in[i+1])
				}
			}
			out[from] = uint32(len(out)-from)<<length | opPhi
		case b.to == 0:
			out = append(out, in...)
		case at == b.last && isSwitch: // it stays one: blocks inside may leave for its merge block
			out = append(out, 3<<length|opSwitch, in[1], b.to)
		case at == b.last:
			out = append(out, 2<<length|opBranch, b.to)
		case at == b.merge && !isSwitch:
		default:
			out = append(out, in...)
		}
	}
	return out
}

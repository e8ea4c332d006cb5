package shaders

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Vulkan wants the pointer and the stride of what a cooperative matrix is loaded from or stored to at multiples of 16 bytes, or of a row
// or column if that is shorter (VUID-RuntimeSpirv-OpCooperativeMatrixLoadKHR-08986). Both are counted in elements of the array that the
// pointer points into, whose type need not be the matrix's. The validation layer counts them in components of the matrix: it reports loads of
// halves from vectors of halves, all of them aligned, and is told to leave this check (.ci/validated). So it is made here: from the
// instructions that compute pointer and stride follows a power of two that divides them, for fragments of hardware and of lavapipe.
func TestMatricesAreAligned(t *testing.T) {
	found := map[uint32]int{}
	for _, m := range Manifest {
		if !slices.Contains(m.Needs, NeedCoopMat) {
			continue
		}
		code, err := Module(m.Name)
		require.NoError(t, err)
		for _, side := range []uint32{8, 16} {
			spec := map[uint32]uint32{}
			for i, s := range m.Spec {
				if slices.Contains([]string{"CM", "CN", "CK"}, s.Name) {
					spec[uint32(i)] = side
				}
			}
			a := analyse(code, spec)
			for _, in := range a.accesses {
				found[in.op]++
				assert.True(t, in.pointer >= in.need && in.stride >= in.need, "%s, fragments of %d: %+v", m.Name, side, in)
			}
		}
	}
	assert.Greater(t, found[opMatrixLoad], 2*2*2*len(Formats), "loads of A and B in coop and skinny")
	assert.Greater(t, found[opMatrixStore], 2*2*len(Formats))
}

// What is not aligned is seen: heads whose rows are no multiple of 8 halves.
func TestMisalignedMatricesAreSeen(t *testing.T) {
	code, err := Module("attention_coop")
	require.NoError(t, err)
	for head, aligned := range map[uint32]bool{64: true, 80: true, 68: false} {
		ok := true
		for _, in := range analyse(code, map[uint32]uint32{6: head}).accesses {
			ok = ok && in.pointer >= in.need && in.stride >= in.need
		}
		assert.Equal(t, aligned, ok, "heads of %d", head)
	}
}

const (
	opMatrixType  = 4456
	opMatrixLoad  = 4457
	opMatrixStore = 4458
	exact         = 32 // trailing zeros of what is zero
)

// constants are the instructions that make one: numbers, booleans and operations, specialized or not.
var constants = []uint32{41, 42, opConstant, 48, 49, opSpecConstant, 52}

// without are the instructions of more than two words without a result: names, decorations, stores, barriers, branches.
var without = []uint32{5, 6, 14, 15, 16, 62, 63, opDecorate, opMemberDecorate, 224, 225, 228, 246, 247, 250, 251}

// access is a load or store of a matrix; pointer, stride and need are exponents of the powers of two that divide bytes.
type access struct {
	op                    uint32
	pointer, stride, need int
}

// module is what analyse knows of a module's ids.
type module struct {
	words    map[uint32][]uint32 // the instruction that defines an id
	spec     map[uint32]uint32   // values of constants by the id in decorations, over their defaults
	specID   map[uint32]uint32
	zeros    map[uint32]int // trailing zeros that an id in a function has at least
	accesses []access
}

func analyse(code []uint32, spec map[uint32]uint32) *module {
	m := &module{words: map[uint32][]uint32{}, spec: spec, specID: map[uint32]uint32{}, zeros: map[uint32]int{}}
	var body [][]uint32
	for at := spirvHeader; at < len(code); {
		in := code[at : at+int(code[at]>>16)]
		at += len(in)
		switch op := in[0] & 0xffff; {
		case op == opDecorate && in[2] == decorSpecID:
			m.specID[in[1]] = in[3]
		case op >= 19 && op <= 39 || op == opMatrixType: // types
			m.words[in[1]] = in
		case op == opMatrixStore:
			body = append(body, in)
		case slices.Contains(without, op):
		case len(in) > 2:
			m.words[in[2]] = in
			body = append(body, in)
		}
	}
	for changed := true; changed; { // from "divided by everything" downwards
		changed = false
		for _, in := range body {
			if op := in[0] & 0xffff; op == opMatrixStore || slices.Contains(constants, op) {
				continue
			}
			if z := m.transfer(in); z < m.of(in[2]) {
				m.zeros[in[2]], changed = z, true
			}
		}
	}
	for _, in := range body {
		switch in[0] & 0xffff {
		case opMatrixLoad:
			m.access(opMatrixLoad, in[1], in[3], in[4], in[5])
		case opMatrixStore:
			m.access(opMatrixStore, m.words[in[2]][1], in[1], in[3], in[4])
		}
	}
	return m
}

// of is what divides an id: exactly for constants.
func (m *module) of(id uint32) int {
	if in := m.words[id]; in != nil && slices.Contains(constants, in[0]&0xffff) {
		if v, ok := m.value(id); ok {
			return bits.TrailingZeros32(v)
		}
		return 0
	}
	if z, ok := m.zeros[id]; ok {
		return z
	}
	return exact
}

// transfer is what divides the result of an instruction; 1 does where nothing is known.
func (m *module) transfer(in []uint32) int {
	least := func(ids ...uint32) int {
		z := exact
		for _, id := range ids {
			z = min(z, m.of(id))
		}
		return z
	}
	switch in[0] & 0xffff {
	case 128, 130: // OpIAdd, OpISub
		return least(in[3], in[4])
	case 132: // OpIMul
		return min(least(in[3])+least(in[4]), exact)
	case 83, 124: // OpCopyObject, OpBitcast
		return least(in[3])
	case 169: // OpSelect
		return least(in[4], in[5])
	case 134: // OpUDiv, by a power of two that divides it
		if by, ok := m.value(in[4]); ok && bits.OnesCount32(by) == 1 {
			return max(least(in[3])-bits.TrailingZeros32(by), 0)
		}
	case 196: // OpShiftLeftLogical
		if by, ok := m.value(in[4]); ok {
			return min(least(in[3])+int(by), exact)
		}
	case 245: // OpPhi
		z := exact
		for i := 3; i < len(in); i += 2 {
			z = min(z, m.of(in[i]))
		}
		return z
	}
	return 0
}

// value is that of a constant of 32 bits, or of an operation that matters here.
func (m *module) value(id uint32) (v uint32, ok bool) {
	in := m.words[id]
	if in == nil {
		return 0, false
	}
	b := func(on bool) (uint32, bool) {
		if on {
			return 1, true
		}
		return 0, true
	}
	switch in[0] & 0xffff {
	case 41, 48: // OpConstantTrue, OpSpecConstantTrue
		return 1, true
	case 42, 49:
		return 0, true
	case opConstant:
		return in[3], true
	case opSpecConstant:
		if v, ok := m.spec[m.specID[id]]; ok {
			return v, true
		}
		return in[3], true
	case 52: // OpSpecConstantOp
	default:
		return 0, false
	}
	var args [3]uint32
	for i, a := range in[4:min(len(in), 7)] {
		if args[i], ok = m.value(a); !ok {
			return 0, false
		}
	}
	switch in[3] {
	case 128:
		return args[0] + args[1], true
	case 130:
		return args[0] - args[1], true
	case 132:
		return args[0] * args[1], true
	case 134:
		return args[0] / args[1], true
	case 169:
		if args[0] != 0 {
			return args[1], true
		}
		return args[2], true
	case 170:
		return b(args[0] == args[1])
	case 171:
		return b(args[0] != args[1])
	case 172:
		return b(args[0] > args[1])
	case 174:
		return b(args[0] >= args[1])
	case 199:
		return args[0] & args[1], true
	}
	return 0, false
}

// size is that of a scalar or vector in bytes.
func (m *module) size(t uint32) uint32 {
	switch in := m.words[t]; in[0] & 0xffff {
	case 21, 22:
		return in[2] / 8
	case 23:
		return m.size(in[2]) * in[3]
	}
	panic("BUG: shaders: a matrix lies in an array of neither scalars nor vectors")
}

func (m *module) access(op, matrix, pointer, layout, stride uint32) {
	p := m.words[pointer] // an access chain: arrays in shared memory begin at multiples of 16 bytes
	element := bits.TrailingZeros32(m.size(m.words[p[1]][3]))
	t, side := m.words[matrix], 4
	if l, _ := m.value(layout); l == 0 { // row major
		side = 5
	}
	length, _ := m.value(t[side])
	bytes := length * m.size(t[2])
	m.accesses = append(m.accesses, access{op, element + m.of(p[len(p)-1]), element + m.of(stride), min(bits.TrailingZeros32(bytes), 4)})
}

package shaders

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// two ways and a way out: what SPEC decides, and what follows from it behind the first selection.
//
//	spec = constant_id 0, 1 by default; yes = spec == 1
//	10: if (yes) 11 else 12; 13: x = phi(yes from 11, no from 12); if (x) 14 else 15; 16: switch (spec) { 1: 17, 2: 18, default: 19 }; 19: return
func branches() []uint32 {
	return slices.Concat(header,
		op(opDecorate, 4, decorSpecID, 0), op(opDecorate, 40, 0), op(opDecorate, 41, 0),
		op(opTypeBool, 1), op(opTypeInt, 2, 32, 0), op(opConstant, 2, 3, 1), op(opSpecConstant, 2, 4, 1),
		op(opSpecConstantOp, 1, 5, opIEqual, 4, 3), op(opConstantTrue, 1, 6), op(opConstantFalse, 1, 7),
		op(opFunction, 8, 9, 0, 8),
		op(opLabel, 10), op(opSelectionMerge, 13, 0), op(opBranchConditional, 5, 11, 12),
		op(opLabel, 11), op(opIAdd, 2, 40, 3, 3), op(opBranch, 13),
		op(opLabel, 12), op(opIAdd, 2, 41, 3, 3), op(opBranch, 13),
		op(opLabel, 13), op(opPhi, 1, 30, 6, 11, 7, 12), op(opSelectionMerge, 16, 0), op(opBranchConditional, 30, 14, 15),
		op(opLabel, 14), op(opBranch, 16),
		op(opLabel, 15), op(opBranch, 16),
		op(opLabel, 16), op(opSelectionMerge, 19, 0), op(opSwitch, 4, 19, 1, 17, 2, 18),
		op(opLabel, 17), op(opBranch, 19),
		op(opLabel, 18), op(opBranch, 19),
		op(opLabel, 19), op(opReturn),
		op(opFunctionEnd))
}

// What SPEC leaves out goes with its decorations, and what follows from that goes too; a switch stays one, for blocks inside that leave it.
func TestSpecialize(t *testing.T) {
	declared := func(decorated uint32) []uint32 {
		return slices.Concat(header,
			op(opDecorate, 4, decorSpecID, 0), op(opDecorate, decorated, 0),
			op(opTypeBool, 1), op(opTypeInt, 2, 32, 0), op(opConstant, 2, 3, 1), op(opSpecConstant, 2, 4, 1),
			op(opSpecConstantOp, 1, 5, opIEqual, 4, 3), op(opConstantTrue, 1, 6), op(opConstantFalse, 1, 7),
			op(opFunction, 8, 9, 0, 8))
	}
	one := slices.Concat(declared(40),
		op(opLabel, 10), op(opBranch, 11),
		op(opLabel, 11), op(opIAdd, 2, 40, 3, 3), op(opBranch, 13),
		op(opLabel, 13), op(opPhi, 1, 30, 6, 11), op(opBranch, 14),
		op(opLabel, 14), op(opBranch, 16),
		op(opLabel, 16), op(opSelectionMerge, 19, 0), op(opSwitch, 4, 17),
		op(opLabel, 17), op(opBranch, 19),
		op(opLabel, 19), op(opReturn),
		op(opFunctionEnd))
	assert.Equal(t, one, Specialize(branches(), []uint32{1}))
	assert.Equal(t, one, Specialize(branches(), nil), "the module's own value")
	assert.Equal(t, slices.Concat(declared(41),
		op(opLabel, 10), op(opBranch, 12),
		op(opLabel, 12), op(opIAdd, 2, 41, 3, 3), op(opBranch, 13),
		op(opLabel, 13), op(opPhi, 1, 30, 7, 12), op(opBranch, 15),
		op(opLabel, 15), op(opBranch, 16),
		op(opLabel, 16), op(opSelectionMerge, 19, 0), op(opSwitch, 4, 19),
		op(opLabel, 19), op(opReturn),
		op(opFunctionEnd)), Specialize(branches(), []uint32{3}))
}

// A merge block that nothing enters any more, but a loop that stays names, remains as a stub; one whose loop never comes back is left alone.
func TestSpecializeKeepsLoops(t *testing.T) {
	loop := func(body ...uint32) []uint32 {
		return slices.Concat(header, op(opTypeBool, 1), op(opConstantTrue, 1, 2), op(opFunction, 8, 9, 0, 8),
			op(opLabel, 10), op(opBranch, 11),
			op(opLabel, 11), op(opLoopMerge, 15, 14, 0), op(opBranch, 12),
			op(opLabel, 12), op(opSelectionMerge, 13, 0), body,
			op(opLabel, 13), op(opBranch, 15),
			op(opLabel, 14), op(opBranch, 11),
			op(opLabel, 15), op(opReturn),
			op(opFunctionEnd))
	}
	assert.Equal(t, slices.Concat(header, op(opTypeBool, 1), op(opConstantTrue, 1, 2), op(opFunction, 8, 9, 0, 8),
		op(opLabel, 10), op(opBranch, 11),
		op(opLabel, 11), op(opLoopMerge, 15, 14, 0), op(opBranch, 12),
		op(opLabel, 12), op(opBranch, 14),
		op(opLabel, 14), op(opBranch, 11),
		op(opLabel, 15), op(opUnreachable),
		op(opFunctionEnd)), Specialize(loop(op(opBranchConditional, 2, 14, 13)...), nil))
	never := loop(op(opBranchConditional, 2, 13, 14)...)
	assert.Equal(t, never, Specialize(never, nil))
}

// Every module stays whole, whatever its constants are, and a kernel that does several things loses most of them.
func TestSpecializedModulesAreWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, m := range Manifest {
		code, err := Module(m.Name)
		require.NoError(t, err)
		wantWhole(t, m.Name, code)
		for range 4 {
			spec := make([]uint32, 24)
			for i := range spec {
				spec[i] = []uint32{0, 0, 1, 1, 2, 3, 4, 8, 16, 64, 128}[random.IntN(11)]
			}
			out := Specialize(code, spec)
			assert.LessOrEqual(t, len(out), len(code))
			wantWhole(t, m.Name, out)
		}
	}
	code, err := Module("matmul_q8_0_vec")
	require.NoError(t, err)
	plain := []uint32{32, 2, 1, 1} // one matrix and nothing else to do
	assert.Less(t, len(Specialize(code, append(plain, make([]uint32, 20)...))), len(code)/2)
}

// wantWhole holds a module to what a driver relies on: blocks that are named are there, results of joined ways have a value from
// each block that comes before and from no other, and nothing is decorated that is not there.
func wantWhole(t *testing.T, name string, code []uint32) {
	t.Helper()
	s := specializer{code: code, ids: make([]specID, code[3])}
	require.True(t, s.read(), name)
	before := map[uint32][]uint32{}
	for _, b := range s.blocks {
		for _, to := range b.next {
			require.NotZero(t, s.id(to).block, "%s: %d goes to %d", name, b.label, to)
			if !slices.Contains(before[to], b.label) {
				before[to] = append(before[to], b.label)
			}
		}
	}
	defined := map[uint32]bool{}
	for at := spirvHeader; at < len(code); at += int(code[at] >> length) {
		in := s.at(at)
		switch in[0] & opcode {
		case opSelectionMerge:
			require.NotZero(t, s.id(in[1]).block, "%s: merge block %d", name, in[1])
		case opLoopMerge:
			require.NotZero(t, s.id(in[1]).block*s.id(in[2]).block, "%s: loop with %d and %d", name, in[1], in[2])
		case opTypeStruct, opTypePointer, opLabel:
			defined[in[1]] = true
		}
		if len(in) > 2 {
			defined[in[2]] = true // of some instructions it is no result, which lets more pass
		}
	}
	for _, b := range s.blocks {
		for at := b.from; at < b.end; at += int(code[at] >> length) {
			if in := s.at(at); in[0]&opcode == opPhi {
				var from []uint32
				for i := 4; i < len(in); i += 2 {
					from = append(from, in[i])
				}
				require.ElementsMatch(t, before[b.label], from, "%s: ways into block %d", name, b.label)
			}
		}
	}
	for at := spirvHeader; at < len(code); at += int(code[at] >> length) {
		if in := s.at(at); in[0]&opcode == opDecorate {
			require.True(t, defined[in[1]], "%s: %d is decorated", name, in[1])
		}
	}
}

func TestFoldedOperations(t *testing.T) {
	s := specializer{ids: make([]specID, 5)}
	s.ids[1], s.ids[2], s.ids[3] = specID{value: 7, known: true}, specID{value: 2, known: true}, specID{value: 1 << 31, known: true}
	for _, c := range []struct {
		op   uint32
		on   []uint32
		want uint32
	}{
		{opIAdd, []uint32{1, 2}, 9}, {opISub, []uint32{2, 1}, 1<<32 - 5}, {opIMul, []uint32{1, 2}, 14}, {opUDiv, []uint32{1, 2}, 3}, {opUMod, []uint32{1, 2}, 1},
		{opShiftRightLogical, []uint32{3, 2}, 1 << 29}, {opShiftLeftLogical, []uint32{1, 2}, 28}, {opBitwiseOr, []uint32{1, 3}, 1<<31 + 7},
		{opBitwiseXor, []uint32{1, 2}, 5}, {opBitwiseAnd, []uint32{1, 2}, 2}, {opNot, []uint32{2}, 1<<32 - 3},
		{opIEqual, []uint32{1, 1}, 1}, {opINotEqual, []uint32{1, 1}, 0}, {opUGreaterThan, []uint32{3, 1}, 1}, {opSGreaterThan, []uint32{3, 1}, 0},
		{opUGreaterThanEqual, []uint32{1, 1}, 1}, {opSGreaterThanEqual, []uint32{1, 3}, 1}, {opULessThan, []uint32{3, 1}, 0}, {opSLessThan, []uint32{3, 1}, 1},
		{opULessThanEqual, []uint32{1, 3}, 1}, {opSLessThanEqual, []uint32{1, 3}, 0}, {opSelect, []uint32{0, 1, 2}, 2},
	} {
		s.ids[0] = specID{known: true}
		got, ok := s.fold(c.op, c.on)
		assert.True(t, ok, c.op)
		assert.Equal(t, c.want, got, "operation %d", c.op)
		s.ids[0] = specID{}
	}
	s.ids[1].value, s.ids[2].value = 1, 0
	for _, c := range []struct {
		op       uint32
		on       []uint32
		want, ok uint32
	}{ // 4 is not known
		{opLogicalAnd, []uint32{4, 2}, 0, 1}, {opLogicalAnd, []uint32{4, 1}, 0, 0}, {opLogicalAnd, []uint32{1, 1}, 1, 1}, {opLogicalOr, []uint32{1, 4}, 1, 1}, {opLogicalOr, []uint32{2, 4}, 0, 0},
		{opLogicalNot, []uint32{2}, 1, 1}, {opLogicalEqual, []uint32{1, 2}, 0, 1}, {opLogicalNotEqual, []uint32{1, 2}, 1, 1}, {opSelect, []uint32{1, 3, 4}, 1 << 31, 1}, {opSelect, []uint32{2, 3, 4}, 0, 0},
		{opUDiv, []uint32{1, 2}, 0, 0}, {opUMod, []uint32{1, 2}, 0, 0}, {opShiftLeftLogical, []uint32{1, 3}, 0, 0}, {opShiftRightLogical, []uint32{1, 3}, 0, 0}, {opIAdd, []uint32{1, 4}, 0, 0},
	} {
		got, ok := s.fold(c.op, c.on)
		assert.Equal(t, c.ok == 1, ok, "operation %d of %v", c.op, c.on)
		if ok {
			assert.Equal(t, c.want, got, "operation %d of %v", c.op, c.on)
		}
	}
}

func FuzzSpecialize(f *testing.F) {
	code, err := Module("rmsnorm")
	require.NoError(f, err)
	f.Add(bytesOf(code), uint32(1))
	f.Add(bytesOf(branches()), uint32(2))
	f.Add([]byte("000000000000000\x00000000\x04\x0000000000000070\x02\x000000\x15\x00\x04\x00\x02\x00\x00\x00 \x00\x00\x00000000\x04\x000000000000000\x00\x04\x00\x02\x00\x00\x00\x04\x00\x00\x00000000\x06\x000000000000000000000000\x03\x000000000000\x05\x00000000000000000000\x05\x00000000000000000070\x02\x000000\xf8\x00\x05\x000000000000000000\xf9\x00\x02\x00000070\x02\x000000\xf7\x00\x03\x0000000000\xfb\x00\a\x00\x04\x00\x00\x00000000000000000000008\x00\x02\x00000070\x01\x0070\x01\x00"), uint32(69)) // a label of five words
	f.Fuzz(func(t *testing.T, b []byte, value uint32) {
		code := make([]uint32, len(b)/4)
		for i := range code {
			code[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
		if out := Specialize(code, []uint32{value, value}); len(out) > len(code) {
			t.Errorf("got %d words of %d", len(out), len(code))
		}
	})
}

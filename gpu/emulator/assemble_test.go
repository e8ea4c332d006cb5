package emulator

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// opNames are the instructions that tests write.
var opNames = map[string]uint32{"EntryPoint": opEntryPoint, "ExecutionMode": opExecutionMode, "Decorate": opDecorate, "MemberDecorate": opMemberDecorate,
	"TypeVoid": opTypeVoid, "TypeBool": opTypeBool, "TypeInt": opTypeInt, "TypeFloat": opTypeFloat, "TypeVector": opTypeVector, "TypeArray": opTypeArray,
	"TypeRuntimeArray": opTypeRuntimeArray, "TypeStruct": opTypeStruct, "TypePointer": opTypePointer, "TypeFunction": opTypeFunction,
	"TypeCooperativeMatrix": opTypeCooperativeMatrix, "Constant": opConstant, "SpecConstant": opSpecConstant, "SpecConstantOp": opSpecConstantOp,
	"Variable": opVariable, "Function": opFunction, "FunctionEnd": opFunctionEnd, "Label": opLabel, "Load": opLoad, "Store": opStore,
	"AccessChain": opAccessChain, "CompositeExtract": opCompositeExtract, "IAdd": opIAdd, "ISub": opISub, "IMul": opIMul, "UDiv": opUDiv, "UMod": opUMod,
	"ULessThan": opULessThan, "IEqual": opIEqual, "BitwiseAnd": opBitwiseAnd, "Phi": opPhi, "LoopMerge": opLoopMerge, "SelectionMerge": opSelectionMerge,
	"Branch": opBranch, "BranchConditional": opBranchConditional, "Switch": opSwitch, "Return": opReturn, "ControlBarrier": opControlBarrier,
	"AtomicIAdd": opAtomicIAdd, "GroupIAdd": opGroupNonUniformIAdd, "Elect": opGroupNonUniformElect, "MatrixLoad": opCooperativeMatrixLoad,
	"MatrixStore": opCooperativeMatrixStore, "MatrixMulAdd": opCooperativeMatrixMulAdd, "MatrixLength": opCooperativeMatrixLength, "Nonsense": 7777}

// untyped are instructions whose result has no type in front of it.
func untyped(op uint32) bool {
	return op >= opTypeVoid && op <= opTypeFunction || op == opTypeCooperativeMatrix || op == opLabel
}

// assemble turns lines such as "%sum = IAdd %uint %a %b" into a module. Names are ids; numbers are literals.
func assemble(t testing.TB, text string) []uint32 {
	t.Helper()
	ids := map[string]uint32{}
	id := func(name string) uint32 {
		if ids[name] == 0 {
			ids[name] = uint32(len(ids) + 1)
		}
		return ids[name]
	}
	words := []uint32{0x07230203, 0x10500, 0, 0, 0}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		result := uint32(0)
		if len(f) > 2 && f[1] == "=" {
			result = id(f[0])
			f = f[2:]
		}
		op, ok := opNames[f[0]]
		require.True(t, ok, line)
		in := []uint32{0}
		if result != 0 && untyped(op) {
			in = append(in, result)
		}
		for i, a := range f[1:] {
			switch {
			case a[0] == '%':
				in = append(in, id(a))
			case a[0] == '"':
				b := append([]byte(strings.Trim(a, `"`)), 0, 0, 0, 0)
				for len(b) >= 4 {
					in = append(in, uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)
					b = b[4:]
				}
			default:
				v, err := strconv.ParseUint(a, 0, 32)
				require.NoError(t, err, line)
				in = append(in, uint32(v))
			}
			if i == 0 && result != 0 && !untyped(op) {
				in = append(in, result)
			}
		}
		in[0] = uint32(len(in))<<16 | op
		words = append(words, in...)
	}
	words[3] = uint32(len(ids) + 1)
	return words
}

// kernel is a module around the body of main. %l is the invocation, %b a buffer of uint32 by address, %n a number: the push constants.
func kernel(t testing.TB, body string) []uint32 { return kernelOf(t, 64, "", body) }

func kernelOf(t testing.TB, invocations int, types, body string) []uint32 {
	t.Helper()
	return assemble(t, `
		EntryPoint 5 %main "main"
		ExecutionMode %main 17 `+strconv.Itoa(invocations)+` 1 1
		Decorate %lid 11 27
		Decorate %array 6 4
		MemberDecorate %buffer 0 35 0
		MemberDecorate %params 0 35 0
		MemberDecorate %params 1 35 8
		%void = TypeVoid
		%fn = TypeFunction %void
		%bool = TypeBool
		%uint = TypeInt 32 0
		%float = TypeFloat 32
		%v3 = TypeVector %uint 3
		%in_v3 = TypePointer 1 %v3
		%lid = Variable %in_v3 1
		%array = TypeRuntimeArray %uint
		%buffer = TypeStruct %array
		%pbuffer = TypePointer 5349 %buffer
		%pnumber = TypePointer 5349 %uint
		%params = TypeStruct %pbuffer %uint
		%pparams = TypePointer 9 %params
		%push = Variable %pparams 9
		%ppbuffer = TypePointer 9 %pbuffer
		%pushed = TypePointer 9 %uint
		%0 = Constant %uint 0
		%1 = Constant %uint 1
		%2 = Constant %uint 2
		%3 = Constant %uint 3
		%8 = Constant %uint 8
		%16 = Constant %uint 16
		%64 = Constant %uint 64
		%264 = Constant %uint 264
		%numbers = TypeArray %uint %64
		%pshared = TypePointer 4 %numbers
		%shared = Variable %pshared 4
		%pword = TypePointer 4 %uint
		%pprivate = TypePointer 7 %numbers
		%pown = TypePointer 7 %uint
		`+types+`
		%main = Function %void 0 %fn
		%entry = Label
		%own = Variable %pprivate 7
		%l3 = Load %v3 %lid
		%l = CompositeExtract %uint %l3 0
		%pp = AccessChain %ppbuffer %push %0
		%b = Load %pbuffer %pp
		%pn = AccessChain %pushed %push %1
		%n = Load %uint %pn
		`+body+`
		FunctionEnd`)
}

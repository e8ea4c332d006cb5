package emulator

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMatrices multiplies integers by a subgroup: A lies along rows, B along columns, the result either way, in subgroups of any size.
func TestMatrices(t *testing.T) {
	const m, n, k = 8, 16, 16
	for _, lanes := range []int{8, 16, 32, 64} {
		for layout := range 2 {
			stride := []int{n, m}[layout]
			types := fmt.Sprintf(`
				%%4 = Constant %%uint 4
				%%128 = Constant %%uint 128
				%%384 = Constant %%uint 384
				%%512 = Constant %%uint 512
				%%to = Constant %%uint %d
				%%a = TypeCooperativeMatrix %%uint %%3 %%8 %%16 %%0
				%%bm = TypeCooperativeMatrix %%uint %%3 %%16 %%16 %%1
				%%c = TypeCooperativeMatrix %%uint %%3 %%8 %%16 %%2`, stride)
			body := fmt.Sprintf(`
				%%pa = AccessChain %%pnumber %%b %%0 %%0
				%%pb = AccessChain %%pnumber %%b %%0 %%128
				%%pc = AccessChain %%pnumber %%b %%0 %%384
				%%ma = MatrixLoad %%a %%pa %%0 %%16
				%%mb = MatrixLoad %%bm %%pb %%1 %%16
				%%mc = MatrixLoad %%c %%pc %%0 %%16
				%%r = MatrixMulAdd %%c %%ma %%mb %%mc
				%%po = AccessChain %%pnumber %%b %%0 %%512
				MatrixStore %%po %%r %%%d %%to
				%%count = MatrixLength %%uint %%c
				%%pl = AccessChain %%pnumber %%b %%0 %%640
				Store %%pl %%count 2 4
				Return`, layout)
			words := kernelOf(t, lanes, types+"\n%640 = Constant %uint 640", body)
			p, err := Compile(words, Options{Name: "test", Entry: "main", Lanes: lanes})
			require.NoError(t, err)
			buf := make([]byte, 4*641)
			set := func(i, v int) { put(buf[4*i:], uint64(v), 32) }
			value := func(i int) int { return i*7%13 + 1 }
			for i := range m*k + k*n + m*n {
				set(i, value(i))
			}
			mach := &Machine{}
			at, err := mach.Map(buf)
			require.NoError(t, err)
			require.NoError(t, mach.Dispatch(t.Context(), p, params(at, 0), 1, 1, 1))
			for i := range m {
				for j := range n {
					want := value(m*k + k*n + i*n + j)
					for x := range k {
						want += value(i*k+x) * value(m*k+j*k+x)
					}
					o := i*n + j
					if layout == 1 {
						o = j*m + i
					}
					require.Equal(t, uint64(want), get(buf[4*(512+o):], 32), "%d lanes, layout %d, %d, %d", lanes, layout, i, j)
				}
			}
			assert.Equal(t, uint64(m*n/lanes), get(buf[4*640:], 32))
		}
	}
}

// TestMatrixFaults: what matrices ask for and GPUs do not check.
func TestMatrixFaults(t *testing.T) {
	const types = `
		%a = TypeCooperativeMatrix %uint %3 %8 %8 %0
		%17 = Constant %uint 17`
	for _, c := range []struct{ name, body, want string }{
		{"a pointer of each", `
			%p = AccessChain %pnumber %b %0 %l
			%m = MatrixLoad %a %p %0 %16
			Return`, "the pointer of a matrix is not the same for all invocations"},
		{"a stride of each", `
			%p = AccessChain %pnumber %b %0 %0
			%m = MatrixLoad %a %p %0 %l
			Return`, "the stride of a matrix is not the same for all invocations"},
		{"misaligned", `
			%p = AccessChain %pnumber %b %0 %1
			%m = MatrixLoad %a %p %0 %16
			Return`, "want multiples of 16"},
		{"lines misaligned", `
			%p = AccessChain %pnumber %b %0 %0
			%m = MatrixLoad %a %p %0 %17
			Return`, "want multiples of 16"},
		{"behind the buffer", `
			%p = AccessChain %pnumber %b %0 %64
			%m = MatrixLoad %a %p %0 %16
			Return`, "of a buffer of 512"},
		{"by some", `
			%p = AccessChain %pnumber %b %0 %0
			%few = ULessThan %bool %l %3
			SelectionMerge %after 0
			BranchConditional %few %then %after
			%then = Label
			%m = MatrixLoad %a %p %0 %16
			Branch %after
			%after = Label
			Return`, "a matrix load or store with 3 of 16 invocations"},
		{"from shared memory that others write", `
			%s = AccessChain %pword %shared %l
			Store %s %l
			%p = AccessChain %pword %shared %0
			%m = MatrixLoad %a %p %0 %8
			Return`, "of shared memory is written by invocation"},
	} {
		_, err := launch(t, kernelOf(t, 16, types, c.body), 128, 0, 1)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

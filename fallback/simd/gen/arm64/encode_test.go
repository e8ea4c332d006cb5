package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What an assembler makes of them, with each register in its place.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		f       form
		d, n, m int
		want    uint32
	}{
		{fadd, 1, 2, 3, 0x4e23d441}, {fsub, 1, 2, 3, 0x4ea3d441}, {fmul, 31, 0, 30, 0x6e3edc1f}, {fdiv, 0, 1, 2, 0x6e22fc20},
		{fmls, 4, 5, 6, 0x4ea6cca4}, {fmax, 7, 8, 9, 0x4e29f507}, {fmin, 7, 8, 9, 0x4ea9f507}, {fmaxnm, 7, 8, 9, 0x4e29c507},
		{faddp, 10, 11, 12, 0x6e2cd56a}, {sdot, 0, 1, 2, 0x4e829420}, {smmla, 1, 16, 31, 0x4e9fa601}, {addp, 0, 1, 2, 0x4ea2bc20},
		{smull, 1, 2, 3, 0x0e23c041}, {smull2, 1, 2, 3, 0x4e23c041}, {smlal2, 1, 2, 3, 0x4e238041}, {sadalp, 1, 2, 0, 0x4e606841},
		{fmaxnmv, 3, 4, 0, 0x6e30c883}, {frintn, 5, 6, 0, 0x4e2188c5}, {fcvtns, 5, 6, 0, 0x4e21a8c5}, {scvtf, 5, 6, 0, 0x4e21d8c5}, {fneg, 1, 2, 0, 0x6ea0f841},
		{fcvtlHalves, 1, 2, 0, 0x0e217841}, {fcvtl2Halves, 1, 2, 0, 0x4e217841}, {fcvtl, 1, 2, 0, 0x0e617841}, {fcvtl2, 1, 2, 0, 0x4e617841},
		{ushl, 1, 2, 3, 0x6e234441}, {ushlHalves, 1, 2, 3, 0x6e634441}, {uhadd, 1, 2, 3, 0x6e230441}, {fmaxv, 1, 2, 0, 0x6e30f841},
		{fmulLane.lane(0), 1, 2, 3, 0x4f839041}, {fmulLane.lane(3), 1, 2, 3, 0x4fa39841}, {fmlaLane.lane(2), 1, 2, 3, 0x4f831841}, {fmlaLane.lane(3), 1, 2, 17, 0x4fb11841},
		{sdotLane.lane(0), 1, 2, 3, 0x4f83e041}, {sdotLane.lane(1), 1, 2, 3, 0x4fa3e041}, {sdotLane.lane(2), 1, 2, 19, 0x4f93e841}, {sdotLane.lane(3), 1, 2, 3, 0x4fa3e841},
		{sxtlBytes, 1, 2, 0, 0x0f08a441}, {sxtl2Bytes, 1, 2, 0, 0x4f08a441}, {sxtlHalves, 1, 2, 0, 0x0f10a441}, {sxtl2Halves, 1, 2, 0, 0x4f10a441},
		{sshrS1, 1, 2, 0, 0x4f3f0441}, {shll16, 1, 2, 0, 0x2e613841}, {shll2_16, 1, 2, 0, 0x6e613841},
	} {
		require.Equal(t, c.want, c.f.word(c.d, c.n, c.m), c.f.text(c.d, c.n, c.m))
	}
	require.Panics(t, func() { fadd.word(32, 0, 0) })
	require.Panics(t, func() { fneg.word(1, 2, 3) })
	require.Panics(t, func() { sdotLane.lane(4) })
}

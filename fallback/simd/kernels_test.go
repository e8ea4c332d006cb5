package simd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tested says which test holds kernels against plain Go: at every length from 0 to 300 (of formats in blocks: every number of blocks up to
// what the test says), at any alignment, with infinities, what is not a number, and denormals.
var tested = []struct{ kernels, test string }{
	{`exactTile.*|exactRows?512`, "TestExactTile"},
	{`addRows.*`, "TestAddRows"},
	{`floatTile.*`, "TestFloatTile"},
	{`gemm.*`, "TestGemm"},
	{`rowDots.*|rowSums.*`, "TestRows"},
	{`exp(AVX2|AVX512|NEON)|expSum.*|max.*`, "TestLengthsOfElementwise"},
	{`gate.*|gelu.*`, "TestLengthsOfElementwise"},
	{`softCap.*`, "TestSoftCap"},
	{`exactExpMinus512|exactDivide512|exactSwiGLU512`, "TestExactExp"},
	{`transpose(256|NEON)|widen256|sum256|squares256|scaledProduct256|moments256|normalized256`, "TestMoves"},
	{`scan256|fade256`, "TestRecurrences"},
	{`scanSteps(256|512)`, "TestScanSteps"},
	{`deltaSteps(256|512)`, "TestDeltaSteps"},
	{`rotateHalves512|rotatePairs512|add256`, "TestRotations"},
	{`quantize.*`, "TestBytes"},
	{`bfloatTileAMX|bfloatRowAVX512|bfloatPanelAVX512`, "TestBfloatTile"},
	{`bfloatPairsAVX512`, "TestBfloatPairs"},
	{`(byte|word)Tile.*`, "TestByteTile"},
	{`(byte|word)Panel.*`, "TestBytePanel"},
	{`(byte|word)Row(AVX2|NEON)`, "TestByteRow"},
	{`unpack[A-Z0-9_]+`, "quant.TestUnpackedRowsAreDecodedRows"},
	{`unpackedDot.*`, "TestUnpackedDot"},
	{`unpack.*x16AVX512|words.*x16AVX2`, "quant.TestBytePanelsOfInterleavedRows"},
	{`bfloatPeakAMX|bytePeak(VNNI|SDOT|SMMLA)|wordPeakAVX2|vendor`, ""}, // their results mean nothing here
	{`decode.*`, "quant.TestVectorsDecodeTheSameBits"},
	{`encodeF16`, "quant.TestVectorsEncodeTheSameBytes"},
	{`exactQ(8_0|4_0)`, "quant.TestExactDots"},
	{`dot[A-Z0-9_]+(AVX2|AVX512|VNNI)`, "quant.TestDotsAreThoseOfDecodedRows"},
	{`dot.*x16(VNNI|AVX2)|panel.*x16(AVX512|AVX2)`, "quant.TestInterleavedRowsAreTheSameRows"},
}

// Every kernel of every processor has a test, and the table names none that is not there.
func TestEveryKernelIsTested(t *testing.T) {
	functions := func(pattern string) map[string]bool {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		names := map[string]bool{}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					names[fn.Name.Name] = true
				}
			}
		}
		return names
	}
	kernels := functions("kernels_*64.go")
	require.Greater(t, len(kernels), 100)
	own, quant := functions("*_test.go"), functions("../quant/*_test.go")
	for _, row := range tested {
		names, test := own, row.test
		if rest, ok := strings.CutPrefix(test, "quant."); ok {
			names, test = quant, rest
		}
		require.True(t, test == "" || names[test], "there is no test %s", row.test)
		pattern, found := regexp.MustCompile("^(?:"+row.kernels+")$"), false
		for k := range kernels {
			if pattern.MatchString(k) {
				found = true
				delete(kernels, k)
			}
		}
		require.True(t, found, "there is no kernel %s", row.kernels)
	}
	require.Empty(t, kernels, "kernels that no test is named for")
}

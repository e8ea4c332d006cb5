// Command gen writes the assembly of fallback/simd and its Go declarations; go generate ./fallback/simd calls it.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	build.ConstraintExpr("amd64")
	for _, r := range []int{1, 2, 4, 8} {
		exactTile512(r)
		addRows512(r)
		floatTile512(r)
	}
	for _, r := range []int{1, 2, 4} {
		exactTile256(r)
		addRows256(r)
		floatTile256(r)
	}
	for _, r := range []int{1, 2, 4, 8} {
		gemm(r, 2, 64)
		gemm(r, 1, 64)
	}
	for _, r := range []int{1, 2, 4} {
		gemm(r, 2, 32)
	}
	rowDots()
	rowSums()
	exponentials()
	gates()
	softCap()
	transpose()
	exactRow512()
	exactRows512()
	exactStored()
	exactExponentials()
	widen()
	sum()
	squares()
	moments()
	scaledProduct()
	normalized()
	recurrences()
	scanSteps()
	deltaSteps()
	add()
	rotations()
	decoders()
	encoder()
	dots()
	vendor()
	byteDots()
	quantize()
	quantize256()
	bfloatTile()
	bfloatRow()
	bfloatPanel()
	interleavedDots()
	interleavedPanels()
	interleaved256()
	bfloatPairs()
	unpackers()
	codebookUnpackers()
	ternaryUnpackers()
	for _, halves := range []bool{false, true} {
		decodeBytes(halves, false)
		decodeBytes(halves, true)
	}
	interleavedUnpackers()
	ternaries512()
	for _, shared := range []int{32, 16} {
		unpackedDot(shared, false)
		unpackedDot(shared, true)
	}
	for _, r := range []int{1, 2, 6} {
		byteTile(r, 8)
		byteTile(r, 4)
	}
	for _, r := range []int{1, 2, 4} {
		wordTile(r, 16)
		wordTile(r, 8)
	}
	for _, words := range []bool{false, true} {
		bytePanel(words)
		byteRow(words)
	}
	bytePeak()
	wordPeak()
	build.Generate()
}

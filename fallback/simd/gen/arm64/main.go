// Command arm64 writes the assembly of fallback/simd for arm64 and its Go declarations; go generate ./fallback/simd calls it.
package main

import (
	"fmt"
	"os"
	"slices"
)

func main() {
	f := newFile()
	for _, r := range []int{1, 2, 4} {
		gemm(f, r)
	}
	for _, r := range []int{1, 2} {
		exactTile(f, r)
	}
	for _, t := range stored {
		rowDots(f, t)
		rowSums(f, t)
		widen(f, t)
	}
	exponentials(f)
	gates(f)
	softCap(f)
	for _, length := range []int{32, 16} {
		unpackedDot(f, length, "SDOT", func(_ bool, sum, w, x int) { f.do(sdot, sum, w, x) })
		unpackedDot(f, length, "NEON", f.dotOfWords)
	}
	for _, u := range slices.Concat(unpackers, codebookUnpackers(), ternaryUnpackers()) {
		u.write(f)
	}
	for _, halves := range []bool{false, true} {
		decodeBytes(f, halves, false)
		decodeBytes(f, halves, true)
	}
	for _, r := range []int{1, 2, 4} {
		byteTile(f, r, 8)
		byteTile(f, r, 4)
		matrixTile(f, r, 4)
		matrixTile(f, r, 2)
	}
	bytePanel4(f)
	bytePanel8(f)
	byteRow(f)
	quantize(f)
	bytePeak(f, sdot)
	bytePeak(f, smmla)
	transpose(f)
	if err := f.write("kernels_arm64"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

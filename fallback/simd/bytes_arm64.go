package simd

import "golang.org/x/sys/cpu"

// HasSDOT reports whether this processor has the dot products of signed bytes (FEAT_DotProd).
var HasSDOT = cpu.ARM64.HasASIMDDP

func (l Level) quantize(b *Bytes, x []float32) {
	quantizeNEON(len(b.D), &x[0], &b.Upper[0], &b.Lower[0], &b.D[0], &b.S[0], &b.H[0])
}

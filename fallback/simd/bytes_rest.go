//go:build !amd64 && !arm64

package simd

// HasSDOT reports whether an arm64 has the dot products of signed bytes.
const HasSDOT = false

// These are of amd64 and arm64.

func BytesQ8_0(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ4_0(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ4_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ6_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesIQ4_NL(w []byte, x *Bytes, out []float32, levels *[16]int8) { panic(noKernel) }

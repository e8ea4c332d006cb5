//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func BytesQ4_1(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ5_0(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ5_1(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ5_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ2_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ3_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesMXFP4(w []byte, x *Bytes, out []float32, levels *[16]int8)  { panic(noKernel) }
func BytesIQ4_XS(w []byte, x *Bytes, out []float32, levels *[16]int8) { panic(noKernel) }
func BytesQ8_0(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ4_0(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ4_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesQ6_K(w []byte, x *Bytes, out []float32)                     { panic(noKernel) }
func BytesIQ4_NL(w []byte, x *Bytes, out []float32, levels *[16]int8) { panic(noKernel) }

package simd

import "golang.org/x/sys/cpu"

// permutes says that codebooks are looked up in registers.
var permutes = best >= AVX512 && cpu.X86.HasAVX512VBMI

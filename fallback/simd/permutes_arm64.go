package simd

// Codebooks are looked up in memory.
const permutes = false

func unpackIQ2_XXSVBMI(int, *byte, *uint8, *float32, *float32, *uint16, *uint8) { panic(noKernel) }
func unpackIQ2_XSVBMI(int, *byte, *uint8, *float32, *float32, *uint16, *uint8)  { panic(noKernel) }
func unpackIQ3_XXSVBMI(int, *byte, *uint8, *float32, *float32, *uint16, *uint8) { panic(noKernel) }
func unpackIQ3_SVBMI(int, *byte, *uint8, *float32, *float32, *uint16, *uint8)   { panic(noKernel) }

package simd

import "golang.org/x/sys/cpu"

var best = detect()

func detect() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasF16C:
		return Plain
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	case !x.HasAVX512VNNI:
		return AVX512
	case !x.HasAVX512BF16 || !x.HasAMXTile || !x.HasAMXBF16 || !allowTiles():
		return VNNI
	}
	return AMX
}

package simd

import "golang.org/x/sys/cpu"

var best = detect()

func detect() Level {
	switch x := &cpu.ARM64; {
	case !x.HasASIMDDP:
		return NEON
	case !x.HasI8MM && !systemHasI8MM():
		return SDOT
	}
	return SMMLA
}

package simd

import "golang.org/x/sys/cpu"

var best = detect()

// detect knows only what the system tells: Windows does not say whether there is SMMLA.
func detect() Level {
	switch x := &cpu.ARM64; {
	case !x.HasASIMDDP:
		return NEON
	case !x.HasI8MM:
		return SDOT
	}
	return SMMLA
}

package simd

import "golang.org/x/sys/windows"

// systemHasI8MM asks Windows, as package cpu does not. A release that knows nothing of it says no.
func systemHasI8MM() bool {
	return windows.IsProcessorFeaturePresent(windows.PF_ARM_V82_I8MM_INSTRUCTIONS_AVAILABLE)
}

//go:build !windows

package simd

// systemHasI8MM has nothing to add to what package cpu says.
func systemHasI8MM() bool { return false }

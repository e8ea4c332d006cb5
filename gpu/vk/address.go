package vk

import "unsafe"

// addressOf is where a slice's bytes lie, for alignment checks.
func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

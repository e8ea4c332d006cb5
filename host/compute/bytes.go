package compute

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Float32s is b seen as little-endian float32 values, without a copy: the result shares b's memory. It refuses a length
// that is no multiple of 4, an address that is not 4-byte aligned and a big-endian machine.
//
// This file holds the only unsafe code outside gpu/vk: a decode by encoding/binary costs as much as the arithmetic that
// follows it. It is sound because the checks are complete (length, alignment, byte order), every bit pattern is a
// float32, and the slice header keeps b's memory alive.
func Float32s(b []byte) ([]float32, error) {
	if len(b) == 0 {
		return nil, nil
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	switch {
	case len(b)%4 != 0:
		return nil, fmt.Errorf("compute: view bytes as float32: got %d bytes, want a multiple of 4", len(b))
	case uintptr(p)%4 != 0:
		return nil, fmt.Errorf("compute: view bytes as float32: got an address %d past a multiple of 4", uintptr(p)%4)
	case binary.NativeEndian.Uint16([]byte{1, 0}) != 1:
		return nil, fmt.Errorf("compute: view bytes as float32: got a big-endian machine")
	}
	return unsafe.Slice((*float32)(p), len(b)/4), nil
}

// Bytes is f seen as bytes in the machine's order, without a copy.
func Bytes(f []float32) []byte {
	if len(f) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}

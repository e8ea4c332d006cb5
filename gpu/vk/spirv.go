package vk

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	spirvMagic        = 0x07230203
	spirvHeaderWords  = 5
	spirvMaxWords     = 16 << 20 / 4 // 16 MiB; the engine's largest module is far below
	opEntryPoint      = 15
	opFunction        = 54
	opFunctionEnd     = 56
	executionModelGLC = 5 // GLCompute
)

// SPIRV turns the bytes of a .spv file into words. Both byte orders are accepted, as the specification asks of readers.
func SPIRV(b []byte) ([]uint32, error) {
	if len(b)%4 != 0 || len(b) < 4*spirvHeaderWords {
		return nil, invalid("read SPIR-V: got %d B, want a multiple of 4 and at least %d", len(b), 4*spirvHeaderWords)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(b) != spirvMagic {
		order = binary.BigEndian
	}
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = order.Uint32(b[4*i:])
	}
	if w[0] != spirvMagic {
		return nil, invalid("read SPIR-V: got first word %#x, want %#x", binary.LittleEndian.Uint32(b), uint32(spirvMagic))
	}
	return w, nil
}

// checkSPIRV walks a module's instructions: drivers assume well-formed modules and crash on others. It finds the entry
// point too, since a missing name is undefined behaviour. This is not a full validator; spirv-val is run when shaders are built.
func checkSPIRV(w []uint32, entry string) error {
	if len(w) < spirvHeaderWords || len(w) > spirvMaxWords {
		return invalid("check SPIR-V: got %d words, want %d to %d", len(w), spirvHeaderWords, spirvMaxWords)
	}
	if w[0] != spirvMagic {
		return invalid("check SPIR-V: got first word %#x, want %#x", w[0], uint32(spirvMagic))
	}
	if v := w[1]; v>>16 != 1 || v>>8&0xff > 6 {
		return invalid("check SPIR-V: got version %#x, want 1.0 to 1.6", v)
	}
	found, open := false, false
	for i := spirvHeaderWords; i < len(w); {
		n, op := int(w[i]>>16), w[i]&0xffff
		if n == 0 || n > len(w)-i {
			return invalid("check SPIR-V: word %d: got instruction of %d words, want 1 to %d", i, n, len(w)-i)
		}
		if op == opFunction || op == opFunctionEnd {
			if open == (op == opFunction) {
				return invalid("check SPIR-V: word %d: got functions that nest or do not begin", i)
			}
			open = !open
		}
		if op == opEntryPoint && n > 3 && w[i+1] == executionModelGLC && literal(w[i+3:i+n]) == entry {
			found = true
		}
		i += n
	}
	if open {
		return invalid("check SPIR-V: got a function without an end")
	}
	if !found {
		return invalid("check SPIR-V: got no compute entry point %q, want one", entry)
	}
	return nil
}

// literal decodes a nul-terminated string of a module.
func literal(w []uint32) string {
	b := make([]byte, 0, 4*len(w))
	for _, x := range w {
		for s := 0; s < 32; s += 8 {
			c := byte(x >> s)
			if c == 0 {
				if !utf8.Valid(b) {
					return ""
				}
				return string(b)
			}
			b = append(b, c)
		}
	}
	return ""
}

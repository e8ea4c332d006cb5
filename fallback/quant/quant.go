// Package quant decodes and encodes weight formats: one file per format with its layout and source, which
// registers itself. It is the definition that the shaders' decoders are checked against. It must not know files, models or devices.
package quant

import (
	"fmt"

	"tuff/host/compute"
)

// format is one block format. decode and encode handle one block: dst or src has BlockLen elements, the other BlockBytes.
// For plain types, whose blocks are single elements, decode takes any number of them. Products that are added to are
// converted to float32 first, which keeps the compiler from fusing the two roundings on the machines that can: the same
// bits everywhere.
type format struct {
	decode func(dst []float32, src []byte)
	encode func(dst []byte, src []float32) // as the format's reference does; nil: not by tuff
	fit    func(dst []byte, src []float32) // closer than the reference; nil: not by tuff
}

// formats are filled in by the file of each. A row may take less time than a look into a map.
var formats [256]format

// Supported reports whether Decode knows t.
func Supported(t compute.DType) bool { return formats[t].decode != nil }

// Encodable reports whether Encode knows t.
func Encodable(t compute.DType) bool { return formats[t].encode != nil }

// Decode widens len(dst) elements, whole blocks of format t, from src to float32. It allocates nothing.
func Decode(t compute.DType, dst []float32, src []byte) error {
	f := formats[t]
	if f.decode == nil {
		return fmt.Errorf("quant: decode %v: not supported", t)
	}
	if err := check("decode", t, len(dst), len(src)); err != nil {
		return err
	}
	n, b := t.BlockLen(), t.BlockBytes()
	if n == 1 {
		f.decode(dst, src)
		return nil
	}
	for ; len(dst) > 0; dst, src = dst[n:], src[b:] {
		f.decode(dst[:n], src[:b])
	}
	return nil
}

// Encode rounds len(src) elements to blocks of format t.
func Encode(t compute.DType, dst []byte, src []float32) error {
	f := formats[t]
	if f.encode == nil {
		return fmt.Errorf("quant: encode %v: not supported", t)
	}
	if err := check("encode", t, len(src), len(dst)); err != nil {
		return err
	}
	n, b := t.BlockLen(), t.BlockBytes()
	for ; len(src) > 0; dst, src = dst[b:], src[n:] {
		f.encode(dst[:b], src[:n])
	}
	return nil
}

func check(verb string, t compute.DType, elements, size int) error {
	want, err := t.RowBytes(elements)
	if err != nil {
		return fmt.Errorf("quant: %s %v: %w", verb, t, err)
	}
	if int64(size) != want {
		return fmt.Errorf("quant: %s %v: got %d bytes for %d elements, want %d", verb, t, size, elements, want)
	}
	return nil
}

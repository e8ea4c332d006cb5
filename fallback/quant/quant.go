// Package quant decodes and encodes weight formats: one file per format with its layout and source, one table that joins
// them. It is the definition that the shaders' decoders are checked against. It must not know files, models or devices.
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

var formats = map[compute.DType]format{
	compute.F32:     {decodeF32, encodeF32, encodeF32},
	compute.F16:     {decodeF16, encodeF16, encodeF16},
	compute.BF16:    {decodeBF16, encodeBF16, encodeBF16},
	compute.F64:     {decodeF64, nil, nil},
	compute.Q8_0:    {decodeQ8_0, encodeQ8_0, fitQ8_0},
	compute.Q8_1:    {decodeQ8_1, nil, nil},
	compute.Q8_K:    {decodeQ8_K, nil, nil},
	compute.Q4_0:    {decodeQ4_0, encodeQ4_0, fitQ4_0},
	compute.Q4_1:    {decodeQ4_1, encodeQ4_1, fitQ4_1},
	compute.Q5_0:    {decodeQ5_0, encodeQ5_0, fitQ5_0},
	compute.Q5_1:    {decodeQ5_1, encodeQ5_1, fitQ5_1},
	compute.Q1_0:    {decodeQ1_0, nil, nil},
	compute.Q2_0:    {decodeQ2_0, nil, nil},
	compute.Q2_K:    {decodeQ2_K, nil, nil},
	compute.Q3_K:    {decodeQ3_K, nil, nil},
	compute.Q4_K:    {decodeQ4_K, nil, fitQ4_K},
	compute.Q5_K:    {decodeQ5_K, nil, fitQ5_K},
	compute.Q6_K:    {decodeQ6_K, nil, fitQ6_K},
	compute.IQ1_S:   {decodeIQ1_S, nil, nil},
	compute.IQ1_M:   {decodeIQ1_M, nil, nil},
	compute.IQ2_XXS: {decodeIQ2_XXS, nil, nil},
	compute.IQ2_XS:  {decodeIQ2_XS, nil, nil},
	compute.IQ2_S:   {decodeIQ2_S, nil, nil},
	compute.IQ3_XXS: {decodeIQ3_XXS, nil, nil},
	compute.IQ3_S:   {decodeIQ3_S, nil, nil},
	compute.IQ4_NL:  {decodeIQ4_NL, nil, nil},
	compute.IQ4_XS:  {decodeIQ4_XS, nil, nil},
	compute.TQ1_0:   {decodeTQ1_0, nil, nil},
	compute.TQ2_0:   {decodeTQ2_0, nil, nil},
	compute.MXFP4:   {decodeMXFP4, nil, nil},
	compute.NVFP4:   {decodeNVFP4, nil, nil},
}

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

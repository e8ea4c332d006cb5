package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// Caps on what a header may claim, besides the bytes that are there. They lie far above published models.
const (
	maxTensors  = 1 << 16
	maxKeys     = 1 << 16
	maxString   = 16 << 20
	maxDims     = 4
	maxNesting  = 2
	maxElements = 1 << 40
	defaultAlig = 32
)

// GGUF's ids of metadata value types (specification, "gguf_metadata_value_type").
const (
	typeU8 = iota
	typeI8
	typeU16
	typeI16
	typeU32
	typeI32
	typeF32
	typeBool
	typeString
	typeArray
	typeU64
	typeI64
	typeF64
)

// typeBytes is the least number of bytes of one value of a metadata type: its size, or the length field of a string.
var typeBytes = map[uint32]uint64{typeU8: 1, typeI8: 1, typeU16: 2, typeI16: 2, typeU32: 4, typeI32: 4, typeF32: 4, typeBool: 1,
	typeString: 8, typeArray: 12, typeU64: 8, typeI64: 8, typeF64: 8}

// ggmlTypes maps GGUF's tensor type ids. Missing ids were retired or never used.
var ggmlTypes = map[uint32]compute.DType{
	0: compute.F32, 1: compute.F16, 2: compute.Q4_0, 3: compute.Q4_1, 6: compute.Q5_0, 7: compute.Q5_1, 8: compute.Q8_0, 9: compute.Q8_1,
	10: compute.Q2_K, 11: compute.Q3_K, 12: compute.Q4_K, 13: compute.Q5_K, 14: compute.Q6_K, 15: compute.Q8_K,
	16: compute.IQ2_XXS, 17: compute.IQ2_XS, 18: compute.IQ3_XXS, 19: compute.IQ1_S, 20: compute.IQ4_NL, 21: compute.IQ3_S, 22: compute.IQ2_S,
	23: compute.IQ4_XS, 24: compute.I8, 25: compute.I16, 26: compute.I32, 27: compute.I64, 28: compute.F64, 29: compute.IQ1_M, 30: compute.BF16,
	34: compute.TQ1_0, 35: compute.TQ2_0, 39: compute.MXFP4, 40: compute.NVFP4, 41: compute.Q1_0, 42: compute.Q2_0,
}

// decoder reads one shard's header. Every length is checked against the bytes remaining before anything is allocated.
type decoder struct {
	name string
	data []byte
	off  uint64
}

func (d *decoder) fail(what string, at uint64, got, want any) error {
	return &FormatError{File: d.name, Offset: int64(at), What: what, Got: fmt.Sprint(got), Want: fmt.Sprint(want)}
}

func (d *decoder) remaining() uint64 { return uint64(len(d.data)) - d.off }

// take returns the next n bytes.
func (d *decoder) take(what string, n uint64) ([]byte, error) {
	if n > d.remaining() {
		return nil, d.fail(what, d.off, fmt.Sprintf("%d bytes left", d.remaining()), fmt.Sprintf("%d bytes", n))
	}
	b := d.data[d.off : d.off+n]
	d.off += n
	return b, nil
}

func (d *decoder) u32(what string) (uint32, error) {
	b, err := d.take(what, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (d *decoder) u64(what string) (uint64, error) {
	b, err := d.take(what, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (d *decoder) str(what string) (string, error) {
	at := d.off
	n, err := d.u64(what + " length")
	if err != nil {
		return "", err
	}
	if n > maxString || n > d.remaining() {
		return "", d.fail(what+" length", at, n, fmt.Sprintf("at most %d", min(maxString, d.remaining())))
	}
	b, err := d.take(what, n)
	return string(b), err
}

// shard is one decoded file.
type shard struct {
	version int
	keys    []string
	values  map[string]any
	tensors []Tensor
	data    []byte // the tensor data section
	start   uint64 // its offset in the file
}

// decode reads magic, version, metadata and tensor table (GGUF specification, "File Structure").
func decode(name string, data []byte) (*shard, error) {
	d := &decoder{name: name, data: data}
	if err := d.magic(); err != nil {
		return nil, err
	}
	version, err := d.u32("version")
	switch {
	case err != nil:
		return nil, err
	case version>>16 != 0 && version&0xffff == 0:
		return nil, &UnsupportedError{name, "big-endian byte order"}
	case version == 1:
		return nil, &UnsupportedError{name, "GGUF version 1; convert it to version 3"}
	case version != 2 && version != 3:
		return nil, d.fail("version", 4, version, "2 or 3")
	}
	s := &shard{version: int(version), values: map[string]any{}}
	at := d.off
	nTensors, err := d.u64("number of tensors")
	if err != nil {
		return nil, err
	}
	nKeys, err := d.u64("number of keys")
	if err != nil {
		return nil, err
	}
	// A tensor's entry takes at least 8+4+8+4+8 bytes, a key's at least 8+4+1.
	if nTensors > maxTensors || nTensors > d.remaining()/32 {
		return nil, d.fail("number of tensors", at, nTensors, fmt.Sprintf("at most %d", min(maxTensors, d.remaining()/32)))
	}
	if nKeys > maxKeys || nKeys > d.remaining()/13 {
		return nil, d.fail("number of keys", at+8, nKeys, fmt.Sprintf("at most %d", min(maxKeys, d.remaining()/13)))
	}
	for range nKeys {
		if err := d.key(s); err != nil {
			return nil, err
		}
	}
	align := uint64(defaultAlig)
	if v, ok := s.values["general.alignment"]; ok {
		a, ok := v.(uint32)
		if !ok || a == 0 || a&(a-1) != 0 || a > 1<<20 {
			return nil, d.fail("general.alignment", 0, v, "a power of two up to 2^20 (uint32)")
		}
		align = uint64(a)
	}
	for range nTensors {
		if err := d.tensor(s, align); err != nil {
			return nil, err
		}
	}
	if nTensors == 0 {
		return s, nil
	}
	return s, d.place(s, align)
}

func (d *decoder) magic() error {
	b, err := d.take("magic", 4)
	if err != nil {
		return err
	}
	switch {
	case string(b) == "GGUF":
		return nil
	case string(b) == "FUGG":
		return &UnsupportedError{d.name, "big-endian byte order"}
	case string(b) == "PK\x03\x04":
		return &UnsupportedError{d.name, "a zip archive, perhaps a PyTorch checkpoint; want a GGUF file"}
	case b[0] == 0x80 && b[1] <= 5:
		return &UnsupportedError{d.name, "a Python pickle; want a GGUF file"}
	case string(b) == "ggml" || string(b) == "lmgg" || string(b) == "tjgg" || string(b) == "fmgg":
		return &UnsupportedError{d.name, "a GGML file from before GGUF"}
	case len(d.data) > 9 && d.data[8] == '{':
		return &UnsupportedError{d.name, "a safetensors file; want a GGUF file"}
	}
	return d.fail("magic", 0, fmt.Sprintf("%q", b), `"GGUF"`)
}

func (d *decoder) key(s *shard) error {
	at := d.off
	key, err := d.str("key")
	if err != nil {
		return err
	}
	if key == "" || len(key) > 65535 {
		return d.fail("key", at, fmt.Sprintf("%d bytes", len(key)), "1 to 65535 bytes")
	}
	if _, ok := s.values[key]; ok {
		return d.fail("key", at, fmt.Sprintf("%q twice", key), "each key once")
	}
	t, err := d.u32("type of " + key)
	if err != nil {
		return err
	}
	v, err := d.value(key, t, 0)
	if err != nil {
		return err
	}
	s.keys = append(s.keys, key)
	s.values[key] = v
	return nil
}

// value reads one metadata value. Arrays become []T of their element type, arrays of arrays []any.
func (d *decoder) value(key string, t uint32, depth int) (any, error) {
	at := d.off
	switch t {
	case typeString:
		return d.str("value of " + key)
	case typeArray:
		return d.array(key, depth)
	}
	size, ok := typeBytes[t]
	if !ok {
		return nil, d.fail("type of "+key, at-4, t, "0 to 12")
	}
	b, err := d.take("value of "+key, size)
	if err != nil {
		return nil, err
	}
	switch t {
	case typeU8:
		return b[0], nil
	case typeI8:
		return int8(b[0]), nil
	case typeBool:
		if b[0] > 1 {
			return nil, d.fail("value of "+key, at, b[0], "0 or 1")
		}
		return b[0] == 1, nil
	case typeU16:
		return binary.LittleEndian.Uint16(b), nil
	case typeI16:
		return int16(binary.LittleEndian.Uint16(b)), nil
	case typeU32:
		return binary.LittleEndian.Uint32(b), nil
	case typeI32:
		return int32(binary.LittleEndian.Uint32(b)), nil
	case typeF32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b)), nil
	case typeU64:
		return binary.LittleEndian.Uint64(b), nil
	case typeI64:
		return int64(binary.LittleEndian.Uint64(b)), nil
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}

func (d *decoder) array(key string, depth int) (any, error) {
	at := d.off
	t, err := d.u32("element type of " + key)
	if err != nil {
		return nil, err
	}
	n, err := d.u64("length of " + key)
	if err != nil {
		return nil, err
	}
	size, ok := typeBytes[t]
	if !ok || t == typeArray && depth+1 >= maxNesting {
		return nil, d.fail("element type of "+key, at, t, "0 to 12, nested once at most")
	}
	if n > d.remaining()/size {
		return nil, d.fail("length of "+key, at+4, n, fmt.Sprintf("at most %d in the bytes left", d.remaining()/size))
	}
	switch t {
	case typeU8:
		return list[uint8](d, key, t, n)
	case typeI8:
		return list[int8](d, key, t, n)
	case typeU16:
		return list[uint16](d, key, t, n)
	case typeI16:
		return list[int16](d, key, t, n)
	case typeU32:
		return list[uint32](d, key, t, n)
	case typeI32:
		return list[int32](d, key, t, n)
	case typeF32:
		return list[float32](d, key, t, n)
	case typeBool:
		return list[bool](d, key, t, n)
	case typeString:
		return list[string](d, key, t, n)
	case typeU64:
		return list[uint64](d, key, t, n)
	case typeI64:
		return list[int64](d, key, t, n)
	case typeF64:
		return list[float64](d, key, t, n)
	}
	out := make([]any, 0, n)
	for range n {
		v, err := d.array(key, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func list[T any](d *decoder, key string, t uint32, n uint64) ([]T, error) {
	out := make([]T, 0, n)
	for range n {
		v, err := d.value(key, t, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v.(T))
	}
	return out, nil
}

// tensor reads one entry of the tensor table; its offset is still relative to the data section.
func (d *decoder) tensor(s *shard, align uint64) error {
	at := d.off
	name, err := d.str("tensor name")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("tensor %q: ", name)
	if name == "" || len(name) > 1024 {
		return d.fail("tensor name", at, fmt.Sprintf("%d bytes", len(name)), "1 to 1024 bytes")
	}
	at = d.off
	dims, err := d.u32(what + "dimensions")
	if err != nil {
		return err
	}
	if dims < 1 || dims > maxDims {
		return d.fail(what+"dimensions", at, dims, fmt.Sprintf("1 to %d", maxDims))
	}
	t := Tensor{Name: name, Rows: 1}
	elements := uint64(1)
	for i := range dims {
		at = d.off
		n, err := d.u64(what + "shape")
		if err != nil {
			return err
		}
		if n == 0 || n > maxElements || elements > maxElements/n {
			return d.fail(what+"shape", at, n, fmt.Sprintf("at least 1, and %d elements at most in all", uint64(maxElements)))
		}
		elements *= n
		t.Dims = append(t.Dims, int(n))
		if i == 0 {
			t.Cols = int(n)
		} else {
			t.Rows *= int(n)
		}
	}
	at = d.off
	id, err := d.u32(what + "type")
	if err != nil {
		return err
	}
	dt, ok := ggmlTypes[id]
	if !ok {
		return &UnsupportedError{d.name, fmt.Sprintf("%stype id %d", what, id)}
	}
	t.DType = dt
	if t.Size, err = dt.Bytes(t.Rows, t.Cols); err != nil {
		return d.fail(what+"shape", at, err, "whole blocks")
	}
	at = d.off
	off, err := d.u64(what + "offset")
	if err != nil {
		return err
	}
	if off%align != 0 || off > math.MaxInt64/2 {
		return d.fail(what+"offset", at, off, fmt.Sprintf("a multiple of %d in the file", align))
	}
	t.Offset = int64(off)
	s.tensors = append(s.tensors, t)
	return nil
}

// place makes the tensors' offsets absolute and checks that they lie in the file and do not overlap.
func (d *decoder) place(s *shard, align uint64) error {
	start := (d.off + align - 1) / align * align
	if start > uint64(len(d.data)) {
		return d.fail("tensor data", d.off, fmt.Sprintf("%d bytes of file", len(d.data)), fmt.Sprintf("data from byte %d", start))
	}
	have := int64(uint64(len(d.data)) - start)
	order := make([]int, len(s.tensors))
	for i := range s.tensors {
		t := &s.tensors[i]
		order[i] = i
		if t.Offset > have || t.Size > have-t.Offset {
			return d.fail(fmt.Sprintf("tensor %q: data", t.Name), start+uint64(t.Offset), fmt.Sprintf("%d bytes to the end of the file", max(have-t.Offset, 0)),
				fmt.Sprintf("%d bytes", t.Size))
		}
		t.Offset += int64(start)
	}
	slices.SortFunc(order, func(a, b int) int {
		return int(min(max(s.tensors[a].Offset-s.tensors[b].Offset, -1), 1))
	})
	for i := 1; i < len(order); i++ {
		a, b := &s.tensors[order[i-1]], &s.tensors[order[i]]
		if a.Offset+a.Size > b.Offset {
			return d.fail(fmt.Sprintf("tensor %q: data", b.Name), uint64(b.Offset), fmt.Sprintf("overlap with %q", a.Name), "tensors apart")
		}
	}
	s.data, s.start = d.data[start:], start
	return nil
}

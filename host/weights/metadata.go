package weights

import (
	"encoding/binary"
	"fmt"
	"math"
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
	numTypes
)

// typeBytes is the least number of bytes of one value of each type: its size, the length field of a string, the type and
// length fields of an array.
var typeBytes = [numTypes]uint64{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}

// key reads one pair of key and value.
func (d *decoder) key(s *shard) error {
	at := d.off
	key, err := d.label("key", maxKey)
	if err != nil {
		return err
	}
	if _, ok := s.values[key]; ok {
		return d.fail("key", at, quote(key)+" twice", "each key once")
	}
	what := "key " + quote(key)
	t, err := d.valueType(what)
	if err != nil {
		return err
	}
	v, err := d.value(what, t)
	if err != nil {
		return err
	}
	s.keys = append(s.keys, key)
	s.values[key] = v
	return nil
}

func (d *decoder) valueType(what string) (uint32, error) {
	at := d.off
	t, err := d.u32(what + ": type")
	if err == nil && t >= numTypes {
		err = d.fail(what+": type", at, t, fmt.Sprintf("0 to %d", numTypes-1))
	}
	return t, err
}

// value reads one metadata value. Arrays become []T of their element type, arrays of arrays []any.
func (d *decoder) value(what string, t uint32) (any, error) {
	switch t {
	case typeString:
		b, err := d.bytes(what, maxString)
		return string(b), err
	case typeArray:
		return d.array(what, true)
	}
	v, err := d.list(what, t, 1)
	switch v := v.(type) {
	case []uint8:
		return v[0], nil
	case []int8:
		return v[0], nil
	case []uint16:
		return v[0], nil
	case []int16:
		return v[0], nil
	case []uint32:
		return v[0], nil
	case []int32:
		return v[0], nil
	case []uint64:
		return v[0], nil
	case []int64:
		return v[0], nil
	case []float32:
		return v[0], nil
	case []float64:
		return v[0], nil
	case []bool:
		return v[0], nil
	}
	return nil, err
}

// array reads an array; its elements may be arrays if it is the outermost one.
func (d *decoder) array(what string, outermost bool) (any, error) {
	at := d.off
	t, err := d.valueType(what)
	if err != nil {
		return nil, err
	}
	if t == typeArray && !outermost {
		return nil, d.fail(what, at, "arrays three deep", "two at most")
	}
	at = d.off
	n, err := d.u64(what)
	if err != nil {
		return nil, err
	}
	if limit := d.remaining() / typeBytes[t]; n > limit {
		return nil, d.fail(what, at, fmt.Sprintf("%d elements", n), fmt.Sprintf("at most %d in the bytes left", limit))
	}
	switch t {
	case typeString:
		return d.strings(what, n)
	case typeArray:
		out := make([]any, 0, n)
		for range n {
			v, err := d.array(what, false)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	return d.list(what, t, n)
}

// strings reads n strings: once to find their end, which checks every length, and then all of them with one allocation.
func (d *decoder) strings(what string, n uint64) ([]string, error) {
	start := d.off
	for range n {
		if _, err := d.bytes(what, maxString); err != nil {
			return nil, err
		}
	}
	all, out := string(d.data[start:d.off]), make([]string, n)
	for i := range out {
		size := binary.LittleEndian.Uint64([]byte(all[:8]))
		out[i], all = all[8:8+size], all[8+size:]
	}
	return out, nil
}

// list reads n values of a type of fixed size; n·size has been checked not to wrap.
func (d *decoder) list(what string, t uint32, n uint64) (any, error) {
	at := d.off
	b, err := d.take(what, n*typeBytes[t])
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	switch t {
	case typeU8:
		return each(b, 1, func(b []byte) uint8 { return b[0] }), nil
	case typeI8:
		return each(b, 1, func(b []byte) int8 { return int8(b[0]) }), nil
	case typeU16:
		return each(b, 2, le.Uint16), nil
	case typeI16:
		return each(b, 2, func(b []byte) int16 { return int16(le.Uint16(b)) }), nil
	case typeU32:
		return each(b, 4, le.Uint32), nil
	case typeI32:
		return each(b, 4, func(b []byte) int32 { return int32(le.Uint32(b)) }), nil
	case typeF32:
		return each(b, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }), nil
	case typeU64:
		return each(b, 8, le.Uint64), nil
	case typeI64:
		return each(b, 8, func(b []byte) int64 { return int64(le.Uint64(b)) }), nil
	case typeF64:
		return each(b, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }), nil
	case typeBool:
		for i, c := range b {
			if c > 1 {
				return nil, d.fail(what, at+uint64(i), c, "0 or 1")
			}
		}
		return each(b, 1, func(b []byte) bool { return b[0] == 1 }), nil
	}
	panic(fmt.Sprintf("BUG: weights: list of type %d", t))
}

func each[T any](b []byte, size int, get func([]byte) T) []T {
	out := make([]T, len(b)/size)
	for i := range out {
		out[i] = get(b[i*size:])
	}
	return out
}

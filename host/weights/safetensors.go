package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"tuff/host/compute"
)

// Caps of a safetensors header; the first is the format's own.
const (
	maxHeader  = 100_000_000
	maxRawDims = 8
)

// rawTensor is one entry of a safetensors file: a block of numbers, rows outermost.
type rawTensor struct {
	name  string
	dtype string // the format's name of it
	shape []int  // outermost first; empty for a single number
	shard int
	off   int64 // bytes from the start of the file
	size  int64
}

// rawTypes are the element types of the format, in bytes.
var rawTypes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}

// plainTypes are those that matrices may have as they lie in the file.
var plainTypes = map[string]compute.DType{"F32": compute.F32, "F16": compute.F16, "BF16": compute.BF16}

// elements is the product of the shape, which decoding has bounded.
func (t *rawTensor) elements() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// decodeSafetensors reads the header of a file: eight bytes of length, then JSON of names, types, shapes and places. Every byte
// after it belongs to exactly one tensor. Source: huggingface/safetensors, README, "Format".
func decodeSafetensors(name string, data []byte) ([]rawTensor, error) {
	list, _, err := decodeRaw(name, data)
	return list, err
}

// decodeRaw is decodeSafetensors with the texts of the header that are of no tensor.
func decodeRaw(name string, data []byte) ([]rawTensor, map[string]string, error) {
	fail := func(at int64, what, got, want string) ([]rawTensor, map[string]string, error) {
		return nil, nil, &FormatError{name, at, what, got, want}
	}
	for _, f := range foreign {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return nil, nil, &UnsupportedError{name, f.what}
		}
	}
	if len(data) < 8 {
		return fail(0, "header length", fmt.Sprintf("%d bytes left", len(data)), "8 bytes")
	}
	n := binary.LittleEndian.Uint64(data)
	if limit := min(maxHeader, uint64(len(data)-8)); n < 2 || n > limit {
		return fail(0, "header length", fmt.Sprint(n), fmt.Sprintf("2 to %d", limit))
	}
	start := int64(8 + n)
	head := data[8:start]
	if head[0] != '{' {
		return fail(8, "header", fmt.Sprintf("%q", head[0]), `"{"`)
	}
	v, err := parseJSON(name, head, 8, false)
	if err != nil {
		return nil, nil, err
	}
	entries := v.(map[string]any) // it begins with a brace
	var list []rawTensor
	var meta map[string]string
	for _, key := range sortedKeys(entries) {
		if key == "__metadata__" {
			if meta, err = rawMetadata(name, entries[key]); err != nil {
				return nil, nil, err
			}
			continue
		}
		t, err := rawEntry(name, key, entries[key], int64(len(data))-start)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, *t)
	}
	if len(list) > maxTensors {
		return fail(8, "header", fmt.Sprintf("%d tensors", len(list)), fmt.Sprintf("at most %d", maxTensors))
	}
	slices.SortStableFunc(list, func(a, b rawTensor) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.size, b.size)) })
	end := int64(0)
	for i := range list {
		t := &list[i]
		if t.off != end {
			return fail(8, "tensor "+quote(t.name)+": data", fmt.Sprintf("from byte %d", t.off), fmt.Sprintf("from byte %d, without hole or overlap", end))
		}
		end += t.size
		t.off += start
	}
	if start+end != int64(len(data)) {
		return fail(start+end, "end of file", fmt.Sprintf("%d bytes that belong to no tensor", int64(len(data))-start-end), "none")
	}
	return list, meta, nil
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func rawMetadata(name string, v any) (map[string]string, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &FormatError{name, 8, "__metadata__", "no object", "an object of strings"}
	}
	texts := make(map[string]string, len(m))
	for _, k := range sortedKeys(m) {
		if texts[k], ok = m[k].(string); !ok {
			return nil, &FormatError{name, 8, "__metadata__: " + quote(k), "no string", "a string"}
		}
	}
	return texts, nil
}

// rawEntry reads one entry of the header of a file with size bytes of data; its offset is still relative to the data.
func rawEntry(name, key string, v any, size int64) (*rawTensor, error) {
	what := "tensor " + quote(key)
	fail := func(part, got, want string) error { return &FormatError{name, 8, what + part, got, want} }
	if key == "" || len(key) > maxName || !utf8.ValidString(key) || bytes.ContainsFunc([]byte(key), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, fail("", "such a name", fmt.Sprintf("1 to %d characters, none of control", maxName))
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fail("", "no object", "an object")
	}
	for _, k := range sortedKeys(m) {
		if k != "dtype" && k != "shape" && k != "data_offsets" {
			return nil, fail(": key", quote(k), "dtype, shape and data_offsets")
		}
	}
	t := &rawTensor{name: key}
	if t.dtype, ok = m["dtype"].(string); !ok {
		return nil, fail(": dtype", "no string", "a type's name")
	}
	width, ok := rawTypes[t.dtype]
	if !ok {
		return nil, &UnsupportedError{name, fmt.Sprintf("%s: type %s", what, quote(t.dtype))}
	}
	shape, ok := wholes(m["shape"])
	if !ok || len(shape) > maxRawDims {
		return nil, fail(": shape", "no such list", fmt.Sprintf("a list of at most %d whole numbers", maxRawDims))
	}
	elements := int64(1)
	for _, d := range shape {
		if d > 0 && elements > maxElements/d || d > maxElements {
			return nil, fail(": shape", fmt.Sprint(shape), fmt.Sprintf("at most %d elements", int64(maxElements)))
		}
		elements *= d
		t.shape = append(t.shape, int(d))
	}
	offsets, ok := wholes(m["data_offsets"])
	if !ok || len(offsets) != 2 {
		return nil, fail(": data_offsets", "no such list", "two whole numbers")
	}
	switch {
	case offsets[0] > offsets[1] || offsets[1] > size:
		return nil, fail(": data_offsets", fmt.Sprint(offsets), fmt.Sprintf("ascending, up to %d", size))
	case offsets[1]-offsets[0] != elements*width:
		return nil, fail(": data_offsets", fmt.Sprintf("%d bytes", offsets[1]-offsets[0]), fmt.Sprintf("%d for %v of %s", elements*width, shape, t.dtype))
	}
	t.off, t.size = offsets[0], elements*width
	return t, nil
}

// wholes is a list of whole numbers.
func wholes(v any) ([]int64, bool) {
	list, ok := v.([]any)
	if !ok || len(list) > 1<<16 {
		return nil, false
	}
	out := make([]int64, len(list))
	for i, x := range list {
		n, ok := x.(number)
		if !ok {
			return nil, false
		}
		if out[i], ok = n.whole(); !ok {
			return nil, false
		}
	}
	return out, true
}

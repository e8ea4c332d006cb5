// Package dump reads tensors that a program left in files, by name: a safetensors file, a NumPy array, or a folder of these arrays. A file is
// hostile until every length in it has been checked against the bytes that are there; no more than a file's own bytes is read of it, and no
// tensor's numbers before they are asked for. The package must not know what a tensor is of, but for the names that engines give (names.go).
package dump

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Tensor is a named array in a file.
type Tensor struct {
	Name  string
	Shape []int // outermost first; empty: one number
	Type  string
	path  string // of a file to read from offset on; "": data has the bytes
	from  int64
	data  []byte
}

// Set is what Open found.
type Set struct {
	Path    string
	Meta    map[string]string // the texts of a safetensors header
	Tensors []*Tensor         // in the order of the file, or of the names of files
	close   func() error
}

// Error says that a file is wrong, or of a kind that is not read, and where.
type Error struct{ Path, What string }

func (e *Error) Error() string { return fmt.Sprintf("dump: read %q: %s", e.Path, e.What) }

// maxFiles bounds a folder.
const maxFiles = 1 << 16

// Open opens a .safetensors file, a .npy file, or a folder of .npy files, whose names are those of the tensors.
func Open(path string) (*Set, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("dump: %w", err)
	case info.IsDir():
		return openFolder(path)
	case strings.HasSuffix(path, ".npy"):
		t, err := openNumPy(path)
		if err != nil {
			return nil, err
		}
		return &Set{Path: path, Tensors: []*Tensor{t}}, nil
	case !strings.HasSuffix(path, ".safetensors"):
		return nil, &Error{path, "got another kind of file, want .safetensors, .npy, or a folder of .npy files"}
	}
	raw, err := weights.OpenRaw(path)
	if err != nil {
		return nil, err
	}
	s := &Set{Path: path, Meta: raw.Meta, close: raw.Close}
	for _, t := range raw.Tensors {
		s.Tensors = append(s.Tensors, &Tensor{Name: t.Name, Shape: t.Shape, Type: t.DType, data: t.Bytes})
	}
	return s, nil
}

func openFolder(path string) (*Set, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	s := &Set{Path: path}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".npy") {
			continue
		}
		t, err := openNumPy(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		if s.Tensors = append(s.Tensors, t); len(s.Tensors) > maxFiles {
			return nil, &Error{path, fmt.Sprintf("got more than %d arrays", maxFiles)}
		}
	}
	if s.Tensors == nil {
		return nil, &Error{path, "got a folder without a .npy file"}
	}
	return s, nil
}

// Close gives back what Open mapped.
func (s *Set) Close() error {
	if s == nil || s.close == nil {
		return nil
	}
	return s.close()
}

// Find is the tensor of this name, or nil.
func (s *Set) Find(name string) *Tensor {
	if i := slices.IndexFunc(s.Tensors, func(t *Tensor) bool { return t.Name == name }); i >= 0 {
		return s.Tensors[i]
	}
	return nil
}

// Len is the number of elements, which opening has bounded.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// bytes are the elements as they lie in the file.
func (t *Tensor) bytes() ([]byte, error) {
	if t.path == "" {
		return t.data, nil
	}
	f, err := os.Open(t.path)
	if err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	defer f.Close()
	b := make([]byte, t.Len()*widths[t.Type])
	if _, err := io.ReadFull(io.NewSectionReader(f, t.from, int64(len(b))), b); err != nil {
		return nil, &Error{t.path, "got fewer bytes than when it was opened"}
	}
	return b, nil
}

// widths of the types that have numbers for Floats or Ints, in bytes.
var widths = map[string]int{"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I32": 4, "I64": 8}

// IsFloat says that Floats has numbers.
func (t *Tensor) IsFloat() bool { return widths[t.Type] > 0 && !strings.HasPrefix(t.Type, "I") }

// Floats are the elements as float32, of F64 the nearest.
func (t *Tensor) Floats() ([]float32, error) {
	if !t.IsFloat() {
		return nil, fmt.Errorf("dump: tensor %q: got type %s, want F16, BF16, F32 or F64", t.Name, t.Type)
	}
	b, err := t.bytes()
	if err != nil {
		return nil, err
	}
	v := make([]float32, t.Len())
	le := binary.LittleEndian
	for i := range v {
		switch t.Type {
		case "F16":
			v[i] = compute.F16ToF32(le.Uint16(b[2*i:]))
		case "BF16":
			v[i] = compute.BF16ToF32(le.Uint16(b[2*i:]))
		case "F32":
			v[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		case "F64":
			v[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	}
	return v, nil
}

// Ints are the elements of a tensor of whole numbers.
func (t *Tensor) Ints() ([]int32, error) {
	if t.Type != "I32" && t.Type != "I64" {
		return nil, fmt.Errorf("dump: tensor %q: got type %s, want I32 or I64", t.Name, t.Type)
	}
	b, err := t.bytes()
	if err != nil {
		return nil, err
	}
	v := make([]int32, t.Len())
	for i := range v {
		n := int64(0)
		if t.Type == "I32" {
			n = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		} else {
			n = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
		if v[i] = int32(n); int64(v[i]) != n {
			return nil, fmt.Errorf("dump: tensor %q: got %d, want a number of 32 bits", t.Name, n)
		}
	}
	return v, nil
}

// Array is a tensor to be written.
type Array = weights.RawTensor

// Floats32 is an array of these numbers.
func Floats32(name string, shape []int, v []float32) Array {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return Array{Name: name, DType: "F32", Shape: shape, Bytes: b}
}

// Write writes tensors as a safetensors file, which Open reads.
func Write(w io.Writer, meta map[string]string, tensors []Array) error {
	return weights.WriteRaw(w, meta, tensors)
}

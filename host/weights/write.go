package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tuff/host/compute"
)

// Key is a metadata key and its value: a number, bool or string, a slice of such, or a []any of slices.
type Key struct {
	Name  string
	Value any
}

// Shape is a tensor that is to be written: its name, type and dimensions, innermost first.
type Shape struct {
	Name  string
	DType compute.DType
	Dims  []int
}

// Bytes is the size of the tensor's data.
func (s *Shape) Bytes() (int64, error) {
	if len(s.Dims) < 1 || len(s.Dims) > maxDims {
		return 0, fmt.Errorf("weights: write tensor %s: got %d dimensions, want 1 to %d", quote(s.Name), len(s.Dims), maxDims)
	}
	rows, elements := 1, 1
	for i, n := range s.Dims {
		if n < 1 || n > maxElements/elements {
			return 0, fmt.Errorf("weights: write tensor %s: got shape %v, want 1 to %d elements", quote(s.Name), s.Dims, maxElements)
		}
		if elements *= n; i > 0 {
			rows *= n
		}
	}
	n, err := s.DType.Bytes(rows, s.Dims[0])
	if err != nil {
		return 0, fmt.Errorf("weights: write tensor %s: %w", quote(s.Name), err)
	}
	return n, nil
}

// Header is GGUF version 3 up to the tensors' data: metadata and tensor table, padded. The data of each tensor follow in order,
// each padded to the alignment, which is general.alignment or 32 bytes.
func Header(keys []Key, tensors []Shape) ([]byte, error) {
	if len(keys) > maxKeys || len(tensors) > maxTensors {
		return nil, fmt.Errorf("weights: write header: got %d keys and %d tensors, want at most %d and %d", len(keys), len(tensors), maxKeys, maxTensors)
	}
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("GGUF"), 3)
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(keys)))
	seen := map[string]bool{}
	for _, k := range keys {
		if k.Name == "" || len(k.Name) > maxKey || seen[k.Name] {
			return nil, fmt.Errorf("weights: write key %s: want a name of its own of at most %d bytes", quote(k.Name), maxKey)
		}
		seen[k.Name] = true
		b = appendString(b, k.Name)
		id, ok := typeOf(k.Value)
		if !ok {
			return nil, fmt.Errorf("weights: write key %s: got a %T, want a type of GGUF", quote(k.Name), k.Value)
		}
		b = appendValue(le.AppendUint32(b, id), k.Value)
	}
	align := alignmentOf(keys)
	var off int64
	clear(seen)
	for i := range tensors {
		t := &tensors[i]
		size, err := t.Bytes()
		id, ok := t.DType.GGML()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, fmt.Errorf("weights: write tensor %s: got %v, want a type of GGUF", quote(t.Name), t.DType)
		case t.Name == "" || len(t.Name) > maxName || seen[t.Name]:
			return nil, fmt.Errorf("weights: write tensor %s: want a name of its own of at most %d bytes", quote(t.Name), maxName)
		}
		seen[t.Name] = true
		b = le.AppendUint32(appendString(b, t.Name), uint32(len(t.Dims)))
		for _, n := range t.Dims {
			b = le.AppendUint64(b, uint64(n))
		}
		b = le.AppendUint64(le.AppendUint32(b, id), uint64(off))
		off += padded(size, align)
	}
	return append(b, make([]byte, padded(int64(len(b)), align)-int64(len(b)))...), nil
}

func padded(n, align int64) int64 { return (n + align - 1) / align * align }

// alignmentOf is general.alignment, or what the specification says without it.
func alignmentOf(keys []Key) int64 {
	for _, k := range keys {
		if a, ok := k.Value.(uint32); ok && k.Name == "general.alignment" && a > 0 && a&(a-1) == 0 {
			return int64(a)
		}
	}
	return 32
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// typeOf is GGUF's id of a value's type.
func typeOf(v any) (uint32, bool) {
	switch v.(type) {
	case uint8:
		return typeU8, true
	case int8:
		return typeI8, true
	case uint16:
		return typeU16, true
	case int16:
		return typeI16, true
	case uint32:
		return typeU32, true
	case int32:
		return typeI32, true
	case uint64:
		return typeU64, true
	case int64:
		return typeI64, true
	case float32:
		return typeF32, true
	case float64:
		return typeF64, true
	case bool:
		return typeBool, true
	case string:
		return typeString, true
	}
	_, ok := elementType(v)
	return typeArray, ok
}

// elementType is the type of a slice's elements.
func elementType(v any) (uint32, bool) {
	switch v := v.(type) {
	case []uint8:
		return typeU8, true
	case []int8:
		return typeI8, true
	case []uint16:
		return typeU16, true
	case []int16:
		return typeI16, true
	case []uint32:
		return typeU32, true
	case []int32:
		return typeI32, true
	case []uint64:
		return typeU64, true
	case []int64:
		return typeI64, true
	case []float32:
		return typeF32, true
	case []float64:
		return typeF64, true
	case []bool:
		return typeBool, true
	case []string:
		return typeString, true
	case []any:
		return typeArray, !slices.ContainsFunc(v, func(x any) bool {
			id, ok := elementType(x)
			return !ok || id == typeArray
		})
	}
	return 0, false
}

// appendValue adds a value of a type that typeOf knows.
func appendValue(b []byte, v any) []byte {
	le := binary.LittleEndian
	if s, ok := v.(string); ok {
		return appendString(b, s)
	}
	if id, ok := elementType(v); ok {
		b = le.AppendUint32(b, id)
		switch v := v.(type) {
		case []string:
			b = le.AppendUint64(b, uint64(len(v)))
			for _, s := range v {
				b = appendString(b, s)
			}
			return b
		case []any:
			b = le.AppendUint64(b, uint64(len(v)))
			for _, x := range v {
				b = appendValue(b, x)
			}
			return b
		}
		b = le.AppendUint64(b, uint64(binary.Size(v)/int(typeBytes[id])))
	}
	b, err := binary.Append(b, le, v)
	if err != nil {
		panic("BUG: weights: value of GGUF: " + err.Error())
	}
	return b
}

// Writer writes a GGUF file: first the header, then the tensors' data in order, in pieces of any size. Everything goes to a file
// beside the one that is asked for and gets its name at Commit, so that there is never half a model under that name.
type Writer struct {
	path  string
	f     *os.File
	sizes []int64 // of tensors that are not complete yet
	align int64
	got   int64 // bytes of the first of sizes
	force bool
}

// Create begins path. Where it exists already, that is an error that is fs.ErrExist unless force is set.
func Create(path string, keys []Key, tensors []Shape, force bool) (*Writer, error) {
	w := &Writer{path: path, align: alignmentOf(keys), force: force}
	if err := w.free(); err != nil {
		return nil, err
	}
	head, err := Header(keys, tensors)
	if err != nil {
		return nil, err
	}
	for i := range tensors {
		n, _ := tensors[i].Bytes() // taken without error by Header
		w.sizes = append(w.sizes, n)
	}
	if w.f, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.partial"); err != nil {
		return nil, fmt.Errorf("weights: write %q: %w", path, err)
	}
	if _, err := w.f.Write(head); err != nil {
		return nil, errors.Join(fmt.Errorf("weights: write %q: %w", path, err), w.Abort())
	}
	return w, nil
}

// free says whether the path may be taken.
func (w *Writer) free() error {
	info, err := os.Lstat(w.path)
	switch {
	case err != nil:
		return nil // creating the file says what is wrong, if anything is
	case !info.Mode().IsRegular():
		return fmt.Errorf("weights: write %q: got something there that is no file (%s), want a new name", w.path, info.Mode().Type())
	case !w.force:
		return fmt.Errorf("weights: write %q: %w", w.path, fs.ErrExist)
	}
	return nil
}

// Write adds data of the tensor that is next; it must not reach into the one after.
func (w *Writer) Write(p []byte) (int, error) {
	if len(w.sizes) == 0 || int64(len(p)) > w.sizes[0]-w.got {
		return 0, fmt.Errorf("weights: write %q: got %d bytes more than the tensor has", w.path, len(p))
	}
	n, err := w.f.Write(p)
	if err != nil {
		return n, fmt.Errorf("weights: write %q: %w", w.path, err)
	}
	if w.got += int64(n); w.got == w.sizes[0] {
		if _, err := w.f.Write(make([]byte, padded(w.got, w.align)-w.got)); err != nil {
			return n, fmt.Errorf("weights: write %q: %w", w.path, err)
		}
		w.sizes, w.got = w.sizes[1:], 0
	}
	return n, nil
}

// Commit ends the file and gives it its name. After an error nothing of it is left.
func (w *Writer) Commit() error {
	if len(w.sizes) > 0 {
		return errors.Join(fmt.Errorf("weights: write %q: got no data for the last %d tensors", w.path, len(w.sizes)), w.Abort())
	}
	err := w.free()
	if err == nil {
		err = w.f.Chmod(0o644)
	}
	if err == nil {
		err = w.f.Sync()
	}
	if err == nil {
		err = w.f.Close()
	}
	if err == nil {
		err = os.Rename(w.f.Name(), w.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("weights: write %q: %w", w.path, err), w.Abort())
	}
	w.f = nil
	return nil
}

// Abort takes away what has been written; after Commit it does nothing.
func (w *Writer) Abort() error {
	if w.f == nil {
		return nil
	}
	_ = w.f.Close() // closed already after some errors, and of no interest any more
	err := os.Remove(w.f.Name())
	w.f = nil
	return err
}

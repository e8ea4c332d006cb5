// Package weights reads model files: GGUF, versions 2 and 3, mapped or read, in one file or several, and folders of safetensors
// with their config.json, which it presents under GGUF's keys and names. It gives names, types and bounded byte ranges. Of GGUF
// it decodes nothing but the header; tensors of a folder that GGUF lays out otherwise are rearranged when their bytes are asked
// for. A file is hostile until every length in it has been checked against the bytes that are there. The package must not know
// what is computed with tensors, nor devices.
package weights

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"tuff/host/compute"
)

// FormatError says that a file is wrong, and where.
type FormatError struct {
	File      string
	Offset    int64 // bytes from the start
	What      string
	Got, Want string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("weights: read %q: byte %#x: %s: got %s, want %s", e.File, e.Offset, e.What, e.Got, e.Want)
}

// UnsupportedError says that a file is valid, or another program's, but not implemented here.
type UnsupportedError struct{ File, What string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("weights: read %q: not supported: %s", e.File, e.What)
}

// Tensor is one named matrix of a file. A tensor of more than two dimensions is the matrix of its innermost rows.
type Tensor struct {
	Name       string
	DType      compute.DType
	Dims       []int // GGUF's order, innermost first
	Rows, Cols int   // elements; Cols is Dims[0]
	Offset     int64 // bytes from the start of its file
	Size       int64 // bytes
	Shard      int   // which file of a split model, from 0; −1: the bytes are made from the files', and Offset is 0
}

// File is an open model file, or all files of a split one. It may be used by several goroutines at once, but for Close.
type File struct {
	Name    string // of the file that was asked for, without its folder
	Version int    // of GGUF; 0: a folder of safetensors

	keys    []string
	values  map[string]any
	tensors []Tensor
	byName  map[string]int
	shards  []content
	// computed are the tensors whose Shard is −1.
	computed map[string]*computed
	// has is set in a Sketch.
	has func(name string) bool
}

// content is the bytes of one file, and what the operating system can do with them.
type content struct {
	path  string // "" where it was in memory already
	data  []byte
	close func() error
	drop  func(off, size int64) error // lets go of the pages of a range; nil where there are none
}

// Sketch is a file of metadata that is yet to be filled, for those who want to know what would be asked of it: Tensor claims to find
// the tensors that has names, but they have no shape and no data.
func Sketch(name string, keys []Key, has func(name string) bool) *File {
	f := &File{Name: name, Version: 3, values: map[string]any{}, byName: map[string]int{}, has: has}
	for _, k := range keys {
		f.put(k.Name, k.Value)
	}
	return f
}

// Close gives the file's memory back. Bytes that Data returned must not be used after.
func (f *File) Close() error {
	var errs []error
	for _, c := range f.shards {
		if c.close != nil {
			errs = append(errs, c.close())
		}
	}
	f.shards, f.computed = nil, nil
	return errors.Join(errs...)
}

// Holds reports whether path is one of the files that f reads from.
func (f *File) Holds(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(f.shards, func(c content) bool {
		own, err := os.Stat(c.path)
		return c.path != "" && err == nil && os.SameFile(own, info)
	})
}

// Size is the number of bytes of all files together.
func (f *File) Size() int64 {
	var n int64
	for _, c := range f.shards {
		n += int64(len(c.data))
	}
	return n
}

// Tensors are all tensors in the order of the files.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	switch {
	case !ok && f.has != nil && f.has(name):
		return Tensor{Name: name, DType: compute.F32}, true
	case !ok:
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Data are a tensor's bytes: little-endian, valid until Close, never to be written. They are the file's own, without a copy; of a
// tensor without a place in a file they are made at the first call, which then takes time, and kept until Release. Where the file is mapped
// and somebody truncates it meanwhile, reading them faults and ends the process; ReadInto gives an error instead. t is one of
// this file's tensors.
func (f *File) Data(t Tensor) []byte {
	if t.Shard < 0 {
		return f.computed[t.Name].bytes(f)
	}
	return f.shards[t.Shard].data[t.Offset : t.Offset+t.Size : t.Offset+t.Size]
}

// Release says that a tensor's bytes have been copied to where they are needed, so that the memory behind them may be
// used for something else; reading them again costs a read of the file.
func (f *File) Release(t Tensor) error {
	if t.Shard < 0 {
		f.computed[t.Name].release()
		return nil
	}
	c := f.shards[t.Shard]
	if c.drop == nil {
		return nil
	}
	return c.drop(t.Offset, t.Size)
}

// ReleasePart is Release of bytes [lo, hi) of a tensor; those of a computed one are released as a whole.
func (f *File) ReleasePart(t Tensor, lo, hi int64) error {
	if t.Shard < 0 || f.shards[t.Shard].drop == nil {
		return nil
	}
	return f.shards[t.Shard].drop(t.Offset+lo, hi-lo)
}

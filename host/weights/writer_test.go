package weights

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// raw builds a file byte by byte, right or wrong.
type raw []byte

func header(tensors, keys uint64) raw { return raw("GGUF").u32(3).u64(tensors).u64(keys) }

func (r raw) u32(v uint32) raw { return binary.LittleEndian.AppendUint32(r, v) }
func (r raw) u64(v uint64) raw { return binary.LittleEndian.AppendUint64(r, v) }
func (r raw) str(s string) raw { return append(r.u64(uint64(len(s))), s...) }
func (r raw) zeros(n int) raw  { return append(r, make([]byte, n)...) }

// pad adds zeros up to a multiple of align.
func (r raw) pad(align int) raw { return r.zeros((align - len(r)%align) % align) }

// key adds a key and the type of its value.
func (r raw) key(name string, t uint32) raw { return r.str(name).u32(t) }

// tensor adds an entry of the tensor table.
func (r raw) tensor(name string, t uint32, offset uint64, dims ...uint64) raw {
	r = r.str(name).u32(uint32(len(dims)))
	for _, n := range dims {
		r = r.u64(n)
	}
	return r.u32(t).u64(offset)
}

// data ends the header and adds n bytes.
func (r raw) data(n int) raw { return r.pad(32).zeros(n) }

// kinds are GGUF's types of Go's.
var kinds = map[reflect.Kind]uint32{
	reflect.Uint8: typeU8, reflect.Int8: typeI8, reflect.Uint16: typeU16, reflect.Int16: typeI16, reflect.Uint32: typeU32, reflect.Int32: typeI32,
	reflect.Uint64: typeU64, reflect.Int64: typeI64, reflect.Float32: typeF32, reflect.Float64: typeF64, reflect.Bool: typeBool,
	reflect.String: typeString, reflect.Slice: typeArray, reflect.Interface: typeArray,
}

// value adds a value of one of the types that File.Value gives, without its type.
func (r raw) value(v reflect.Value) raw {
	switch v.Kind() {
	case reflect.Interface:
		return r.value(v.Elem())
	case reflect.String:
		return r.str(v.String())
	case reflect.Slice:
		r = r.u32(kinds[v.Type().Elem().Kind()]).u64(uint64(v.Len()))
		for i := range v.Len() {
			r = r.value(v.Index(i))
		}
		return r
	}
	r, err := binary.Append(r, binary.LittleEndian, v.Interface())
	if err != nil {
		panic(fmt.Sprintf("BUG: a sample of type %v: %v", v.Type(), err))
	}
	return r
}

// writer builds well-formed files. The zero writer is an empty file.
type writer struct {
	align        int // 0 is 32
	keys, table  raw
	data         raw
	nKeys, nData uint64
}

// set adds a key; general.alignment comes before the first tensor.
func (w *writer) set(key string, value any) {
	v := reflect.ValueOf(value)
	if key == "general.alignment" {
		w.align = int(v.Uint())
	}
	w.keys = w.keys.key(key, kinds[v.Kind()]).value(v)
	w.nKeys++
}

// add adds a tensor of dims, innermost first.
func (w *writer) add(name string, t compute.DType, data []byte, dims ...uint64) {
	if id, ok := t.GGML(); ok {
		w.table = w.table.tensor(name, id, uint64(len(w.data)), dims...)
	}
	w.data = append(w.data, data...).pad(w.alignment())
	w.nData++
}

func (w *writer) alignment() int {
	if w.align == 0 {
		return 32
	}
	return w.align
}

func (w *writer) file() []byte {
	head := append(append(header(w.nData, w.nKeys), w.keys...), w.table...)
	return append(head.pad(w.alignment()), w.data...)
}

// save writes the file into a new folder.
func (w *writer) save(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, os.WriteFile(path, w.file(), 0o600))
	return path
}

package weights

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

var everyKind = []Key{
	{"general.architecture", "llama"}, {"u8", uint8(200)}, {"i8", int8(-3)}, {"u16", uint16(60000)}, {"i16", int16(-300)}, {"u32", uint32(1 << 31)},
	{"i32", int32(-1 << 31)}, {"u64", uint64(1 << 63)}, {"i64", int64(-1 << 63)}, {"f32", float32(0.1)}, {"f64", 0.1}, {"bool", true}, {"string", "ü\x00\xff"},
	{"strings", []string{"", "a", "bc"}}, {"none", []string{}}, {"floats", []float32{1, 2, 3}}, {"bytes", []uint8{1, 2}}, {"flags", []bool{true, false}},
	{"wide", []int64{-1, 1}}, {"nested", []any{[]int32{1}, []string{"x", "y"}}}, {"general.alignment", uint32(64)},
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	shapes := []Shape{{"a.weight", compute.Q8_0, []int{64, 3}}, {"b", compute.F32, []int{5}}, {"c", compute.BF16, []int{2, 3, 4}}}
	w, err := Create(path, everyKind, shapes, false)
	require.NoError(t, err)
	data := [][]byte{make([]byte, 204), make([]byte, 20), make([]byte, 48)}
	for i, d := range data {
		for j := range d {
			d[j] = byte(i + 7*j)
		}
		for len(d) > 0 { // in pieces
			n := min(len(d), 17)
			_, err := w.Write(d[:n])
			require.NoError(t, err)
			d = d[n:]
		}
	}
	assert.NoFileExists(t, path, "before it is whole")
	require.NoError(t, w.Commit())
	require.NoError(t, w.Abort(), "after Commit it does nothing")
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	assert.True(t, f.Holds(path))
	assert.False(t, f.Holds(path+"x"))
	for i, k := range f.Keys() {
		assert.Equal(t, everyKind[i], Key{k, f.Value(k)})
	}
	for i, s := range shapes {
		got, ok := f.Tensor(s.Name)
		require.True(t, ok)
		assert.Equal(t, s, Shape{got.Name, got.DType, got.Dims})
		assert.Zero(t, got.Offset%64)
		assert.Equal(t, data[i], f.Data(got))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing but the file")
}

func TestNothingIsLeftOfWhatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	shape := []Shape{{"a", compute.F32, []int{4}}}
	empty := func() {
		t.Helper()
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
	w, err := Create(path, nil, shape, false)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 17))
	assert.ErrorContains(t, err, "more than the tensor has")
	assert.ErrorContains(t, w.Commit(), "no data for the last 1 tensors")
	empty()

	w, err = Create(path, nil, shape, false)
	require.NoError(t, err)
	require.NoError(t, w.f.Close()) // stands for a disk that fails or is full
	_, err = w.Write(make([]byte, 16))
	assert.ErrorContains(t, err, `weights: write "`+path)
	require.NoError(t, w.Abort())
	empty()

	_, err = Create(filepath.Join(dir, "no", "m.gguf"), nil, shape, false)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAFileThatIsThereStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err := Create(path, nil, nil, false)
	assert.ErrorIs(t, err, fs.ErrExist)
	w, err := Create(path, nil, nil, true)
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(got), "until the new one is whole")
	require.NoError(t, w.Commit())
	_, err = Create(filepath.Dir(path), nil, nil, true)
	assert.ErrorContains(t, err, "no file")

	// Two writers at once: the second to end finds the file there.
	other := path + "2"
	a, err := Create(other, nil, nil, false)
	require.NoError(t, err)
	b, err := Create(other, nil, nil, false)
	require.NoError(t, err)
	require.NoError(t, a.Commit())
	assert.ErrorIs(t, b.Commit(), fs.ErrExist)
}

func TestHeadersThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		keys   []Key
		shapes []Shape
	}{
		"a complex64":             {[]Key{{"a", complex64(1)}}, nil},
		"a []interface":           {[]Key{{"a", []any{[]any{[]int32{1}}}}}, nil},
		"a name of its own":       {[]Key{{"a", true}, {"a", true}}, nil},
		"want a multiple of 32":   {nil, []Shape{{"a", compute.Q8_0, []int{33}}}},
		"got 0 dimensions":        {nil, []Shape{{"a", compute.F32, nil}}},
		"elements":                {nil, []Shape{{"a", compute.F32, []int{1 << 30, 1 << 30}}}},
		"want a type of GGUF":     {nil, []Shape{{"a", compute.F32, []int{1}}, {"a", compute.F32, []int{1}}}},
		"name of its own of at m": {nil, []Shape{{"", compute.F32, []int{1}}}},
	} {
		_, err := Header(c.keys, c.shapes)
		if name == "want a type of GGUF" {
			name = "name of its own"
		}
		assert.ErrorContains(t, err, name)
	}
}

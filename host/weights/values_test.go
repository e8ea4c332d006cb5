package weights

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// samples are a key of every type that GGUF has.
var samples = []struct {
	key   string
	value any
}{
	{"general.architecture", "llama"},
	{"general.alignment", uint32(64)},
	{"a.u8", uint8(200)}, {"a.i8", int8(-100)}, {"a.u16", uint16(60000)}, {"a.i16", int16(-30000)},
	{"a.u32", uint32(4000000000)}, {"a.i32", int32(-2000000000)}, {"a.u64", uint64(math.MaxUint64)}, {"a.i64", int64(math.MinInt64)},
	{"a.f32", float32(0.1)}, {"a.f64", 0.1}, {"a.yes", true}, {"a.no", false}, {"a.empty", ""}, {"a.text", "zażółć\n\x00"},
	{"l.u8", []uint8{1, 2, 3}}, {"l.i8", []int8{-1, 2}}, {"l.u16", []uint16{1, 65535}}, {"l.i16", []int16{-7}},
	{"l.u32", []uint32{7, 1 << 31}}, {"l.i32", []int32{-5, 5}}, {"l.u64", []uint64{3}}, {"l.i64", []int64{-3}},
	{"l.f32", []float32{1, -0.5}}, {"l.f64", []float64{2.5}}, {"l.bool", []bool{true, false}},
	{"l.text", []string{"", "a", "▁the", "\xff"}}, {"l.none", []string{}},
	{"l.lists", []any{[]int32{1, 2}, []string{"x"}, []int32{}}},
}

// sample is a file of about 2 KB with all of samples and four tensors, filled with the letter of their name.
func sample() []byte {
	var w writer
	for _, s := range samples {
		w.set(s.key, s.value)
	}
	w.add("a", compute.F32, bytes.Repeat([]byte("a"), 3*4), 3)
	w.add("b", compute.Q8_0, bytes.Repeat([]byte("b"), 2*2*34), 64, 2)
	w.add("c", compute.F16, bytes.Repeat([]byte("c"), 24*2), 2, 3, 2, 2)
	w.add("d", compute.I32, bytes.Repeat([]byte("d"), 5*4), 5, 1)
	return w.file()
}

func TestEveryTypeIsRead(t *testing.T) {
	data := sample()
	assert.Less(t, len(data), 2560)
	f, err := OpenBytes("sample", data)
	require.NoError(t, err)
	assert.Equal(t, 3, f.Version)
	assert.Equal(t, int64(len(data)), f.Size())
	var keys []string
	for _, s := range samples {
		keys = append(keys, s.key)
		assert.Equal(t, s.value, f.Value(s.key), s.key)
	}
	assert.Equal(t, keys, f.Keys(), "in the order of the file")
	c, ok := f.Tensor("c")
	require.True(t, ok)
	assert.Equal(t, Tensor{Name: "c", DType: compute.F16, Dims: []int{2, 3, 2, 2}, Rows: 12, Cols: 2, Offset: c.Offset, Size: 48}, c)
	for _, x := range f.Tensors() {
		assert.Zero(t, x.Offset%64, "general.alignment")
		assert.Equal(t, bytes.Repeat([]byte(x.Name), int(x.Size)), f.Data(x))
	}
	_, ok = f.Tensor("e")
	assert.False(t, ok)
	require.NoError(t, f.Close())
}

func TestGettersNeitherWrapNorGuess(t *testing.T) {
	f, err := OpenBytes("sample", sample())
	require.NoError(t, err)
	for key, want := range map[string]int64{"a.u8": 200, "a.i8": -100, "a.u16": 60000, "a.i16": -30000, "a.u32": 4000000000, "a.i32": -2000000000,
		"a.i64": math.MinInt64} {
		i, ok := f.Int(key)
		assert.True(t, ok, key)
		assert.Equal(t, want, i, key)
		u, ok := f.Uint(key)
		assert.Equal(t, want >= 0, ok, key)
		if ok {
			assert.Equal(t, uint64(want), u, key)
		}
		x, ok := f.Float(key)
		assert.True(t, ok, key)
		assert.Equal(t, float64(want), x, key)
	}
	u, ok := f.Uint("a.u64")
	assert.True(t, ok)
	assert.Equal(t, uint64(math.MaxUint64), u)
	_, ok = f.Int("a.u64")
	assert.False(t, ok, "too large")
	x, ok := f.Float("a.u64")
	assert.True(t, ok)
	assert.Equal(t, float64(math.MaxUint64), x)
	x, ok = f.Float("a.f32")
	assert.True(t, ok)
	assert.Equal(t, float64(float32(0.1)), x)
	for _, key := range []string{"a.text", "l.u32", "a.yes", "absent", "a.f64"} {
		_, ok := f.Uint(key)
		assert.False(t, ok, key)
	}
	_, ok = f.Float("a.text")
	assert.False(t, ok)
	_, ok = f.String("a.u8")
	assert.False(t, ok)
	b, ok := f.Bool("a.yes")
	assert.True(t, ok && b)
	b, ok = f.Bool("a.no")
	assert.True(t, ok && !b)

	for key, want := range map[string][]int64{"l.u8": {1, 2, 3}, "l.i8": {-1, 2}, "l.u16": {1, 65535}, "l.i16": {-7}, "l.u32": {7, 1 << 31},
		"l.i32": {-5, 5}, "l.u64": {3}, "l.i64": {-3}} {
		got, ok := f.Ints(key)
		assert.True(t, ok, key)
		assert.Equal(t, want, got, key)
	}
	_, ok = f.Ints("l.f32")
	assert.False(t, ok)
	fs, ok := f.Floats("l.f64")
	assert.True(t, ok)
	assert.Equal(t, []float32{2.5}, fs)
	ss, ok := f.Strings("l.text")
	assert.True(t, ok)
	assert.Equal(t, []string{"", "a", "▁the", "\xff"}, ss)
}

package weights

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/testkit"
)

// refuses asserts a typed error that says want, in little time and memory.
func refuses(t *testing.T, data []byte, want string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f, err := OpenBytes("bad.gguf", data)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if !assert.Error(t, err) {
		return
	}
	assert.Nil(t, f)
	assert.True(t, typed(err), "%T", err)
	assert.ErrorContains(t, err, want)
	assert.Less(t, len(err.Error()), 500)
	assert.Less(t, took, testkit.Patience)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*len(data)+64<<10), "memory")
}

func typed(err error) bool {
	var format *FormatError
	var unsupported *UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported)
}

func TestF01CountsBeyondTheFile(t *testing.T) {
	for _, n := range []uint64{1, 1 << 16, 1<<16 + 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63, math.MaxUint64} {
		refuses(t, header(n, 0), "number of tensors")
		refuses(t, header(0, n), "number of keys")
	}
	refuses(t, header(1<<16+1, 0).zeros(4<<20), "at most 65536")
	refuses(t, header(0, 1<<16+1).zeros(4<<20), "at most 65536")
}

func TestF02LengthsOfStrings(t *testing.T) {
	for _, n := range []uint64{65, 1 << 31, 1 << 63, math.MaxUint64} {
		refuses(t, header(0, 1).u64(n).zeros(64), "key: got a length of")
		refuses(t, header(0, 1).key("k", typeString).u64(n).zeros(64), `key "k": got a length of`)
		refuses(t, header(1, 0).u64(n).zeros(64), "tensor name: got a length of")
	}
	refuses(t, header(0, 1).u64(0).zeros(64), "key: got no bytes")
	refuses(t, header(1, 0).u64(0).zeros(64), "tensor name: got no bytes")
	refuses(t, header(0, 1).u64(65536).zeros(65536+64), "at most 65535")
	refuses(t, header(1, 0).u64(1025).zeros(4096), "at most 1024")
	refuses(t, header(0, 1).key("k", typeString).u64(maxString+1).zeros(maxString+64), "at most 16777216")
	f, err := OpenBytes("empty", header(0, 1).key("k", typeString).u64(0))
	require.NoError(t, err, "an empty value is a value")
	v, ok := f.String("k")
	assert.True(t, ok)
	assert.Empty(t, v)
}

func TestF03DimensionsAndArrays(t *testing.T) {
	for _, n := range []uint32{0, 5, math.MaxUint32} {
		refuses(t, header(1, 0).str("t").u32(n).zeros(64), "dimensions: got")
	}
	for _, n := range []uint64{100, 1 << 32, 1 << 60, 1 << 61, math.MaxUint64} {
		for kind := range uint32(numTypes) {
			if kind != typeArray {
				refuses(t, header(0, 1).key("k", typeArray).u32(kind).u64(n).zeros(64), `key "k"`)
			}
		}
		refuses(t, header(0, 1).key("k", typeArray).u32(typeArray).u64(n).zeros(64), `key "k"`)
	}
	for depth := 3; depth <= 64; depth++ {
		r := header(0, 1).key("k", typeArray)
		for range depth - 1 {
			r = r.u32(typeArray).u64(1)
		}
		refuses(t, r.u32(typeU8).u64(1).zeros(64), "three deep")
	}
	refuses(t, header(0, 1).key("k", typeArray).u32(typeString).u64(2).str("a").u64(math.MaxUint64).zeros(64), "a length of 18446744073709551615")
	refuses(t, header(0, 1).key("k", typeArray).u32(numTypes).u64(1).zeros(64), "0 to 12")
	refuses(t, header(0, 1).key("k", 13).zeros(64), "0 to 12")
	refuses(t, header(0, 1).key("k", typeBool).u32(2), "0 or 1")
}

func TestF04EveryTruncationIsATypedError(t *testing.T) {
	data := sample()
	f, err := OpenBytes("sample", data)
	require.NoError(t, err)
	last := f.Tensors()[3]
	for n := range data {
		g, err := OpenBytes("cut", data[:n:n])
		if int64(n) >= last.Offset+last.Size {
			require.NoError(t, err, "only padding is missing")
			use(g)
			continue
		}
		require.Error(t, err, "%d bytes", n)
		require.True(t, typed(err), "%d bytes: %v", n, err)
	}
}

var exhaustive = flag.Bool("exhaustive", false, "try all 255 changes of every byte, not a quarter of them")

// Every byte is replaced by other values: a file that opens all the same must be usable, one that does not must say why.
func TestEverySingleByteChange(t *testing.T) {
	data := sample()
	last := time.Now()
	opened, refused := 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range data {
		old := data[i]
		for v := range 256 {
			// Single bits, the neighbours and the ends always; of the others a quarter, another one for each byte.
			x := byte(v) ^ old
			special := x&(x-1) == 0 || byte(v) == old+1 || byte(v) == old-1 || v == 0 || v == 255
			if x == 0 || !special && !*exhaustive && (v+i)%4 != 0 {
				continue
			}
			data[i] = byte(v)
			f, err := OpenBytes("changed", data)
			if err != nil {
				refused++
				require.True(t, typed(err), "byte %d is %d: %v", i, v, err)
				continue
			}
			opened++
			if v < 4 {
				use(f)
			}
		}
		data[i] = old
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/uint64(opened+refused), uint64(4*len(data)+16<<10), "memory of one file")
	assert.Less(t, time.Since(last)/time.Duration(opened+refused), testkit.Patience/1000)
	assert.Greater(t, refused, opened/10)
	assert.Greater(t, opened, 0)
}

// use reads everything that a file offers.
func use(f *File) int {
	n := 0
	for _, k := range f.Keys() {
		f.Uint(k)
		f.Int(k)
		f.Float(k)
		f.Ints(k)
		f.Floats(k)
		f.String(k)
		f.Strings(k)
		f.Bool(k)
		n += len(fmt.Sprint(f.Value(k)))
	}
	for _, t := range f.Tensors() {
		for _, b := range f.Data(t) {
			n += int(b)
		}
		n += t.Rows * t.Cols
	}
	return n
}

func TestF05ProductsAndSumsThatWrap(t *testing.T) {
	for _, dims := range [][]uint64{{1 << 32, 1 << 32}, {1 << 63, 2}, {1 << 40, 2}, {math.MaxUint64}, {1 << 62, 1, 4, 1}, {3, 0x5555555555555556},
		{4194305, 4194305, 211106198978564}, {0}, {2, 0, 2}} {
		refuses(t, header(1, 0).tensor("t", 0, 0, dims...).data(64), `tensor "t": shape`)
	}
	refuses(t, header(1, 0).tensor("t", 0, 0, 1<<39).data(64), "data within the file")
	refuses(t, header(1, 0).tensor("t", 8, 0, 33).data(64), "multiple of 32")
	for _, off := range []uint64{1 << 63, math.MaxUint64 - 31, math.MaxInt64 - 31, 1 << 40} {
		refuses(t, header(1, 0).tensor("t", 0, off, 1).data(64), `tensor "t": offset`)
	}
	for _, align := range []uint32{0, 3, 48, 1 << 21, 1 << 31, math.MaxUint32} {
		refuses(t, header(1, 1).key("general.alignment", typeU32).u32(align).tensor("t", 0, 0, 1).data(64), "general.alignment")
	}
	refuses(t, header(1, 1).key("general.alignment", typeU64).u64(32).tensor("t", 0, 0, 1).data(64), "a uint32")
	refuses(t, header(1, 1).key("general.alignment", typeU32).u32(1<<20).tensor("t", 0, 0, 1).data(64), "data within the file")
}

func TestF10PlacesOfTensors(t *testing.T) {
	two := func(a, b uint64, n int) raw {
		return header(2, 0).tensor("a", 0, a, 16).tensor("b", 0, b, 16).data(n)
	}
	_, err := OpenBytes("good", two(0, 64, 128))
	require.NoError(t, err)
	_, err = OpenBytes("gap", two(0, 128, 192))
	require.NoError(t, err, "a gap is no harm")
	refuses(t, two(0, 64, 127), `tensor "b": data: got 64 bytes from byte`)
	refuses(t, two(0, 32, 128), `within "a"`)
	refuses(t, two(0, 0, 128), `within "a"`)
	refuses(t, two(64, 0, 128), `within "a"`) // descending
	refuses(t, two(0, 65, 256), "a multiple of 32")
	refuses(t, two(0, 1<<20, 128), "offset")
	refuses(t, two(0, 192, 128), "data within the file")
}

func TestF11TheSmallestFiles(t *testing.T) {
	for n := range 24 {
		refuses(t, header(0, 0)[:n:n], "bytes")
	}
	_, err := OpenBytes("nothing in it", header(0, 0))
	require.NoError(t, err)
	refuses(t, header(0, 1).zeros(12), "number of keys")            // 36 bytes
	refuses(t, header(1, 0).zeros(25), "tensor name: got no bytes") // 49 bytes
	for _, n := range []uint64{0, 1 << 63, math.MaxUint64} {
		refuses(t, raw("GGUF").u32(1).u64(1).u64(n), "GGUF version 1")
	}
	refuses(t, raw("GGUF").u32(0).zeros(16), "version: got 0, want 2 or 3")
	refuses(t, raw("GGUF").u32(4).zeros(16), "version: got 4, want 2 or 3")
	_, err = OpenBytes("version 2", raw("GGUF").u32(2).u64(0).u64(0))
	require.NoError(t, err)
}

func TestF12NamesTwiceAndUnknownTypes(t *testing.T) {
	refuses(t, header(0, 2).key("k", typeU8).zeros(1).key("k", typeU8).zeros(1), `"k" twice`)
	refuses(t, header(2, 0).tensor("t", 0, 0, 8).tensor("t", 0, 32, 8).data(64), `"t" twice`)
	for _, id := range []uint32{4, 5, 31, 32, 33, 36, 37, 38, 43, math.MaxUint32} {
		refuses(t, header(1, 0).tensor("t", id, 0, 256).data(1024), fmt.Sprintf("type id %d", id))
	}
	for _, dt := range compute.DTypes() {
		id, ok := dt.GGML()
		require.True(t, ok, "%v", dt)
		f, err := OpenBytes("type", header(1, 0).tensor("t", id, 0, 256).data(2048))
		require.NoError(t, err, "%v", dt)
		x, _ := f.Tensor("t")
		assert.Equal(t, dt, x.DType)
	}
}

func TestF14NamesThatMeanHarm(t *testing.T) {
	for _, name := range []string{"a\x00b", "a\nb", "\x1b[2J", "\x7f", "\xff\xfe"} {
		refuses(t, header(0, 1).key(name, typeU8).zeros(64), "key: got")
		refuses(t, header(1, 0).tensor(name, 0, 0, 8).data(64), "tensor name: got")
	}
	// Names are names here, never paths.
	f, err := OpenBytes("dots", header(1, 0).tensor("../../etc/passwd", 0, 0, 8).data(32))
	require.NoError(t, err)
	assert.Len(t, f.Tensors(), 1)
	for _, name := range []string{"m-00000-of-00003.gguf", "m-00004-of-00003.gguf", "m-00001-of-00000.gguf", "m-00001-of-99999.gguf"} {
		_, err := Open(filepath.Join(t.TempDir(), name))
		var format *FormatError
		assert.ErrorAs(t, err, &format, name)
	}
}

func TestF15OnlyRegularFiles(t *testing.T) {
	var unsupported *UnsupportedError
	_, err := Open(t.TempDir())
	require.ErrorAs(t, err, &unsupported)
	assert.ErrorContains(t, err, "a folder")
	if _, statErr := os.Stat("/dev/zero"); statErr == nil {
		_, err = Open("/dev/zero")
		require.ErrorAs(t, err, &unsupported)
		assert.ErrorContains(t, err, "not a regular file")
	}
	_, err = Open(filepath.Join(t.TempDir(), "absent.gguf"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	empty := filepath.Join(t.TempDir(), "empty.gguf")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = Open(empty)
	assert.ErrorContains(t, err, "got 0 bytes, want at least 24")
}

func TestF16OtherFilesAreNamed(t *testing.T) {
	for magic, want := range map[string]string{
		"\x80\x02}q\x00X\x04":                  "pickle",
		"PK\x03\x04\x00\x00":                   "zip archive",
		"\x1f\x8b\x08\x00":                     "gzip",
		"\x28\xb5\x2f\xfd":                     "zstd",
		"\x40\x00\x00\x00\x00\x00\x00\x00{\"a": "safetensors",
		"FUGG\x00\x00\x00\x03":                 "big-endian",
		"GGUF\x00\x00\x00\x03":                 "big-endian",
		"lmgg\x01\x00\x00\x00":                 "before GGUF",
		"tjgg\x03\x00\x00\x00":                 "before GGUF",
		"version https://git-lfs.github.com":   "Git LFS pointer",
		"<!DOCTYPE html>":                      "web page",
	} {
		data := append([]byte(magic), make([]byte, 64)...)
		refuses(t, data, want)
		_, err := OpenBytes("x", data)
		var unsupported *UnsupportedError
		assert.ErrorAs(t, err, &unsupported, want)
	}
	refuses(t, []byte(strings.Repeat("x", 64)), `magic: got "xxxx", want "GGUF"`)
}

func TestErrorsQuoteLongNamesInPart(t *testing.T) {
	refuses(t, header(0, 1).key(strings.Repeat("k", 60000), 99).zeros(8), "kkk…")
}

// A vocabulary of the largest published size is read with a handful of allocations.
func TestALargeVocabularyIsReadAtOnce(t *testing.T) {
	words := make([]string, 300_000)
	for i := range words {
		words[i] = fmt.Sprintf("word%d", i)
	}
	var w writer
	w.set("tokenizer.ggml.tokens", words)
	w.set("tokenizer.ggml.scores", make([]float32, len(words)))
	w.add("t", compute.F32, make([]byte, 4), 1)
	data := w.file()
	var f *File
	var err error
	assert.Less(t, testing.AllocsPerRun(1, func() { f, err = OpenBytes("large", data) }), 60.0)
	require.NoError(t, err)
	got, ok := f.Strings("tokenizer.ggml.tokens")
	require.True(t, ok)
	assert.Equal(t, words, got)
}

package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/testkit"
)

// split writes a model of n shards, changed by edit before each is written, and returns their paths.
func split(t *testing.T, n int, edit func(i int, keys map[string]any)) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i := range n {
		keys := map[string]any{"split.no": uint16(i), "split.count": uint16(n), "split.tensors.count": int32(n)}
		if edit != nil {
			edit(i, keys)
		}
		var w writer
		if i == 0 {
			w.set("general.architecture", "llama")
		}
		for _, k := range []string{"split.no", "split.count", "split.tensors.count"} {
			if v, ok := keys[k]; ok {
				w.set(k, v)
			}
		}
		name := fmt.Sprintf("t%d", i)
		if v, ok := keys["name"]; ok {
			name = v.(string)
		}
		w.add(name, compute.F32, bytes.Repeat([]byte{byte(i + 1)}, 32), 8)
		path := filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, n))
		require.NoError(t, os.WriteFile(path, w.file(), 0o600))
		paths = append(paths, path)
	}
	return paths
}

func TestAnyShardGivesTheSet(t *testing.T) {
	for _, path := range split(t, 3, nil) {
		f, err := Open(path)
		require.NoError(t, err)
		arch, _ := f.String("general.architecture")
		assert.Equal(t, "llama", arch)
		require.Len(t, f.Tensors(), 3)
		for i, x := range f.Tensors() {
			assert.Equal(t, i, x.Shard)
			assert.Equal(t, bytes.Repeat([]byte{byte(i + 1)}, 32), f.Data(x))
		}
		require.NoError(t, f.Close())
	}
	one := split(t, 1, nil)
	f, err := Open(one[0])
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestShardsThatDisagreeAreRefused(t *testing.T) {
	edit := func(which int, key string, v any) func(int, map[string]any) {
		return func(i int, keys map[string]any) {
			if i == which {
				if v == nil {
					delete(keys, key)
					return
				}
				keys[key] = v
			}
		}
	}
	for want, e := range map[string]func(int, map[string]any){
		"split.count: got 4, want 3":         edit(1, "split.count", uint16(4)),
		"split.count: got <nil>, want 3":     edit(0, "split.count", nil),
		"split.no: got 0, want 2":            edit(2, "split.no", uint16(0)),
		"split.no: got -1, want 1":           edit(1, "split.no", int32(-1)),
		"split.tensors.count: got 9, want 3": edit(0, "split.tensors.count", int32(9)),
		`"t0" twice`:                         edit(2, "name", "t0"),
	} {
		_, err := Open(split(t, 3, e)[0])
		var format *FormatError
		require.ErrorAs(t, err, &format, want)
		assert.ErrorContains(t, err, want)
	}

	paths := split(t, 3, nil)
	alone, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	_, err = OpenBytes("alone", alone)
	assert.ErrorContains(t, err, "one of 3 split files by itself")
	renamed := filepath.Join(filepath.Dir(paths[0]), "m.gguf")
	require.NoError(t, os.WriteFile(renamed, alone, 0o600))
	_, err = Open(renamed)
	assert.ErrorContains(t, err, "one of 3 split files by itself")
	require.NoError(t, os.Remove(paths[1]))
	_, err = Open(paths[2])
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "shard 2 of 3")
	require.NoError(t, os.WriteFile(paths[1], alone[:100], 0o600))
	_, err = Open(paths[0])
	assert.ErrorContains(t, err, "shard 2 of 3")
	assert.True(t, typed(err))
}

func TestReadIntoCopiesAndChecks(t *testing.T) {
	f, err := OpenBytes("sample", sample())
	require.NoError(t, err)
	b, _ := f.Tensor("b")
	got := make([]byte, 10)
	require.NoError(t, f.ReadInto(got, b, b.Size-10))
	assert.Equal(t, bytes.Repeat([]byte("b"), 10), got)
	for _, off := range []int64{-1, b.Size - 9, b.Size + 1, 1 << 62} {
		assert.ErrorContains(t, f.ReadInto(got, b, off), "want them within")
	}
}

// The reader must outlive its file: a mapped page that is no longer there is a fault, which ReadInto makes an error.
func TestAFileTruncatedWhileMappedIsAnError(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("faults of mapped files differ between systems")
	}
	var w writer
	const n = 1 << 18
	w.add("t", compute.I8, bytes.Repeat([]byte{7}, n), n)
	path := w.save(t)

	mapped, err := Open(path)
	require.NoError(t, err)
	defer mapped.Close()
	read, err := OpenWith(path, OpenOptions{NoMmap: true})
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 4096))
	got := make([]byte, n)
	x, _ := mapped.Tensor("t")
	assert.ErrorContains(t, mapped.ReadInto(got, x, 0), "the file shrank")
	require.NoError(t, mapped.ReadInto(got[:16], x, 0), "what is left can be read")
	require.NoError(t, read.ReadInto(got, x, 0), "a file that was read is not touched")
	assert.Equal(t, bytes.Repeat([]byte{7}, n), got)
}

// Releasing a tensor's pages gives memory back: the resident set shrinks by about as much.
func TestReleaseDropsResidentPages(t *testing.T) {
	resident := func() (kb int) {
		b, err := os.ReadFile("/proc/self/smaps_rollup")
		if err != nil {
			t.Skip("the system does not tell the resident set")
		}
		_, rest, _ := strings.Cut(string(b), "Rss:")
		_, err = fmt.Sscan(rest, &kb)
		require.NoError(t, err)
		return kb
	}
	const n = 32 << 20
	var w writer
	w.add("t", compute.I8, make([]byte, n), n)
	path := w.save(t)
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	x, _ := f.Tensor("t")
	sum := 0
	for _, b := range f.Data(x) {
		sum += int(b)
	}
	require.Zero(t, sum)
	before := resident()
	require.NoError(t, f.ReleasePart(x, n/2, n))
	half := resident()
	assert.Less(t, half, before-n/1024*3/8)
	require.NoError(t, f.Release(x))
	assert.Less(t, resident(), before-n/1024*3/4)
	assert.Equal(t, byte(0), f.Data(x)[n-1], "and it can be read again")
}

// Files of other writers open, but for those that are wrong.
func TestFilesOfOtherWriters(t *testing.T) {
	refused := map[string]string{
		"slice_corrupt.gguf":          "offset", // beyond the file
		"negative-bigendian-F32.gguf": "big-endian",
		"tiny.gguf":                   "data within the file", // a header alone
		"test_model.gguf":             "data within the file", // no padding before the data
	}
	opened := 0
	for _, dir := range []string{"gguf-fixtures", "stories260K-gguf", "vocab-gguf-rebuilt", "llamacpp-vocab", "aidreams260K"} {
		require.NoError(t, filepath.WalkDir(testkit.Shared(t, "real", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			f, err := Open(path)
			why, bad := refused[filepath.Base(path)]
			if !strings.HasSuffix(path, ".gguf") || bad {
				require.ErrorContains(t, err, why, path)
				assert.True(t, typed(err), "%s: %v", path, err)
				return nil
			}
			if assert.NoError(t, err) {
				opened++
				use(f)
				assert.NoError(t, f.Close())
			}
			return nil
		}))
	}
	assert.Greater(t, opened, 30)
}

// What another reader found in a slice of a published model.
func TestAPublishedModelsMetadata(t *testing.T) {
	dir := testkit.Shared(t, "real", "gguf-fixtures", "mlsys-lab", "gguf")
	f, err := Open(filepath.Join(dir, "slice.gguf"))
	require.NoError(t, err)
	defer f.Close()
	var truth struct {
		KV map[string]struct {
			Type  string
			Value any
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "container_truth.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &truth))
	for key, want := range truth.KV {
		got, err := json.Marshal(f.Value(key))
		require.NoError(t, err)
		expect, err := json.Marshal(want.Value)
		require.NoError(t, err)
		if strings.HasPrefix(want.Type, "FLOAT") {
			x, _ := f.Float(key)
			assert.InEpsilon(t, want.Value, x, 1e-6, key)
			continue
		}
		assert.JSONEq(t, string(expect), string(got), key)
	}
	for _, key := range f.Keys() {
		// That reader keeps such names for the header's fields and lists none, though this file has them as keys too.
		if !strings.HasPrefix(key, "GGUF.") {
			assert.Contains(t, truth.KV, key)
		}
	}
	_, err = Open(filepath.Join(dir, "slice_corrupt.gguf"))
	assert.ErrorContains(t, err, "blk.0.attn_v.weight", "the tensor that was damaged is named")
}

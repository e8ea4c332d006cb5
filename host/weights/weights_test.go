package weights

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/ember"
	"tuff/host/testkit"
)

func TestTheEmbeddedModelOpens(t *testing.T) {
	f, err := OpenBytes(ember.Name, ember.Model())
	require.NoError(t, err)
	arch, _ := f.String("general.architecture")
	assert.Equal(t, "llama", arch)
	n, ok := f.Uint("llama.block_count")
	assert.True(t, ok)
	assert.Equal(t, uint64(4), n)
	toks, ok := f.Strings("tokenizer.ggml.tokens")
	assert.True(t, ok)
	assert.Len(t, toks, 2048)
	w, ok := f.Tensor("blk.0.ffn_down.weight")
	require.True(t, ok)
	assert.Equal(t, compute.Q8_0, w.DType)
	assert.Equal(t, []int{w.Rows, w.Cols}, []int{256, 768})
	assert.Len(t, f.Data(w), 256*768/32*34)
	_, ok = f.Bool("llama.block_count")
	assert.False(t, ok, "a number is no boolean")
	require.NoError(t, f.Close())
}

func TestMappedAndReadFilesAreTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, os.WriteFile(path, ember.Model(), 0o600))
	a, err := Open(path)
	require.NoError(t, err)
	defer a.Close()
	b, err := OpenWith(path, OpenOptions{NoMmap: true})
	require.NoError(t, err)
	defer b.Close()
	for _, w := range a.Tensors() {
		other, ok := b.Tensor(w.Name)
		require.True(t, ok)
		require.Equal(t, a.Data(w), b.Data(other))
		require.NoError(t, a.Release(w))
		require.Equal(t, b.Data(other), a.Data(w), "released pages are read again")
	}
}

func TestEveryReferenceFileOpens(t *testing.T) {
	n := 0
	require.NoError(t, filepath.WalkDir(testkit.Shared(t, "oracle", "gguf"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".gguf") {
			return err
		}
		n++
		f, err := Open(path)
		if assert.NoError(t, err) {
			assert.NotEmpty(t, f.Tensors())
			assert.NoError(t, f.Close())
		}
		return nil
	}))
	assert.Greater(t, n, 60)
}

func TestSplitFilesAreOneModel(t *testing.T) {
	whole, err := Open(testkit.Shared(t, "real", "stories260K-gguf", "stories260K-F32.gguf"))
	require.NoError(t, err)
	defer whole.Close()
	for _, shard := range []string{"1", "3"} {
		f, err := Open(testkit.Shared(t, "real", "stories260K-gguf", "stories260K-split-F32-0000"+shard+"-of-00003.gguf"))
		require.NoError(t, err)
		require.Len(t, f.Tensors(), len(whole.Tensors()))
		for _, w := range whole.Tensors() {
			got, ok := f.Tensor(w.Name)
			require.True(t, ok, w.Name)
			require.Equal(t, whole.Data(w), f.Data(got))
		}
		require.NoError(t, f.Close())
	}
	_, err = Open(testkit.Shared(t, "real", "stories260K-gguf", "negative-bigendian-F32.gguf"))
	assert.ErrorContains(t, err, "big-endian")
}

package vk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPipelineCacheFile(t *testing.T) {
	d := openTest(t, nil)
	path := filepath.Join(t.TempDir(), "cache")
	c, rebuilt, err := d.LoadPipelineCache(path)
	require.NoError(t, err)
	assert.ErrorIs(t, rebuilt, os.ErrNotExist)
	p, err := d.CreatePipeline(PipelineInfo{Name: "vadd", SPIRV: words(t), Spec: SpecConstants(96), PushSize: vaddPush, Cache: c})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, c.Save(path))
	require.NoError(t, c.Close())
	c, rebuilt, err = d.LoadPipelineCache(path)
	require.NoError(t, err)
	assert.NoError(t, rebuilt)
	require.NoError(t, c.Close())

	good, err := os.ReadFile(path)
	require.NoError(t, err)
	damage := map[string][]byte{"empty": {}, "cut": good[:len(good)-1], "short": good[:20], "longer": append(append([]byte(nil), good...), 0)}
	for _, i := range []int{0, 8, 24, 28, 33, 50, cacheHeader, cacheHeader + 17, len(good) - 1} {
		b := append([]byte(nil), good...)
		b[i] ^= 0x40
		damage[string(rune('a'+i%26))+" flipped"] = b
	}
	for name, b := range damage {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		c, rebuilt, err := d.LoadPipelineCache(path)
		require.NoError(t, err, name)
		assert.ErrorIs(t, rebuilt, ErrInvalid, name)
		require.NoError(t, c.Close())
	}
	// A whole file whose payload is another device's: the checksum holds, the header does not.
	alien := append([]byte(nil), good[cacheHeader:]...)
	alien[16] ^= 1
	require.NoError(t, os.WriteFile(path, append(d.cacheHead(alien), alien...), 0o600))
	c, rebuilt, err = d.LoadPipelineCache(path)
	require.NoError(t, err)
	assert.ErrorIs(t, rebuilt, ErrInvalid)
	require.NoError(t, c.Close())
	left, err := filepath.Glob(path + ".*")
	require.NoError(t, err)
	assert.Empty(t, left)
}

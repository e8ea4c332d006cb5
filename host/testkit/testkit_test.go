package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRootHoldsTheModuleFile(t *testing.T) {
	_, err := os.Stat(filepath.Join(Root(t), "go.mod"))
	require.NoError(t, err)
}

func TestSharedFollowsTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "oracle", "a"), 0o755))
	t.Setenv("TUFF_SHARED", dir)
	assert.Equal(t, filepath.Join(dir, "oracle", "a"), Shared(t, "oracle", "a"))
}

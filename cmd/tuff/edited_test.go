package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/testkit"
	"tuff/shaders"
)

// breakShader makes the first multiplication of a module an addition.
func breakShader(t *testing.T, module string) {
	t.Helper()
	t.Chdir(t.TempDir()) // where compare saves what it finds
	const opFAdd, opFMul, header = 129, 133, 5
	gpuOptions = gpu.Options{CacheDir: "-", Shader: func(name string) []uint32 {
		if name != module {
			return nil
		}
		code, err := shaders.Module(name)
		require.NoError(t, err)
		for i := header; i < len(code); i += int(code[i] >> 16) {
			if code[i]&0xffff == opFMul {
				code[i] = code[i]&^0xffff | opFAdd
				return code
			}
		}
		t.Fatalf("%s has no multiplication to break", name)
		return nil
	}}
	t.Cleanup(func() { gpuOptions = gpu.Options{} })
}

// needGLSLC skips where there is no compiler for shaders, which make shaders fetches; with TUFF_REQUIRE_GLSLC that is a failure. It gives the
// folder shaders.
func needGLSLC(t *testing.T) string {
	t.Helper()
	root := testkit.Root(t)
	glslc := filepath.Join(root, ".cache", "glslc", "glslc")
	if _, err := os.Stat(glslc); err != nil {
		if os.Getenv("TUFF_REQUIRE_GLSLC") != "" {
			t.Fatal("no glslc: make shaders fetches one")
		}
		t.Skip("no glslc: make shaders fetches one")
	}
	t.Setenv("GLSLC", glslc)
	return filepath.Join(root, "shaders")
}

// editedCopy is a copy of the shaders in which the one old in a file became text. Tests that need the compiler for it are skipped without one.
func editedCopy(t *testing.T, file, old, text string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shaders")
	require.NoError(t, os.CopyFS(dir, os.DirFS(needGLSLC(t))))
	editFile(t, filepath.Join(dir, file), old, text)
	return dir
}

// editFile replaces old, which the file has once.
func editFile(t *testing.T, path, old, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(b), old), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), old, text, 1)), 0o644))
}

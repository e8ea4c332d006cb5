// Package testkit finds the files that tests read: the repository's own testdata, and the larger reference collection
// that may lie beside the checkout. It knows nothing of models, devices or formats.
package testkit

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Root is the repository's top folder, found from this source file's place so that tests may run from anywhere.
func Root(t testing.TB) string {
	t.Helper()
	dir := root()
	if dir == "" {
		t.Fatal("testkit: find repository: no caller information")
	}
	return dir
}

func root() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Testdata is a path below the repository's testdata folder. A missing file is a failure: testdata is part of the project.
func Testdata(t testing.TB, elem ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{Root(t), "testdata"}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("testkit: open testdata: %v", err)
	}
	return p
}

// HasShared reports whether the reference collection is there: some tests of parts of it, kept in testdata, are then done twice.
func HasShared() bool {
	_, err := os.Stat(filepath.Join(sharedDir(root()), "oracle"))
	return err == nil
}

// sharedDir is where the collection is looked for.
func sharedDir(root string) string {
	if dir := os.Getenv("TUFF_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.Dir(root), "shared")
}

// Shared is a path below the reference collection: $TUFF_SHARED, or the folder named shared beside the checkout.
// Where the collection is absent the test is skipped; where it is present but lacks the file, the test fails.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir := sharedDir(Root(t))
	if _, err := os.Stat(filepath.Join(dir, "oracle")); err != nil {
		t.Skip("the reference collection is not beside this checkout (set TUFF_SHARED)")
	}
	p := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("testkit: open shared file: %v", err)
	}
	return p
}

// Package testkit finds the files that tests read: the repository's own testdata, and the larger reference collection
// that may lie beside the checkout. It knows nothing of models, devices or formats.
package testkit

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Patience is what a test of time allows on a machine that is busy with other things; alone it takes a tenth, and most a thousandth.
const Patience = 10 * time.Second

// Root is the repository's top folder: the nearest one with a go.mod above the folder that tests begin in, which is their package's.
func Root(t testing.TB) string {
	t.Helper()
	if begun == "" {
		t.Fatal("testkit: find repository: got no go.mod above this folder")
	}
	return begun
}

// begun is looked up before a test changes its folder.
var begun = root()

func root() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
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
	_, err := os.Stat(filepath.Join(sharedDir(begun), "oracle"))
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

package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// OpenOptions of OpenWith.
type OpenOptions struct {
	// NoMmap reads files into memory instead of mapping them.
	NoMmap bool
}

// Open maps a model file. Of a split model any shard may be named; the others are found beside it.
func Open(path string) (*File, error) { return OpenWith(path, OpenOptions{}) }

// shardName is the form of split files: NAME-00001-of-00003.gguf.
var shardName = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// OpenWith is Open with options.
func OpenWith(path string, o OpenOptions) (*File, error) {
	names := []string{path}
	if m := shardName.FindStringSubmatch(path); m != nil {
		n, _ := strconv.Atoi(m[3])
		if n < 1 || n > 4096 {
			return nil, fmt.Errorf("weights: open %q: got %d shards by its name, want 1 to 4096", path, n)
		}
		names = names[:0]
		for i := range n {
			names = append(names, fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, n))
		}
	}
	var shards []content
	closeAll := func(err error) error {
		return errors.Join(append([]error{err}, (&File{shards: shards}).Close())...)
	}
	for _, name := range names {
		c, err := open(name, o)
		if err != nil {
			return nil, closeAll(err)
		}
		shards = append(shards, c)
	}
	f, err := assemble(filepath.Base(path), names, shards)
	if err != nil {
		return nil, closeAll(err)
	}
	if n, ok := f.Uint("split.count"); ok && n > 1 && int(n) != len(names) {
		return nil, closeAll(&FormatError{path, 0, "split.count", fmt.Sprintf("%d, and %d files by the name", n, len(names)), "one number"})
	}
	if n, ok := f.Uint("split.tensors.count"); ok && int(n) != len(f.tensors) {
		return nil, closeAll(&FormatError{path, 0, "split.tensors.count", fmt.Sprintf("%d, and %d tensors", n, len(f.tensors)), "one number"})
	}
	return f, nil
}

// open brings one regular file's bytes within reach.
func open(path string, o OpenOptions) (content, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return content{}, fmt.Errorf("weights: open model: %w", err)
	case info.IsDir():
		return content{}, &UnsupportedError{path, "a folder; want a .gguf file"}
	case !info.Mode().IsRegular():
		return content{}, &UnsupportedError{path, "not a regular file"}
	case info.Size() < 24: // the fixed part of the header
		return content{}, &FormatError{path, 0, "file", fmt.Sprintf("%d bytes", info.Size()), "at least 24"}
	}
	f, err := os.Open(path)
	if err != nil {
		return content{}, fmt.Errorf("weights: open model: %w", err)
	}
	defer f.Close()
	if !o.NoMmap {
		if c, err := mapFile(f, info.Size()); err == nil {
			return c, nil
		} else if !errors.Is(err, errors.ErrUnsupported) {
			return content{}, fmt.Errorf("weights: map %q: %w", path, err)
		}
	}
	// The size was the file system's word; a file that shrank meanwhile is an error, not a fault.
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return content{}, fmt.Errorf("weights: read %q: %w", path, err)
	}
	return content{data: data}, nil
}

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
	// NoMmap reads files into memory instead of mapping them: for files that may change while they are in use, and for file
	// systems on which faults are slow.
	NoMmap bool
}

// Open maps a model file, or the files of a folder with a config.json. Of a split model any shard may be named; the others are
// found beside it. Errors are a FormatError, an UnsupportedError, or what the operating system said.
func Open(path string) (*File, error) { return OpenWith(path, OpenOptions{}) }

// maxShards bounds the number of files that one name may lead to.
const maxShards = 1024

// shardName is the form of split files: NAME-00001-of-00003.gguf.
var shardName = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// OpenWith is Open with options.
func OpenWith(path string, o OpenOptions) (*File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openFolder(path, o)
	}
	names, err := shardNames(path)
	if err != nil {
		return nil, err
	}
	f := &File{Name: filepath.Base(path)}
	parts := make([]*shard, len(names))
	for i, name := range names {
		c, err := openFile(name, o)
		if err == nil {
			f.shards = append(f.shards, c)
			parts[i], err = decode(name, c.data)
		}
		if err != nil {
			if len(names) > 1 {
				err = fmt.Errorf("weights: open shard %d of %d: %w", i+1, len(names), err)
			}
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := f.join(names, parts); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenBytes reads a model that is already in memory. The caller keeps data unchanged until Close.
func OpenBytes(name string, data []byte) (*File, error) {
	s, err := decode(name, data)
	if err != nil {
		return nil, err
	}
	f := &File{Name: name, shards: []content{{data: data}}}
	if err := f.join([]string{name}, []*shard{s}); err != nil {
		return nil, err
	}
	return f, nil
}

// shardNames are the paths of all files of the model that path belongs to. They lie in path's own folder.
func shardNames(path string) ([]string, error) {
	m := shardName.FindStringSubmatch(path)
	if m == nil {
		return []string{path}, nil
	}
	which, _ := strconv.Atoi(m[2])
	n, _ := strconv.Atoi(m[3])
	if n < 1 || n > maxShards || which < 1 || which > n {
		return nil, &FormatError{path, 0, "name", fmt.Sprintf("shard %d of %d", which, n), fmt.Sprintf("1 to %d shards", maxShards)}
	}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, n))
	}
	return names, nil
}

// join makes one model of its shards, the first of which has the metadata, and checks what they say of each other.
func (f *File) join(names []string, parts []*shard) error {
	f.Version, f.keys, f.values = parts[0].version, parts[0].keys, parts[0].values
	f.byName = map[string]int{}
	for i, s := range parts {
		own := File{values: s.values}
		count, counted := own.Uint("split.count")
		no, numbered := own.Uint("split.no")
		switch {
		case count > 1 && len(parts) == 1:
			return &UnsupportedError{names[i], fmt.Sprintf("one of %d split files by itself; want them beside each other, named NAME-00001-of-%05[1]d.gguf", count)}
		case len(parts) > 1 && (!counted || count != uint64(len(parts))):
			return &FormatError{names[i], 0, "split.count", fmt.Sprint(s.values["split.count"]), fmt.Sprintf("%d as in the file's name", len(parts))}
		case len(parts) > 1 && (!numbered || no != uint64(i)):
			return &FormatError{names[i], 0, "split.no", fmt.Sprint(s.values["split.no"]), fmt.Sprintf("%d as in the file's name", i)}
		case s.version != f.Version:
			return &FormatError{names[i], 4, "version", fmt.Sprint(s.version), fmt.Sprintf("%d as in the first shard", f.Version)}
		}
		for _, t := range s.tensors {
			if _, ok := f.byName[t.Name]; ok {
				return &FormatError{names[i], t.Offset, "tensor name", quote(t.Name) + " twice", "each name once"}
			}
			t.Shard = i
			f.byName[t.Name] = len(f.tensors)
			f.tensors = append(f.tensors, t)
		}
	}
	if n, ok := f.Uint("split.tensors.count"); ok && n != uint64(len(f.tensors)) {
		return &FormatError{names[0], 0, "split.tensors.count", fmt.Sprint(n), fmt.Sprintf("%d as in the files", len(f.tensors))}
	}
	return nil
}

// openFile brings one regular file's bytes within reach.
func openFile(path string, o OpenOptions) (content, error) {
	// Asked before opening: opening a named pipe would wait for its writer.
	if info, err := os.Stat(path); err != nil {
		return content{}, fmt.Errorf("weights: open model: %w", err)
	} else if err := regular(path, info); err != nil {
		return content{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return content{}, fmt.Errorf("weights: open model: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return content{}, fmt.Errorf("weights: open model: %w", err)
	}
	if err := regular(path, info); err != nil {
		return content{}, err
	}
	size := info.Size()
	switch {
	case size < 24: // the fixed part of the header
		return content{}, &FormatError{path, 0, "file", fmt.Sprintf("%d bytes", size), "at least 24"}
	case int64(int(size)) != size:
		return content{}, &UnsupportedError{path, fmt.Sprintf("%d bytes on a %d-bit machine", size, strconv.IntSize)}
	}
	if !o.NoMmap {
		c, err := mapFile(f, int(size))
		if err == nil {
			c.path = path
			return c, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return content{}, fmt.Errorf("weights: map %q: %w", path, err)
		}
	}
	// The size was the file system's word; a file that shrank meanwhile is an error, not a fault.
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return content{}, fmt.Errorf("weights: read %q: got fewer than %d bytes: %w", path, size, err)
	}
	return content{path: path, data: data}, nil
}

func regular(path string, info os.FileInfo) error {
	switch {
	case info.IsDir():
		return &UnsupportedError{path, "a folder; want a .gguf file"}
	case !info.Mode().IsRegular():
		return &UnsupportedError{path, fmt.Sprintf("not a regular file (%s)", info.Mode().Type())}
	}
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"tuff/shaders"
)

// editedShaders are kernels out of a folder laid out as shaders in the source tree. Modules whose sources are not those of the folder's
// manifest.json are compiled when a pipeline first asks for them; all others are the built-in ones.
type editedShaders struct {
	dir   string
	glslc string
	stale map[string]shaders.Entry

	mu    sync.Mutex
	built map[string][]uint32
	err   error // the first
}

// openEdited looks for what is edited in dir. near is the folder beside which the source tree keeps its compiler: dir itself, or the one it is a copy of.
func openEdited(dir, near string) (*editedShaders, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("shaders: read manifest: %w; want a copy of the folder shaders of the source tree", err)
	}
	var info shaders.BuildInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("shaders: read manifest in %s: %w", dir, err)
	}
	e := &editedShaders{dir: dir, stale: map[string]shaders.Entry{}, built: map[string][]uint32{}}
	fsys := os.DirFS(dir)
	for _, m := range shaders.Manifest {
		digest, err := shaders.SourceDigest(fsys, m)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; want a copy of the folder shaders of this version's source tree", err)
		}
		if err != nil {
			return nil, err
		}
		if digest != info.Modules[m.Name].Source {
			e.stale[m.Name] = m
		}
	}
	if len(e.stale) == 0 {
		return nil, fmt.Errorf("shaders: look for edits in %s: got sources that are all those of its manifest.json, want an edited one", dir)
	}
	e.glslc, err = findCompiler(near)
	return e, err
}

// usersOf are the modules that each file of a folder of shaders goes into, by the file's path in it.
func usersOf(dir string) (map[string]map[string]shaders.Entry, error) {
	users := map[string]map[string]shaders.Entry{}
	closures := map[string][]string{} // by main source: formats share one
	for _, m := range shaders.Manifest {
		files, ok := closures[m.Source]
		if !ok {
			var err error
			if files, err = shaders.Closure(os.DirFS(dir), m.Source); err != nil {
				return nil, err
			}
			closures[m.Source] = files
		}
		for _, f := range files {
			if users[f] == nil {
				users[f] = map[string]shaders.Entry{}
			}
			users[f][m.Name] = m
		}
	}
	return users, nil
}

// findCompiler is the absolute path of glslc: the variable GLSLC, the source tree's that near is a folder of, or the one in PATH.
func findCompiler(near string) (string, error) {
	for _, name := range []string{os.Getenv("GLSLC"), filepath.Join(near, "..", ".cache", "glslc", "glslc"), "glslc"} {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err != nil {
				return "", fmt.Errorf("shaders: %w", err)
			}
			return path, nil
		}
	}
	return "", errors.New("shaders: compile edits: found no glslc, want it in PATH or its path in the variable GLSLC (make shaders fetches one)")
}

// module is the hook of gpu.Options: nil for what is not edited. A module that does not compile is an error of the device, which err explains.
func (e *editedShaders) module(name string) []uint32 {
	m, ok := e.stale[name]
	if !ok {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if code, ok := e.built[name]; ok {
		return code
	}
	code, err := e.compile(m)
	if err != nil {
		e.err = errors.Join(e.err, err)
		code = []uint32{0} // no SPIR-V: the device refuses it
	}
	e.built[name] = code
	return code
}

func (e *editedShaders) compile(m shaders.Entry) ([]uint32, error) {
	f, err := os.CreateTemp("", "tuff-*.spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: compile %s: %w", m.Name, err)
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("shaders: compile %s: %w", m.Name, err)
	}
	cmd := exec.Command(e.glslc, shaders.Arguments(m, f.Name())...)
	cmd.Dir = e.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("shaders: compile %s: %s", m.Name, strings.TrimSpace(string(out)))
	}
	return readSPIRV(f.Name())
}

// failed puts the compiler's words in place of an error that the device made of a module that did not compile.
func (e *editedShaders) failed(err error) error {
	if e == nil || err == nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	return err
}

// readSPIRV reads a compiled shader.
func readSPIRV(path string) ([]uint32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("shaders: read SPIR-V: %w", err)
	}
	code, err := shaders.Words(path, b)
	if err != nil {
		return nil, err
	}
	return code, nil
}

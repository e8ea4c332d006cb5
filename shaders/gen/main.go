// Command gen compiles every module of shaders.Manifest into shaders/spv and writes shaders/manifest.json.
//
//	go run ./shaders/gen -glslc PATH [-all]
//
// It compiles only what is stale unless -all is given, several modules at once, removes files of modules that are gone,
// and runs spirv-val from the compiler's folder on everything where it is found. It must not know Vulkan or ops.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"tuff/shaders"
)

func main() {
	glslc := flag.String("glslc", "glslc", "the pinned compiler, "+shaders.Compiler)
	all := flag.Bool("all", false, "compile everything, not only what is stale")
	dir := flag.String("dir", "shaders", "folder of the sources")
	flag.Parse()
	if err := run(*glslc, *dir, *all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limit is how long one run of the compiler or validator may take.
const limit = 2 * time.Minute

func run(glslc, dir string, all bool) error {
	glslc, err := filepath.Abs(mustFind(glslc))
	if err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	if err := checkVersion(glslc); err != nil {
		return err
	}
	old := shaders.BuildInfo{}
	if b, err := os.ReadFile(filepath.Join(dir, "manifest.json")); err == nil && !all {
		if err := json.Unmarshal(b, &old); err != nil {
			return fmt.Errorf("gen: read manifest.json: %w", err)
		}
	}
	info := shaders.BuildInfo{Compiler: shaders.Compiler, Flags: shaders.Flags, Modules: make(map[string]shaders.Built)}
	g := &generator{glslc: glslc, dir: dir, old: old.Modules}
	if v := filepath.Join(filepath.Dir(glslc), "spirv-val"); executable(v) {
		g.validator = v
	}
	for name, text := range map[string]string{"format_of.glsl": shaders.FormatOf(), "bytes_of.glsl": shaders.BytesOf()} {
		if err := os.WriteFile(filepath.Join(dir, "include", name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("gen: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "spv"), 0o755); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	built := make([]shaders.Built, len(shaders.Manifest))
	errs := make([]error, len(shaders.Manifest))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i, m := range shaders.Manifest {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			built[i], errs[i] = g.module(m)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, m := range shaders.Manifest {
		info.Modules[m.Name] = built[i]
	}
	if err := removeOthers(dir, info.Modules); err != nil {
		return err
	}
	b, err := json.MarshalIndent(info, "", "\t")
	if err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	checked := "not validated: no spirv-val beside the compiler"
	if g.validator != "" {
		checked = "all validated"
	}
	fmt.Fprintf(os.Stderr, "gen: %d modules, %d compiled, %s\n", len(built), g.compiled, checked)
	return nil
}

// mustFind leaves paths alone and looks bare names up.
func mustFind(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	return name
}

func executable(path string) bool {
	i, err := os.Stat(path)
	return err == nil && !i.IsDir() && i.Mode()&0o111 != 0
}

func checkVersion(glslc string) error {
	out, err := output(glslc, "", "--version")
	if err != nil {
		return fmt.Errorf("gen: run the compiler: %w", err)
	}
	got, _, _ := strings.Cut(string(out), "\n")
	if got = strings.TrimSpace(got); got != shaders.Compiler {
		return fmt.Errorf("gen: check compiler %s: got %q, want %q", glslc, got, shaders.Compiler)
	}
	return nil
}

func output(program, dir string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return out, nil
}

type generator struct {
	glslc, validator, dir string
	old                   map[string]shaders.Built

	mu       sync.Mutex
	compiled int
}

// module brings one module up to date and validates it.
func (g *generator) module(m shaders.Entry) (shaders.Built, error) {
	source, err := shaders.SourceDigest(os.DirFS(g.dir), m)
	if err != nil {
		return shaders.Built{}, err
	}
	file := filepath.Join("spv", m.Name+".spv")
	code, err := os.ReadFile(filepath.Join(g.dir, file))
	if o := g.old[m.Name]; err != nil || o.Source != source || o.SPV != digest(code) {
		if _, err := output(g.glslc, g.dir, shaders.Arguments(m, file)...); err != nil {
			return shaders.Built{}, fmt.Errorf("gen: compile %s: %w", m.Name, err)
		}
		if code, err = os.ReadFile(filepath.Join(g.dir, file)); err != nil {
			return shaders.Built{}, fmt.Errorf("gen: compile %s: %w", m.Name, err)
		}
		g.mu.Lock()
		g.compiled++
		g.mu.Unlock()
	}
	if g.validator != "" {
		if _, err := output(g.validator, g.dir, "--target-env", m.Environment(), file); err != nil {
			return shaders.Built{}, fmt.Errorf("gen: validate %s: %w", m.Name, err)
		}
	}
	return shaders.Built{Source: source, SPV: digest(code)}, nil
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// removeOthers deletes the SPIR-V of modules that the manifest no longer has.
func removeOthers(dir string, have map[string]shaders.Built) error {
	files, err := filepath.Glob(filepath.Join(dir, "spv", "*.spv"))
	if err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	for _, f := range files {
		if _, ok := have[strings.TrimSuffix(filepath.Base(f), ".spv")]; !ok {
			if err := os.Remove(f); err != nil {
				return fmt.Errorf("gen: remove a module that is gone: %w", err)
			}
		}
	}
	return nil
}

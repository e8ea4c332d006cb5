package shaders

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Compiler is the compiler whose output is committed, as glslc --version names it: its output differs between versions.
const Compiler = "shaderc 2025.2-1"

// DefaultTarget is the oldest Vulkan that has all that is needed; for 1.3 the compiler asks for one more feature (LocalSizeId).
const DefaultTarget = "vulkan1.2"

// Flags are the compiler's, before the module's defines. A module may have another target.
var Flags = []string{"-fshader-stage=compute", "--target-env=" + DefaultTarget, "-O", "-Werror"}

// Environment is what a module is compiled and validated for.
func (m Entry) Environment() string { return cmp.Or(m.Target, DefaultTarget) }

// flags are the compiler's for a module, its defines not included.
func (m Entry) flags() []string {
	flags := slices.Clone(Flags)
	for i, f := range flags {
		if strings.HasPrefix(f, "--target-env=") {
			flags[i] = "--target-env=" + m.Environment()
		}
	}
	return flags
}

// Built is what the generator wrote about one module.
type Built struct {
	Source string `json:"source_sha256"` // digest of SourceDigest
	SPV    string `json:"spv_sha256"`
}

// BuildInfo is the contents of manifest.json.
type BuildInfo struct {
	Compiler string           `json:"compiler"`
	Flags    []string         `json:"flags"`
	Modules  map[string]Built `json:"modules"`
}

// maxIncludes bounds the files of one module, against a cycle.
const maxIncludes = 128

// Closure lists a source file and every file that it includes, directly or not, sorted by name. All branches of #if count.
func Closure(fsys fs.FS, source string) ([]string, error) {
	files := []string{source}
	for i := 0; i < len(files); i++ {
		text, err := fs.ReadFile(fsys, files[i])
		if err != nil {
			return nil, fmt.Errorf("shaders: read source: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			rest, ok := strings.CutPrefix(strings.TrimSpace(line), "#include")
			if !ok {
				continue
			}
			name := strings.Trim(strings.TrimSpace(rest), `"`)
			if name = path.Join(path.Dir(files[i]), name); !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
		if len(files) > maxIncludes {
			return nil, fmt.Errorf("shaders: read source: %s includes more than %d files", source, maxIncludes)
		}
	}
	slices.Sort(files)
	return files, nil
}

// SourceDigest is the digest of all that a module's SPIR-V depends on: compiler, flags, defines, source and includes.
func SourceDigest(fsys fs.FS, m Entry) (string, error) {
	files, err := Closure(fsys, m.Source)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, Compiler, m.flags(), m.Defines)
	for _, f := range files {
		text, err := fs.ReadFile(fsys, f)
		if err != nil {
			return "", fmt.Errorf("shaders: read source: %w", err)
		}
		fmt.Fprintln(h, f, len(text))
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Arguments are the compiler's arguments for a module, run in the folder of the sources.
func Arguments(m Entry, out string) []string {
	args := m.flags()
	for _, d := range m.Defines {
		args = append(args, "-D"+d)
	}
	return append(args, m.Source, "-o", out)
}

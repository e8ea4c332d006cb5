// Package host_test holds the project's import rules. They are read from the source files themselves, so that code behind build
// tags and for other systems counts too.
package host_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

const module = "tuff/"

// rule says what a folder's code may import besides the standard library.
type rule struct {
	own     []string // folders of this module, for code that is no test; "*" ends a prefix
	outside []string // prefixes of other modules' packages; tests may have testify as well
	why     string
}

// rules is a statement of policy: the folders with their rules. cmd's and .ci's hold for what is below them too; any other folder
// that is not listed may import nothing but the standard library, and one of a new top level not even that.
var rules = map[string]rule{
	"cmd":  {[]string{"*"}, []string{"github.com/", "golang.org/x/"}, "cmd puts the parts together"},
	".ci":  {[]string{"gpu/vk"}, nil, "these are checks of the checks"},
	"host": {nil, nil, "host itself has only tests"},

	"shaders":     {nil, nil, "shaders are bytes with a manifest"},
	"shaders/gen": {[]string{"shaders"}, nil, "the generator knows the manifest alone"},

	"gpu":          {[]string{"gpu/*", "shaders", "host/compute"}, []string{"golang.org/x/sys/"}, "gpu knows ops and buffers, no model and no other device"},
	"gpu/kernel":   {[]string{"shaders", "host/compute"}, nil, "a plan is made without a device"},
	"gpu/emulator": {nil, nil, "the emulator knows SPIR-V alone"},
	"gpu/memory":   {[]string{"gpu/vk"}, nil, "memory is handed out by purpose, not by op"},
	"gpu/vk":       {[]string{"gpu/emulator"}, []string{"github.com/goki/vulkan", "github.com/vulkan-go/vulkan", "golang.org/x/sys/"}, "vk is Vulkan and nothing of the engine"},

	"fallback":          {[]string{"fallback/quant", "fallback/simd", "host/compute"}, []string{"golang.org/x/sys/"}, "fallback defines the ops and knows no model"},
	"fallback/quant":    {[]string{"fallback/simd", "host/compute"}, nil, "a format is bytes and numbers"},
	"fallback/simd":     {nil, []string{"golang.org/x/sys/cpu", "golang.org/x/sys/windows"}, "vector loops know numbers, no op"},
	"fallback/simd/gen": {nil, []string{"github.com/mmcloughlin/avo/"}, "the generator knows instructions alone"},

	"host/compute":   {nil, nil, "the seam is imported from both sides and imports neither"},
	"host/weights":   {[]string{"host/compute"}, []string{"golang.org/x/sys/"}, "weights are files and bytes, not models or devices"},
	"host/tokenizer": {nil, []string{"golang.org/x/text/", "github.com/rivo/uniseg"}, "a tokenizer needs a vocabulary, no model and no device"},
	"host/template":  {nil, nil, "a template makes text from messages"},
	"host/sampler":   {[]string{"host/compute"}, nil, "a sampler sees logits, not what made them; how it counts is an op's"},
	"host/kvcache":   {nil, nil, "a cache knows positions, not what is kept"},
	"host/model":     {[]string{"host/compute", "host/weights"}, nil, "a model is ops on weights, on whatever device"},
	"host/engine": {[]string{"host/compute", "host/weights", "host/model", "host/kvcache", "host/tokenizer", "host/template", "host/sampler"},
		nil, "host meets devices in host/compute"},
	"host/quantize":    {[]string{"host/compute", "host/weights", "host/tokenizer"}, nil, "formats come in a codec"},
	"host/synth":       {[]string{"host/compute", "host/weights", "host/model", "host/quantize"}, nil, "a made-up model is a file"},
	"host/dump":        {[]string{"host/compute", "host/weights"}, nil, "a dump is names and numbers"},
	"host/compare":     {[]string{"host/compute", "host/conformance", "host/dump", "host/engine", "host/report"}, nil, "a comparison is of two devices that it is given, or of what they left in files"},
	"host/profile":     {[]string{"host/compute", "host/engine", "host/report"}, []string{"github.com/google/pprof/profile"}, "a profile is of a device that it is given"},
	"host/report":      {nil, nil, "a page knows data, not what they are about"},
	"host/conformance": {[]string{"host/compute"}, nil, "the suite is written against the seam, not a device"},
	"host/ember":       {nil, nil, "the embedded model is bytes"},
	"host/testkit":     {nil, []string{"github.com/stretchr/testify/"}, "testkit finds files and browsers"},
}

// topLevels are the folders that may hold code.
var topLevels = []string{"cmd", "gpu", "shaders", "host", "fallback", ".ci"}

// unsafeFiles may import unsafe, as all of gpu/vk may: the one view of numbers as bytes that the seam offers.
var unsafeFiles = []string{"host/compute/bytes.go"}

// breach says why a file, named below the root, may not import a package; "" where it may.
func breach(file, imported string) string {
	dir, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	if top, _, _ := strings.Cut(dir, "/"); !slices.Contains(topLevels, top) {
		return fmt.Sprintf("code lives in %v alone", topLevels)
	}
	r := ruleOf(dir)
	first, _, _ := strings.Cut(imported, "/")
	own, isOwn := strings.CutPrefix(imported, module)
	switch {
	case imported == "C" && dir != "gpu/vk":
		return "cgo is for gpu/vk"
	case imported == "unsafe" && dir != "gpu/vk" && !slices.Contains(unsafeFiles, file):
		return fmt.Sprintf("unsafe is for gpu/vk and %v", unsafeFiles)
	case isOwn && below(own, "cmd") && !below(dir, "cmd"):
		return "nothing imports cmd"
	case isOwn && test: // tests may bring the parts together
		return ""
	case isOwn && !slices.ContainsFunc(r.own, func(p string) bool { return matches(own, p) }):
		return r.why
	case !isOwn && strings.Contains(first, "."):
		if strings.Contains(imported, "/vulkan") && dir != "gpu/vk" {
			return "the Vulkan bindings stay in gpu/vk"
		}
		if test && strings.HasPrefix(imported, "github.com/stretchr/testify/") {
			return ""
		}
		if !slices.ContainsFunc(r.outside, func(p string) bool { return strings.HasPrefix(imported, p) }) {
			return r.why
		}
	}
	return ""
}

func ruleOf(dir string) rule {
	if r, ok := rules[dir]; ok {
		return r
	}
	for _, top := range []string{"cmd", ".ci"} {
		if below(dir, top) {
			return rules[top]
		}
	}
	return rule{why: "the folder has no rule"}
}

// below reports whether dir is folder or lies in it.
func below(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

func matches(own, pattern string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return own == pattern || wild && strings.HasPrefix(own, prefix)
}

func TestImportsFollowTheRules(t *testing.T) {
	root := testkit.Root(t)
	files, imports := 0, 0
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".cache", "testdata", "bin"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		seen[path.Dir(rel)] = true
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", rel, err)
			}
			imports++
			if why := breach(rel, imported); why != "" {
				t.Errorf("%s: import %q: not allowed: %s", rel, imported, why)
			}
		}
		return nil
	})
	require.NoError(t, err)
	// A walk that saw nothing would pass as well.
	assert.Greater(t, files, 50)
	assert.Greater(t, imports, 100)
	for dir := range rules {
		assert.True(t, seen[dir] || dir == "cmd" || dir == ".ci", "the rule for %s is for no code", dir)
	}
}

func TestTheRulesBite(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		allowed        bool
	}{
		{"host/compute/op.go", "fmt", true},
		{"host/compute/op.go", "golang.org/x/sys/cpu", false},
		{"host/compute/op.go", "tuff/host/weights", false},
		{"host/compute/op.go", "tuff/fallback", false},
		{"host/compute/op.go", "unsafe", false},
		{"host/compute/bytes.go", "unsafe", true},
		{"host/compute/bytes.go", "C", false},
		{"host/compute/op_test.go", "github.com/stretchr/testify/assert", true},
		{"host/compute/op.go", "github.com/stretchr/testify/assert", false},
		{"host/weights/gguf.go", "tuff/host/model", false},
		{"host/weights/gguf.go", "tuff/host/compute", true},
		{"host/weights/mmap_unix.go", "golang.org/x/sys/unix", true},
		{"host/weights/mmap_unix.go", "unsafe", false},
		{"host/tokenizer/tokenizer.go", "tuff/gpu", false},
		{"host/tokenizer/normalize.go", "golang.org/x/text/unicode/norm", true},
		{"host/template/template.go", "tuff/fallback", false},
		{"host/sampler/sampler.go", "tuff/host/model", false},
		{"host/new/new.go", "tuff/host/compute", false},
		{"host/new/new.go", "fmt", true},
		{"host/model/llama.go", "tuff/host/compute", true},
		{"host/model/llama.go", "tuff/gpu", false},
		{"host/model/llama_test.go", "tuff/fallback", true},
		{"host/model/llama_test.go", "tuff/cmd/tuff", false},
		{"host/model/llama_test.go", "github.com/spf13/cobra", false},
		{"host/engine/generate.go", "github.com/goki/vulkan", false},
		{"host/conformance/suite.go", "tuff/gpu", false},
		{"gpu/device.go", "tuff/gpu/vk", true},
		{"gpu/device.go", "tuff/shaders", true},
		{"gpu/device.go", "tuff/host/model", false},
		{"gpu/device.go", "tuff/fallback", false},
		{"gpu/device_test.go", "tuff/fallback", true},
		{"gpu/device.go", "C", false},
		{"gpu/device.go", "github.com/goki/vulkan", false},
		{"gpu/device_test.go", "github.com/goki/vulkan", false},
		{"gpu/vk/binding_goki.go", "github.com/goki/vulkan", true},
		{"gpu/vk/vkx.go", "C", true},
		{"gpu/vk/vkx.go", "tuff/host/compute", false},
		{"gpu/memory/pool.go", "tuff/gpu/vk", true},
		{"gpu/memory/pool.go", "tuff/gpu", false},
		{"gpu/kernel/plan.go", "tuff/gpu/vk", false},
		{"shaders/embed.go", "embed", true},
		{"shaders/embed.go", "tuff/host/compute", false},
		{"shaders/gen/main.go", "tuff/shaders", true},
		{"fallback/matmul.go", "tuff/fallback/quant", true},
		{"fallback/matmul.go", "tuff/gpu", false},
		{"fallback/matmul.go", "tuff/host/weights", false},
		{"cmd/tuff/run.go", "tuff/gpu", true},
		{"cmd/tuff/run.go", "tuff/fallback", true},
		{"cmd/tuff/run.go", "github.com/spf13/cobra", true},
		{"cmd/tuff/run.go", "github.com/goki/vulkan", false},
		{"cmd/tuff/run.go", "unsafe", false},
		{"cmd/other/main.go", "tuff/gpu", true},
		{".ci/planted/main.go", "tuff/gpu/vk", true},
		{".ci/planted/main.go", "tuff/gpu", false},
		{"server/main.go", "fmt", false},
		{"main.go", "fmt", false},
	} {
		why := breach(c.file, c.imported)
		assert.Equal(t, c.allowed, why == "", "%s imports %s: %s", c.file, c.imported, why)
	}
}

// Package imports holds the rules of which package may import which, and the test that enforces them.
// It reads the source files themselves, so that code behind build tags and for other systems counts too.
// It knows the folders of the design and nothing of what is in them.
package imports

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const module = "tuff"

// rule says what the packages at or below a folder may import. The rule with the longest matching folder is the one
// that counts. Everything of the standard library is allowed, save unsafe and C.
type rule struct {
	folder  string
	own     []string // folders of this module, subfolders included; the package's own subtree is always allowed
	outside []string // prefixes of other modules' import paths
	low     bool     // unsafe and cgo
	why     string
}

// anything is the module's root: every folder of it.
const anything = ""

var rules = []rule{
	{folder: "host", own: []string{"host"}, outside: []string{"golang.org/x/"}, why: "host knows no device: it meets them in host/compute"},
	{folder: "host/compute", why: "the seam imports the standard library only, so that both sides may import it"},
	{folder: "host/weights", own: []string{"host/compute"}, outside: []string{"golang.org/x/"}, why: "weights are files and bytes, not models or devices"},
	{folder: "host/tokenizer", own: []string{"host/weights"}, outside: []string{"golang.org/x/"}, why: "a tokenizer needs a vocabulary, no model and no device"},
	{folder: "host/template", outside: []string{"golang.org/x/"}, why: "a template makes text from messages"},
	{folder: "host/sampler", outside: []string{"golang.org/x/"}, why: "a sampler sees logits, not what made them"},
	{folder: "host/conformance", own: []string{"host/compute", "host/testkit"}, outside: []string{"github.com/stretchr/testify/"}, why: "the suite is written against the seam, not a device"},
	{folder: "host/testkit", outside: []string{"github.com/stretchr/testify/"}, why: "testkit only finds files"},
	{folder: "gpu", own: []string{"gpu", "shaders", "host/compute"}, outside: []string{"golang.org/x/"}, why: "gpu knows ops and buffers, no model and no other device"},
	{folder: "gpu/memory", own: []string{"gpu/vk"}, why: "memory is handed out by purpose, not by op"},
	{folder: "gpu/vk", outside: []string{"github.com/goki/vulkan", "github.com/vulkan-go/vulkan", "golang.org/x/"}, low: true, why: "vk is Vulkan and nothing of the engine"},
	{folder: "shaders", why: "shaders are bytes with a manifest"},
	{folder: "fallback", own: []string{"fallback", "host/compute"}, outside: []string{"golang.org/x/sys/"}, why: "fallback is the definition of the ops; it knows no model and no other device"},
	{folder: "cmd", own: []string{anything}, outside: []string{"github.com/", "golang.org/x/"}, why: "cmd puts the parts together"},
	{folder: ".ci", own: []string{"gpu/vk"}, why: "checks of the checks"},
}

// lowFile reports whether a file may use unsafe outside gpu/vk: the memory mapping of weight files, and the one view of
// numbers as bytes that the seam offers.
func lowFile(file string) bool {
	dir, name := path.Split(file)
	return dir == "host/weights/" && strings.HasPrefix(name, "mmap") || file == "host/compute/bytes.go"
}

// finding is one import that breaks a rule.
type finding struct{ file, imported, why string }

func (f finding) String() string {
	return fmt.Sprintf("%s: import %q: not allowed: %s", f.file, f.imported, f.why)
}

// check judges one import of one file, named by its slash-separated path below the root; nil means it is allowed.
func check(file, imported string) *finding {
	test := strings.HasSuffix(file, "_test.go")
	dir := path.Dir(file)
	r := ruleFor(dir)
	if r == nil {
		return &finding{file, imported, "the folder has no rule: the top level is fixed"}
	}
	deny := func(why string) *finding { return &finding{file, imported, why} }

	switch own, isOwn := strings.CutPrefix(imported, module+"/"); {
	case imported == "unsafe" || imported == "C":
		if !r.low && !lowFile(file) {
			return deny("unsafe and cgo are for gpu/vk (and host/weights/mmap*.go, host/compute/bytes.go)")
		}
	case isOwn:
		if strings.HasPrefix(own, "cmd/") && !below(dir, "cmd") {
			return deny("nothing imports cmd")
		}
		// Tests may bring the parts together: the suite, the other device, the files.
		if test || below(own, r.folder) {
			return nil
		}
		for _, folder := range r.own {
			if below(own, folder) {
				return nil
			}
		}
		return deny(r.why)
	case strings.Contains(strings.SplitN(imported, "/", 2)[0], "."):
		if test && strings.HasPrefix(imported, "github.com/stretchr/testify/") {
			return nil
		}
		if strings.Contains(imported, "/vulkan") && !below(dir, "gpu/vk") {
			return deny("the Vulkan bindings stay in gpu/vk")
		}
		for _, prefix := range r.outside {
			if strings.HasPrefix(imported, prefix) {
				return nil
			}
		}
		return deny(r.why)
	}
	return nil
}

func ruleFor(dir string) *rule {
	var best *rule
	for i := range rules {
		if below(dir, rules[i].folder) && (best == nil || len(rules[i].folder) > len(best.folder)) {
			best = &rules[i]
		}
	}
	return best
}

// below reports whether dir is folder or lies in it.
func below(dir, folder string) bool {
	return folder == anything || dir == folder || strings.HasPrefix(dir, folder+"/")
}

// scan judges every Go file below root and counts the files and imports it saw.
func scan(root string) (findings []finding, files, imports int, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if b := d.Name(); b == ".git" || b == ".cache" || b == "bin" || b == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("imports: parse file: %w", err)
		}
		file, err := filepath.Rel(root, name)
		if err != nil {
			return fmt.Errorf("imports: name file: %w", err)
		}
		files++
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("imports: read import of %s: %w", file, err)
			}
			imports++
			if f := check(filepath.ToSlash(file), imported); f != nil {
				findings = append(findings, *f)
			}
		}
		return nil
	})
	return findings, files, imports, err
}

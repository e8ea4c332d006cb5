package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/shaders"
)

// labSide is one side of kernels bench --b: the kernels of this build, some of them replaced, or one forced.
type labSide struct {
	text    string
	math    compute.Math
	variant string
	edited  *editedShaders
	files   map[string][]uint32 // SPIR-V by module
	dev     *gpu.Device

	mu      sync.Mutex
	asked   map[string]bool // modules that pipelines were made of
	checked map[string]bool // those of them that ran in the suite
	wrong   map[string]string
	cases   int
}

const sideWords = "built-in, variant=[OP:]NAME, math=fast, shaders=FOLDER, FILE.spv or MODULE=FILE.spv, commas between"

// parseSide reads what a side is made of.
func parseSide(text string) (*labSide, error) {
	s := &labSide{text: text, files: map[string][]uint32{}, asked: map[string]bool{}, wrong: map[string]string{}}
	for _, p := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(p, "=")
		var err error
		switch {
		case p == "built-in":
		case key == "variant":
			_, s.variant, err = opAndVariant(value)
		case p == "math=fast":
			s.math = compute.Fast
		case key == "shaders":
			s.edited, err = openEdited(value, value)
		case strings.HasSuffix(p, ".spv"):
			if value == "" {
				key, value = strings.TrimSuffix(filepath.Base(p), ".spv"), p
			}
			s.files[key], err = readModule(key, value)
		default:
			err = usageError{fmt.Errorf("side %q: got %q, want %s", text, p, sideWords)}
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readModule reads SPIR-V that takes a module's place: called with the same arguments, it must take as many.
func readModule(name, path string) ([]uint32, error) {
	built, err := shaders.Module(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; want the name of the module that it replaces, as in MODULE=%s", path, err, path)
	}
	code, err := readSPIRV(path)
	if err != nil {
		return nil, err
	}
	want, err := shaders.Reflect(built)
	if err != nil {
		return nil, err
	}
	got, err := shaders.Reflect(code)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if got.PushSize() != want.PushSize() {
		return nil, fmt.Errorf("%s: got %d bytes of push constants, want the %d of %s", path, got.PushSize(), want.PushSize(), name)
	}
	return code, nil
}

// open opens the device with the side's kernels.
func (s *labSide) open(c *common) (err error) {
	o := c.gpuOptions()
	o.Shader = func(module string) []uint32 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[module] = true
		if code := s.files[module]; code != nil {
			return code
		}
		if s.edited != nil {
			return s.edited.module(module)
		}
		return nil
	}
	if s.dev, err = gpu.Open(c.device, o); err != nil {
		return err
	}
	if s.variant != "" && s.math == compute.Exact {
		s.math = mathOf(s.dev, s.variant)
	}
	return nil
}

// replaced are the modules that are not those of the build.
func (s *labSide) replaced() []string {
	list := slices.Collect(maps.Keys(s.files))
	if s.edited != nil {
		list = append(list, slices.Collect(maps.Keys(s.edited.stale))...)
	}
	return list
}

// check runs the quick cases of an op and formats with the side's kernels, once for each; it returns what is wrong with them, or "".
func (s *labSide) check(ctx context.Context, cpu compute.Device, op string, formats []compute.DType) (string, error) {
	key := fmt.Sprint(op, formats)
	if why, ok := s.wrong[key]; ok {
		return why, nil
	}
	o := conformance.Options{Math: s.math}
	var err error
	if o.Variant, err = forced(s.dev, op, s.variant); err != nil {
		return "", err
	}
	why := ""
	for _, k := range conformance.Cases() {
		named := func(t compute.DType) bool { return strings.Contains(k.Name, t.String()) }
		if k.Op != op || !k.Quick || !k.In(s.math) || k.Format != compute.NoDType && !slices.Contains(formats, k.Format) || op == "attention" && !slices.ContainsFunc(formats, named) {
			continue
		}
		r := k.Run(ctx, s.dev, cpu, o)
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if r.Status == conformance.Failed {
			if s.edited != nil && s.edited.err != nil {
				return "", s.edited.err
			}
			why = failure(r)
			break
		}
		s.cases++
	}
	s.wrong[key] = why
	s.checked = maps.Clone(s.asked)
	return why, nil
}

// took makes sure that what is compared took part in a timed case, and that the suite met it.
func (s *labSide) took() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.replaced()
	any := len(list) == 0
	for _, m := range list {
		if s.asked[m] && !s.checked[m] {
			return fmt.Errorf("side %s: %s ran in no quick case of the suite, so nothing is known of its results", s.text, m)
		}
		any = any || s.asked[m]
	}
	if !any {
		slices.Sort(list)
		return fmt.Errorf("side %s: got no dispatch of %s, want a shape or a variant that runs it", s.text, strings.Join(list[:min(len(list), 4)], ", "))
	}
	return nil
}

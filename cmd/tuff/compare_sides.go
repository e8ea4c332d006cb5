package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tuff/fallback/quant"
	"tuff/host/compare"
	"tuff/host/compute"
	"tuff/host/dump"
	"tuff/host/engine"
	"tuff/host/model"
	"tuff/shaders"
)

// comparing is the command's flags.
type comparing struct {
	common
	o               compare.Options
	a, b            string
	prompt, prompts string
	tokens          []int32
	record          string
	renames         []string
	unfused         bool
}

// openSide is a side of a comparison with what it has open.
type openSide struct {
	compare.Side
	setting *setting // of a device
	close   []func() error
}

func (s *openSide) Close() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, f := range s.close {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// buildPrefix begins a side that is another program.
const buildPrefix = "build:"

// left opens a side that is a recording, after running another build for it; nil for a device. noFuse and math are what holds where the side
// says nothing else.
func (c *comparing) left(ctx context.Context, text, math string, noFuse bool) (s *openSide, err error) {
	s = &openSide{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	path := text
	if program, ok := strings.CutPrefix(text, buildPrefix); ok {
		dir, err := os.MkdirTemp("", "tuff-compare-")
		if err != nil {
			return s, fmt.Errorf("compare: %w", err)
		}
		s.close = append(s.close, func() error { return os.RemoveAll(dir) })
		path = filepath.Join(dir, "run.safetensors")
		if err := c.runBuild(ctx, program, path, math, noFuse); err != nil {
			return s, err
		}
	} else if !isFile(text) {
		return nil, nil
	}
	var renames []dump.Rename
	for _, r := range c.renames {
		x, err := dump.ParseRename(r)
		if err != nil {
			return s, usageError{err}
		}
		renames = append(renames, x)
	}
	if s.Recording, err = compare.OpenRecording(path, renames); err != nil {
		return s, err
	}
	s.close = append([]func() error{s.Recording.Close}, s.close...)
	return s, nil
}

// isFile tells a file's name from a device's: devices are cpu, gpu and so on whatever lies in the working folder.
func isFile(text string) bool {
	device, _, _ := strings.Cut(text, ",")
	if device == "cpu" || device == "gpu" || device == "auto" || strings.HasPrefix(device, "gpu:") || strings.HasPrefix(device, "emulated:") {
		return false
	}
	_, err := os.Stat(text)
	return err == nil || strings.ContainsRune(text, filepath.Separator) && !strings.Contains(text, "shaders=")
}

// device loads the model on a device with settings, for prompts of at least so many tokens.
func (c *comparing) device(ctx context.Context, text, math string, noFuse bool, tokens int) (*openSide, error) {
	d := c.common
	d.math = math
	setting, err := d.parseSetting(text)
	if err != nil {
		return nil, err
	}
	// Two sequences of the prompt and a token live at a time, each in pages of its own.
	room := 2 * (tokens + 1 + model.DefaultPageSize - 1)
	l, err := setting.load(ctx, engine.Options{AllLogits: true, Positions: room, Chunk: max(128, tokens), NumStates: 2, Compile: compute.Options{Keep: true, NoFuse: noFuse}})
	if err != nil {
		return nil, setting.edited.failed(err)
	}
	return &openSide{Side: compare.Side{Engine: l.Engine, Settings: settingsOf(text)}, setting: setting, close: []func() error{l.Close}}, nil
}

// settingsOf is what a side says behind its device, less the arithmetic, which reports have a place for.
func settingsOf(text string) string {
	parts := slices.DeleteFunc(strings.Split(text, ",")[1:], func(s string) bool { return strings.HasPrefix(s, "math=") })
	return strings.Join(parts, ", ")
}

// runBuild has another build of tuff record: text is its path and, behind a comma, the device and settings there.
func (c *comparing) runBuild(ctx context.Context, text, to, math string, noFuse bool) error {
	program, setting, _ := strings.Cut(text, ",")
	setting = strings.TrimPrefix(setting, "device=")
	if setting == "" {
		setting = "cpu"
	}
	args := []string{"compare", "--record", to, "--a", setting, "--math", math, "--no-fuse=" + strconv.FormatBool(noFuse), "-n", strconv.Itoa(c.o.Greedy)}
	for flag, value := range map[string]string{"--model": c.model, "--prompts": c.prompts, "--cache-type-k": c.typeK, "--cache-type-v": c.typeV} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if c.tokens != nil {
		args = append(args, "--tokens", strings.Trim(strings.ReplaceAll(fmt.Sprint(c.tokens), " ", ","), "[]"))
	} else {
		args = append(args, "--prompt", c.prompt)
	}
	for flag, value := range map[string]int{"--threads": c.threads, "--ctx": c.ctx} {
		if value > 0 {
			args = append(args, flag, strconv.Itoa(value))
		}
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("compare: record with %s: %w: %s; want a build that knows compare --record", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// given are the tokens that the command line asks for: of --tokens, or the texts of --prompt and --prompts.
func (c *comparing) given(e *engine.Engine) (list [][]int32, err error) {
	if c.tokens != nil {
		for _, id := range c.tokens {
			if id < 0 || int(id) >= e.Model.Config.VocabSize {
				return nil, usageError{fmt.Errorf("--tokens: got %d, want 0 to %d", id, e.Model.Config.VocabSize-1)}
			}
		}
		return [][]int32{c.tokens}, nil
	}
	texts, err := promptSet(c.prompt, c.prompts)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		ids, err := e.EncodeRaw(text)
		if err != nil {
			return nil, err
		}
		list = append(list, ids)
	}
	return list, nil
}

// ask puts the tokens into the options.
func (c *comparing) ask(e *engine.Engine) error {
	list, err := c.given(e)
	if err != nil {
		return err
	}
	c.o.Prompt, c.o.More = list[0], list[1:]
	if n := e.Chunk(); len(c.o.Prompt) > n {
		return fmt.Errorf("compare: read prompt: got %d tokens, want at most %d", len(c.o.Prompt), n)
	}
	return nil
}

// compare opens both sides and compares.
func (c *comparing) compare(cmd *cobra.Command) (_ *compare.Report, err error) {
	if _, err := c.mathMode(); err != nil {
		return nil, err
	}
	a, err := c.left(cmd.Context(), c.a, c.math, c.unfused)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := c.left(cmd.Context(), c.b, "exact", true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	tokens := c.tokens
	for _, s := range []*openSide{a, b} {
		if s != nil && s.Recording.Tokens != nil {
			tokens = s.Recording.Tokens
		}
	}
	if a == nil {
		if a, err = c.device(cmd.Context(), c.a, c.math, c.unfused, len(tokens)); err != nil {
			return nil, err
		}
		defer func() { err = a.setting.edited.failed(err) }()
	}
	if b == nil {
		if b, err = c.device(cmd.Context(), c.b, "exact", true, len(tokens)); err != nil {
			return nil, err
		}
	}
	f := cmd.Flags()
	asked := f.Changed("prompt") || f.Changed("prompts") || f.Changed("tokens")
	e, recorded := a.Engine, false
	if e == nil {
		e = b.Engine
	}
	for _, s := range []*openSide{a, b} {
		if s.Recording != nil {
			recorded = recorded || s.Recording.Tokens != nil
			c.warnOfModel(s.Recording, e)
		}
	}
	if e != nil && (!recorded || asked) {
		if err := c.ask(e); err != nil {
			return nil, err
		}
	}
	c.o.Decode, c.o.Encode = quant.Decode, quant.Encode
	var reference *openSide
	defer func() { err = errors.Join(err, reference.Close()) }()
	c.o.Reference = func(ctx context.Context) (_ *engine.Engine, err error) {
		if reference, err = c.device(ctx, "cpu", "exact", true, len(tokens)); err != nil {
			return nil, err
		}
		return reference.Engine, nil
	}
	bar := c.bar("compare")
	defer bar.done()
	c.o.Progress = bar.count
	return compare.Run(cmd.Context(), a.Side, b.Side, c.o)
}

// warnOfModel says where a recording is of another file than the model that runs: two types of weights may be compared, but not by mistake.
func (c *comparing) warnOfModel(r *compare.Recording, e *engine.Engine) {
	if e != nil && r.Info != nil && r.Info.Digest != e.File.Digest() {
		c.note("%s is of another model file, %s: differences are those of the weights too", r.Path, r.Info.Model)
	}
}

// recordRun runs A and writes what it left.
func (c *comparing) recordRun(cmd *cobra.Command) (err error) {
	if !strings.HasSuffix(c.record, ".safetensors") {
		return usageError{fmt.Errorf("--record: got %q, want a name that ends in .safetensors", c.record)}
	}
	a, err := c.device(cmd.Context(), c.a, c.math, c.unfused, len(c.tokens))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	defer func() { err = a.setting.edited.failed(err) }()
	if err := c.ask(a.Engine); err != nil {
		return err
	}
	c.o.Decode, c.o.Encode = quant.Decode, quant.Encode
	bar := c.bar("record")
	c.o.Progress = bar.count
	info := compare.RunInfo{Digest: a.Engine.File.Digest(), Build: buildOf(), Shaders: shaders.Hash()}
	n := 0
	err = writeReport(c.record, func(w io.Writer) (err error) {
		n, err = compare.Record(cmd.Context(), a.Engine, c.o, info, w)
		return err
	})
	bar.done()
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	c.note("%d tensors of %d tokens in %s: tuff compare --b %s", n, len(c.o.Prompt), c.record, c.record)
	return nil
}

// buildOf names this build: its commit, where the build knows it.
func buildOf() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}

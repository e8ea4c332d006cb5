package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tuff/host/compute"
	"tuff/host/ember"
	"tuff/host/engine"
	"tuff/host/weights"
)

// common holds the flags that commands share.
type common struct {
	model, device, math string
	threads, ctx        int
	typeK, typeV        string
	strict, json, verb  bool
	format              string   // of a report
	compiled            []string // kernels, by the steps that first needed them
	untuned             bool     // shapes of kernels that were found for the device are left aside
	compileOnly         bool     // the device is asked to compile kernels and to tell of them, and for nothing else
	inspect             bool     // drivers are to keep what they can tell of kernels, as in gpu.Options.Statistics
	out, err            io.Writer
	shader              func(module string) []uint32 // in place of built-in ones, as in gpu.Options
	variant             map[string]string            // forced, as in compute.Options
}

// modelFlags are for commands that read a model.
func (c *common) modelFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.model, "model", "m", "", "model: a .gguf file, its first shard, or a folder with config.json and safetensors (default: the embedded one)")
	c.outputFlags(cmd)
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
		if c.model == "" && cmd.Flags().Changed("model") { // a variable that is not set, most likely: not a wish for the embedded model
			return usageError{errors.New("--model: got nothing, want a file or a folder")}
		}
		return nil
	}
}

// outputFlags are for every command.
func (c *common) outputFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON for programs instead of text for people")
	cmd.Flags().BoolVarP(&c.verb, "verbose", "v", false, "say more on stderr")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr() }
}

// reportFormats are those of reports: for people, for an issue, for a spreadsheet, for a program.
var reportFormats = []string{"table", "md", "csv", "json"}

// formatFlag is for commands that print a report.
func (c *common) formatFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.format, "output", "o", "table", strings.Join(reportFormats, ", "))
}

// chooseFormat holds -o against the formats; --json is short for one.
func (c *common) chooseFormat() error {
	if c.json {
		c.format = "json"
	}
	if !slices.Contains(reportFormats, c.format) {
		return usageError{fmt.Errorf("-o: got %q, want one of %s", c.format, strings.Join(reportFormats, ", "))}
	}
	return nil
}

// deviceFlags are for commands that compute.
func (c *common) deviceFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.device, "device", "auto", "auto, cpu, gpu, gpu:N or part of a device's name")
	c.mathFlags(cmd)
}

func (c *common) mathFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.math, "math", "fast", "fast: what the device does best; exact: float32 throughout")
	cmd.Flags().IntVarP(&c.threads, "threads", "t", 0, "CPU threads (default: all cores)")
	cmd.Flags().IntVarP(&c.ctx, "ctx", "c", 0, fmt.Sprintf("positions of context (default: the model's, at most %d)", engine.DefaultContext))
	for _, f := range []struct {
		to         *string
		name, what string
	}{{&c.typeK, "cache-type-k", "keys"}, {&c.typeV, "cache-type-v", "values"}} {
		cmd.Flags().StringVar(f.to, f.name, "", fmt.Sprintf("type of the KV cache's %s: %s (default: f16, or f32 with --math exact)", f.what, cacheNames()))
	}
	cmd.Flags().BoolVar(&c.strict, "strict", false, "fail where auto would leave a hardware GPU for the CPU, instead of saying so and doing it")
}

// idleFlags takes the flags of computing commands in one that computes nothing: whoever calls every command with the same
// flags need not know which is which. Help does not list them, since they change nothing.
func (c *common) idleFlags(cmd *cobra.Command) {
	c.deviceFlags(cmd)
	for _, name := range []string{"device", "math", "threads", "ctx", "cache-type-k", "cache-type-v", "strict"} {
		cmd.Flags().Lookup(name).Hidden = true
	}
}

// mathMode parses --math.
func (c *common) mathMode() (compute.Math, error) {
	switch c.math {
	case "exact":
		return compute.Exact, nil
	case "fast":
		return compute.Fast, nil
	}
	return 0, usageError{fmt.Errorf("--math: got %q, want fast or exact", c.math)}
}

// cacheTypes parses --cache-type-k and --cache-type-v: none where nothing is asked for.
func (c *common) cacheTypes() (k, v compute.DType, err error) {
	parse := func(flag, name string) (t compute.DType) {
		if name == "" || err != nil {
			return compute.NoDType
		}
		for _, t := range compute.KVTypes() {
			if strings.EqualFold(t.String(), name) {
				return t
			}
		}
		err = usageError{fmt.Errorf("--%s: got %q, want %s", flag, name, cacheNames())}
		return compute.NoDType
	}
	k, v = parse("cache-type-k", c.typeK), parse("cache-type-v", c.typeV)
	return k, v, err
}

// cacheNames are the types of a KV cache for people.
func cacheNames() string {
	var names []string
	for _, t := range compute.KVTypes() {
		names = append(names, strings.ToLower(t.String()))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// openFile opens the model's file.
func (c *common) openFile() (*weights.File, error) {
	if c.model == "" {
		return weights.OpenBytes(ember.Name, ember.Model())
	}
	return weights.Open(c.model)
}

// note prints a line for people on stderr.
func (c *common) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

// loaded is an engine with what must be closed after it.
type loaded struct {
	*engine.Engine
	file *weights.File
	dev  compute.Device
}

func (l *loaded) Close() error {
	var err error
	if l.Engine != nil {
		err = l.Engine.Close()
	}
	return errors.Join(err, l.dev.Close(), l.file.Close())
}

// load opens the model on the chosen device.
func (c *common) load(ctx context.Context, o engine.Options) (*loaded, error) {
	f, err := c.openFile()
	if err != nil {
		return nil, err
	}
	dev, err := c.openDevice(ctx, c.device, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	host := dev.Info().Kind == compute.Host
	l, err := c.loadOn(ctx, dev, f, o)
	if host || !c.mayMove(err) {
		return l, err
	}
	c.note("auto: %v; on the CPU instead (--strict makes that an error)", err)
	if f, err = c.openFile(); err != nil {
		return nil, err
	}
	if dev, err = c.openCPU("the GPU lacks a kernel"); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := c.contextFits(dev.Info(), f); err != nil {
		return nil, errors.Join(err, dev.Close(), f.Close())
	}
	return c.loadOn(ctx, dev, f, o)
}

// mayMove reports whether a model that a device could not take may go to the CPU: only when nobody asked for that device, and
// for want of a kernel, not for anything that is wrong.
func (c *common) mayMove(err error) bool {
	var lacks *compute.UnsupportedError
	return errors.As(err, &lacks) && c.device == "auto" && !c.strict
}

// wantText refuses an encoder for a command that generates or judges text.
func (l *loaded) wantText(command string) error {
	if !l.Model.Config.Encoder {
		return nil
	}
	return fmt.Errorf("%s: %q is an encoder (%s): it makes vectors of texts, not text; see tuff logits --help", command, l.File.Name, l.Model.Config.Arch)
}

// loadOn puts f on dev and owns both from then on.
func (c *common) loadOn(ctx context.Context, dev compute.Device, f *weights.File, o engine.Options) (*loaded, error) {
	l := &loaded{file: f, dev: dev}
	var err error
	if o.Math, err = c.mathMode(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if o.TypeK, o.TypeV, err = c.cacheTypes(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if o.ContextLen == 0 {
		o.ContextLen = c.ctx
	}
	bar := c.bar("loading " + f.Name)
	o.Progress, o.Compile.Progress = bar.set, c.compiling()
	if c.variant != nil {
		o.Compile.Variant = c.variant
	}
	l.Engine, err = engine.New(ctx, dev, f, o)
	bar.done()
	if err != nil {
		l.Engine = nil
		return nil, errors.Join(err, l.Close())
	}
	if c.verb {
		m := l.Model
		c.note("model: %s, %s of weights and %s of KV cache for %d positions, loaded in %v", m.Config.Name, size(m.WeightBytes),
			size(m.StateBytes), l.ContextLen(), l.LoadTime.Round(time.Millisecond))
		prefill, decode := l.Executables()
		for _, x := range []struct {
			name string
			exec compute.Executable
		}{{"prefill", prefill}, {"decode", decode}} {
			for _, g := range x.exec.Placement() {
				c.note("%s %-40s %-28s %s", x.name, g.Label, g.Kernel, g.Why)
			}
		}
	}
	return l, nil
}

// progress is a bar on stderr for work of more than a second, drawn only on a terminal.
type progress struct {
	bar   *progressbar.ProgressBar
	what  string
	w     io.Writer
	start time.Time
	tty   bool
}

func (c *common) bar(what string) *progress {
	f, ok := c.err.(*os.File)
	return &progress{what: what, w: c.err, start: time.Now(), tty: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) set(done, total int64) {
	if !p.tty || time.Since(p.start) < patience && p.bar == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetDescription(p.what), progressbar.OptionSetWriter(p.w),
			progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(65*time.Millisecond))
	}
	_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
}

// count is set for things that are not bytes.
func (p *progress) count(what string, done, total int) {
	if !p.tty {
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s: %s %d of %d", p.what, what, done, total)
	p.bar = nil
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
		return
	}
	p.clear()
}

// clear takes away a count, for a line of text or for good.
func (p *progress) clear() {
	if p.tty {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// patience is what work may take before it is shown how far it is.
const patience = 300 * time.Millisecond

// counter shows how far work in steps is, where it takes longer than a moment. A step may take seconds, the first one too.
type counter struct {
	bar    *progress
	unit   string
	mu     sync.Mutex
	at, of int
	begun  time.Time
	late   *time.Timer
	drawn  bool
}

func (c *common) counter(what, unit string) *counter { return &counter{bar: c.bar(what), unit: unit} }

// report tells that so many steps are done; 0 begins.
func (k *counter) report(done, total int) {
	k.mu.Lock()
	k.at, k.of = done, total
	k.mu.Unlock()
	switch {
	case done == total:
		k.end()
	case done == 0:
		k.begun, k.late = time.Now(), time.AfterFunc(patience, k.draw)
	case time.Since(k.begun) > patience:
		k.draw()
	}
}

func (k *counter) draw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at < k.of {
		k.bar.count(k.unit, k.at, k.of)
		k.drawn = true
	}
}

// end takes the count away, however far the work came.
func (k *counter) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = k.of
	if k.late != nil {
		k.late.Stop()
	}
	if k.drawn {
		k.bar.clear()
	}
	k.drawn = false
}

// reading shows how far a session is with a prompt, until end is called.
func (c *common) reading(s *engine.Session) (end func()) {
	k := c.counter("reading the prompt", "tokens")
	s.OnProgress(k.report)
	return func() {
		s.OnProgress(nil)
		k.end()
	}
}

// compiling shows how far the kernels of a step are: the first time on a device.
func (c *common) compiling() func(done, total int) {
	k, start := c.counter("compiling", "kernels"), time.Time{}
	return func(done, total int) {
		if done == 0 {
			start = time.Now()
		}
		k.report(done, total)
		if done == total {
			c.compiled = append(c.compiled, fmt.Sprintf("%d in %v", total, time.Since(start).Round(100*time.Microsecond)))
		}
	}
}

// printJSON writes v as indented JSON.
func (c *common) printJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// size is a number of bytes for people.
func size(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// rate is a number per second for people: 12.3 GB/s, 4.56 GFLOP/s.
func rate(v float64, unit string) string {
	for _, p := range []struct {
		f float64
		s string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= p.f {
			return fmt.Sprintf("%.3g %s%s", v/p.f, p.s, unit)
		}
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// Package engine runs a model: it puts a file's weights on a device, keeps the state of sequences and turns prompts into
// text. The path is that of the folders: file → weights → buffers → program → kernels → logits → sampler → text, and
// [Engine.Generate] shows it in one function. The package must not know any device beyond host/compute, nor terminals.
package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuff/host/compute"
	"tuff/host/kvcache"
	"tuff/host/model"
	"tuff/host/template"
	"tuff/host/tokenizer"
	"tuff/host/weights"
)

// Options of New.
type Options struct {
	Math       compute.Math
	ContextLen int // positions of one sequence; 0: the model's, at most DefaultContext
	NumSeqs    int // sequences that may live at once and each fill the context; 0: 1
	NumStates  int // sequences of a model with a state that may live at once; 0: NumSeqs
	Positions  int // that sequences which do not fill the context have room for together, at least; each takes whole pages of them
	Chunk      int // prompt tokens of one step; 0: 256
	AllLogits  bool
	// Candidates is the number of logits that the device picks for sampling: at most compute.MaxTopK, less than 0: none are picked;
	// 0: as many as can be on a GPU, none where the logits are the host's anyway. The tokens are the same in any case.
	Candidates int
	// Steps is the largest number of tokens that the device decodes in one run, choosing each itself, where the sampler's settings
	// allow: at most compute.MaxSteps, 1: the host chooses every token; 0: 16 on a GPU, 1 where the logits are the host's anyway. The
	// tokens are the same in any case.
	Steps int
	// TypeK and TypeV are the types of the KV cache; none: F32 for exact arithmetic and F16 for fast, or where values are a part of
	// their keys what the keys have.
	TypeK, TypeV compute.DType
	// Compile is merged into the options of every Compile: Keep, NoFuse, Variant, Progress.
	Compile compute.Options
	// Progress, if set, is told the bytes of weights on the device so far.
	Progress func(done, total int64)
}

// DefaultContext bounds the context when the caller names none: models of a million positions exist, and the cache of
// all of them would not fit most machines.
const DefaultContext = 4096

// Engine is a model on a device, ready to evaluate tokens. One goroutine at a time may use it and its sessions.
type Engine struct {
	File      *weights.File
	Model     *model.Model
	Tokenizer *tokenizer.Tokenizer
	Template  *template.Template // nil: the file has none
	Device    compute.Device
	LoadTime  time.Duration

	o               Options
	contextLen      int
	program         *compute.Program // the model's, with what the engine adds
	candidates      compute.Ref      // or none
	prefill, decode compute.Executable
	loop            compute.Executable // decode that chooses tokens and goes on; made when first wanted
	stops           []int32            // tokens that end a generation
	steps           int                // of one run of it, at most; 1: there is none
	pool            *kvcache.Pool      // of a decoder
	slots           []bool             // of state tensors: which are taken
	stateRows       int                // of each
}

// New puts the model of f on dev. The engine uses f until Close, but does not close it, nor dev.
func New(ctx context.Context, dev compute.Device, f *weights.File, o Options) (*Engine, error) {
	start := time.Now()
	e := &Engine{File: f, Device: dev, o: o}
	if err := e.load(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.LoadTime = time.Since(start)
	return e, nil
}

// load reads what turns text into tokens beside putting the weights on the device: vocabularies have up to 256 Ki tokens.
func (e *Engine) load(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	text := make(chan error, 1)
	go func() {
		err := e.loadText()
		if err != nil {
			stop()
		}
		text <- err
	}()
	err := e.loadModel(ctx)
	if bad := <-text; bad != nil {
		return bad
	}
	return err
}

func (e *Engine) loadText() (err error) {
	if e.Tokenizer, err = TokenizerOf(e.File); err != nil {
		return err
	}
	e.Template, err = TemplateOf(e.File)
	return err
}

func (e *Engine) loadModel(ctx context.Context) error {
	cfg, _, err := model.ReadConfig(e.File)
	if err != nil {
		return err
	}
	e.contextLen = e.o.ContextLen
	if e.contextLen == 0 {
		e.contextLen = min(cfg.ContextLen, DefaultContext)
	}
	if e.o.Chunk == 0 {
		e.o.Chunk = 256
	}
	e.o.Chunk = min(e.o.Chunk, e.contextLen)
	if cfg.Encoder { // which sees all of a text at once
		e.o.Chunk, e.o.AllLogits = e.contextLen, true
	}
	e.o.TypeK, e.o.TypeV = cfg.KVTypes(e.o.TypeK, e.o.TypeV, DefaultKVType(e.o.Math))
	e.o.NumSeqs = max(e.o.NumSeqs, 1)
	if e.stateRows = 2; e.wantedSteps() > 1 {
		e.stateRows = 3
	}
	if e.Model, err = model.Load(ctx, e.Device, e.File, model.Options{ContextLen: e.contextLen, NumSeqs: e.o.NumSeqs,
		NumStates: max(e.o.NumStates, e.o.NumSeqs), Positions: e.o.Positions, StateRows: e.stateRows, TypeK: e.o.TypeK, TypeV: e.o.TypeV, Progress: e.o.Progress}); err != nil {
		return err
	}
	p := e.Model.Program
	if !cfg.Encoder {
		if e.pool, err = kvcache.New(p.NumPages, p.PageSize); err != nil {
			return err
		}
	}
	e.slots = make([]bool, p.NumStates/e.stateRows)
	e.program = p
	if n := e.numCandidates(cfg.Encoder); n > 0 {
		e.addCandidates(n)
	}
	e.steps = e.numSteps()
	if e.prefill, err = e.compile(ctx, e.o.Chunk); err != nil {
		return err
	}
	e.decode, err = e.compile(ctx, 1)
	return err
}

// takeSlot finds free rows of the state tensors; −1 where there is none.
func (e *Engine) takeSlot() int {
	for i, taken := range e.slots {
		if !taken {
			e.slots[i] = true
			return i
		}
	}
	return -1
}

func (e *Engine) giveSlot(i int) {
	if i >= 0 {
		e.slots[i] = false
	}
}

// compile prepares the program for steps of at most n tokens.
func (e *Engine) compile(ctx context.Context, n int) (compute.Executable, error) {
	o := e.CompileOptions(n)
	return e.compileProgram(ctx, e.program, o)
}

func (e *Engine) compileProgram(ctx context.Context, p *compute.Program, o compute.Options) (compute.Executable, error) {
	x, err := e.Device.Compile(ctx, p, o)
	if err != nil {
		return nil, fmt.Errorf("engine: compile %s for %d tokens: %w", e.Model.Program.Name, o.MaxTokens, err)
	}
	return x, nil
}

// CompileOptions are the options for steps of at most n tokens of one sequence.
func (e *Engine) CompileOptions(n int) compute.Options {
	o, p := e.o.Compile, e.Model.Program
	o.Math, o.MaxTokens, o.MaxOutputs, o.MaxSeqs = e.o.Math, n, 1, 1
	if p.PageSize > 0 {
		o.MaxPages = (e.contextLen + p.PageSize - 1) / p.PageSize
	}
	if e.o.AllLogits {
		o.MaxOutputs = n
	}
	return o
}

// Program is what the executables run: the model's program, with what the engine adds.
func (e *Engine) Program() *compute.Program { return e.program }

// ContextLen is the number of positions a session has.
func (e *Engine) ContextLen() int { return e.contextLen }

// Chunk is the largest number of tokens of one step.
func (e *Engine) Chunk() int { return e.o.Chunk }

// DefaultKVType is the type of a KV cache that nobody chose.
func DefaultKVType(m compute.Math) compute.DType {
	if m == compute.Fast {
		return compute.F16
	}
	return compute.F32
}

// KVTypes are the types of the KV cache.
func (e *Engine) KVTypes() (k, v compute.DType) { return e.o.TypeK, e.o.TypeV }

// Math is the arithmetic the engine was made for.
func (e *Engine) Math() compute.Math { return e.o.Math }

// Executables are the compiled program for prompts and for single tokens.
func (e *Engine) Executables() (prefill, decode compute.Executable) { return e.prefill, e.decode }

// Close frees what the engine put on the device.
func (e *Engine) Close() error {
	var errs []error
	for _, x := range []compute.Executable{e.prefill, e.decode, e.loop} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	if e.Model != nil {
		errs = append(errs, e.Model.Close())
	}
	e.prefill, e.decode, e.loop, e.Model = nil, nil, nil, nil
	return errors.Join(errs...)
}

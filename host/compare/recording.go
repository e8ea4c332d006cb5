package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/host/dump"
)

// metaKey is where a recording has its RunInfo as JSON, in the header of a safetensors file. Its tensors are prefill.NAME and decode.NAME, by
// the names of the program, in its order; prompt.N.logits, from 1, are of more prompts. Files without it are of other engines.
const metaKey = "tuff.run"

// RunInfo says what was run.
type RunInfo struct {
	Model   string `json:"model"`
	Digest  string `json:"model_digest"`
	Device  string `json:"device"`
	Driver  string `json:"driver"`
	Math    string `json:"math"`
	Build   string `json:"build"`
	Shaders string `json:"shaders"` // digest of the kernels
	// Reference says that it is the CPU in exact arithmetic, one op at a time: what bounds are proven against.
	Reference bool              `json:"reference"`
	Prompts   []RecordedPrompt  `json:"prompts"` // the first is the one whose tensors are kept
	Decoded   []int32           `json:"decoded"` // token of the step behind the prompt; none: there is no such step
	Kernels   map[string]string `json:"kernels"` // that wrote a tensor
}

// model is its name, or nothing for a dump.
func (info *RunInfo) model() string {
	if info == nil {
		return ""
	}
	return info.Model
}

// RecordedPrompt has the tokens that were put in, those that came out greedily, and the lead of the best logit at each of these.
type RecordedPrompt struct {
	Tokens  []int32   `json:"tokens"`
	Greedy  []int32   `json:"greedy"`
	Margins []float64 `json:"margins"`
}

// Recording is a file that a run left behind, tuff's or another engine's.
type Recording struct {
	Info    *RunInfo // nil: another engine's
	Path    string
	Tokens  []int32 // of the prompt; nil: the file does not tell
	set     *dump.Set
	renames []dump.Rename
}

// tokenNames are what other engines call the tensor of the prompt's tokens.
var tokenNames = []string{"tokens", "input_ids", "inp_tokens"}

// OpenRecording opens a recording, or what another engine left: a .safetensors or .npy file or a folder of the latter.
func OpenRecording(path string, renames []dump.Rename) (*Recording, error) {
	set, err := dump.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Recording{Path: path, set: set, renames: renames}
	if err := r.read(); err != nil {
		_ = set.Close()
		return nil, fmt.Errorf("compare: read %q: %w", path, err)
	}
	return r, nil
}

func (r *Recording) read() error {
	text, ok := r.set.Meta[metaKey]
	if !ok {
		for _, t := range r.set.Tensors {
			if slices.Contains(tokenNames, t.Name) {
				var err error
				r.Tokens, err = t.Ints()
				return err
			}
		}
		return nil
	}
	r.Info = &RunInfo{}
	if err := json.Unmarshal([]byte(text), r.Info); err != nil {
		return fmt.Errorf("%s: %w", metaKey, err)
	}
	if len(r.Info.Prompts) == 0 || len(r.Info.Decoded) > 1 {
		return fmt.Errorf("%s: got %d prompts and %d decoded tokens, want at least one prompt and at most one token", metaKey, len(r.Info.Prompts), len(r.Info.Decoded))
	}
	for i, p := range r.Info.Prompts {
		if len(p.Tokens) == 0 || len(p.Greedy) != len(p.Margins) {
			return fmt.Errorf("%s: prompt %d: got %d tokens, %d generated ones and %d margins", metaKey, i+1, len(p.Tokens), len(p.Greedy), len(p.Margins))
		}
	}
	r.Tokens = r.Info.Prompts[0].Tokens
	return nil
}

// Close gives the file back.
func (r *Recording) Close() error { return r.set.Close() }

// Name is the recording for people.
func (r *Recording) Name() string {
	if r.Info == nil {
		return "dump " + filepath.Base(r.Path)
	}
	return r.Info.Device + ", recorded in " + filepath.Base(r.Path)
}

// Math is the arithmetic of the run; of another engine nobody knows.
func (r *Recording) Math() compute.Math {
	if r.Info != nil && r.Info.Math == compute.Exact.String() {
		return compute.Exact
	}
	return compute.Fast
}

// prompts gives o the tokens of the recording, and refuses others.
func (r *Recording) prompts(o Options) (Options, error) {
	if r.Tokens == nil {
		return o, nil
	}
	if o.Prompt == nil {
		o.Prompt = r.Tokens
		for i := 1; r.Info != nil && i < len(r.Info.Prompts); i++ {
			o.More = append(o.More, r.Info.Prompts[i].Tokens)
		}
	}
	if !slices.Equal(o.Prompt, r.Tokens) {
		return o, fmt.Errorf("compare: %s: got a prompt of the %d tokens %.80v, want that of the other side, %d tokens %.80v", r.Path, len(r.Tokens), r.Tokens, len(o.Prompt), o.Prompt)
	}
	for i, ids := range o.More {
		if r.Info == nil || i+1 >= len(r.Info.Prompts) || !slices.Equal(ids, r.Info.Prompts[i+1].Tokens) {
			return o, fmt.Errorf("compare: %s: got a recording without prompt %d of the other side", r.Path, i+2)
		}
	}
	return o, nil
}

// phase are the tensors of a phase by the names that they have behind its own. What has no phase in its name is the prompt's.
func (r *Recording) phase(phase string) (names []string, tensors map[string]*dump.Tensor) {
	tensors = map[string]*dump.Tensor{}
	for _, t := range r.set.Tensors {
		in, name := "prefill", t.Name
		for _, p := range []string{"prefill", "decode", "prompt"} {
			if rest, ok := strings.CutPrefix(t.Name, p+"."); ok && (r.Info != nil || p != "prompt") {
				in, name = p, rest
			}
		}
		if in == phase && t.IsFloat() {
			names = append(names, name)
			tensors[name] = t
		}
	}
	return names, tensors
}

// has says whether there is anything of a phase.
func (r *Recording) has(phase string) bool {
	names, _ := r.phase(phase)
	return len(names) > 0
}

// promptLogits are the rows of logits of prompt i, from 1; nil where they were not recorded.
func (r *Recording) promptLogits(i int) ([]float32, error) {
	t := r.set.Find(fmt.Sprintf("prompt.%d.logits", i))
	if t == nil {
		return nil, nil
	}
	return t.Floats()
}

// recorded gives the tensors of one phase of a recording as those of a program.
type recorded struct {
	rec     *Recording
	p       *compute.Program
	step    *compute.Step
	tensors map[compute.Ref]*dump.Tensor
	last    map[compute.Ref]bool // has the last row alone
	extra   []string             // of the recording, that the program has not
	lacks   []string             // the other way round
	before  *recorded            // the phase before
	live    *reader              // has the weights
}

// bind finds what the recording has of p in a step, and refuses tensors of another shape.
func (r *Recording) bind(phase string, live *reader, step *compute.Step, before *recorded) (*recorded, error) {
	s := &recorded{rec: r, p: live.p, step: step, tensors: map[compute.Ref]*dump.Tensor{}, last: map[compute.Ref]bool{}, before: before, live: live}
	refs, want := results(live.p)
	have, tensors := r.phase(phase)
	pairs, extra := dump.Match(have, want, r.renames)
	s.extra = extra
	for i, name := range want {
		from, ok := pairs[name]
		if !ok {
			s.lacks = append(s.lacks, name)
			continue
		}
		t, rows, cols := tensors[from], live.rowsOf(refs[i], step), live.p.At(refs[i]).Cols
		switch {
		case isRows(t.Shape, rows, cols):
		case isRows(t.Shape, 1, cols):
			s.last[refs[i]] = true
		default:
			return nil, fmt.Errorf("compare: %s: tensor %s: got shape %v, want %d×%d as %s has; other tokens or another model? --map %s= leaves it out", r.Path, t.Name, t.Shape, rows, cols, name, from)
		}
		s.tensors[refs[i]] = t
	}
	return s, nil
}

// results are the tensors that ops write, by name. A name that is used again has its number behind it.
func results(p *compute.Program) (refs []compute.Ref, names []string) {
	times := map[string]int{}
	for _, in := range p.Instrs {
		for _, ref := range in.Op.Writes() {
			if slices.Contains(refs, ref) {
				continue
			}
			name := p.At(ref).Name
			if times[name]++; times[name] > 1 {
				name = fmt.Sprintf("%s#%d", name, times[name])
			}
			refs, names = append(refs, ref), append(names, name)
		}
	}
	return refs, names
}

// isRows says whether an array's first dimensions are rows and the others are cols elements. Dimensions of 1 may stand in front.
func isRows(shape []int, rows, cols int) bool {
	n, split := 1, rows == 1
	for _, d := range shape {
		n *= d
		split = split || n == rows
	}
	return split && n == rows*cols
}

func (s *recorded) values(ref compute.Ref) ([]float32, error) {
	if s.p.At(ref).Role == compute.Weight {
		return s.live.values(ref)
	}
	t := s.tensors[ref]
	if t == nil {
		return nil, nil
	}
	return t.Floats()
}

func (s *recorded) inputs(ref compute.Ref) ([]float32, error) {
	switch {
	case !s.live.states()[ref]:
		return s.values(ref)
	case s.before != nil:
		return s.before.values(ref)
	}
	return nil, nil // at position 0 there is no state before the step
}

func (s *recorded) rowNorms(ref compute.Ref, lo, hi int) ([]float64, error) {
	return s.live.rowNorms(ref, lo, hi)
}

func (s *recorded) whole(ref compute.Ref) bool {
	return s.p.At(ref).Role == compute.Weight || s.tensors[ref] != nil && !s.last[ref]
}

func (s *recorded) proven() bool { return s.rec.Info != nil && s.rec.Info.Reference }

// write writes a recording.
func (info *RunInfo) write(w io.Writer, list []dump.Array) error {
	text, err := json.Marshal(info)
	if err == nil {
		err = dump.Write(w, map[string]string{metaKey: string(text)}, list)
	}
	if err != nil {
		return fmt.Errorf("compare: write recording: %w", err)
	}
	return nil
}

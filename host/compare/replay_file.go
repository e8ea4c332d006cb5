package compare

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"

	"tuff/host/compute"
)

// A replay file is a zip of replay.json and one stored, not compressed, member for the bytes of each tensor that has some.
const (
	headerName = "replay.json"
	maxHeader  = 1 << 24 // bytes; a header is a few kilobytes
)

// opTypes are the ops that a program may hold, by stem.
var opTypes = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, op := range []compute.Op{compute.Activation{}, compute.Add{}, compute.AltUp{}, compute.Attention{}, compute.Columns{}, compute.Conv1D{}, compute.DeltaRule{}, compute.Embed{},
		compute.KVStore{}, compute.LayerNorm{}, compute.MatMul{}, compute.MatMulExperts{}, compute.MatMulHeads{}, compute.Mix{}, compute.RMSNorm{}, compute.RoPE{},
		compute.Route{}, compute.Sample{}, compute.Scale{}, compute.SparseGate{}, compute.SSMScan{}, compute.SwiGLU{}, compute.TakeRows{}, compute.TopK{}} {
		m[op.Stem()] = reflect.TypeOf(op)
	}
	return m
}()

// UnmarshalJSON reads an op by its stem.
func (o *replayOp) UnmarshalJSON(text []byte) error {
	var raw struct {
		Label, Stem string
		Op          json.RawMessage
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	t := opTypes[raw.Stem]
	if t == nil {
		return fmt.Errorf("got op %q, want one that this version has", raw.Stem)
	}
	v := reflect.New(t)
	d := json.NewDecoder(bytes.NewReader(raw.Op))
	d.DisallowUnknownFields() // an op of another version that means something else
	if err := d.Decode(v.Interface()); err != nil {
		return fmt.Errorf("op %s: %w", raw.Stem, err)
	}
	o.Label, o.Stem, o.Op = raw.Label, raw.Stem, v.Elem().Interface().(compute.Op)
	return nil
}

func member(i int) string { return fmt.Sprintf("tensor-%d.bin", i+1) }

// Write writes the replay as a file.
func (r *Replay) Write(w io.Writer) error {
	z := zip.NewWriter(w)
	put := func(name string, data []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	}
	head, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = put(headerName, append(head, '\n'))
	}
	for i := range r.Tensors {
		if err == nil && r.Tensors[i].Bytes > 0 {
			err = put(member(i), r.Tensors[i].Data)
		}
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return fmt.Errorf("compare: write replay: %w", err)
	}
	return nil
}

// ReadReplay reads a file. What it takes in memory is at most the file's size: members are stored as they are.
func ReadReplay(path string) (*Replay, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("compare: read replay: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("compare: read replay: %w", err)
	}
	r, err := readReplay(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("compare: read replay %s: %w", path, err)
	}
	return r, nil
}

func readReplay(f io.ReaderAt, size int64) (*Replay, error) {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("%w; want a file of tuff compare --save", err)
	}
	get := func(name string, want int64) ([]byte, error) {
		for _, m := range z.File {
			if m.Name != name {
				continue
			}
			n := int64(m.UncompressedSize64)
			if m.Method != zip.Store || n > size || n < 0 || want >= 0 && n != want || want < 0 && n > maxHeader {
				return nil, fmt.Errorf("%s: got %d bytes by method %d, want %d, stored", name, n, m.Method, want)
			}
			rc, err := m.Open()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			b := make([]byte, n)
			_, err = io.ReadFull(rc, b)
			if err == nil {
				_, err = rc.Read(make([]byte, 1)) // the end, where the checksum is looked at
			}
			if err == io.EOF {
				err = nil
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return b, rc.Close()
		}
		return nil, fmt.Errorf("got no %s, want a file of tuff compare --save", name)
	}
	head, err := get(headerName, -1)
	if err != nil {
		return nil, err
	}
	r := &Replay{}
	if err := json.Unmarshal(head, r); err != nil {
		return nil, fmt.Errorf("%s: %w", headerName, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", headerName, err)
	}
	for i := range r.Tensors {
		t := &r.Tensors[i]
		if t.Bytes == 0 {
			continue
		}
		if t.Data, err = get(member(i), t.Bytes); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// check holds the header against itself: every tensor with contents has as many bytes as its shape says, so that nothing is read or allocated by
// numbers that do not fit together. Program.Check and Step.Check see to the rest.
func (r *Replay) check() error {
	if len(r.Step.Seqs) != 1 || len(r.Step.Tokens) == 0 || len(r.Ops) == 0 || len(r.Step.Outputs) > len(r.Step.Tokens) {
		return fmt.Errorf("got %d sequences, %d tokens, %d ops, want one sequence and at least one of the others", len(r.Step.Seqs), len(r.Step.Tokens), len(r.Ops))
	}
	for _, o := range r.Step.Outputs {
		if o < 0 || int(o) >= len(r.Step.Tokens) {
			return fmt.Errorf("got output row %d of %d", o, len(r.Step.Tokens))
		}
	}
	const most = 1 << 40 // elements: no tensor of a model has as many
	for i := range r.Tensors {
		t := &r.Tensors[i]
		rows := t.Rows.At(r.Step.Sizes())
		if t.Rows.Fixed < 0 || t.Rows.PerToken < 0 || t.Rows.PerOutput < 0 || t.Cols < 1 || rows < 0 || rows > most/t.Cols {
			return fmt.Errorf("tensor %s: got shape [%v, %d]", t.Name, t.Rows, t.Cols)
		}
		var want int64
		switch {
		case t.Fed:
			if t.Role != compute.Scratch && t.Role != compute.Output || !feedable(t.DType, t.Rows) {
				return fmt.Errorf("tensor %s: got a fed %v of %v rows of %v, want float32 scratch of one row a token or output", t.Name, t.Role, t.Rows, t.DType)
			}
			want = 4 * int64(rows) * int64(t.Cols)
		case t.Role == compute.Weight || t.Role == compute.State:
			n, err := t.DType.Bytes(rows, t.Cols)
			if err != nil {
				return fmt.Errorf("tensor %s: %w", t.Name, err)
			}
			want = n
		}
		if t.Bytes != want {
			return fmt.Errorf("tensor %s: got %d bytes, want %d", t.Name, t.Bytes, want)
		}
	}
	return nil
}

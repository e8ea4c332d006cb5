package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// RawTensor is a tensor of a safetensors file that is no model: a name, a shape, outermost first, and the bytes of its elements.
type RawTensor struct {
	Name, DType string // the format's name of the type: F32, BF16, I64, …
	Shape       []int
	Bytes       []byte
}

// RawFile is such a file, mapped, with its tensors in the order of their bytes and the texts of its header.
type RawFile struct {
	Meta    map[string]string
	Tensors []RawTensor
	content content
}

// OpenRaw maps a safetensors file. Tensors' bytes are the file's until Close.
func OpenRaw(path string) (*RawFile, error) {
	c, err := openFile(path, OpenOptions{})
	if err != nil {
		return nil, err
	}
	f := &RawFile{content: c}
	list, meta, err := decodeRaw(path, c.data)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	f.Meta = meta
	for _, t := range list {
		f.Tensors = append(f.Tensors, RawTensor{t.name, t.dtype, t.shape, c.data[t.off : t.off+t.size]})
	}
	return f, nil
}

// Close unmaps the file.
func (f *RawFile) Close() error {
	if f.content.close == nil {
		return nil
	}
	return f.content.close()
}

// WriteRaw writes a safetensors file of these tensors, in this order.
func WriteRaw(w io.Writer, meta map[string]string, tensors []RawTensor) error {
	var head bytes.Buffer
	put := func(key string, value any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if head.Len() > 0 {
			head.WriteByte(',')
		}
		fmt.Fprintf(&head, "%s:%s", k, v)
		return nil
	}
	err := put("__metadata__", meta)
	at := 0
	for _, t := range tensors {
		if err != nil {
			break
		}
		err = put(t.Name, struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{t.DType, append([]int{}, t.Shape...), [2]int{at, at + len(t.Bytes)}})
		at += len(t.Bytes)
	}
	if err != nil {
		return fmt.Errorf("weights: write safetensors: %w", err)
	}
	text := "{" + head.String() + "}"
	text += strings.Repeat(" ", (8-len(text)%8)%8) // numbers begin at multiples of 8
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("weights: write safetensors: %w", err)
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Bytes); err != nil {
			return fmt.Errorf("weights: write safetensors: %w", err)
		}
	}
	return nil
}

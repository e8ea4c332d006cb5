package weights

import (
	"bytes"
	"fmt"
)

// shard is one decoded file.
type shard struct {
	version int
	keys    []string
	values  map[string]any
	tensors []Tensor
}

// decode reads magic, version, metadata and tensor table (GGUF specification, "File Structure").
func decode(name string, data []byte) (*shard, error) {
	d := &decoder{name: name, data: data}
	if err := d.magic(); err != nil {
		return nil, err
	}
	version, err := d.u32("version")
	switch {
	case err != nil:
		return nil, err
	case version&0xffff == 0 && version != 0: // 3 in the other byte order is 0x03000000
		return nil, &UnsupportedError{name, "big-endian byte order"}
	case version == 1:
		return nil, &UnsupportedError{name, "GGUF version 1; convert it to version 3"}
	case version != 2 && version != 3:
		return nil, d.fail("version", 4, version, "2 or 3")
	}
	nTensors, err := d.count("number of tensors", maxTensors, 8+1+4+8+4+8)
	if err != nil {
		return nil, err
	}
	nKeys, err := d.count("number of keys", maxKeys, 8+1+4+1)
	if err != nil {
		return nil, err
	}
	s := &shard{version: int(version), values: map[string]any{}}
	align := uint64(32) // by the specification, if the file does not say
	for range nKeys {
		at := d.off
		if err := d.key(s); err != nil {
			return nil, err
		}
		if v, ok := s.values["general.alignment"]; ok && len(s.keys) > 0 && s.keys[len(s.keys)-1] == "general.alignment" {
			a, ok := v.(uint32)
			switch {
			case !ok:
				return nil, d.fail("general.alignment", at, fmt.Sprintf("a %T", v), "a uint32")
			case a == 0 || a&(a-1) != 0 || a > maxAlignment:
				return nil, d.fail("general.alignment", at, a, fmt.Sprintf("a power of two up to %d", maxAlignment))
			}
			align = uint64(a)
		}
	}
	table := d.off
	for range nTensors {
		if err := d.tensor(s, align); err != nil {
			return nil, err
		}
	}
	if nTensors == 0 {
		return s, nil
	}
	return s, d.place(s, align, table)
}

// count reads a number of entries, each of which takes at least size bytes of the file.
func (d *decoder) count(what string, most, size uint64) (uint64, error) {
	at := d.off
	n, err := d.u64(what)
	if err != nil {
		return 0, err
	}
	if limit := min(most, d.remaining()/size); n > limit {
		return 0, d.fail(what, at, n, fmt.Sprintf("at most %d", limit))
	}
	return n, nil
}

// foreign are the first bytes of files that people open by mistake.
var foreign = []struct{ magic, what string }{
	{"FUGG", "big-endian byte order"},
	{"PK\x03\x04", "a zip archive, perhaps a PyTorch checkpoint; want a GGUF file"},
	{"\x1f\x8b", "compressed with gzip; unpack it first"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"},
	{"lmgg", "a GGML file from before GGUF"},
	{"fmgg", "a GGMF file from before GGUF"},
	{"tjgg", "a GGJT file from before GGUF"},
	{"algg", "a GGLA adapter from before GGUF"},
	{"version https://git-lfs", "a Git LFS pointer and not the file itself; fetch it with git lfs pull"},
	{"<!DO", "a web page; want a GGUF file"},
	{"<htm", "a web page; want a GGUF file"},
	{"\x89HDF", "an HDF5 file; want a GGUF file"},
}

func (d *decoder) magic() error {
	for _, f := range foreign {
		if bytes.HasPrefix(d.data, []byte(f.magic)) {
			return &UnsupportedError{d.name, f.what}
		}
	}
	b, err := d.take("magic", 4)
	switch {
	case err != nil:
		return err
	case string(b) == "GGUF":
		return nil
	case b[0] == 0x80 && b[1] >= 2 && b[1] <= 5: // the PROTO opcode
		return &UnsupportedError{d.name, "a Python pickle; want a GGUF file"}
	case len(d.data) > 9 && d.data[8] == '{':
		return &UnsupportedError{d.name, "a safetensors file; want its folder, with config.json, or a GGUF file"}
	}
	return d.fail("magic", 0, fmt.Sprintf("%q", b), `"GGUF"`)
}

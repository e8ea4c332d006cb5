package kernel

import (
	"encoding/binary"
	"fmt"

	"tuff/host/compute"
)

// Words of the step buffer's header. Twin: shaders/include/step.glsl.
const (
	stepTokens     = 0
	stepOutputs    = 1
	stepSeqs       = 2
	stepTiles      = 3
	stepAtTokens   = 4
	stepAtPos      = 5
	stepAtRowSeq   = 6
	stepAtOutputs  = 7
	stepAtSeqs     = 8
	stepAtPages    = 9
	stepAtTiles    = 10
	stepRecords    = 11
	stepAtSampling = 14
	stepRun        = 15
	stepHeader     = 16
	stepSeqWords   = 8
)

// StepBytes is the size of the step buffer of a program compiled with o whose groups have so many records.
func StepBytes(o compute.Options, records int) int64 {
	t, out, seqs, pages := max(o.MaxTokens, 1), max(o.MaxOutputs, 1), max(o.MaxSeqs, 1), max(o.MaxPages, 1)
	return 4 * int64(stepHeader+(recordWords+indirectWords)*records+3*t+out+stepSeqWords*seqs+seqs*pages+4*maxTiles(t, seqs)+samplingMost)
}

// EncodeStep writes a checked step and its records into dst, StepBytes(o, len(records)) bytes, without allocating.
func EncodeStep(dst []byte, s *compute.Step, p *compute.Program, o compute.Options, records []Indirect) error {
	if want := StepBytes(o, len(records)); int64(len(dst)) < want {
		return fmt.Errorf("gpu: encode step: got %d bytes, want %d", len(dst), want)
	}
	put := func(word, v int) { binary.LittleEndian.PutUint32(dst[4*word:], uint32(v)) }
	at := stepHeader
	put(stepRecords, len(records))
	for i := range records {
		for _, n := range records[i].Counts(s) {
			put(at, n)
			at++
		}
	}
	for i := range records {
		for _, v := range records[i].table() {
			put(at, v)
			at++
		}
	}
	list := func(header int, values []int32) {
		put(header, at)
		for _, v := range values {
			put(at, int(v))
			at++
		}
	}
	put(stepTokens, len(s.Tokens))
	put(stepOutputs, len(s.Outputs))
	put(stepSeqs, len(s.Seqs))
	list(stepAtTokens, s.Tokens)
	list(stepAtPos, s.Pos)
	put(stepAtRowSeq, at)
	for i := range s.Seqs {
		for range s.Seqs[i].Count {
			put(at, i)
			at++
		}
	}
	list(stepAtOutputs, s.Outputs)
	put(stepAtSeqs, at)
	pages := at + stepSeqWords*len(s.Seqs)
	put(stepAtPages, pages)
	for i := range s.Seqs {
		q := &s.Seqs[i]
		put(at, q.First)
		put(at+1, q.Count)
		put(at+2, q.Len)
		put(at+3, pages)
		put(at+4, q.Keys())
		put(at+5, q.StateIn)
		put(at+6, q.StateOut)
		put(at+7, q.StateSpare)
		at += stepSeqWords
		if p.PageSize > 0 {
			for _, page := range q.Pages {
				put(pages, int(page))
				pages++
			}
		}
	}
	at = pages
	put(stepAtTiles, at)
	tiles := 0
	for i := range s.Seqs {
		q := &s.Seqs[i]
		for r := 0; r < q.Count; r += tileRows {
			put(at, q.First+r)
			put(at+1, min(tileRows, q.Count-r))
			put(at+2, i)
			put(at+3, 0)
			at += 4
			tiles++
		}
	}
	put(stepTiles, tiles)
	put(stepAtSampling, at)
	put(stepRun, 1)
	encodeSampling(dst[4*at:], at, &s.Sampling)
	return nil
}

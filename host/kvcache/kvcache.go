// Package kvcache hands out the pages of the KV cache to sequences. It counts pages and knows their numbers; the bytes
// lie in device memory and are written and read by ops. It must not know devices or models.
package kvcache

import "fmt"

// Pool is a fixed set of pages of PageSize positions each.
type Pool struct {
	pageSize int
	free     []int32 // pages nobody holds, next one last
}

// New makes a pool of pages numbered from 0.
func New(numPages, pageSize int) (*Pool, error) {
	if numPages < 1 || pageSize < 1 {
		return nil, fmt.Errorf("kvcache: make pool: got %d pages of %d, want at least one of each", numPages, pageSize)
	}
	p := &Pool{pageSize: pageSize, free: make([]int32, numPages)}
	for i := range p.free {
		p.free[i] = int32(numPages - 1 - i)
	}
	return p, nil
}

// PageSize is the number of positions in a page.
func (p *Pool) PageSize() int { return p.pageSize }

// Free is the number of pages nobody holds.
func (p *Pool) Free() int { return len(p.free) }

// FullError says that a sequence cannot grow.
type FullError struct{ Need, Free, PageSize int }

func (e *FullError) Error() string {
	return fmt.Sprintf("kvcache: grow sequence: want %d more pages of %d positions, got %d free", e.Need, e.PageSize, e.Free)
}

// Sequence is the pages of one sequence in order: position p lies in Pages[p/PageSize].
type Sequence struct {
	pool  *Pool
	pages []int32
}

// NewSequence makes an empty sequence.
func (p *Pool) NewSequence() *Sequence { return &Sequence{pool: p} }

// Pages is the page table; the caller must not change it.
func (s *Sequence) Pages() []int32 { return s.pages }

// Grow makes room for n positions in all. It takes all pages needed or none.
func (s *Sequence) Grow(n int) error {
	need := (n+s.pool.pageSize-1)/s.pool.pageSize - len(s.pages)
	if need <= 0 {
		return nil
	}
	rest := len(s.pool.free) - need
	if rest < 0 {
		return &FullError{Need: need, Free: len(s.pool.free), PageSize: s.pool.pageSize}
	}
	for i := len(s.pool.free) - 1; i >= rest; i-- {
		s.pages = append(s.pages, s.pool.free[i])
	}
	s.pool.free = s.pool.free[:rest]
	return nil
}

// Shrink keeps the pages of the first n positions and gives back the others.
func (s *Sequence) Shrink(n int) {
	keep := min((n+s.pool.pageSize-1)/s.pool.pageSize, len(s.pages))
	for i := len(s.pages) - 1; i >= keep; i-- {
		s.pool.free = append(s.pool.free, s.pages[i])
	}
	s.pages = s.pages[:keep]
}

// Close gives back all pages.
func (s *Sequence) Close() { s.Shrink(0) }

package engine

import (
	"context"
	"fmt"

	"tuff/host/compute"
)

// A state is no list that could be cut where a caller stops: it holds all tokens at once. A step reads one row of the state tensors and
// writes another, so the state before it is still there. A run of several steps writes two rows in turn and leaves the first as it
// was. Where not all of its tokens were kept, those that were are evaluated again from there, once the session goes on.

// stateRow is where the state of a session is.
type stateRow struct {
	row             int // of the session's, in use; during a run the one that it began with
	evaluated, kept int // tokens of the last run; 0 once row says where it ended
}

// advance goes on to the row that n steps from here have left: the next one, and beyond one step the two behind this in turn.
func (r *stateRow) advance(n, rows int) { r.row = (r.row + 2 - n%2) % rows }

// keepAhead appends id, which the last run has evaluated.
func (s *Session) keepAhead(id int32) {
	s.tokens = append(s.tokens, id)
	s.state.kept++
}

// placeState says in q where the session's state is, and where it goes.
func (s *Session) placeState(q *compute.Seq) error {
	if s.state.evaluated > 0 && s.state.kept == s.state.evaluated {
		s.state.advance(s.state.evaluated, s.e.stateRows)
		s.state.evaluated = 0
	}
	if s.state.evaluated > 0 {
		return fmt.Errorf("engine: extend sequence: got a run of which %d of %d tokens were kept, want it rewound", s.state.kept, s.state.evaluated)
	}
	at := func(i int) int { return s.slot*s.e.stateRows + (s.state.row+i)%s.e.stateRows }
	q.StateIn, q.StateOut, q.StateSpare = at(0), at(1), at(2)
	return nil
}

// rewind evaluates the tokens that were kept of a run again, where its state has gone beyond them.
func (s *Session) rewind(ctx context.Context) error {
	kept := s.state.kept
	if s.slot < 0 || s.state.evaluated == 0 || s.state.evaluated == kept {
		return nil
	}
	s.state.evaluated = 0
	again := s.tokens[len(s.tokens)-kept:]
	s.tokens = s.tokens[:len(s.tokens)-kept]
	for i := range again {
		if err := s.run(ctx, again[i:i+1], nil); err != nil { // appends it where it is
			return err
		}
	}
	return nil
}

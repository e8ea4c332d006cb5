package template

// Nodes of the syntax tree. They execute or evaluate themselves; pos is the byte of the source that errors name.
type (
	node interface {
		exec(*state) error
		place() int
	}
	expr interface {
		eval(*state) (any, error)
		place() int
	}
	pos int

	textNode   struct{ s string }
	outputNode struct {
		pos
		e expr
	}
	ifNode struct {
		pos
		conds  []expr
		bodies [][]node
		other  []node
	}
	forNode struct {
		pos
		target       target
		in, filter   expr
		body, orElse []node
		recursive    bool
	}
	setNode struct {
		pos
		target target
		value  expr
	}
	// captureNode is a block set.
	captureNode struct {
		pos
		target  target
		filters expr // of a captured expression; nil: none
		body    []node
	}
	filterNode struct {
		pos
		filters expr
		body    []node
	}
	withNode struct {
		pos
		targets []target
		values  []expr
		body    []node
	}
	macroNode struct {
		pos
		def *macroDef
	}
	callNode struct {
		pos
		def  *macroDef
		call *callExpr
	}
	// scopeNode is a body with variables of its own.
	scopeNode struct {
		pos
		body []node
	}
	jumpNode struct {
		pos
		err error
	}

	constExpr struct{ v any }
	nameExpr  struct {
		pos
		name string
	}
	listExpr struct {
		pos
		items []expr
		kind  listKind
	}
	dictExpr struct {
		pos
		keys, values []expr
	}
	attrExpr struct {
		pos
		of   expr
		name string
	}
	indexExpr struct {
		pos
		of, at expr
	}
	sliceExpr struct {
		pos
		of    expr
		parts [3]expr // nil: left out
	}
	argExprs struct {
		pos    []expr
		names  []string
		named  []expr
		spread expr // *list
		dict   expr // **dict
	}
	callExpr struct {
		pos
		f    expr
		args argExprs
	}
	filterExpr struct {
		pos
		of   expr // nil: what the block captured
		name string
		args argExprs
	}
	testExpr struct {
		pos
		of   expr
		name string
		args argExprs
	}
	unaryExpr struct {
		pos
		op string
		e  expr
	}
	binaryExpr struct {
		pos
		op   string
		a, b expr
	}
	// logicExpr is and, or.
	logicExpr struct {
		pos
		or   bool
		a, b expr
	}
	concatExpr struct {
		pos
		parts []expr
	}
	compareExpr struct {
		pos
		first expr
		ops   []string
		rest  []expr
	}
	condExpr struct {
		pos
		cond, yes, no expr // no may be nil
	}
)

func (p pos) place() int     { return int(p) }
func (textNode) place() int  { return 0 }
func (constExpr) place() int { return 0 }

// target is what set and for assign to: a name, an attribute of a namespace, or several of those.
type target struct {
	pos
	name, attr string
	parts      []target // of a tuple
}

// macroDef is a macro's, or a call block's, parameters and body.
type macroDef struct {
	name                    string
	params                  []string
	defaults                []expr // of the last params
	body                    []node
	caller, kwargs, varargs bool // the body speaks of them
}

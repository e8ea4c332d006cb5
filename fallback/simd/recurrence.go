package simd

// Scan sets s[k] = x[k]·s[k] + a·y[k] in float32 and returns Σ z[k]·s[k], with float32 sums in an order of its own.
func (l Level) Scan(s, x, y, z []float32, a float32) (sum float32) {
	x, y, z = x[:len(s)], y[:len(s)], z[:len(s)]
	done := 0
	if l > Plain {
		sum, done = l.scan(s, x, y, z, a)
	}
	for k := done; k < len(s); k++ {
		s[k] = x[k]*s[k] + a*y[k]
		sum += z[k] * s[k]
	}
	return sum
}

// Steps are what the tokens of a scan bring and take, one behind the other. Strides are in elements, from token to token.
type Steps struct {
	Decay     []float32
	X         []float32 // an element for each row of the state
	B, C      []float32 // one for each column
	Out       []float32 // one for each row
	BStride   int
	CStride   int
	OutStride int
}

// ScanSteps goes over a state, rows of cols elements one behind the other, with every token: s[i][k] = Decay[t]·s[i][k] + X[t][i]·B[t][k] and
// Out[t][i] += Σ C[t][k]·s[i][k], in float32, with sums in an order of their own that does not depend on how many tokens there are.
func (l Level) ScanSteps(s []float32, cols int, p *Steps) {
	n := len(p.Decay)
	if n == 0 || len(s) == 0 {
		return
	}
	rows := len(s) / cols
	if len(s) != rows*cols || len(p.X) < n*rows || len(p.B) < (n-1)*p.BStride+cols || len(p.C) < (n-1)*p.CStride+cols || len(p.Out) < (n-1)*p.OutStride+rows {
		panic("BUG: simd: steps that are too few for their state")
	}
	whole := 0
	if l > Plain {
		whole = l.scanSteps(s, rows, cols, p)
	}
	for i := range rows {
		from := whole // columns that are done
		if i >= rows&^3 {
			from = 0
		}
		if from == cols {
			continue
		}
		own := s[i*cols : (i+1)*cols]
		for t, decay := range p.Decay {
			x, b, c := p.X[t*rows+i], p.B[t*p.BStride:], p.C[t*p.CStride:]
			var sum float32
			for k := from; k < cols; k++ {
				own[k] = decay*own[k] + x*b[k]
				sum += c[k] * own[k]
			}
			p.Out[t*p.OutStride+i] += sum
		}
	}
}

// Deltas are what the tokens of a delta rule bring and take, one behind the other. Strides are in elements, from token to token.
type Deltas struct {
	KQ        []float32 // a key and a query for each row of the state, in turns
	Gates     []float32 // four: of the state, of what is new, and of the products with the query and with what is new in the result
	V, Out    []float32 // an element for each column
	VStride   int
	OutStride int
}

// DeltaSteps goes over a state, rows of cols elements one behind the other, with every token: of u = Σ k[i]·s[i] and o = Σ q[i]·s[i] over rows i,
// u becomes g[1]·(V − g[0]·u), Out is g[2]·o + g[3]·u, and s[i] becomes g[0]·s[i] + k[i]·u, in float32. It needs HasDeltaSteps.
func (l Level) DeltaSteps(s []float32, cols int, p *Deltas) {
	n, rows := len(p.Gates)/4, len(s)/cols
	if n == 0 {
		return
	}
	if !l.HasDeltaSteps(rows, cols) || len(s) != rows*cols || len(p.KQ) < 2*n*rows || len(p.V) < (n-1)*p.VStride+cols || len(p.Out) < (n-1)*p.OutStride+cols {
		panic("BUG: simd: deltas that are too few for their state, or a state of another shape")
	}
	l.deltaSteps(n, s, rows, cols, p)
}

// Fade sets s[k] = a·s[k] + b·x[k] in float32.
func (l Level) Fade(s, x []float32, a, b float32) {
	x = x[:len(s)]
	done := 0
	if l > Plain {
		done = l.fade(s, x, a, b)
	}
	for k := done; k < len(s); k++ {
		s[k] = a*s[k] + b*x[k]
	}
}

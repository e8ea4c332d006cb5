package template

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxBits bounds whole numbers: Python prints none of more than 4300 digits.
const maxBits = 14000

// maxNumeral is the longest text that may be a number.
const maxNumeral = 1 << 13

// number is a value as a float; booleans are numbers in Python.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, true
	case float64:
		return v, true
	}
	return 0, false
}

// integer is a value as a whole number.
func integer(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// small is a whole number that fits, or the nearest that does.
func small(v any) (int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return int(max(min(v, math.MaxInt32), math.MinInt32)), true
	case *big.Int:
		return v.Sign() * math.MaxInt32, true
	}
	return 0, false
}

// whole brings a big number into its form as a value.
func whole(n *big.Int) (any, error) {
	if n.IsInt64() {
		return n.Int64(), nil
	}
	if n.BitLen() > maxBits {
		return nil, limitError("bits of a number", maxBits)
	}
	return n, nil
}

// calculate is Python's arithmetic on two numbers; ok is false where a or b is none.
func calculate(op string, a, b any) (v any, ok bool, err error) {
	if x, fits := a.(int64); fits {
		if y, fits := b.(int64); fits {
			if v, ok := calculateSmall(op, x, y); ok {
				return v, true, nil
			}
		}
	}
	x, okX := number(a)
	y, okY := number(b)
	if !okX || !okY {
		return nil, false, nil
	}
	i, wholeA := integer(a)
	j, wholeB := integer(b)
	if (op == "/" || op == "//" || op == "%") && y == 0 {
		return nil, true, failure("ZeroDivisionError", "division by zero")
	}
	if wholeA && wholeB && op != "/" && (op != "**" || j.Sign() >= 0) {
		v, err = calculateWhole(op, i, j)
		return v, true, err
	}
	switch op {
	case "+":
		return x + y, true, nil
	case "-":
		return x - y, true, nil
	case "*":
		return x * y, true, nil
	case "/":
		return x / y, true, nil
	case "//":
		return math.Floor((x - modulo(x, y)) / y), true, nil
	case "%":
		return modulo(x, y), true, nil
	}
	if x == 0 && y < 0 {
		return nil, true, failure("ZeroDivisionError", "0.0 cannot be raised to a negative power")
	}
	p := math.Pow(x, y)
	if math.IsNaN(p) && !math.IsNaN(x) && !math.IsNaN(y) {
		return nil, true, typeError("complex numbers are not supported")
	}
	if math.IsInf(p, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, true, failure("OverflowError", "numerical result out of range")
	}
	return p, true, nil
}

// modulo has the sign of y, as in Python.
func modulo(x, y float64) float64 {
	m := math.Mod(x, y)
	if m != 0 && (m < 0) != (y < 0) {
		m += y
	}
	return m
}

// calculateSmall does what cannot overflow.
func calculateSmall(op string, x, y int64) (any, bool) {
	const half = 1 << 31
	if x < -half || x >= half || y < -half || y >= half {
		return nil, false
	}
	switch op {
	case "+":
		return x + y, true
	case "-":
		return x - y, true
	case "*":
		return x * y, true
	}
	return nil, false
}

func calculateWhole(op string, i, j *big.Int) (any, error) {
	n := new(big.Int)
	switch op {
	case "+":
		n.Add(i, j)
	case "-":
		n.Sub(i, j)
	case "*":
		n.Mul(i, j)
	case "//", "%": // rounds down, where Go's Euclidean division rounds towards a remainder that is not negative
		m := new(big.Int)
		n.QuoRem(i, j, m)
		if m.Sign() != 0 && (m.Sign() < 0) != (j.Sign() < 0) {
			n.Sub(n, big.NewInt(1))
			m.Add(m, j)
		}
		if op == "%" {
			n = m
		}
	case "**":
		if i.BitLen() > 1 && (!j.IsInt64() || j.Int64() > maxBits || int64(i.BitLen()-1)*j.Int64() > maxBits) {
			return nil, limitError("bits of a number", maxBits)
		}
		if i.BitLen() <= 1 { // −1, 0, 1
			j = new(big.Int).And(j, big.NewInt(1)).Add(new(big.Int).And(j, big.NewInt(1)), new(big.Int).Lsh(big.NewInt(int64(j.Sign())), 1))
		}
		n.Exp(i, j, nil)
	}
	return whole(n)
}

// parseInt is Python's int(s, base).
func parseInt(s string, base int) (any, bool) {
	s = strings.TrimFunc(s, isSpace)
	if len(s) > maxNumeral {
		return nil, false
	}
	s = strings.ToLower(s)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	prefix := map[string]int{"0x": 16, "0o": 8, "0b": 2}
	if len(s) > 2 && prefix[s[:2]] != 0 && (base == 0 || base == prefix[s[:2]]) {
		s, base = strings.TrimPrefix(s[2:], "_"), prefix[s[:2]]
	} else if base == 0 {
		base = 10
	}
	if base < 2 || base > 36 || s == "" || len(s) > 4300 || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '-' || s[0] == '+' {
		return nil, false
	}
	n, ok := new(big.Int).SetString(sign+strings.ReplaceAll(s, "_", ""), base)
	if !ok {
		return nil, false
	}
	v, err := whole(n)
	return v, err == nil
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, isSpace)
	if len(s) > maxNumeral {
		return 0, false
	}
	s = strings.ToLower(s)
	if strings.ContainsAny(s, "xp") {
		return 0, false
	}
	for i := range s {
		digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
		if s[i] == '_' && !(digit(i-1) && digit(i+1)) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// roundFloat is Python's round(f, digits): of the exact decimal value, half to even.
func roundFloat(f float64, digits int) float64 {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f) || digits > 300:
		return f
	case digits >= 0:
		r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return r
	case digits < -310:
		return 0 * f
	}
	p := math.Pow(10, float64(-digits))
	return math.RoundToEven(f/p) * p
}

// truncated is Python's int(f) of a finite number.
func truncated(f float64) (any, error) {
	n, _ := big.NewFloat(math.Trunc(f)).Int(nil)
	return whole(n)
}

package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime spells a time by C's directives, as Python's datetime does on Linux in the C locale: the time has no zone, so %z
// and %Z are empty. Flags: - no padding, _ spaces, 0 zeros, ^ capitals, # the other case; a width may follow them.
func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		start := i
		i++
		flags := ""
		for i < len(format) && strings.IndexByte("-_0^#", format[i]) >= 0 {
			flags += format[i : i+1]
			i++
		}
		width := 0
		for i < len(format) && format[i] >= '0' && format[i] <= '9' && width <= maxWidth {
			width = 10*width + int(format[i]-'0')
			i++
		}
		if width > 1024 {
			return "", limitError("characters of a field", 1024)
		}
		if i < len(format) && (format[i] == 'E' || format[i] == 'O') { // the locale's own form: the C locale has none
			i++
		}
		if i == len(format) {
			b.WriteString(format[start:])
			break
		}
		s, ok, err := directive(t, format[i], flags, width)
		if err != nil {
			return "", err
		}
		if !ok {
			s = format[start : i+1]
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// directive is one of strftime's; false: there is none of that letter.
func directive(t time.Time, c byte, flags string, width int) (string, bool, error) {
	num := func(n, digits int, pad byte) (string, bool, error) {
		for _, f := range flags {
			switch f {
			case '-':
				return strconv.Itoa(n), true, nil
			case '_':
				pad = ' '
			case '0':
				pad = '0'
			}
		}
		s := strconv.Itoa(n)
		return strings.Repeat(string(pad), max(max(digits, width)-len(s), 0)) + s, true, nil
	}
	str := func(s string) (string, bool, error) {
		switch {
		case strings.Contains(flags, "^"):
			s = strings.ToUpper(s)
		case strings.Contains(flags, "#") && (c == 'p' || c == 'P' || c == 'Z'):
			s = strings.ToLower(s)
		case strings.Contains(flags, "#"):
			s = strings.ToUpper(s)
		}
		pad := " "
		if strings.Contains(flags, "0") {
			pad = "0"
		}
		return strings.Repeat(pad, max(width-len(s), 0)) + s, true, nil
	}
	again := func(format string) (string, bool, error) {
		s, err := strftime(t, format)
		if err != nil {
			return "", false, err
		}
		return str(s)
	}
	hour12 := (t.Hour()+11)%12 + 1
	year, week := t.ISOWeek()
	weekday := int(t.Weekday())
	switch c {
	case '%':
		return "%", true, nil
	case 'n':
		return "\n", true, nil
	case 't':
		return "\t", true, nil
	case 'a':
		return str(t.Format("Mon"))
	case 'A':
		return str(t.Weekday().String())
	case 'b', 'h':
		return str(t.Format("Jan"))
	case 'B':
		return str(t.Month().String())
	case 'c':
		return again("%a %b %e %H:%M:%S %Y")
	case 'C':
		return num(t.Year()/100, 2, '0')
	case 'd':
		return num(t.Day(), 2, '0')
	case 'D', 'x':
		return again("%m/%d/%y")
	case 'e':
		return num(t.Day(), 2, ' ')
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true, nil
	case 'F':
		return again("%Y-%m-%d")
	case 'g':
		return num(year%100, 2, '0')
	case 'G':
		return num(year, 4, '0')
	case 'H':
		return num(t.Hour(), 2, '0')
	case 'I':
		return num(hour12, 2, '0')
	case 'j':
		return num(t.YearDay(), 3, '0')
	case 'k':
		return num(t.Hour(), 2, ' ')
	case 'l':
		return num(hour12, 2, ' ')
	case 'm':
		return num(int(t.Month()), 2, '0')
	case 'M':
		return num(t.Minute(), 2, '0')
	case 'p':
		return str(t.Format("PM"))
	case 'P':
		return str(t.Format("pm"))
	case 'r':
		return again("%I:%M:%S %p")
	case 'R':
		return again("%H:%M")
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true, nil
	case 'S':
		return num(t.Second(), 2, '0')
	case 'T', 'X':
		return again("%H:%M:%S")
	case 'u':
		return num((weekday+6)%7+1, 1, '0')
	case 'U':
		return num((t.YearDay()+6-weekday)/7, 2, '0')
	case 'V':
		return num(week, 2, '0')
	case 'w':
		return num(weekday, 1, '0')
	case 'W':
		return num((t.YearDay()+6-(weekday+6)%7)/7, 2, '0')
	case 'y':
		return num(t.Year()%100, 2, '0')
	case 'Y':
		return num(t.Year(), 1, '0')
	case 'z', 'Z':
		return "", true, nil
	}
	return "", false, nil
}

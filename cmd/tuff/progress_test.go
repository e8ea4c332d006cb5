package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"tuff/host/testkit"
)

// A counter on a terminal shows steps that take long, the first one too, and leaves nothing behind, be the work done or given up.
func TestCounter(t *testing.T) {
	for name, finish := range map[string]func(*counter){"done": func(k *counter) { k.report(10, 10) }, "given up": (*counter).end} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			k := &counter{bar: &progress{what: "reading the prompt", w: &out, tty: true}, unit: "tokens"}
			k.report(0, 10)
			text := func() string {
				k.mu.Lock()
				defer k.mu.Unlock()
				return out.String()
			}
			assert.Eventually(t, func() bool { return text() != "" }, testkit.Patience, time.Millisecond)
			assert.Equal(t, "\r\x1b[Kreading the prompt: tokens 0 of 10", text())
			k.report(4, 10)
			assert.Contains(t, text(), "tokens 4 of 10")
			finish(k)
			assert.Regexp(t, "4 of 10\r\x1b\\[K$", text())
			k.draw()
			assert.Regexp(t, "4 of 10\r\x1b\\[K$", text(), "nothing behind the end")
		})
	}
	var out bytes.Buffer
	k := &counter{bar: &progress{what: "reading the prompt", w: &out, tty: true}, unit: "tokens"}
	k.report(0, 2)
	k.report(2, 2)
	k.end()
	assert.Empty(t, out.String(), "what is done at once is not worth a line")
}

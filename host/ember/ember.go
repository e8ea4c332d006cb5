// Package ember holds the model that is part of the binary, so that tuff answers without any download. README.md beside
// this file is its model card.
package ember

import _ "embed" // the model file

// Name is what messages call the embedded model.
const Name = "ember-3m-Q8_0.gguf (embedded)"

//go:embed ember-3m-Q8_0.gguf
var model []byte

// Model is the GGUF file. The caller must not change it.
func Model() []byte { return model }

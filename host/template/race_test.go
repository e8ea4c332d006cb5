//go:build race

package template

// underRace says that everything takes ten times as long: checks that the race detector adds nothing to are thinned out.
const underRace = true

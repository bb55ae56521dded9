// Package wer measures how far a transcript is from what was said.
package wer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Result counts the edits that turn the reference into the hypothesis, with the
// fewest edits (Levenshtein). Of several such ways the one that substitutes
// rather than deletes and inserts is counted.
type Result struct {
	// Words of the reference, after [Normalize].
	Words         int `json:"words"`
	Substitutions int `json:"substitutions"`
	Insertions    int `json:"insertions"`
	Deletions     int `json:"deletions"`
	// Edits in the order of the reference.
	Edits []Edit `json:"edits,omitempty"`
}

// Edit is one difference. Said is empty for an insertion, Heard for a deletion.
type Edit struct {
	Said  string `json:"said,omitempty"`
	Heard string `json:"heard,omitempty"`
}

// Rate is the word error rate: edits by words of the reference. It passes 1 when
// much was inserted. With no words it is 0 if nothing was heard, else 1.
func (r Result) Rate() float64 {
	errors := r.Substitutions + r.Insertions + r.Deletions
	if r.Words == 0 {
		return float64(min(1, errors))
	}
	return float64(errors) / float64(r.Words)
}

// Add returns the sums of two results, for a rate over several texts.
func (r Result) Add(o Result) Result {
	return Result{
		Words:         r.Words + o.Words,
		Substitutions: r.Substitutions + o.Substitutions,
		Insertions:    r.Insertions + o.Insertions,
		Deletions:     r.Deletions + o.Deletions,
		Edits:         append(append([]Edit(nil), r.Edits...), o.Edits...),
	}
}

// Compare measures a hypothesis (what was heard) against a reference (what was
// said). Both are normalised first.
func Compare(reference, hypothesis string) Result {
	said, heard := Normalize(reference), Normalize(hypothesis)
	return trace(said, heard, distances(said, heard))
}

// Normalize cuts a text into the units that are compared: words in lower case,
// and every Han, Hiragana, Katakana or Hangul character for itself, so that the
// rate of a Chinese text is a character error rate. Width variants are folded
// (NFKC). Apostrophes within a word stay ("don't"), all other punctuation
// separates. Numbers stay as they are written: "4" and "four" differ.
func Normalize(text string) []string {
	var units []string
	var word strings.Builder
	flush := func() {
		if w := strings.Trim(word.String(), "'"); w != "" {
			units = append(units, w)
		}
		word.Reset()
	}
	for _, r := range norm.NFKC.String(text) {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			flush()
			units = append(units, string(r))
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			word.WriteRune(unicode.ToLower(r))
		case r == '\'' || r == '\u2019':
			word.WriteByte('\'')
		default:
			flush()
		}
	}
	flush()
	return units
}

// distances[i][j] is the distance of the first i units said to the first j heard.
func distances(said, heard []string) [][]int {
	d := make([][]int, len(said)+1)
	for i := range d {
		d[i] = make([]int, len(heard)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i, s := range said {
		for j, h := range heard {
			d[i+1][j+1] = min(d[i][j]+differ(s, h), d[i][j+1]+1, d[i+1][j]+1)
		}
	}
	return d
}

func differ(a, b string) int {
	if a == b {
		return 0
	}
	return 1
}

// trace walks back from the end along one shortest way.
func trace(said, heard []string, d [][]int) Result {
	r := Result{Words: len(said)}
	i, j := len(said), len(heard)
	for i > 0 || j > 0 {
		switch {
		case i > 0 && j > 0 && d[i][j] == d[i-1][j-1]+differ(said[i-1], heard[j-1]):
			i, j = i-1, j-1
			if said[i] != heard[j] {
				r.Substitutions++
				r.Edits = append(r.Edits, Edit{Said: said[i], Heard: heard[j]})
			}
		case i > 0 && d[i][j] == d[i-1][j]+1:
			i--
			r.Deletions++
			r.Edits = append(r.Edits, Edit{Said: said[i]})
		default:
			j--
			r.Insertions++
			r.Edits = append(r.Edits, Edit{Heard: heard[j]})
		}
	}
	for a, b := 0, len(r.Edits)-1; a < b; a, b = a+1, b-1 {
		r.Edits[a], r.Edits[b] = r.Edits[b], r.Edits[a]
	}
	return r
}

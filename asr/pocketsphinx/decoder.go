package pocketsphinx

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"earshot/asr"
)

// frame is the time that PocketSphinx counts in (its -frate of 100 Hz).
const frame = 10 * time.Millisecond

// decoder is one PocketSphinx decoder, used by one goroutine at a time.
type decoder struct {
	lib    *library
	handle uintptr
	config uintptr
}

func (l *library) newDecoder(args []string) (*decoder, error) {
	argv := make([]*byte, len(args)+2)
	for i, a := range append([]string{"earshot"}, args...) {
		argv[i] = &append([]byte(a), 0)[0]
	}
	config := l.parse(0, l.args(), int32(len(args)+1), unsafe.Pointer(&argv[0]), 1)
	runtime.KeepAlive(argv)
	if config == 0 {
		return nil, fmt.Errorf("cannot configure PocketSphinx: it refuses %q", args)
	}
	handle := l.open(config)
	if handle == 0 {
		l.freeConfig(config)
		return nil, unavailable("cannot start PocketSphinx with %q", args)
	}
	return &decoder{lib: l, handle: handle, config: config}, nil
}

func (d *decoder) close() {
	d.lib.close(d.handle)
	d.lib.freeConfig(d.config)
}

// decode recognises one whole piece of speech.
func (d *decoder) decode(pcm []int16) (asr.Segment, error) {
	// ps_start_stream forgets the noise of what this decoder heard before, so
	// that the same speech always gives the same words.
	if d.lib.forget(d.handle) < 0 || d.lib.startUtt(d.handle) < 0 {
		return asr.Segment{}, fmt.Errorf("cannot begin a PocketSphinx utterance")
	}
	// full_utt makes the decoder normalise over the whole piece (batch CMN).
	// Its live normalisation starts from wideband averages and loses the
	// beginning of telephone speech.
	processed := d.lib.process(d.handle, unsafe.Pointer(unsafe.SliceData(pcm)), uintptr(len(pcm)), 0, 1)
	runtime.KeepAlive(pcm)
	if ended := d.lib.endUtt(d.handle); processed < 0 || ended < 0 {
		return asr.Segment{}, fmt.Errorf("cannot decode %d samples with PocketSphinx", len(pcm))
	}
	words := d.words()
	return asr.Segment{
		End:        time.Duration(len(pcm)) * time.Second / rate,
		Text:       join(words),
		Words:      words,
		Confidence: mean(words),
		Final:      true,
	}, nil
}

func (d *decoder) words() []asr.Word {
	var out []asr.Word
	logmath := d.lib.logmath(d.handle)
	for w := d.lib.firstWord(d.handle); w != 0; w = d.lib.nextWord(w) {
		text, ok := clean(d.lib.word(w))
		if !ok {
			continue
		}
		var first, last, ignored int32
		d.lib.frames(w, unsafe.Pointer(&first), unsafe.Pointer(&last))
		p := d.lib.logExp(logmath, d.lib.posterior(w, unsafe.Pointer(&ignored), unsafe.Pointer(&ignored), unsafe.Pointer(&ignored)))
		out = append(out, asr.Word{
			Text:       text,
			Start:      time.Duration(first) * frame,
			End:        time.Duration(last+1) * frame,
			Confidence: math.Min(1, math.Max(0, p)),
		})
	}
	return out
}

// clean strips the mark of a pronunciation variant, "read(2)", and drops what is
// no word: <s>, </s>, <sil>, [NOISE], ++UH++.
func clean(word string) (string, bool) {
	if i := strings.IndexByte(word, '('); i > 0 {
		word = word[:i]
	}
	if word == "" || strings.ContainsAny(word[:1], "<[+") {
		return "", false
	}
	return word, true
}

func join(words []asr.Word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

// mean weighs the words' confidence by how long they took to say.
func mean(words []asr.Word) float64 {
	var sum, weight float64
	for _, w := range words {
		length := (w.End - w.Start).Seconds()
		sum += w.Confidence * length
		weight += length
	}
	if weight == 0 {
		return 0
	}
	return sum / weight
}

// Package asrtest is the contract that every engine keeps, as tests, with
// speech to run them on.
package asrtest

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot/asr"
	"earshot/asr/wer"
)

// Sample is speech that the engine under test should understand, at its rate.
type Sample struct {
	PCM      []int16
	Text     string
	Language string
	// MaxWER is the word error rate above which the engine does not work.
	MaxWER float64
}

// Engine runs the contract of [asr.Engine] on an engine.
func Engine(t *testing.T, e asr.Engine, s Sample) {
	if !e.Info().Speaks(s.Language) {
		t.Fatalf("%s does not speak %s", e.Info().Name, s.Language)
	}
	whole := listen(t, e, s, len(s.PCM))
	t.Run("understands the sample", func(t *testing.T) {
		if r := wer.Compare(s.Text, texts(whole)); r.Rate() > s.MaxWER {
			t.Errorf("word error rate %.2f over %.2f: %q", r.Rate(), s.MaxWER, texts(whole))
		}
	})
	t.Run("segments and words have times in order and confidence in bounds", func(t *testing.T) {
		checkTimes(t, whole, s, e.Info().Rate)
	})
	t.Run("the size of the pieces changes nothing", func(t *testing.T) {
		if pieces := listen(t, e, s, e.Info().Rate/50+1); !reflect.DeepEqual(pieces, whole) {
			t.Errorf("in pieces %+v\nwhole %+v", pieces, whole)
		}
	})
	t.Run("streams at the same time do not disturb each other", func(t *testing.T) {
		var wait sync.WaitGroup
		got := make([][]asr.Segment, 3)
		for i := range got {
			wait.Go(func() { got[i] = listen(t, e, s, 1600) })
		}
		wait.Wait()
		for i := range got {
			if !reflect.DeepEqual(got[i], whole) {
				t.Errorf("stream %d: %+v\nalone %+v", i, got[i], whole)
			}
		}
	})
	t.Run("silence gives no segment", func(t *testing.T) {
		silence := Sample{PCM: make([]int16, 3*e.Info().Rate), Language: s.Language}
		if got := listen(t, e, silence, 1600); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("nothing fed, nothing heard", func(t *testing.T) {
		if got := listen(t, e, Sample{Language: s.Language}, 1); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a stream whose context has ended is finished all the same", func(t *testing.T) {
		abandon(t, e, s)
	})
}

// listen runs the sample through a stream and returns its final segments.
func listen(t *testing.T, e asr.Engine, s Sample, piece int) []asr.Segment {
	t.Helper()
	ctx := t.Context()
	var finals []asr.Segment
	var settled time.Duration
	var mu sync.Mutex
	stream, err := e.Open(ctx, asr.Opening{Language: s.Language, Emit: func(g asr.Segment) {
		mu.Lock()
		defer mu.Unlock()
		if g.Final {
			finals = append(finals, g)
			if g.Start < settled {
				t.Errorf("a segment begins at %v after %v was settled", g.Start, settled)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for pcm := s.PCM; len(pcm) > 0; {
		n := min(piece, len(pcm))
		// A copy that is spoilt after: the stream must not keep it.
		buf := append([]int16(nil), pcm[:n]...)
		if err := stream.Feed(ctx, buf); err != nil {
			t.Fatal(err)
		}
		clear(buf)
		pcm = pcm[n:]
		now := stream.Settled()
		mu.Lock()
		if now < settled {
			t.Errorf("settled %v after %v", now, settled)
		}
		settled = now
		mu.Unlock()
	}
	if err := stream.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	return finals
}

func abandon(t *testing.T, e asr.Engine, s Sample) {
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := e.Open(ctx, asr.Opening{Language: s.Language, Emit: func(asr.Segment) {}})
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Feed(ctx, s.PCM); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := stream.Finish(ctx); err == nil {
		t.Error("finish of an abandoned stream says that all was recognised")
	}
}

func checkTimes(t *testing.T, segments []asr.Segment, s Sample, rate int) {
	length := time.Duration(len(s.PCM)) * time.Second / time.Duration(rate)
	var at time.Duration
	for _, g := range segments {
		if g.Start < at || g.End <= g.Start || g.End > length {
			t.Errorf("segment from %v to %v after %v, of %v", g.Start, g.End, at, length)
		}
		at = g.End
		if g.Confidence < 0 || g.Confidence > 1 || g.Language == "" || g.Text == "" {
			t.Errorf("segment %+v", g)
		}
		last := g.Start
		for _, w := range g.Words {
			if w.Start < last || w.End < w.Start || w.End > g.End+20*time.Millisecond {
				t.Errorf("word %q from %v to %v after %v, in a segment from %v to %v", w.Text, w.Start, w.End, last, g.Start, g.End)
			}
			last = w.End
			if w.Text == "" || w.Confidence < 0 || w.Confidence > 1 {
				t.Errorf("word %+v", w)
			}
		}
	}
}

func texts(segments []asr.Segment) string {
	var out []string
	for _, g := range segments {
		out = append(out, g.Text)
	}
	return strings.Join(out, " ")
}

package pocketsphinx_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/asr"
	"earshot/asr/asrtest"
	"earshot/asr/pocketsphinx"
	"earshot/internal/need"
)

func start(t testing.TB, workers int) *pocketsphinx.Engine {
	t.Helper()
	cfg := pocketsphinx.DefaultConfig()
	cfg.Workers = workers
	e, err := pocketsphinx.New(cfg)
	if earshot.KindOf(err) == earshot.Unavailable {
		need.That(t, false, "PocketSphinx ("+err.Error()+")")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

const bill = "Hello, I have a question about my last bill. I think I paid too much this month."

func TestEngine_KeepsTheContract(t *testing.T) {
	e, err := asr.Segmented(start(t, 2), asr.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	pcm := append(asrtest.Say(t, "rms", bill), make([]int16, asrtest.Rate)...)
	pcm = append(pcm, asrtest.Say(t, "kal16", "Can I have your full name and your date of birth please?")...)
	asrtest.Engine(t, e, asrtest.Sample{
		PCM: pcm, Text: bill + " Can I have your full name and your date of birth please?", Language: "en", MaxWER: 0.2,
	})
}

func TestEngine_SameSpeechSameWords_WhateverWasHeardBefore(t *testing.T) {
	e := start(t, 1)
	ctx := t.Context()
	one, other := asrtest.Say(t, "slt", bill), asrtest.Say(t, "awb", "That is not my problem. You have to wait like everybody else.")
	first, err := e.Recognize(ctx, one, "en")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Recognize(ctx, other, "en"); err != nil {
		t.Fatal(err)
	}
	again, err := e.Recognize(ctx, one, "en")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, again) {
		t.Errorf("first %+v\nagain %+v", first, again)
	}
}

func TestEngine_WordsAreWordsOnly(t *testing.T) {
	e := start(t, 1)
	got, err := e.Recognize(t.Context(), asrtest.Say(t, "rms", bill), "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range got.Words {
		if strings.ContainsAny(w.Text, "<>[]()+") {
			t.Errorf("word %q", w.Text)
		}
	}
	if len(got.Words) < 10 || got.Confidence < 0.5 {
		t.Errorf("clear speech gives %d words, confidence %.2f", len(got.Words), got.Confidence)
	}
}

func TestEngine_NothingToHearIsNoError(t *testing.T) {
	e := start(t, 1)
	for name, pcm := range map[string][]int16{"no samples": nil, "less than a frame": make([]int16, 100), "silence": make([]int16, 16000)} {
		got, err := e.Recognize(t.Context(), pcm, "en")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Text != "" || !got.Final {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestEngine_WaitsForADecoderNoLongerThanItsContext(t *testing.T) {
	e := start(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a free decoder may be taken all the same
		if _, err := e.Recognize(ctx, nil, "en"); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Error("a context that has ended never stops the wait")
}

func TestNew_SaysWhatToInstall(t *testing.T) {
	cfg := pocketsphinx.DefaultConfig()
	cfg.Model = t.TempDir()
	_, err := pocketsphinx.New(cfg)
	if earshot.KindOf(err) != earshot.Unavailable || !strings.Contains(err.Error(), "pocketsphinx-en-us") || !strings.Contains(err.Error(), cfg.Model) {
		t.Errorf("got %v", err)
	}
}

func TestConfig_NamesTheWrongKey(t *testing.T) {
	for key, cfg := range map[string]pocketsphinx.Config{
		"pocketsphinx.workers": {Workers: -1, Model: "m"},
		"pocketsphinx.model":   {},
	} {
		var e *earshot.Error
		if err := cfg.Validate(); !errors.As(err, &e) || e.Field != key {
			t.Errorf("want %s, got %v", key, err)
		}
	}
	if err := pocketsphinx.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecognize_OneDecoder(b *testing.B) {
	e := start(b, 1)
	pcm := asrtest.Say(b, "rms", bill)
	var spoken time.Duration
	for b.Loop() {
		if _, err := e.Recognize(b.Context(), pcm, "en"); err != nil {
			b.Fatal(err)
		}
		spoken += time.Duration(len(pcm)) * time.Second / asrtest.Rate
	}
	b.ReportMetric(b.Elapsed().Seconds()/spoken.Seconds(), "xRT")
}

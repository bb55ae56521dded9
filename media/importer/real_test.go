package importer_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus/bustest"
	"earshot/internal/need"
	"earshot/media/audio"
	"earshot/media/importer"
	"earshot/media/record"
)

// realCall returns the two files of the real telephone call, or skips.
func realCall(t *testing.T) (agent, customer string) {
	t.Helper()
	return need.Data(t, "calls/auto_repairs_40_agent.wav"), need.Data(t, "calls/auto_repairs_40_caller.wav")
}

func TestImport_OfARealCallIsRecordedSampleForSample(t *testing.T) {
	agent, customer := realCall(t)
	c := bustest.New(t)
	ids, err := importer.New(c).Import(t.Context(), []string{customer, agent}, importer.Options{})
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	cfg := record.DefaultConfig()
	cfg.Dir = t.TempDir()
	s, err := record.New(cfg, c, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	store, err := record.NewStore(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var f io.ReadSeekCloser
	await.That(t, "the recording is there", func() bool {
		if f, err = store.Open(ids[0]); err != nil && earshot.KindOf(err) != earshot.NotFound {
			t.Fatal(err)
		}
		return err == nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := samples(t, f, "recording")
	for channel, name := range []string{agent, customer} {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		want := samples(t, file, name)
		if len(got) < 2*len(want) {
			t.Fatalf("recording has %d frames, %s %d", len(got)/2, name, len(want))
		}
		for i, s := range want {
			if got[2*i+channel] != s {
				t.Fatalf("%s: sample %d is %d in the recording, %d in the file", name, i, got[2*i+channel], s)
			}
		}
	}
}

func samples(t *testing.T, f io.ReadCloser, name string) (pcm []int16) {
	t.Helper()
	r, err := audio.NewWAVReader(f, name)
	if err != nil {
		t.Fatal(err)
	}
	if pcm, err = r.ReadAll(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return pcm
}

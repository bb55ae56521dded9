package schema_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"earshot/metrics"
	"earshot/metrics/metricstest"
	"earshot/metrics/schema"
)

func TestUp_IsSafeForTwoProcessesAndWhenRepeated(t *testing.T) {
	ctx := context.Background()
	cfg := metricstest.Config(t)
	var g errgroup.Group
	for range 2 {
		g.Go(func() error {
			db, err := metrics.OpenDB(cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			return errors.Join(schema.Up(ctx, db), schema.Up(ctx, db))
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	db, err := metrics.OpenDB(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got, err := schema.Version(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	want, err := schema.Latest()
	if err != nil {
		t.Fatal(err)
	}
	if got != want || want == 0 {
		t.Fatalf("version %d, want %d", got, want)
	}
}

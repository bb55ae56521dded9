// Package schema creates Earshot's tables in ClickHouse and brings older ones
// up to date.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"earshot"
)

// Database holds all of Earshot's tables.
const Database = "earshot"

// versions is the table that remembers which migrations ran.
const versions = Database + ".schema_version"

//go:embed migrations/*.sql
var migrations embed.FS

// Up runs the migrations that have not run yet. Every statement of them can be
// repeated, so that two processes may do it at the same time and one that was
// interrupted may do it again.
func Up(ctx context.Context, db *sql.DB) error {
	p, err := provider(ctx, db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return earshot.Errorf(earshot.Unavailable, "cannot bring the schema up to date: %w", err)
	}
	return nil
}

// Version returns the version of the last migration that ran, 0 if none did.
func Version(ctx context.Context, db *sql.DB) (int64, error) {
	p, err := provider(ctx, db)
	if err != nil {
		return 0, err
	}
	v, err := p.GetDBVersion(ctx)
	if err != nil {
		return 0, earshot.Errorf(earshot.Unavailable, "cannot read the schema's version: %w", err)
	}
	return v, nil
}

// Latest returns the version that [Up] leads to.
func Latest() (int64, error) {
	p, err := goose.NewProvider(goose.DialectClickHouse, &sql.DB{}, source())
	if err != nil {
		return 0, earshot.Errorf(earshot.Internal, "cannot read the migrations: %w", err)
	}
	sources := p.ListSources()
	return sources[len(sources)-1].Version, nil
}

// source returns the folder of the migrations; fs.Sub fails on invalid names
// only.
func source() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations
	}
	return sub
}

func provider(ctx context.Context, db *sql.DB) (*goose.Provider, error) {
	if _, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+Database); err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot create database %s: %w", Database, err)
	}
	// ClickHouse has no transactions for goose to put the statements into.
	p, err := goose.NewProvider(goose.DialectClickHouse, db, source(),
		goose.WithTableName(versions), goose.WithIsolateDDL(true), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read the migrations: %w", err)
	}
	return p, nil
}

// Package chdb calls libchdb, the ClickHouse engine as a shared library, at
// run time and without cgo.
//
// The library is global to the process: it boots once, on one data folder, and
// after [Engine.Close] cannot boot again until the process ends. It also takes
// the process's signal handlers while it loads and boots; [Boot] puts Go's back,
// since without them a nil dereference kills the process even under recover.
package chdb

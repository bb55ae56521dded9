package sink

import (
	"context"
	"fmt"

	"earshot/internal/bus"
)

// WithoutTokens makes the sink give each insert a token of its own. None at all
// would be another thing: the engine then knows a block by its contents.
func (s *Service) WithoutTokens() {
	n := 0
	s.token = func(t string) string {
		n++
		return fmt.Sprint(t, "#", n)
	}
}

// DeadTo sends what can never be stored to f.
func (s *Service) DeadTo(f func(context.Context, *bus.Record, error) error) { s.dead = f }

// Columns returns the names and types of the columns that the sink writes, by table.
func Columns() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, t := range newTables().all() {
		out[t.name] = map[string]string{}
		for _, c := range t.columns {
			out[t.name][c.Name] = c.Type
		}
	}
	return out
}

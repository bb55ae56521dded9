// Package grafana makes Earshot's Grafana dashboards and their provisioning from
// the KPI definitions.
package grafana

import (
	"encoding/json"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"earshot"
)

const (
	// plugin is the type of the ClickHouse data source, version its release whose
	// query format is written.
	plugin        = "grafana-clickhouse-datasource"
	pluginVersion = "4.20.0"
	// sourceUID names the data source in provisioning and panels alike.
	sourceUID = "earshot-clickhouse"
)

// Dashboards returns all dashboards.
func Dashboards() ([]dashboard.Dashboard, error) {
	d, err := overview().Build()
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot build dashboard: %w", err)
	}
	return []dashboard.Dashboard{d}, nil
}

func source() common.DataSourceRef {
	kind, uid := plugin, sourceUID
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

// format is how the data source is to read a result (sqlds.FormatQueryOption).
type format int

const (
	series format = 0
	rows   format = 1
)

// query is a target of the ClickHouse data source, for which the SDK has no type.
type query struct {
	sql    string
	format format
}

// ImplementsDataqueryVariant marks the type for the SDK.
func (query) ImplementsDataqueryVariant() {}

// DataqueryType names the data source.
func (query) DataqueryType() string { return plugin }

// Validate finds nothing wrong: a test runs every query.
func (query) Validate() error { return nil }

// Equals compares by value.
func (q query) Equals(other variants.Dataquery) bool {
	o, ok := other.(query)
	return ok && o == q
}

// Build makes a query its own builder.
func (q query) Build() (variants.Dataquery, error) { return q, nil }

// MarshalJSON writes what the plugin's SQL editor writes.
func (q query) MarshalJSON() ([]byte, error) {
	kind := "table"
	if q.format == series {
		kind = "timeseries"
	}
	return json.Marshal(map[string]any{
		"refId": "A", "datasource": source(), "editorType": "sql", "rawSql": q.sql,
		"queryType": kind, "format": q.format, "pluginVersion": pluginVersion,
	})
}

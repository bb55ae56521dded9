package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"earshot"
	"earshot/dashboards/grafana"
)

func newDashboards() *cobra.Command {
	return group("dashboards", "Work with the Grafana dashboards", &cobra.Command{
		Use:   "export DIR",
		Short: "Write the Grafana dashboards and their provisioning",
		Long: `Write the generated Grafana dashboards and the provisioning files for them and
for the ClickHouse data source. Mount DIR/provisioning as Grafana's provisioning
folder and DIR/dashboards as /var/lib/grafana/dashboards, as docker-compose.yml
does.`,
		Example: "  earshot dashboards export .earshot/grafana",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return earshot.Errorf(earshot.Invalid, "give one folder, as in 'earshot dashboards export .earshot/grafana'")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := grafana.Export(args[0]); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Wrote the dashboards to", args[0])
			return nil
		},
	})
}

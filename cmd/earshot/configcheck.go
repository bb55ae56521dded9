package main

import (
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

func newConfig() *cobra.Command {
	return group("config", "Check the config", newConfigCheck())
}

func newConfigCheck() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the config and the environment, and print what they come to",
		Long: `Read the defaults, the config file and the EARSHOT_* environment, in this order,
check every key, and print what they come to, with passwords masked. An error
names the line, the key and the fix; the exit code is then 2.`,
		Example: "  earshot config check -c earshot.yaml\n  EARSHOT_MEDIA_MAX_CALLS=500 earshot config check",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, os.Environ())
			if err != nil {
				return err
			}
			if cfg.Embedded.ClickHouse.Password != "" {
				cfg.Embedded.ClickHouse.Password = "********"
			}
			out, err := yaml.Marshal(cfg)
			if err != nil {
				return fmt.Errorf("cannot print the config: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the config file")
	return cmd
}

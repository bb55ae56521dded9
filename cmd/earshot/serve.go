package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var file, data string
	var only []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Earshot",
		Long: `Run all roles in this process, or some of them beside others on the same Kafka
and ClickHouse. Without a config everything runs here, Kafka and ClickHouse
included, with its data under ./data. It ends on Ctrl-C or SIGTERM, and may be
killed at any moment: what was accepted is finished after the next start.`,
		Example: `  earshot serve
  earshot serve -c earshot.yaml
  earshot serve -c earshot.yaml --roles asr,qa`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			environ := os.Environ()
			if data != "" {
				environ = append(environ, "EARSHOT_DATA="+data)
			}
			cfg, err := loadConfig(file, environ)
			if err != nil {
				return err
			}
			if len(only) > 0 {
				cfg.Roles = only
				if err := cfg.Validate(); err != nil {
					return err
				}
			}
			log, err := cfg.Log.logger()
			if err != nil {
				return err
			}
			if !cfg.Web.Demo {
				made, err := firstUser(cfg.Web.Users)
				if err != nil {
					return err
				}
				if made != "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "Made the first user: admin, with the password in %s\n", made)
				}
			}
			s, err := open(cmd.Context(), cfg, log)
			defer func() { err = errors.Join(err, s.close()) }()
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), func(addr string) {
				fmt.Fprintf(cmd.OutOrStdout(), "Earshot is up: http://%s/\n", addr)
			})
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the config file; docs/earshot.example.yaml explains every key")
	cmd.Flags().StringVar(&data, "data", "", "the data folder (default \"data\")")
	cmd.Flags().StringSliceVar(&only, "roles", nil, "run these roles only: sink, recorder, asr, qa, media, ingest, web")
	return cmd
}

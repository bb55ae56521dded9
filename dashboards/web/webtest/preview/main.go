// Command preview serves the workbench on samples, to look at while working on
// it: go run ./dashboards/web/webtest/preview
package main

import (
	"flag"
	"log/slog"
	"net/http"
	"os"
	"time"

	"earshot/dashboards/web"
	"earshot/dashboards/web/webtest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8089", "address to serve on")
	extra := flag.Int("extra", 130, "how many more interactions to list")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg := web.DefaultConfig()
	cfg.Demo = true
	world := webtest.New(webtest.Samples(time.Now(), *extra))
	server, err := web.New(cfg, web.Deps{Store: world, Recordings: world, Reviews: world, Log: log})
	if err != nil {
		log.Error("cannot start", "err", err)
		os.Exit(1)
	}
	log.Info("workbench on samples", "url", "http://"+*listen)
	srv := &http.Server{Addr: *listen, Handler: server.Handler(), ReadHeaderTimeout: 5 * time.Second}
	if err := srv.ListenAndServe(); err != nil {
		log.Error("cannot serve", "err", err)
		os.Exit(1)
	}
}

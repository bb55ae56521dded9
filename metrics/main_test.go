package metrics_test

import (
	"os"
	"testing"

	"earshot/metrics/metricstest"
)

func TestMain(m *testing.M) { os.Exit(metricstest.Run(m)) }
